//! `evaluate plugin(…)`. A file a family: a plugin is rewritten to other nodes where its meaning allows, else it is one `Op::Plugin` over a
//! projection that puts its columns where it reads them.
//!
//! Where the columns of the result hang on data (`bag_unpack`, `pivot`), they are a need of the binder; until it is answered, the result has
//! any column.

use std::sync::Arc;

use super::name::schema_of;
use super::scope::{Row, Table};
use super::{Binder, is_poison};
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, Function, FunctionKind, plugins};
use crate::kql::plan::{Expr, ExprKind as Bound, Op, Plugin, Rel};
use crate::kql::syntax::{self, Call, EvaluateSchema};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

mod bag_unpack;
mod intersect;
mod lookup;
mod mining;
mod pivot;
mod rows;
mod sequence;
mod timeline;

/// The arguments of a plugin's call by the places of its parameters; those of the last one, where it repeats, follow.
struct Arguments<'c> {
    function: &'static Function,
    /// The plugin's name in the text.
    place: TextRange,
    given: Vec<Option<&'c syntax::Expr>>,
}

impl<'c> Arguments<'c> {
    /// The n-th, unless it is left out or `~`, which stands for the default.
    fn get(&self, n: usize) -> Option<&'c syntax::Expr> {
        let given = *self.given.get(n)?;
        given.filter(|e| !matches!(e.inner().as_literal(), Some(Value::String(text)) if &**text == "~"))
    }

    /// From the n-th on.
    fn rest(&self, n: usize) -> impl Iterator<Item = &'c syntax::Expr> {
        self.given.iter().skip(n).filter_map(|e| *e)
    }
}

impl Binder<'_> {
    #[inline(never)]
    pub(super) fn evaluate(
        &mut self,
        input: Option<&Table>,
        call: &Call,
        schema: Option<&EvaluateSchema>,
        place: TextRange,
    ) -> Table {
        let name = &*call.name.text;
        let Some(function) = functions::plugin(name) else { return self.no_plugin(call) };
        let Some(input) = input else {
            self.report(
                Diagnostic::error("KQL182", place, format!("`{name}` works on a table, and none stands before it"))
                    .with_help(format!("T | evaluate {}", function.signature())),
            );
            return self.unknown_table();
        };
        let flagged = lookup::flag_last(call).filter(|_| name.ends_with("_lookup"));
        let call = flagged.as_ref().unwrap_or(call);
        let Some(arguments) = self.plugin_arguments(function, call) else { return self.unknown_table() };
        let bound: Option<Table> = match function.name {
            // Whose columns hang on data: the schema that is written spares the look.
            "bag_unpack" => return self.bag_unpack(input, &arguments, schema, place),
            "pivot" => return self.pivot(input, &arguments, schema, place),
            "preview" => return self.preview(input, &arguments, place),
            "funnel_sequence" => return self.funnels(input, &arguments, place),
            "basket" => self.basket(input, &arguments),
            "autocluster" => self.autocluster(input, &arguments),
            "dcount_intersect" => self.dcount_intersect(input, &arguments),
            "diffpatterns" => self.diffpatterns(input, &arguments),
            "diffpatterns_text" => self.diffpatterns_text(input, &arguments),
            "identity" => Some(input.clone()),
            "narrow" => Self::narrow(input),
            "rows_near" => self.rows_near(input, &arguments, place),
            "schema_merge" => self.schema_merge(input, &arguments),
            "ipv4_lookup" | "ipv6_lookup" => self.ip_lookup(input, &arguments, place),
            "rolling_percentile" => self.rolling_percentile(input, &arguments),
            "sequence_detect" => self.sequence_detect(input, call, &arguments),
            "funnel_sequence_completion" => self.funnel_completion(input, &arguments),
            _ => self.activity(input, &arguments),
        };
        let Some(table) = bound else { return self.unknown_table() };
        let table = self.node(table.serialized(function.name == "rows_near"), place);
        match schema {
            Some(schema) => self.declared(&table, schema, place),
            None => table,
        }
    }

    /// A plugin that does not run here, or none at all.
    fn no_plugin(&mut self, call: &Call) -> Table {
        let (name, place) = (&*call.name.text, call.name.range);
        if self.is_lenient() {
            return self.unknown_table();
        }
        if let Some((_, runs)) = plugins::ELSEWHERE.iter().find(|(n, _)| *n == name) {
            self.report(
                Diagnostic::error("KQL181", place, format!("`{name}` runs {runs}, not in the local engine"))
                    .with_help("send the query to a workspace or cluster: --engine NAME"),
            );
        } else if !name.is_empty() {
            let known = functions::all().filter(|f| f.kind == FunctionKind::Plugin).map(|f| f.name);
            let near = nearest(name, known.chain(plugins::ELSEWHERE.iter().map(|(n, _)| *n)));
            let mut diagnostic = Diagnostic::error("KQL180", place, format!("no plugin is called `{name}`"));
            if let Some(near) = near {
                diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
            } else if functions::scalar(name).is_some() || functions::aggregate(name).is_some() {
                let help = format!("`{name}` is a function: … | extend x = {name}(…), or summarize");
                diagnostic = diagnostic.with_help(help);
            }
            self.report(diagnostic);
        }
        self.unknown_table()
    }

    /// The arguments in their places: by position, then by name.
    fn plugin_arguments<'c>(&mut self, function: &'static Function, call: &'c Call) -> Option<Arguments<'c>> {
        let mut given: Vec<Option<&'c syntax::Expr>> = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            let Some(name) = &argument.name else {
                given.push(Some(&argument.value));
                continue;
            };
            // The steps of `sequence_detect` have names of their own.
            if function.name == "sequence_detect" && given.len() >= 3 {
                given.push(Some(&argument.value));
                continue;
            }
            let Some(at) = function.parameters.iter().position(|p| p.name.eq_ignore_ascii_case(&name.text)) else {
                let near = nearest(&name.text, function.parameters.iter().map(|p| p.name)).map(str::to_owned);
                let message = format!("`{}` has no parameter `{}`", function.name, name.text);
                let help = near.map_or_else(|| function.signature(), |near| format!("did you mean `{near}`?"));
                self.report(Diagnostic::error("KQL112", name.range, message).with_help(help));
                return None;
            };
            if given.len() <= at {
                given.resize(at + 1, None);
            }
            given[at] = Some(&argument.value);
        }
        let required = function.arity().0;
        let filled = (0..required).take_while(|n| given.get(*n).is_some_and(Option::is_some)).count();
        let count = if filled < required { filled } else { given.len() };
        self.check_count(function, count, call.name.range).then_some(Arguments {
            function,
            place: call.name.range,
            given,
        })
    }

    /// An argument that must name a column: its position and type. `None` where it is wrong, and said, or not known.
    fn column_argument(&mut self, e: &syntax::Expr, arguments: &Arguments<'_>, row: &mut Row) -> Option<usize> {
        let Some(name) = e.inner().as_name() else {
            // What is wrong inside is said first.
            let expr = self.expr(e, row);
            if !is_poison(&expr) {
                let text = self.snippet(e.range);
                let message = format!("`{}` takes a column here, not {text}", arguments.function.name);
                let help = "give the expression a name first: | extend c = …";
                self.report(Diagnostic::error("KQL183", e.range, message).with_help(help));
            }
            return None;
        };
        let expr = self.column(name, row);
        match expr.kind {
            Bound::Column(at) if !is_poison(&expr) => Some(at),
            _ => None,
        }
    }

    /// A constant of a type; the default where none is given. `None` where it is wrong, and said, or not known yet.
    fn constant_argument(&mut self, arguments: &Arguments<'_>, n: usize, ty: Type, default: Value) -> Option<Value> {
        let Some(e) = arguments.get(n) else { return Some(default) };
        let what = arguments.function.parameter(n).map_or("an argument", |p| p.name);
        let value = self.constant(e, what)?;
        if value.is_null() && self.is_pending() {
            return None;
        }
        let converted = self.implicit(Expr::literal(value), ty, e.range, &format!("`{what}`"));
        converted.as_literal().cloned()
    }

    /// A text among a few words.
    fn word_argument(&mut self, arguments: &Arguments<'_>, n: usize, words: &[&'static str]) -> Option<&'static str> {
        let default = words.first().copied().unwrap_or_default();
        let Value::String(text) = self.constant_argument(arguments, n, Type::String, Value::string(default))? else {
            return None;
        };
        let found = words.iter().find(|w| w.eq_ignore_ascii_case(&text)).copied();
        if found.is_none() {
            let place = arguments.get(n).map_or(arguments.place, |e| e.range);
            let what = arguments.function.parameter(n).map_or("", |p| p.name);
            let message = format!("`{what}` cannot be \"{text}\"");
            self.report(Diagnostic::error("KQL184", place, message).with_help(format!("one of: {}", words.join(", "))));
        }
        found
    }

    /// The node of a plugin over some columns of a table.
    fn plugin_over(input: &Table, columns: Vec<Expr>, plugin: Plugin, schema: Schema) -> Table {
        let below = Self::projected_onto(input, columns);
        let rel = Rel::new(Op::Plugin { plugin: Box::new(plugin), inputs: vec![Arc::clone(&below.rel)] }, schema);
        let mut table = below.with(rel);
        table.open = false;
        table
    }

    /// A projection whose columns keep the names of those that they are.
    fn projected_onto(input: &Table, columns: Vec<Expr>) -> Table {
        let name = |e: &Expr| match e.kind {
            Bound::Column(n) => input.schema().0.get(n).map(|c| Arc::clone(&c.name)),
            _ => None,
        };
        let names: Vec<Arc<str>> =
            columns.iter().enumerate().map(|(n, e)| name(e).unwrap_or_else(|| format!("${n}").into())).collect();
        let schema = schema_of(&names, &columns);
        input.with(Rel::new(Op::Project { input: Arc::clone(&input.rel), columns }, schema))
    }

    /// The columns that a written schema names, of what a plugin gives.
    fn declared(&mut self, table: &Table, schema: &EvaluateSchema, place: TextRange) -> Table {
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        if schema.star {
            for (n, c) in table.schema().iter().enumerate() {
                if schema.columns.iter().all(|d| d.name.text != c.name) {
                    names.push(Arc::clone(&c.name));
                    columns.push(Expr::column(n, c.ty));
                }
            }
        }
        for wanted in &schema.columns {
            let mut row = self.row(table, "evaluate");
            let expr = self.column(&wanted.name, &mut row);
            names.push(Arc::clone(&wanted.name.text));
            columns.push(self.cast(expr, wanted.ty));
        }
        let schema = schema_of(&names, &columns);
        let rel = Rel::new(Op::Project { input: Arc::clone(&table.rel), columns }, schema);
        self.node(table.with(rel), place)
    }

    /// A table that several results read: computed once.
    fn share(&mut self, table: &Table) -> Table {
        if table.open || self.is_pending() {
            return table.clone();
        }
        self.shared.push(Arc::clone(&table.rel));
        let shared = Rel::new(Op::Shared(self.shared.len() - 1), table.schema().clone());
        Table::new(shared).serialized(table.serialized)
    }

    /// A table of which some columns are known, and whether there are more is not.
    fn open_table(&mut self, columns: Vec<Column>) -> Table {
        let mut table = Table::new(Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, Schema(columns)));
        table.open = true;
        table.serialized = true;
        // With a need on its way the next round knows; without an engine nobody will.
        self.poisoned |= self.needs.is_empty();
        table
    }
}
