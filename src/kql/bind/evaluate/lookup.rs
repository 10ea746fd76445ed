//! `ipv4_lookup`, `ipv6_lookup`: a table beside another by the ranges that addresses are in.

use std::sync::Arc;

use super::super::Binder;
use super::super::name::{Names, schema_of};
use super::super::scope::Table;
use super::Arguments;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Expr, Lookup, Op, Plugin, Rel};
use crate::kql::syntax::{Call, ExprKind};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn ip_lookup(&mut self, input: &Table, arguments: &Arguments<'_>, place: TextRange) -> Option<Table> {
        let v6 = arguments.function.name == "ipv6_lookup";
        let table = self.table(arguments.get(0)?);
        let mut source_row = self.row(input, "evaluate");
        let mut table_row = self.row(&table, "evaluate");
        let source = arguments.get(1).and_then(|e| self.column_argument(e, arguments, &mut source_row));
        let key = arguments.get(2).and_then(|e| self.column_argument(e, arguments, &mut table_row));
        let (mut equal, mut unmatched, mut known) = (Vec::new(), false, true);
        for e in arguments.rest(3) {
            // What is no column is the flag, which stands last.
            let is_column = e.inner().as_name().is_some_and(|n| input.schema().position(&n.text).is_some());
            if !is_column && !matches!(e.inner().kind, ExprKind::Name(_)) {
                match self.constant(e, "return_unmatched") {
                    Some(Value::Bool(flag)) => unmatched = flag,
                    Some(value) if !value.is_null() => {
                        let message = format!("`return_unmatched` is bool, not {}", value.ty());
                        self.error("KQL120", e.range, message);
                        known = false;
                    }
                    _ => known = false,
                }
                continue;
            }
            let left = self.column_argument(e, arguments, &mut source_row);
            let right = self.column_argument(e, arguments, &mut table_row);
            let (Some(left), Some(right)) = (left, right) else {
                known = false;
                continue;
            };
            let (a, b) = (input.schema().0[left].ty, table.schema().0[right].ty);
            if a != b {
                let message = format!("{} is {a} on the left and {b} in the lookup table", self.snippet(e.range));
                self.report(Diagnostic::error("KQL121", e.range, message).with_help("convert one of them before"));
                known = false;
            }
            equal.push((left, right));
        }
        let on = (source?, key?);
        for (e, column) in [(1, &input.schema().0[on.0]), (2, &table.schema().0[on.1])] {
            if column.ty != Type::String {
                let at = arguments.get(e).map_or(place, |e| e.range);
                let message = format!(
                    "`{}` takes addresses as text, but `{}` is {}",
                    arguments.function.name, column.name, column.ty
                );
                let help = format!("make a text of it first: | extend {0} = tostring({0})", column.name);
                self.report(Diagnostic::error("KQL120", at, message).with_help(help));
                known = false;
            }
        }
        if !known {
            return None;
        }
        Some(Self::looked_up(input, &table, Lookup { v6, on, equal, unmatched }))
    }

    /// Without the lookup table's extra keys. The source's columns stand first, for IPv6 last, as Kusto has them.
    fn looked_up(input: &Table, table: &Table, lookup: Lookup) -> Table {
        let (left, right) = (input.schema(), table.schema());
        let hidden: Vec<usize> = lookup.equal.iter().map(|(_, right)| *right).collect();
        let v6 = lookup.v6;
        let both: Vec<Column> = left.iter().chain(right).cloned().collect();
        let plugin = Box::new(Plugin::Lookup(lookup));
        let inputs = vec![Arc::clone(&input.rel), Arc::clone(&table.rel)];
        let mut looked_up = input.with(Rel::new(Op::Plugin { plugin, inputs }, Schema(both.clone())));
        looked_up.depth = input.depth.max(table.depth) + 1;
        looked_up.open = input.open || table.open;
        let lefts = 0..left.len();
        let rights = (0..right.len()).filter(|n| !hidden.contains(n)).map(|n| left.len() + n);
        let order: Vec<usize> = if v6 { rights.chain(lefts).collect() } else { lefts.chain(rights).collect() };
        // A name that both have is the source's.
        let mut free = Names::of(left);
        let names: Vec<Arc<str>> = order
            .iter()
            .map(|n| if *n < left.len() { Arc::clone(&both[*n].name) } else { free.free(&both[*n].name) })
            .collect();
        let columns: Vec<Expr> = order.iter().map(|n| Expr::column(*n, both[*n].ty)).collect();
        let schema = schema_of(&names, &columns);
        looked_up.with(Rel::new(Op::Project { input: Arc::clone(&looked_up.rel), columns }, schema))
    }
}

/// `return_unmatched = true` stands last, however many keys stand before it: its name is no place.
pub(super) fn flag_last(call: &Call) -> Option<Call> {
    let named = |name: &str| name.eq_ignore_ascii_case("return_unmatched");
    let at = call.arguments.iter().position(|a| a.name.as_ref().is_some_and(|n| named(&n.text)))?;
    let mut call = call.clone();
    let mut flag = call.arguments.remove(at);
    flag.name = None;
    call.arguments.push(flag);
    Some(call)
}
