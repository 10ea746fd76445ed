//! Views and saved functions of the catalogue: KQL texts, parsed and bound where they are named.

use std::rc::Rc;
use std::sync::Arc;

use super::Binder;
use super::scope::{Closure, Row, Table, Value as Found};
use crate::base::suggest::line_column;
use crate::kql::diagnostic::{Diagnostic, Severity, TextRange};
use crate::kql::parser;
use crate::kql::syntax::{self, Call, ExprKind, Name, StatementKind};

/// A function is read as the value of a `let`.
const LET: &str = "let f = ";

impl Binder<'_> {
    /// The rows of a view, or of a saved function that can be called without arguments.
    pub(super) fn view_named(&mut self, name: &Name) -> Option<Table> {
        let call = Call { name: name.clone(), arguments: Vec::new() };
        let mut row = self.no_row("a view");
        Some(match self.saved_function(&call, name.range, &mut row)? {
            Found::Table(table) => table,
            Found::Scalar(expr) => {
                if !super::is_poison(&expr) {
                    let message = format!("`{}` gives a value; a table is wanted here", name.text);
                    self.error("KQL114", name.range, message);
                }
                self.unknown_table()
            }
        })
    }

    /// What a call of a view or a saved function gives: a table or a value. `None` where the catalogue has none of that name.
    pub(super) fn saved_function(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Option<Found> {
        let name = &call.name.text;
        let function = self.saved(name, place)?;
        if !self.is_seen(name) {
            return Some(Found::Table(self.unseen(name, place)));
        }
        if self.calls.iter().any(|c| c == name) {
            self.report(
                Diagnostic::error("KQL135", place, format!("`{name}` calls itself"))
                    .with_help("views and saved functions cannot be recursive"),
            );
            return Some(Found::Table(self.unknown_table()));
        }
        let (name, saved) = (Arc::clone(name), Some(Arc::clone(name)));
        let closure = Rc::new(Closure { name, function, visible: 0, saved });
        Some(match self.call_closure(&closure, call, place, row) {
            Found::Table(mut table) => {
                table.name = Some(Arc::clone(&closure.name));
                Found::Table(table)
            }
            scalar @ Found::Scalar(_) => scalar,
        })
    }

    /// The function that the catalogue holds under a name; a view is one without parameters.
    fn saved(&mut self, name: &Arc<str>, place: TextRange) -> Option<syntax::Function> {
        let query = if let Some(query) = self.views.get(name) {
            query.clone()
        } else {
            let text = self.context.catalog.view(name);
            let query = text.map(|text| {
                let parsed = parse(text);
                let (outside, reading) = (self.inside.clone(), self.reading.clone());
                if self.inside.is_none() {
                    self.inside = Some((Arc::clone(name), place));
                }
                self.reading = Some(Arc::clone(name));
                for fault in parsed.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
                    self.report(fault.clone());
                }
                (self.inside, self.reading) = (outside, reading);
                Rc::new(parsed.query)
            });
            self.views.insert(Arc::clone(name), query.clone());
            query
        }?;
        if let Some(function) = sole_function(&query) {
            return Some(function.clone());
        }
        Some(syntax::Function { view: true, parameters: Vec::new(), body: query.statements.clone() })
    }

    /// Where in a saved function's file a finding stands: `functions/f.kql:3:5`. Nothing for what is shipped.
    pub(super) fn place_in_file(&self, name: &str, range: TextRange) -> Option<String> {
        let file = self.context.catalog.origin(name)?.file;
        let text = self.context.catalog.view(name)?;
        let before = if reads_as_let(text) { LET.len() } else { 0 };
        let (line, column) = line_column(text, (range.start as usize).saturating_sub(before).min(text.len()));
        Some(format!("{file}:{line}:{column}"))
    }
}

fn sole_function(query: &syntax::Query) -> Option<&syntax::Function> {
    let [statement] = query.statements.as_slice() else { return None };
    let StatementKind::Let { value, .. } = &statement.kind else { return None };
    match &value.inner().kind {
        ExprKind::Function(function) => Some(function),
        _ => None,
    }
}

/// Does the text begin with parameters? An expression may begin with a bracket too, so its first reading decides.
fn reads_as_let(text: &str) -> bool {
    let code = text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with("//"));
    code.is_some_and(|line| line.starts_with('(') || line.starts_with("view"))
        && sole_function(&parser::parse(&format!("{LET}{text}")).query).is_some()
}

fn parse(text: &str) -> parser::Parsed {
    if reads_as_let(text) { parser::parse(&format!("{LET}{text}")) } else { parser::parse(text) }
}
