//! Statements of those who put queries of others together: `declare pattern`, whose calls are replaced by what the pattern says for their
//! texts, and `restrict access to`, behind which only what it names is seen.

use std::rc::Rc;
use std::sync::Arc;

use super::Binder;
use super::scope::{Binding, Table, Value as Found};
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::Expr;
use crate::kql::syntax::{self, Call, ColumnPattern, ExprKind, PathStep, PathStepKind, Pattern};
use crate::kql::value::Value;

/// A pattern, and how many names it sees.
#[derive(Debug)]
pub(super) struct Declared {
    pattern: Pattern,
    visible: usize,
}

/// What may be seen since a `restrict`.
#[derive(Debug)]
pub(super) struct Restriction {
    /// Names, and whether they are of the catalogue only.
    seen: Vec<(ColumnPattern, bool)>,
    /// Names that the query defined before; later ones are its own.
    before: usize,
}

impl Binder<'_> {
    pub(super) fn declare_pattern(&mut self, pattern: &Pattern) {
        for case in &pattern.cases {
            let place = case.arguments.first().map_or(pattern.name.range, |a| a.range);
            if case.arguments.len() != pattern.parameters.len() || case.path.is_some() != pattern.path.is_some() {
                let message = format!("this case of `{}` has not the form of its declaration", pattern.name.text);
                self.report(Diagnostic::error("KQL164", place, message).with_help(form(pattern)));
            }
            for text in case.arguments.iter().chain(&case.path) {
                if !matches!(text.inner().as_literal(), Some(Value::String(_))) {
                    self.report(
                        Diagnostic::error("KQL164", text.range, "a case of a pattern is told by texts")
                            .with_help("write \"…\": patterns match constants"),
                    );
                }
            }
        }
        let declared = Declared { pattern: pattern.clone(), visible: self.names.len() };
        self.patterns.push((Arc::clone(&pattern.name.text), Rc::new(declared)));
    }

    /// The table that a call of a pattern stands for: `app("a").["b"]`, `app("a").b`, `app("a")`.
    pub(super) fn pattern_call(&mut self, e: &syntax::Expr) -> Option<Table> {
        let (call, path) = call_of(e)?;
        let (_, declared) = self.patterns.iter().rev().find(|(n, _)| *n == call.name.text)?;
        let declared = Rc::clone(declared);
        let mut texts = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            match self.constant(&argument.value, "an argument of a pattern") {
                Some(Value::String(text)) => texts.push(text),
                Some(other) => {
                    let message = format!("a pattern takes texts, this is {}", other.ty());
                    self.error("KQL164", argument.value.range, message);
                    return Some(self.unknown_table());
                }
                None => return Some(self.unknown_table()),
            }
        }
        let literal = |e: &syntax::Expr| match e.inner().as_literal() {
            Some(Value::String(text)) => Some(Arc::clone(text)),
            _ => None,
        };
        let case = declared.pattern.cases.iter().find(|case| {
            case.arguments.iter().map(literal).eq(texts.iter().map(|t| Some(Arc::clone(t))))
                && case.path.as_ref().and_then(literal) == path
        });
        let Some(case) = case else {
            if declared.pattern.cases.is_empty() && self.context.catalog.is_open() {
                return Some(self.unknown_table());
            }
            let shown =
                if self.inside.is_some() { call.name.text.to_string() } else { e.range.of(self.text).to_owned() };
            self.report(
                Diagnostic::error("KQL164", e.range, format!("the pattern has no case for {shown}"))
                    .with_help(form(&declared.pattern)),
            );
            return Some(self.unknown_table());
        };
        if !self.enter(e.range) {
            return Some(self.unknown_table());
        }
        let hidden = self.names.split_off(declared.visible.min(self.names.len()));
        let visible = self.names.len();
        let values = texts.into_iter().chain(path);
        for (parameter, text) in declared.pattern.parameters.iter().chain(&declared.pattern.path).zip(values) {
            let binding = Binding::Scalar { expr: Expr::literal(Value::String(text)), row: 0 };
            self.names.push((Arc::clone(&parameter.name.text), binding));
        }
        let mut row = self.no_row("a pattern");
        self.calls.push(Arc::clone(&call.name.text));
        let found = self.body(&case.body, e.range, &mut row);
        self.calls.pop();
        self.names.truncate(visible);
        self.names.extend(hidden);
        self.leave();
        Some(match found {
            Found::Table(mut table) => {
                table.name = None;
                table
            }
            Found::Scalar(expr) => {
                if !super::is_poison(&expr) {
                    self.error("KQL114", e.range, format!("`{}` gives a value here, not a table", call.name.text));
                }
                self.unknown_table()
            }
        })
    }

    /// `restrict access to (A, View*, database().B)`.
    pub(super) fn restrict(&mut self, targets: &[syntax::Expr]) {
        let mut seen = Vec::with_capacity(targets.len());
        for target in targets {
            let (name, of_catalog) = match &target.inner().kind {
                ExprKind::Name(name) | ExprKind::Wildcard(name) => (Some(name), false),
                ExprKind::Call(call) => (Some(&call.name), false),
                ExprKind::Path { steps, .. } => match steps.last().map(|s| &s.kind) {
                    Some(PathStepKind::Member(name)) => (Some(name), true),
                    Some(PathStepKind::Call(call)) => (Some(&call.name), true),
                    _ => (None, true),
                },
                _ => (None, false),
            };
            let Some(name) = name else {
                self.report(
                    Diagnostic::error("KQL165", target.range, "`restrict access to` takes names of tables and views")
                        .with_help("restrict access to (T, View*, database().U)"),
                );
                continue;
            };
            let wildcard = !name.quoted && name.text.contains('*');
            seen.push((ColumnPattern { text: Arc::clone(&name.text), wildcard, range: name.range }, of_catalog));
        }
        self.restriction = Some(Restriction { seen, before: self.names.len() });
    }

    /// May a table, view or function be named here? Bodies of what was defined before see all.
    pub(super) fn is_seen(&self, name: &str) -> bool {
        let Some(restriction) = &self.restriction else { return true };
        if !self.calls.is_empty() {
            return true;
        }
        let own = self.names.iter().rposition(|(n, _)| &**n == name);
        if own.is_some_and(|at| at >= restriction.before) {
            return true;
        }
        // A bare pattern speaks of what the query defined; a name, of either.
        restriction.seen.iter().any(|(p, of_catalog)| {
            p.matches(name) && if *of_catalog { own.is_none() } else { own.is_some() || !p.wildcard }
        })
    }

    /// Says that a name may not be used.
    pub(super) fn unseen(&mut self, name: &str, place: TextRange) -> Table {
        self.report(
            Diagnostic::error("KQL165", place, format!("`{name}` may not be read: access is restricted"))
                .with_help("`restrict access to` says before it what may be read"),
        );
        self.unknown_table()
    }
}

/// A call and the path behind it, if an expression is nothing else.
fn call_of(e: &syntax::Expr) -> Option<(&Call, Option<Arc<str>>)> {
    match &e.inner().kind {
        ExprKind::Call(call) => Some((call, None)),
        ExprKind::Path { base, steps } => {
            let ExprKind::Call(call) = &base.inner().kind else { return None };
            let [PathStep { kind, .. }] = steps.as_slice() else { return None };
            let path = match kind {
                PathStepKind::Member(name) => Arc::clone(&name.text),
                PathStepKind::Index(index) => match index.inner().as_literal()? {
                    Value::String(text) => Arc::clone(text),
                    _ => return None,
                },
                PathStepKind::Call(_) => return None,
            };
            Some((call, Some(path)))
        }
        _ => None,
    }
}

/// How a pattern is called, and its first cases.
fn form(pattern: &Pattern) -> String {
    let text = |e: &syntax::Expr| match e.inner().as_literal() {
        Some(Value::String(text)) => format!("{text:?}"),
        _ => "…".into(),
    };
    if pattern.cases.is_empty() {
        return format!("`{}` is declared without cases: its owner fills them in", pattern.name.text);
    }
    let cases: Vec<String> = pattern
        .cases
        .iter()
        .take(5)
        .map(|case| {
            let arguments: Vec<_> = case.arguments.iter().map(text).collect();
            let path = case.path.as_ref().map_or(String::new(), |p| format!(".[{}]", text(p)));
            format!("{}({}){path}", pattern.name.text, arguments.join(", "))
        })
        .collect();
    format!("there are {}", cases.join(", "))
}
