//! `dcount_intersect`: how many values several sketches share, by inclusion and exclusion of their unions.

use std::sync::Arc;

use super::super::name::{Names, schema_of};
use super::super::scope::Table;
use super::super::{Binder, is_poison};
use super::Arguments;
use super::rows::every;
use crate::kql::diagnostic::Diagnostic;
use crate::kql::functions::{self, Function};
use crate::kql::plan::{Expr, Op, Rel};
use crate::kql::types::Type;
use crate::kql::value::Value;

/// Each set more doubles the unions to look at.
const MOST_SETS: usize = 6;

impl Binder<'_> {
    /// The columns, and behind them s0 of the first sketch, s1 of the first two, ….
    pub(super) fn dcount_intersect(&mut self, input: &Table, arguments: &Arguments<'_>) -> Option<Table> {
        let mut row = self.row(input, "evaluate");
        let mut sketches = Vec::new();
        for e in arguments.rest(0) {
            let sketch = self.expr(e, &mut row);
            sketches.push(self.implicit(sketch, Type::Dynamic, e.range, "a sketch"));
        }
        if sketches.iter().any(is_poison) {
            return None;
        }
        if sketches.len() > MOST_SETS {
            let message = format!("`dcount_intersect` takes {MOST_SETS} sketches here, not {}", sketches.len());
            let help = "send the query to a cluster: --engine NAME";
            self.report(Diagnostic::error("KQL181", arguments.place, message).with_help(help));
            return None;
        }
        let (mut names, mut columns): (Vec<Arc<str>>, Vec<Expr>) =
            (input.schema().iter().map(|c| Arc::clone(&c.name)).collect(), every(input));
        let mut free = Names::of(input.schema());
        for n in 0..sketches.len() {
            names.push(free.free(&format!("s{n}")));
            columns.push(self.shared_values(&sketches[..=n])?);
        }
        let schema = schema_of(&names, &columns);
        Some(input.with(Rel::new(Op::Project { input: Arc::clone(&input.rel), columns }, schema)))
    }

    /// Values that all sketches have: those of odd unions less those of even ones, and never fewer than none.
    fn shared_values(&mut self, sketches: &[Expr]) -> Option<Expr> {
        let (count, merge) = (functions::scalar("dcount_hll")?, functions::scalar("hll_merge")?);
        let (plus, minus) = (functions::operator("+")?, functions::operator("-")?);
        let (mut odd, mut even) = (Vec::new(), Vec::new());
        for subset in 1_u32..1 << sketches.len() {
            let chosen: Vec<Expr> =
                sketches.iter().enumerate().filter(|(n, _)| subset >> n & 1 == 1).map(|(_, s)| s.clone()).collect();
            let terms = if chosen.len() % 2 == 1 { &mut odd } else { &mut even };
            let union =
                if chosen.len() == 1 { chosen.into_iter().next()? } else { self.call(merge, chosen, Type::Dynamic) };
            terms.push(self.call(count, vec![union], Type::Long));
        }
        let odd = self.sum(plus, odd)?;
        let Some(even) = self.sum(plus, even) else { return Some(odd) };
        let shared = self.call(minus, vec![odd, even], Type::Long);
        let none = Expr::literal(Value::Long(0));
        Some(self.call(functions::scalar("max_of")?, vec![shared, none], Type::Long))
    }

    /// The sum of terms, halves first, so that it does not nest as deep as it is long.
    fn sum(&mut self, plus: &'static Function, mut terms: Vec<Expr>) -> Option<Expr> {
        if terms.len() < 2 {
            return terms.pop();
        }
        let right = terms.split_off(terms.len() / 2);
        let (left, right) = (self.sum(plus, terms)?, self.sum(plus, right)?);
        Some(self.call(plus, vec![left, right], Type::Long))
    }
}
