//! `bag_unpack`: a projection with a path for each property. Which properties there are, and of what types, the rows say.

use std::sync::Arc;

use super::super::name::{Names, schema_of};
use super::super::needs::{Answer, What};
use super::super::scope::Table;
use super::super::{Binder, is_poison};
use super::Arguments;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expr, ExprKind as Bound, Op, Plugin, Rel, Step};
use crate::kql::syntax::EvaluateSchema;
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// A property of the bags and the type of its values.
struct Property {
    name: Arc<str>,
    ty: Type,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Conflict {
    Error,
    ReplaceSource,
    KeepSource,
}

impl Binder<'_> {
    pub(super) fn bag_unpack(
        &mut self,
        input: &Table,
        arguments: &Arguments<'_>,
        schema: Option<&EvaluateSchema>,
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, "evaluate");
        let bag = arguments.get(0).and_then(|e| self.column_argument(e, arguments, &mut row));
        let prefix = self.constant_argument(arguments, 1, Type::String, Value::string(""));
        let conflict = self.word_argument(arguments, 2, &["error", "replace_source", "keep_source"]);
        let ignored = self.constant_argument(arguments, 3, Type::Dynamic, Value::Null(Type::Dynamic));
        let (Some(bag), Some(Value::String(prefix)), Some(conflict), Some(ignored)) = (bag, prefix, conflict, ignored)
        else {
            return self.open_table(Vec::new());
        };
        let column = &input.schema().0[bag];
        if column.ty != Type::Dynamic {
            let place = arguments.get(0).map_or(place, |e| e.range);
            let message = format!("`bag_unpack` takes a dynamic column, but `{}` is {}", column.name, column.ty);
            let help = format!("read its text as JSON first: | extend {0} = parse_json({0})", column.name);
            self.report(Diagnostic::error("KQL120", place, message).with_help(help));
            return self.open_table(Vec::new());
        }
        let conflict = match conflict {
            "replace_source" => Conflict::ReplaceSource,
            "keep_source" => Conflict::KeepSource,
            _ => Conflict::Error,
        };
        if let Some(schema) = schema {
            return self.unpacked_as(input, bag, &prefix, conflict, schema, place);
        }
        let ignored: Vec<String> = match &ignored {
            Value::Dynamic(json) => serde_json::from_str(json).unwrap_or_default(),
            _ => Vec::new(),
        };
        let Some(mut properties) = self.properties(input, bag) else {
            let others = input.schema().iter().enumerate().filter(|(n, _)| *n != bag).map(|(_, c)| c.clone());
            return self.open_table(others.collect());
        };
        properties.retain(|p| !ignored.iter().any(|i| **i == *p.name));
        self.unpacked(input, bag, &prefix, conflict, &properties, arguments, place)
    }

    /// The properties of all bags in a column, by name; `None` until they are known.
    fn properties(&mut self, input: &Table, bag: usize) -> Option<Vec<Property>> {
        let schema = Schema(vec![Column::new("property", Type::String)]);
        let column = vec![Expr::column(bag, Type::Dynamic)];
        let mut shape = Self::plugin_over(input, column, Plugin::Properties, schema);
        shape.open = input.open;
        let Answer::Column(values) = self.answer(&shape, What::Column)? else { return None };
        let property = |value: Value| {
            let Value::String(text) = value else { return None };
            let (ty, name) = text.split_once(' ')?;
            Some(Property { name: name.into(), ty: Type::from_name(ty)? })
        };
        let mut properties: Vec<Property> = values.into_iter().filter_map(property).collect();
        properties.sort_by(|a, b| a.name.cmp(&b.name));
        Some(properties)
    }

    /// The bag's column gone, and the properties after the others; one of the column's own name takes its place.
    #[allow(clippy::too_many_arguments)] // one call, of what the function above has bound
    fn unpacked(
        &mut self,
        input: &Table,
        bag: usize,
        prefix: &str,
        conflict: Conflict,
        properties: &[Property],
        arguments: &Arguments<'_>,
        place: TextRange,
    ) -> Table {
        let source = input.schema();
        let named = |name: &str| properties.iter().find(|p| name.strip_prefix(prefix) == Some(&*p.name));
        let (mut names, mut columns): (Vec<Arc<str>>, Vec<Expr>) = (Vec::new(), Vec::new());
        for (n, column) in source.iter().enumerate() {
            match named(&column.name) {
                Some(own) if n == bag => {
                    names.push(Arc::clone(&column.name));
                    columns.push(self.property(bag, &own.name, own.ty));
                }
                None if n == bag => {}
                Some(_) if conflict == Conflict::Error => {
                    let place = arguments.get(0).map_or(place, |e| e.range);
                    let message = format!("a property of the bags is called like the column `{}`", column.name);
                    let help = "add a prefix, bag_unpack(column, 'p_'), or say columnsConflict='keep_source' or 'replace_source'";
                    self.report(Diagnostic::error("KQL185", place, message).with_help(help));
                    return self.unknown_table();
                }
                // It comes among the properties, whichever of the two it is.
                Some(_) => {}
                None => {
                    names.push(Arc::clone(&column.name));
                    columns.push(Expr::column(n, column.ty));
                }
            }
        }
        for property in properties {
            let name: Arc<str> = format!("{prefix}{}", property.name).into();
            if name == source.0[bag].name {
                continue;
            }
            let kept = (conflict == Conflict::KeepSource).then(|| source.position(&name)).flatten();
            columns.push(match kept {
                Some(at) => Expr::column(at, source.0[at].ty),
                None => self.property(bag, &property.name, property.ty),
            });
            names.push(name);
        }
        self.unpacked_onto(input, &names, columns, place)
    }

    /// The columns of a written schema: of the source where it has them, else properties.
    fn unpacked_as(
        &mut self,
        input: &Table,
        bag: usize,
        prefix: &str,
        conflict: Conflict,
        schema: &EvaluateSchema,
        place: TextRange,
    ) -> Table {
        let source = input.schema().clone();
        let wanted = |name: &str| schema.columns.iter().any(|c| &*c.name.text == name);
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        let mut free = Names::default();
        if schema.star {
            let replaced = |name: &str| conflict == Conflict::ReplaceSource && wanted(name);
            for (n, c) in source.iter().enumerate().filter(|(n, c)| *n != bag && !replaced(&c.name)) {
                names.push(free.free(&c.name));
                columns.push(Expr::column(n, c.ty));
            }
        }
        for column in &schema.columns {
            let name = &column.name.text;
            let own = source.position(name).filter(|at| *at != bag && conflict != Conflict::ReplaceSource);
            let expr = match own {
                Some(_) if schema.star => continue,
                Some(at) => {
                    let expr = Expr::column(at, source.0[at].ty);
                    self.cast(expr, column.ty)
                }
                None => self.property(bag, &name.strip_prefix(prefix).unwrap_or(name).into(), column.ty),
            };
            names.push(free.free(name));
            columns.push(expr);
        }
        self.unpacked_onto(input, &names, columns, place)
    }

    fn unpacked_onto(&mut self, input: &Table, names: &[Arc<str>], columns: Vec<Expr>, place: TextRange) -> Table {
        if columns.iter().any(is_poison) {
            return self.unknown_table();
        }
        let schema = schema_of(names, &columns);
        let rel = Rel::new(Op::Project { input: Arc::clone(&input.rel), columns }, schema);
        self.node(input.with(rel).serialized(false), place)
    }

    /// A property's value as a type.
    fn property(&mut self, bag: usize, name: &Arc<str>, ty: Type) -> Expr {
        let base = Box::new(Expr::column(bag, Type::Dynamic));
        let path = Bound::Path { base, steps: vec![Step::Key(Arc::clone(name))] };
        self.cast(Expr { kind: path, ty: Type::Dynamic }, ty)
    }
}
