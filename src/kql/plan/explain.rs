//! A plan as text, a node a line and its input below: for `--explain`, and for tests to say what they expect.

use std::fmt::{self, Write as _};

use super::{Capture, CaptureRule, Expansion, Expr, ExprKind, Op, PatternPart, Plan, Rel, ScanColumn, Separated, Step};
use crate::base::time::{Span, Ticks};
use crate::kql::functions::{Function, FunctionKind};
use crate::kql::types::Schema;
use crate::kql::value::Value;

/// Longer lists are cut.
const SHOWN: usize = 12;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, shared) in self.shared.iter().enumerate() {
            writeln!(f, "shared {n}")?;
            node(f, shared, 1)?;
        }
        for output in &self.outputs {
            if self.outputs.len() > 1 {
                writeln!(f, "{}", output.name)?;
            }
            node(f, &output.rel, usize::from(self.outputs.len() > 1))?;
            if let Some(render) = &output.render {
                writeln!(f, "render {}", render.kind)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        node(f, self, 0)
    }
}

fn node(f: &mut fmt::Formatter<'_>, rel: &Rel, indent: usize) -> fmt::Result {
    write!(f, "{:1$}", "", indent * 2)?;
    match &rel.op {
        Op::Scan { table, columns, filter } => {
            write!(f, "scan {table} (")?;
            list(f, columns.iter(), scan_column)?;
            f.write_str(")")?;
            if !filter.is_empty() {
                f.write_str(" where ")?;
                joined(f, filter, " and ", &rel.schema)?;
            }
            f.write_char('\n')
        }
        Op::Values { rows } => {
            f.write_str("values ")?;
            schema(f, &rel.schema)?;
            if let [row] = rows.as_slice() {
                f.write_str(" [")?;
                list(f, row.iter(), value)?;
                return f.write_str("]\n");
            }
            writeln!(f, " {} rows", rows.len())
        }
        Op::Range { from, to, step } => {
            write!(f, "range {} from ", rel.schema.0.first().map_or("", |c| &c.name))?;
            value(f, from)?;
            f.write_str(" to ")?;
            value(f, to)?;
            f.write_str(" step ")?;
            value(f, step)?;
            f.write_char('\n')
        }
        Op::Filter { input, predicate } => {
            f.write_str("where ")?;
            expr(f, predicate, &input.schema)?;
            below(f, &[input], indent)
        }
        Op::Project { input, columns } => {
            f.write_str("project ")?;
            list(f, rel.schema.iter().zip(columns), |f, (column, e)| named(f, &column.name, e, &input.schema))?;
            below(f, &[input], indent)
        }
        Op::Aggregate { input, keys, aggregates } => {
            f.write_str(if aggregates.is_empty() { "distinct " } else { "summarize " })?;
            let names = rel.schema.iter().skip(keys.len());
            list(f, names.zip(aggregates), |f, (column, a)| {
                write!(f, "{} = ", column.name)?;
                call(f, a.function, &a.args, &input.schema)
            })?;
            if !keys.is_empty() {
                f.write_str(if aggregates.is_empty() { "" } else { " by " })?;
                list(f, rel.schema.iter().zip(keys), |f, (column, e)| named(f, &column.name, e, &input.schema))?;
            }
            below(f, &[input], indent)
        }
        Op::MakeSeries { input, series } => {
            write!(
                f,
                "make-series {} bins",
                if series.from.is_some() && series.to.is_some() { "of given" } else { "of own" }
            )?;
            f.write_str(" step ")?;
            value(f, &series.step)?;
            below(f, &[input], indent)
        }
        Op::Join { left, right, kind, keys } => {
            write!(f, "join {kind:?} on ")?;
            list(f, keys.iter(), |f, (l, r)| {
                expr(f, l, &left.schema)?;
                f.write_str(" == ")?;
                expr(f, r, &right.schema)
            })?;
            f.write_str(" -> ")?;
            schema(f, &rel.schema)?;
            below(f, &[left, right], indent)
        }
        Op::Union { inputs } => {
            f.write_str("union")?;
            below(f, &inputs.iter().collect::<Vec<_>>(), indent)
        }
        Op::Sort { input, keys, limit } => {
            match limit {
                Some(limit) => write!(f, "top {limit} by ")?,
                None => f.write_str("sort by ")?,
            }
            list(f, keys.iter(), |f, key| {
                expr(f, &key.expr, &input.schema)?;
                f.write_str(if key.descending { " desc" } else { " asc" })?;
                if key.nulls_first == key.descending {
                    f.write_str(if key.nulls_first { " nulls first" } else { " nulls last" })?;
                }
                Ok(())
            })?;
            below(f, &[input], indent)
        }
        Op::Take { input, count } => {
            write!(f, "take {count}")?;
            below(f, &[input], indent)
        }
        Op::Serialize { input } => {
            f.write_str("serialize")?;
            below(f, &[input], indent)
        }
        Op::Window { input, calls } => {
            f.write_str("window ")?;
            list(f, calls.iter(), |f, c| call(f, c.function, &c.args, &input.schema))?;
            below(f, &[input], indent)
        }
        Op::Expand { input, expansion } => {
            f.write_str("mv-expand ")?;
            expanded(f, expansion, &rel.schema, &input.schema)?;
            below(f, &[input], indent)
        }
        Op::Plugin { plugin, inputs } => {
            write!(f, "evaluate {plugin} -> ")?;
            schema(f, &rel.schema)?;
            below(f, &inputs.iter().collect::<Vec<_>>(), indent)
        }
        Op::Capture { input, text, capture: rule, columns, matching } => {
            f.write_str(if *matching { "parse-where " } else { "parse " })?;
            expr(f, text, &input.schema)?;
            capture(f, rule)?;
            let names = rel.schema.iter().skip(input.schema.len());
            f.write_str(" -> ")?;
            list(f, names.zip(columns), |f, (column, n)| write!(f, "{}: {} = {n}", column.name, column.ty))?;
            below(f, &[input], indent)
        }
        Op::Sequence { input, sequence } => {
            f.write_str("scan ")?;
            list(f, sequence.steps.iter(), |f, step| write!(f, "{}: {:?}", step.name, step.output))?;
            f.write_str(" -> ")?;
            schema(f, &rel.schema)?;
            below(f, &[input], indent)
        }
        Op::Apply { input, expansion, body, .. } => {
            f.write_str("mv-apply ")?;
            list(f, expansion.lists.iter(), |f, e| expr(f, e, &input.schema))?;
            f.write_str(" on\n")?;
            node(f, body, indent + 2)?;
            node(f, input, indent + 1)
        }
        Op::Partition { input, keys, body } => {
            f.write_str("partition by ")?;
            list(f, keys.iter(), |f, e| expr(f, e, &input.schema))?;
            f.write_char('\n')?;
            node(f, body, indent + 2)?;
            node(f, input, indent + 1)
        }
        Op::TopNested { input, levels } => {
            f.write_str("top-nested ")?;
            list(f, levels.iter(), |f, level| {
                level.count.map_or(Ok(()), |n| write!(f, "{n} "))?;
                f.write_str("of ")?;
                expr(f, &level.key, &input.schema)?;
                f.write_str(" by ")?;
                list(f, level.aggregates.iter(), |f, a| call(f, a.function, &a.args, &input.schema))
            })?;
            below(f, &[input], indent)
        }
        Op::Given => {
            f.write_str("given ")?;
            schema(f, &rel.schema)?;
            f.write_char('\n')
        }
        Op::Shared(n) => writeln!(f, "shared {n}"),
    }
}

/// The lists under the names of their elements, and how they are expanded.
fn expanded(f: &mut fmt::Formatter<'_>, by: &Expansion, given: &Schema, input: &Schema) -> fmt::Result {
    list(f, given.iter().skip(by.kept.len()).zip(&by.lists), |f, (column, e)| named(f, &column.name, e, input))?;
    if by.pairs {
        f.write_str(" kind array")?;
    }
    if by.index
        && let Some(column) = given.0.last()
    {
        write!(f, " with_itemindex {}", column.name)?;
    }
    by.limit.map_or(Ok(()), |limit| write!(f, " limit {limit}"))
}

fn below(f: &mut fmt::Formatter<'_>, inputs: &[&std::sync::Arc<Rel>], indent: usize) -> fmt::Result {
    f.write_char('\n')?;
    inputs.iter().try_for_each(|input| node(f, input, indent + 1))
}

fn capture(f: &mut fmt::Formatter<'_>, capture: &Capture) -> fmt::Result {
    match &capture.rule {
        CaptureRule::Pattern(parts) => parts.iter().try_for_each(|part| match part {
            PatternPart::Skip => f.write_str(" *"),
            PatternPart::Text(text) => write!(f, " {text:?}"),
            PatternPart::Column { shape: None } => f.write_str(" _"),
            PatternPart::Column { shape: Some(shape) } => write!(f, " /{shape}/"),
        }),
        CaptureRule::Regex(pattern) => write!(f, " /{pattern}/"),
        CaptureRule::Pairs(pairs) => match &pairs.separated {
            Separated::By { pair, kv, .. } => write!(f, " pairs by {pair:?} and {kv:?}"),
            Separated::ByAnything => f.write_str(" pairs"),
            Separated::Regex(pattern) => write!(f, " pairs /{pattern}/"),
        },
    }
}

/// Items with commas; what is past `SHOWN` is counted.
fn list<T>(
    f: &mut fmt::Formatter<'_>,
    mut items: impl Iterator<Item = T>,
    mut show: impl FnMut(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (n, item) in items.by_ref().take(SHOWN).enumerate() {
        if n > 0 {
            f.write_str(", ")?;
        }
        show(f, item)?;
    }
    match items.count() {
        0 => Ok(()),
        more => write!(f, ", … {more} more"),
    }
}

fn schema(f: &mut fmt::Formatter<'_>, schema: &Schema) -> fmt::Result {
    f.write_str("(")?;
    list(f, schema.iter(), |f, c| write!(f, "{}: {}", c.name, c.ty))?;
    f.write_str(")")
}

fn scan_column(f: &mut fmt::Formatter<'_>, column: &ScanColumn) -> fmt::Result {
    match column {
        ScanColumn::Column(name) => f.write_str(name),
        ScanColumn::Path { column, steps: path, text } => {
            f.write_str(column)?;
            steps(f, path)?;
            f.write_str(if *text { ":text" } else { "" })
        }
    }
}

fn steps(f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
    steps.iter().try_for_each(|step| match step {
        Step::Key(key) => write!(f, ".{key}"),
        Step::Index(n) => write!(f, "[{n}]"),
    })
}

/// `name = e`, or the name alone for a column of that name.
fn named(f: &mut fmt::Formatter<'_>, name: &str, e: &Expr, input: &Schema) -> fmt::Result {
    if let ExprKind::Column(n) = e.kind
        && input.0.get(n).is_some_and(|c| &*c.name == name)
    {
        return f.write_str(name);
    }
    write!(f, "{name} = ")?;
    expr(f, e, input)
}

fn joined(f: &mut fmt::Formatter<'_>, terms: &[Expr], by: &str, input: &Schema) -> fmt::Result {
    for (n, term) in terms.iter().enumerate() {
        if n > 0 {
            f.write_str(by)?;
        }
        expr(f, term, input)?;
    }
    Ok(())
}

fn call(f: &mut fmt::Formatter<'_>, function: &Function, args: &[Expr], input: &Schema) -> fmt::Result {
    if let ([left, right], FunctionKind::Operator) = (args, function.kind) {
        f.write_str("(")?;
        expr(f, left, input)?;
        write!(f, " {} ", function.name)?;
        expr(f, right, input)?;
        return f.write_str(")");
    }
    write!(f, "{}(", function.name)?;
    list(f, args.iter(), |f, e| expr(f, e, input))?;
    f.write_str(")")
}

fn expr(f: &mut fmt::Formatter<'_>, e: &Expr, input: &Schema) -> fmt::Result {
    match &e.kind {
        ExprKind::Column(n) => match input.0.get(*n) {
            Some(column) => f.write_str(&column.name),
            None => write!(f, "#{n}"),
        },
        ExprKind::Literal(v) => value(f, v),
        ExprKind::Call { function, args } => call(f, function, args, input),
        ExprKind::And(terms) | ExprKind::Or(terms) => {
            f.write_str("(")?;
            let by = if matches!(e.kind, ExprKind::And(_)) { " and " } else { " or " };
            joined(f, terms, by, input)?;
            f.write_str(")")
        }
        ExprKind::Path { base, steps: path } => {
            expr(f, base, input)?;
            steps(f, path)
        }
        ExprKind::In { value: v, set, negated, fold_case } => {
            expr(f, v, input)?;
            write!(f, " {}in{} (", if *negated { "!" } else { "" }, if *fold_case { "~" } else { "" })?;
            list(f, set.iter(), value)?;
            f.write_str(")")
        }
    }
}

fn value(f: &mut fmt::Formatter<'_>, v: &Value) -> fmt::Result {
    match v {
        Value::Null(ty) => write!(f, "{ty}(null)"),
        Value::Bool(b) => write!(f, "{b}"),
        Value::Int(n) => write!(f, "int({n})"),
        Value::Long(n) => write!(f, "{n}"),
        Value::Real(x) => write!(f, "{x:?}"),
        Value::Decimal(n, scale) => write!(f, "decimal({n}e-{scale})"),
        Value::String(text) => write!(f, "{text:?}"),
        Value::DateTime(t) => write!(f, "{}", Ticks(*t)),
        Value::TimeSpan(t) => write!(f, "{}", Span(*t)),
        Value::Guid(text) => write!(f, "{text}"),
        Value::Dynamic(json) => write!(f, "dynamic({json})"),
    }
}
