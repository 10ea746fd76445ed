//! `mv-expand`: which columns are expanded, where the elements stand, and their types.

use std::sync::Arc;

use super::name::Names;
use super::scope::Table;
use super::{Binder, is_poison};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expansion, Expr, Op, Rel};
use crate::kql::syntax::{self, BagExpansion, ExpandColumn, MvExpand};
use crate::kql::types::{Column, Schema, Type};

/// Rows that the old `mvexpand` gives for one of its input.
const OLD_LIMIT: u64 = 128;

/// Lists to expand, and the columns that come of them.
pub(super) struct Lists {
    pub expansion: Expansion,
    /// The input's columns, those that are expanded in their places, then new ones, then the index.
    pub columns: Vec<Column>,
    /// What makes each of `columns`, over `expansion`'s own columns.
    pub exprs: Vec<Expr>,
}

impl Binder<'_> {
    pub(super) fn mv_expand(&mut self, input: &Table, expand: &MvExpand, place: TextRange) -> Table {
        let operator = if expand.old { "mvexpand" } else { "mv-expand" };
        let mut lists = self.lists(input, &expand.columns, expand.index.as_ref(), operator, place);
        lists.expansion.pairs = expand.bag == Some(BagExpansion::Array);
        lists.expansion.limit = match &expand.limit {
            Some(limit) => Some(self.row_count(limit, "the limit of `mv-expand`")),
            None => expand.old.then_some(OLD_LIMIT),
        };
        let expanded = input.with(lists.node(&input.rel));
        let op = Op::Project { input: Arc::clone(&expanded.rel), columns: lists.exprs };
        self.node(expanded.with(Rel::new(op, Schema(lists.columns))), place)
    }

    /// The expressions between `mv-expand` or `mv-apply` and what follows. An element takes the place of the column whose name it has.
    pub(super) fn lists(
        &mut self,
        input: &Table,
        columns: &[ExpandColumn],
        index: Option<&syntax::Name>,
        operator: &'static str,
        place: TextRange,
    ) -> Lists {
        if columns.is_empty() {
            self.report(
                Diagnostic::error("KQL160", place, format!("`{operator}` needs a column to expand"))
                    .with_help(format!("{operator} column, or {operator} name = expression")),
            );
        }
        let mut row = self.row(input, operator);
        let mut free = Names::of(input.schema());
        let mut lists: Vec<(Arc<str>, Expr, Option<Type>)> = Vec::new();
        for column in columns {
            let value = &column.expr.value;
            let expr = self.expr(value, &mut row);
            let expr = self.list(expr, value, operator);
            let name = match column.expr.names.first() {
                Some(name) => Arc::clone(&name.text),
                None => self.name_of(value).map_or_else(|| free.unnamed(), Arc::from),
            };
            if lists.iter().any(|(n, ..)| *n == name) {
                self.report(
                    Diagnostic::error("KQL142", column.expr.range, format!("`{name}` is expanded twice"))
                        .with_help(format!("give the second a name: {operator} {name}, other = …")),
                );
                continue;
            }
            free.take(&name);
            lists.push((name, expr, column.to));
        }
        let index = index.map(|name| free.free(&name.text));
        Lists::new(input.schema(), lists, index.as_ref())
    }

    /// A value that can be expanded; anything but dynamic is diagnosed.
    fn list(&mut self, expr: Expr, value: &syntax::Expr, operator: &str) -> Expr {
        if expr.ty == Type::Dynamic || is_poison(&expr) {
            return expr;
        }
        let text = self.snippet(value.range);
        let bare = text.trim_matches('`');
        let help = match expr.ty {
            Type::String => format!("read it first: {operator} parse_json({bare}), or split({bare}, ',')"),
            _ => format!("a list of one value is pack_array({bare})"),
        };
        let message = format!("`{operator}` expands lists and bags, and {text} is {}", expr.ty);
        self.wrong(Diagnostic::error("KQL161", value.range, message).with_help(help))
    }
}

impl Lists {
    fn new(input: &Schema, lists: Vec<(Arc<str>, Expr, Option<Type>)>, index: Option<&Arc<str>>) -> Self {
        let place = |name: &str| lists.iter().position(|(n, ..)| &**n == name);
        let kept: Vec<usize> = (0..input.len()).filter(|n| place(&input.0[*n].name).is_none()).collect();
        let width = kept.len();
        let element = |n: usize, to: Option<Type>| {
            let column = Expr::column(width + n, Type::Dynamic);
            let Some(ty) = to.filter(|ty| *ty != Type::Dynamic) else { return column };
            Expr::call(crate::kql::functions::conversions::conversion(ty), vec![column], ty)
        };
        let (mut columns, mut exprs) = (Vec::new(), Vec::new());
        let mut repeated = 0;
        for column in input {
            let expr = if let Some(n) = place(&column.name) {
                element(n, lists[n].2)
            } else {
                repeated += 1;
                Expr::column(repeated - 1, column.ty)
            };
            columns.push(Column { name: Arc::clone(&column.name), ty: expr.ty });
            exprs.push(expr);
        }
        for (n, (name, _, to)) in lists.iter().enumerate() {
            if input.position(name).is_none() {
                let expr = element(n, *to);
                columns.push(Column { name: Arc::clone(name), ty: expr.ty });
                exprs.push(expr);
            }
        }
        if let Some(name) = index {
            columns.push(Column { name: Arc::clone(name), ty: Type::Long });
            exprs.push(Expr::column(width + lists.len(), Type::Long));
        }
        let lists = lists.into_iter().map(|(_, list, _)| list).collect();
        let expansion = Expansion { kept, lists, pairs: false, index: index.is_some(), limit: None };
        Self { expansion, columns, exprs }
    }

    /// The expansion alone.
    pub fn node(&self, input: &Arc<Rel>) -> Arc<Rel> {
        let op = Op::Expand { input: Arc::clone(input), expansion: self.expansion.clone() };
        Rel::new(op, self.given(input))
    }

    /// What the expansion alone gives: repeated columns, elements as dynamic values, the index.
    pub fn given(&self, input: &Rel) -> Schema {
        let own = self.expansion.kept.iter().map(|n| input.schema.0[*n].clone());
        let mut schema: Vec<Column> = own.collect();
        for n in 0..self.expansion.lists.len() + usize::from(self.expansion.index) {
            let at = self.expansion.kept.len() + n;
            let made = self.exprs.iter().position(|e| made_of(e) == Some(at));
            let name = made.map_or_else(|| Arc::from(format!("${at}")), |m| Arc::clone(&self.columns[m].name));
            let ty = if n < self.expansion.lists.len() { Type::Dynamic } else { Type::Long };
            schema.push(Column { name, ty });
        }
        Schema(schema)
    }
}

/// The one column that an element's expression is made of.
fn made_of(expr: &Expr) -> Option<usize> {
    use crate::kql::plan::ExprKind;
    match &expr.kind {
        ExprKind::Column(n) => Some(*n),
        ExprKind::Call { args, .. } => args.first().and_then(made_of),
        _ => None,
    }
}
