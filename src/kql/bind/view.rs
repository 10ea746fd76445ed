//! Views and saved functions of the catalogue: KQL texts, parsed and bound where they are named.

use std::rc::Rc;
use std::sync::Arc;

use super::Binder;
use super::scope::{Closure, Table, Value as Found};
use crate::kql::diagnostic::{Diagnostic, Severity, TextRange};
use crate::kql::parser;
use crate::kql::syntax::{self, Call, ExprKind, Name, StatementKind};

impl Binder<'_> {
    /// The rows of a view, or of a saved function that can be called without arguments.
    pub(super) fn view_named(&mut self, name: &Name) -> Option<Table> {
        let call = Call { name: name.clone(), arguments: Vec::new() };
        self.saved_function(&name.text, &call, name.range)
    }

    pub(super) fn saved_function(&mut self, name: &str, call: &Call, place: TextRange) -> Option<Table> {
        let function = self.saved(name, place)?;
        if self.calls.iter().any(|c| &**c == name) {
            self.report(
                Diagnostic::error("KQL135", place, format!("`{name}` calls itself"))
                    .with_help("views cannot be recursive"),
            );
            return Some(self.unknown_table());
        }
        let closure = Rc::new(Closure { name: name.into(), function, visible: 0, saved: true });
        let mut row = self.no_row("a view");
        Some(match self.call_closure(&closure, call, place, &mut row) {
            Found::Table(mut table) => {
                table.name = Some(name.into());
                table
            }
            Found::Scalar(_) => self.unknown_table(),
        })
    }

    /// The function that the catalogue holds under a name; a view is one without parameters.
    fn saved(&mut self, name: &str, place: TextRange) -> Option<syntax::Function> {
        let query = if let Some(query) = self.views.get(name) {
            query.clone()
        } else {
            let query = self.context.catalog.view(name).map(|text| {
                // A function is read as the value of a `let`.
                let function = text.trim_start().starts_with('(');
                let parsed = if function { parser::parse(&format!("let f = {text}")) } else { parser::parse(text) };
                for fault in parsed.diagnostics.iter().filter(|d| d.severity == Severity::Error) {
                    let message = format!("in {name}: {}", fault.message);
                    self.report(Diagnostic::error(fault.code, place, message));
                }
                Rc::new(parsed.query)
            });
            self.views.insert(Arc::from(name), query.clone());
            query
        }?;
        if let [statement] = query.statements.as_slice()
            && let StatementKind::Let { value, .. } = &statement.kind
            && let ExprKind::Function(function) = &value.inner().kind
        {
            return Some((**function).clone());
        }
        Some(syntax::Function { view: true, parameters: Vec::new(), body: query.statements.clone() })
    }
}
