//! Statements, and the functions that a query or the catalogue defines.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::scope::{Binding, Closure, Row, Table, Value as Found};
use super::{Binder, fold, is_poison};
use crate::kql::diagnostic::{Diagnostic, Severity, TextRange};
use crate::kql::plan::{Expr, Output};
use crate::kql::syntax::{self, Argument, Call, ExprKind, Name, Parameter, ParameterType, Statement, StatementKind};

impl Binder<'_> {
    /// The whole query: every expression statement is a result.
    pub(super) fn query(&mut self, query: &syntax::Query) {
        let mut found = false;
        self.check_names(&query.statements);
        for statement in &query.statements {
            if let StatementKind::Expr(e) = &statement.kind {
                found = true;
                self.output(e);
            } else {
                let mut row = self.no_row("let");
                self.statement(statement, &mut row);
            }
        }
        let unread = query.statements.iter().any(|s| matches!(s.kind, StatementKind::Error));
        if !found && !unread {
            let end = query.statements.last().map_or(TextRange::default(), |s| s.range);
            let mut found = Diagnostic::error("KQL115", end, "the query has no result")
                .with_help("end it with a table: the name of a `let`, or T | where …");
            // Text that is put before other queries has none of its own.
            if self.context.catalog.is_open() {
                found.severity = Severity::Warning;
            }
            self.report(found);
        }
        self.poisoned |= unread;
    }

    /// A name is given once in a query, and once in a function's body.
    fn check_names(&mut self, statements: &[Statement]) {
        if self.context.catalog.is_open() {
            return;
        }
        let mut given = HashSet::new();
        for statement in statements {
            let names = match &statement.kind {
                StatementKind::Let { name, .. } => std::slice::from_ref(name).iter().collect(),
                StatementKind::Parameters(parameters) => parameters.iter().map(|p| &p.name).collect(),
                _ => Vec::new(),
            };
            for name in names {
                if !given.insert(&*name.text) {
                    let message = format!("`{}` is defined twice", name.text);
                    self.report(Diagnostic::error("KQL118", name.range, message).with_help("give it another name"));
                }
            }
        }
    }

    fn output(&mut self, e: &syntax::Expr) {
        let mut row = self.no_row("the result");
        let table = match self.value(e, &mut row) {
            Found::Table(table) => table,
            Found::Scalar(expr) => {
                if !is_poison(&expr) {
                    let text = self.snippet(e.range);
                    self.report(
                        Diagnostic::error("KQL114", e.range, format!("{text} is a value, not a table"))
                            .with_help("show a value with print"),
                    );
                }
                return;
            }
        };
        if !table.results.is_empty() {
            let results = table.results.into_iter();
            self.outputs.extend(results.map(|(name, table)| Output { name, rel: table.rel, render: table.render }));
            return;
        }
        let more = table.more.iter().map(|t| (Arc::clone(&t.rel), None));
        for (rel, render) in std::iter::once((Arc::clone(&table.rel), table.render.clone())).chain(more) {
            let n = self.outputs.len();
            let name: Arc<str> = if n == 0 { "PrimaryResult".into() } else { format!("Table_{n}").into() };
            self.outputs.push(Output { name, rel, render });
        }
    }

    /// A statement that names something, or sets something. In a function's body a `let` may read the row that the
    /// function is called on, by the function's parameters.
    fn statement(&mut self, statement: &Statement, row: &mut Row) {
        match &statement.kind {
            StatementKind::Let { name, value } => self.define(name, value, row),
            StatementKind::Parameters(parameters) => {
                for parameter in parameters {
                    self.query_parameter(parameter);
                }
            }
            StatementKind::Set { name, value: Some(value) } if name.text.starts_with("query_bin_auto_") => {
                self.set_bin_auto(name, value);
            }
            // Settings of a server: nothing to do here.
            StatementKind::Set { .. } | StatementKind::Expr(_) => {}
            // Which database a table is of does not count here.
            StatementKind::Alias { name, .. } => self.aliases.push(Arc::clone(&name.text)),
            StatementKind::Pattern(pattern) => self.declare_pattern(pattern),
            StatementKind::Restrict { targets } => self.restrict(targets),
            StatementKind::Error => self.poisoned = true,
        }
    }

    fn define(&mut self, name: &Name, value: &syntax::Expr, row: &mut Row) {
        let binding = match &value.inner().kind {
            ExprKind::Function(function) => Binding::Function(Rc::new(Closure {
                name: Arc::clone(&name.text),
                function: (**function).clone(),
                visible: self.names.len(),
                saved: self.reading.clone(),
            })),
            // `let f = g;` of a function with parameters is another name of it.
            ExprKind::Name(of) if matches!(self.names.iter().rev().find(|(n, _)| *n == of.text), Some((_, Binding::Function(f))) if !f.function.parameters.is_empty()) => {
                match self.names.iter().rev().find(|(n, _)| *n == of.text) {
                    Some((_, binding)) => binding.clone(),
                    None => Binding::Error,
                }
            }
            ExprKind::Error => Binding::Error,
            // A name that may be anything.
            ExprKind::Name(of) if self.is_open_name(of) => {
                self.poisoned = true;
                Binding::Error
            }
            _ => match self.value(value, row) {
                Found::Scalar(expr) => self.keep(expr, value.range, row.id),
                Found::Table(table) => Binding::Table(table),
            },
        };
        self.names.push((Arc::clone(&name.text), binding));
    }

    /// Is the name known nowhere, and allowed to be?
    fn is_open_name(&self, name: &Name) -> bool {
        let catalog = self.context.catalog;
        catalog.is_open()
            && self.names.iter().all(|(n, _)| *n != name.text)
            && catalog.table(&name.text).is_none()
            && catalog.view(&name.text).is_none()
    }

    fn query_parameter(&mut self, parameter: &Parameter) {
        let given = self.context.parameters.iter().find(|(n, _)| **n == *parameter.name.text).map(|(_, v)| v.clone());
        let ParameterType::Scalar(ty) = parameter.ty else {
            return self.error("KQL116", parameter.range, "a parameter of a query is a value, not a table");
        };
        let binding = match (given, &parameter.default) {
            (Some(value), _) => {
                let literal = Expr::literal(value);
                let expr = match literal.as_literal().and_then(|v| fold::convert(v, ty)) {
                    Some(value) => Expr::literal(value),
                    None => self.cast(literal, ty),
                };
                self.keep(expr, parameter.range, 0)
            }
            (None, Some(default)) => {
                let mut row = self.no_row("a default");
                let expr = self.expr(default, &mut row);
                let expr = self.implicit(expr, ty, default.range, "the default");
                self.keep(expr, default.range, 0)
            }
            (None, None) if self.context.catalog.is_open() => Binding::Error,
            (None, None) => {
                self.report(
                    Diagnostic::error(
                        "KQL116",
                        parameter.range,
                        format!("parameter `{}` has no value", parameter.name.text),
                    )
                    .with_help(format!("give it: --param {}=…, or write a default", parameter.name.text)),
                );
                Binding::Error
            }
        };
        self.names.push((Arc::clone(&parameter.name.text), binding));
    }

    /// The value of a call of one of the query's functions, if it is one.
    pub(super) fn own_function(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Option<Found> {
        let at = self.names.iter().rposition(|(n, _)| *n == call.name.text)?;
        match &self.names[at].1 {
            Binding::Function(closure) => {
                let closure = Rc::clone(closure);
                Some(self.call_closure(&closure, call, place, row))
            }
            // `T()` of a table without parameters, and of what is wrong already.
            Binding::Table(table) if call.arguments.is_empty() => Some(Found::Table(table.clone())),
            Binding::Error => Some(Found::Scalar(self.poison())),
            _ => None,
        }
    }

    /// What a function without parameters gives where its bare name stands: `let n = () { 7 }; print n`.
    pub(super) fn bare_function(&mut self, name: &Name, row: &mut Row) -> Option<Found> {
        let at = self.names.iter().rposition(|(n, _)| *n == name.text)?;
        let Binding::Function(closure) = &self.names[at].1 else { return None };
        if !closure.function.parameters.is_empty() {
            return None;
        }
        let closure = Rc::clone(closure);
        let call = Call { name: name.clone(), arguments: Vec::new() };
        Some(self.call_closure(&closure, &call, name.range, row))
    }

    /// Puts a function's body in the place of its call.
    #[inline(never)]
    pub(super) fn call_closure(
        &mut self,
        closure: &Rc<Closure>,
        call: &Call,
        place: TextRange,
        row: &mut Row,
    ) -> Found {
        let Some(mut bound) = self.arguments(closure, call, place, row) else {
            return Found::Scalar(self.poison());
        };
        if !self.enter(place) {
            return Found::Scalar(self.poison());
        }
        let hidden = self.names.split_off(closure.visible.min(self.names.len()));
        let visible = self.names.len();
        self.names.append(&mut bound);
        let (outside, reading) = (self.inside.clone(), self.reading.clone());
        self.reading.clone_from(&closure.saved);
        if closure.saved.is_some() && self.inside.is_none() {
            self.inside = Some((Arc::clone(&closure.name), place));
        }
        self.calls.push(Arc::clone(&closure.name));
        row.hidden += 1;
        let mut found = self.body(&closure.function.body, place, row);
        row.hidden -= 1;
        // A view stands for a table, so its rows say whose they are.
        if closure.function.view
            && let Found::Table(table) = &mut found
        {
            table.name = Some(Arc::clone(&closure.name));
        }
        self.calls.pop();
        (self.inside, self.reading) = (outside, reading);
        self.names.truncate(visible);
        self.names.extend(hidden);
        self.leave();
        found
    }

    /// Statements, the last of which is the value.
    pub(super) fn body(&mut self, body: &[Statement], place: TextRange, row: &mut Row) -> Found {
        let mut found = None;
        self.check_names(body);
        for statement in body {
            match &statement.kind {
                StatementKind::Expr(e) => found = Some(self.value(e, row)),
                _ => self.statement(statement, row),
            }
        }
        found.unwrap_or_else(|| {
            self.report(
                Diagnostic::error("KQL115", place, "the function has no value")
                    .with_help("its last statement is its value"),
            );
            Found::Scalar(self.poison())
        })
    }

    /// The arguments by parameter: in order, by name, or the default.
    fn arguments(
        &mut self,
        closure: &Closure,
        call: &Call,
        place: TextRange,
        row: &mut Row,
    ) -> Option<Vec<(Arc<str>, Binding)>> {
        let parameters = &closure.function.parameters;
        let mut given: Vec<Option<&Argument>> = vec![None; parameters.len()];
        for (next, argument) in call.arguments.iter().enumerate() {
            let at = match &argument.name {
                Some(name) => parameters.iter().position(|p| p.name.text == name.text),
                None => Some(next),
            };
            if let Some(slot) = at.and_then(|at| given.get_mut(at)) {
                *slot = Some(argument);
            } else {
                let what = argument
                    .name
                    .as_ref()
                    .map_or("so many arguments".to_owned(), |n| format!("a parameter `{}`", n.text));
                self.report(
                    Diagnostic::error(
                        "KQL112",
                        argument.value.range,
                        format!("`{}` does not take {what}", closure.name),
                    )
                    .with_help(signature(closure)),
                );
                return None;
            }
        }
        let mut bound = Vec::with_capacity(parameters.len());
        for (parameter, argument) in parameters.iter().zip(given) {
            let binding = self.argument(closure, parameter, argument, place, row)?;
            bound.push((Arc::clone(&parameter.name.text), binding));
        }
        Some(bound)
    }

    fn argument(
        &mut self,
        closure: &Closure,
        parameter: &Parameter,
        given: Option<&Argument>,
        place: TextRange,
        row: &mut Row,
    ) -> Option<Binding> {
        let what = format!("`{}` of `{}`", parameter.name.text, closure.name);
        match (&parameter.ty, given) {
            (ParameterType::Scalar(ty), Some(argument)) => {
                let expr = self.expr(&argument.value, row);
                let expr = self.implicit(expr, *ty, argument.value.range, &what);
                Some(self.keep(expr, argument.value.range, row.id))
            }
            (ParameterType::Scalar(ty), None) => {
                if let Some(default) = &parameter.default {
                    let mut constants = self.no_row("a default");
                    let expr = self.expr(default, &mut constants);
                    let expr = self.implicit(expr, *ty, default.range, &what);
                    Some(self.keep(expr, default.range, 0))
                } else {
                    self.report(
                        Diagnostic::error("KQL112", place, format!("{what} is not given"))
                            .with_help(signature(closure)),
                    );
                    None
                }
            }
            (_, None) => {
                self.report(
                    Diagnostic::error("KQL112", place, format!("{what}, a table, is not given"))
                        .with_help(signature(closure)),
                );
                None
            }
            (ParameterType::AnyTable, Some(argument)) => {
                Some(Binding::Table(self.table_argument(&argument.value, row)))
            }
            (ParameterType::Table(columns), Some(argument)) => {
                let table = self.table_argument(&argument.value, row);
                for wanted in columns {
                    let found = table.schema().iter().find(|c| c.name == wanted.name.text);
                    let fault = match found {
                        None if table.open => None,
                        None => Some(format!("{what} needs a column `{}`", wanted.name.text)),
                        Some(c) if c.ty != wanted.ty && super::convert::wider(c.ty, wanted.ty).is_none() => {
                            Some(format!("{what} needs `{}` as {}, it is {}", wanted.name.text, wanted.ty, c.ty))
                        }
                        Some(_) => None,
                    };
                    if let Some(fault) = fault {
                        self.error("KQL117", argument.value.range, fault);
                    }
                }
                Some(Binding::Table(table))
            }
        }
    }

    /// A table given to a function. `invoke` gives one that is bound already, under a name that no query can write.
    fn table_argument(&mut self, e: &syntax::Expr, _row: &mut Row) -> Table {
        self.table(e)
    }

    /// `T | invoke f(a)` is `f(T, a)`.
    pub(super) fn invoke(&mut self, input: &Table, function: &syntax::Expr, place: TextRange) -> Table {
        let call = match &function.inner().kind {
            ExprKind::Call(call) => call,
            // `database("x").f(…)`: the function alone counts here.
            ExprKind::Path { steps, .. } => match steps.last().map(|s| &s.kind) {
                Some(syntax::PathStepKind::Call(call)) => call,
                _ => return self.not_invoked(place),
            },
            ExprKind::Error => return self.unknown_table(),
            _ => return self.not_invoked(place),
        };
        // No name in a text can hold a control character.
        let name = Name::new("\u{1}input", place);
        self.names.push((Arc::clone(&name.text), Binding::Table(input.clone())));
        let first = Argument { name: None, value: syntax::Expr::new(ExprKind::Name(name), place) };
        let arguments = std::iter::once(first).chain(call.arguments.iter().cloned()).collect();
        let call = syntax::Expr::new(ExprKind::Call(Call { name: call.name.clone(), arguments }), function.range);
        let table = self.table(&call);
        if let Some(at) = self.names.iter().rposition(|(n, _)| &**n == "\u{1}input") {
            self.names.remove(at);
        }
        table
    }
}

impl Binder<'_> {
    fn not_invoked(&mut self, place: TextRange) -> Table {
        if self.context.catalog.is_open() {
            return self.unknown_table();
        }
        self.report(
            Diagnostic::error("KQL162", place, "`invoke` takes a call of a function")
                .with_help("… | invoke f(arguments), of a function whose first parameter is a table"),
        );
        self.unknown_table()
    }
}

fn signature(closure: &Closure) -> String {
    let parts: Vec<_> = closure
        .function
        .parameters
        .iter()
        .map(|p| {
            let ty = match &p.ty {
                ParameterType::Scalar(ty) => ty.name(),
                _ => "table",
            };
            format!("{}: {ty}{}", p.name.text, if p.default.is_some() { " = …" } else { "" })
        })
        .collect();
    format!("{}({})", closure.name, parts.join(", "))
}
