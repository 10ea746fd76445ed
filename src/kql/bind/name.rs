//! How an unnamed column is called, and names that are free.

use std::sync::Arc;

use super::scope::Row;
use super::{Binder, Binding};
use crate::base::suggest::nearest;
use crate::kql::functions::{self, ResultName};
use crate::kql::lexer::is_template;
use crate::kql::plan::Expr;
use crate::kql::syntax::{self, ExprKind, Name, PathStepKind};
use crate::kql::types::{Column, Schema};
use crate::kql::value::Value;

impl Binder<'_> {
    /// The name that a column gets from its expression, if it gets one: `a` of `a`, `a_b` of `a.b`, `sum_a` of `sum(a)`.
    pub(super) fn name_of(&self, expr: &syntax::Expr) -> Option<String> {
        let expr = expr.inner();
        match &expr.kind {
            ExprKind::Name(name) => Some(name.text.to_string()),
            ExprKind::Path { base, steps } => {
                let mut text = match base.as_name() {
                    Some(name) if matches!(&*name.text, "$left" | "$right") => String::new(),
                    _ => self.name_of(base)?,
                };
                for step in steps {
                    let part = match &step.kind {
                        PathStepKind::Member(name) => name.text.to_string(),
                        PathStepKind::Index(index) => match index.inner().as_literal()? {
                            Value::String(key) => key.to_string(),
                            Value::Long(n) => n.to_string(),
                            _ => return None,
                        },
                        PathStepKind::Call(_) => return None,
                    };
                    if !text.is_empty() {
                        text.push('_');
                    }
                    text.push_str(&part);
                }
                Some(text)
            }
            ExprKind::Call(call) => self.name_of_call(call),
            _ => None,
        }
    }

    /// The name of a column over these rows: `column_ifexists("a", b)` is called after the one of both that it is.
    pub(super) fn name_in(&self, expr: &syntax::Expr, row: &Row) -> Option<String> {
        if let ExprKind::Call(call) = &expr.inner().kind
            && matches!(&*call.name.text, "column_ifexists" | "columnifexists")
            && let [name, default] = call.arguments.as_slice()
            && let Some(Value::String(column)) = name.value.inner().as_literal()
            && !row.table.open
            && row.schema().position(column).is_none()
        {
            return self.name_of(&default.value);
        }
        self.name_of(expr)
    }

    fn name_of_call(&self, call: &syntax::Call) -> Option<String> {
        let name = &*call.name.text;
        let first = call.arguments.first().map(|a| &a.value);
        if matches!(name, "column_ifexists" | "columnifexists") {
            return match first?.inner().as_literal()? {
                Value::String(column) => Some(column.to_string()),
                _ => None,
            };
        }
        let function = functions::aggregate(name).or_else(|| functions::scalar(name))?;
        match functions::result_name(name, function) {
            ResultName::None => None,
            ResultName::FirstArgument => self.name_of(first?),
            ResultName::Prefix(prefix) => {
                let mut text = format!("{prefix}_{}", first.and_then(|e| self.name_of(e)).unwrap_or_default());
                let argument = |n: usize| call.arguments.get(n).map(|a| &a.value);
                let more = match function.name {
                    "percentile" => argument(1).map(percent),
                    "percentilew" => argument(2).map(percent),
                    // Named after both values.
                    name if name.starts_with("covariance") => argument(1).and_then(|e| self.name_of(e)),
                    _ => None,
                };
                if let Some(more) = more {
                    text.push('_');
                    text.push_str(&more);
                }
                Some(text)
            }
            ResultName::Fixed(name) => Some(format!("${name}")),
        }
    }

    /// Says that a name is not known, and which one is near it.
    pub(super) fn unknown_column(&mut self, name: &Name, schema: &Schema) -> Expr {
        if self.context.catalog.is_open() && is_template(&name.text) {
            return self.poison();
        }
        let lets = self.names.iter().filter(|(_, b)| matches!(b, Binding::Scalar { .. })).map(|(n, _)| &**n);
        let near = nearest(&name.text, schema.iter().map(|c| &*c.name).chain(lets)).map(str::to_owned);
        let mut diagnostic =
            crate::kql::Diagnostic::error("KQL110", name.range, format!("no column is called `{}`", name.text));
        if let Some(near) = near {
            diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
        } else if !schema.is_empty() {
            diagnostic = diagnostic.with_help(format!("the columns here are {}", listed(schema)));
        }
        self.wrong(diagnostic)
    }
}

/// A percentile as it stands in a column's name: `99.9` is `99_9`.
pub(super) fn percent(expr: &syntax::Expr) -> String {
    match expr.inner().as_literal() {
        Some(Value::Long(n)) => n.to_string(),
        Some(Value::Real(x)) => x.to_string().replace('.', "_"),
        _ => String::new(),
    }
}

/// The first columns of a schema, for a message.
fn listed(schema: &Schema) -> String {
    // Names that no query can write are ours.
    let mut names: Vec<_> = schema.iter().map(|c| &*c.name).filter(|n| !n.starts_with('\u{1}')).collect();
    if names.len() > 8 {
        names.truncate(8);
        names.push("…");
    }
    names.join(", ")
}

/// Columns of an operator's result as they are named: a name that is taken gets a number.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: Vec<Arc<str>>,
    unnamed: usize,
}

impl Names {
    pub fn of(schema: &Schema) -> Self {
        Self { taken: schema.iter().map(|c| Arc::clone(&c.name)).collect(), unnamed: 0 }
    }

    /// This name, or the next free one: `k`, `k1`, `k2`.
    pub fn free(&mut self, name: &str) -> Arc<str> {
        let mut candidate: Arc<str> = name.into();
        let mut n = 0;
        while self.taken.contains(&candidate) {
            n += 1;
            candidate = format!("{name}{n}").into();
        }
        self.taken.push(Arc::clone(&candidate));
        candidate
    }

    /// The next `Column1`, `Column2`, ….
    pub fn unnamed(&mut self) -> Arc<str> {
        self.unnamed += 1;
        let name = format!("Column{}", self.unnamed);
        self.free(&name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.taken.iter().any(|n| &**n == name)
    }

    pub fn take(&mut self, name: &Arc<str>) {
        self.taken.push(Arc::clone(name));
    }
}

/// A schema from names and the expressions under them.
pub(super) fn schema_of(names: &[Arc<str>], columns: &[Expr]) -> Schema {
    names.iter().zip(columns).map(|(name, e)| Column { name: Arc::clone(name), ty: e.ty }).collect()
}
