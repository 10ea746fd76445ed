//! Operators as text.

mod several;

use std::fmt::Write as _;

use super::Printer;
use crate::kql::literal::print_string;
use crate::kql::syntax::{
    BagExpansion, ColumnPattern, EvaluateSchema, ExpandColumn, Expr, MakeSeries, MvApply, MvExpand, Name, Nulls,
    OperatorKind, Order, Parse, ParseKind, ParsePart, Property, Scan, ScanOutput, SeriesRange, SortKey, TopNestedLevel,
};

impl Printer {
    pub(super) fn operator(&mut self, kind: &OperatorKind) {
        use OperatorKind as Op;
        match kind {
            Op::Where { predicate } => self.word_expr("where ", predicate),
            Op::Extend { columns } => {
                self.text("extend ");
                self.named_list(columns);
            }
            Op::Project { columns } => {
                self.text("project ");
                self.named_list(columns);
            }
            Op::ProjectAway { columns } => {
                self.text("project-away ");
                self.list(columns, Self::column_pattern);
            }
            Op::ProjectKeep { columns } => {
                self.text("project-keep ");
                self.list(columns, Self::column_pattern);
            }
            Op::ProjectRename { columns } => {
                self.text("project-rename ");
                self.list(columns, |p, rename| {
                    p.name(&rename.new);
                    p.text(" = ");
                    p.name(&rename.old);
                });
            }
            Op::ProjectReorder { columns } => {
                self.text("project-reorder ");
                self.list(columns, |p, column| {
                    p.column_pattern(&column.pattern);
                    p.order(column.order);
                });
            }
            Op::ProjectByNames { columns } => {
                self.text("project-by-names ");
                self.exprs(columns);
            }
            Op::Summarize { hints, aggregates, by } => {
                self.text("summarize ");
                self.hints(hints);
                self.named_list(aggregates);
                if !by.is_empty() {
                    self.text(if aggregates.is_empty() { "by " } else { " by " });
                    self.named_list(by);
                }
            }
            Op::Distinct { hints, columns } => {
                self.text("distinct ");
                self.hints(hints);
                self.named_list(columns);
            }
            Op::Sort { hints, keys } => {
                self.text("sort ");
                self.hints(hints);
                self.text("by ");
                self.list(keys, Self::sort_key);
            }
            Op::Top { hints, count, keys } => {
                self.text("top ");
                self.hints(hints);
                self.expr(count);
                self.text(" by ");
                self.list(keys, Self::sort_key);
            }
            Op::TopNested { levels } => self.list(levels, Self::top_nested),
            Op::TopHitters { count, of, by } => {
                self.word_expr("top-hitters ", count);
                self.word_expr(" of ", of);
                self.word_exprs(" by ", by.as_ref());
            }
            Op::Take { count } => self.word_expr("take ", count),
            Op::Count { name } => {
                self.text("count");
                self.word_name(" as ", name.as_ref());
            }
            Op::Join(join) => self.join("join ", join),
            Op::Lookup(join) => self.join("lookup ", join),
            Op::Union(union) => self.union(union),
            Op::Find(find) => self.find(find),
            Op::Search(search) => self.search(search),
            Op::Parse(parse) => self.parse(parse),
            Op::ParseKv { input, columns, properties } => {
                self.word_expr("parse-kv ", input);
                self.text(" as ");
                self.decls(columns);
                self.with_properties(properties);
            }
            Op::MvExpand(expand) => self.mv_expand(expand),
            Op::MvApply(apply) => self.mv_apply(apply),
            Op::MakeSeries(series) => self.make_series(series),
            Op::Serialize { columns } => {
                self.text(if columns.is_empty() { "serialize" } else { "serialize " });
                self.named_list(columns);
            }
            Op::Scan(scan) => self.scan(scan),
            Op::Partition { hints, by, body, braces } => {
                self.text("partition ");
                self.hints(hints);
                self.word_expr("by ", by);
                self.text(if *braces { " {" } else { " (" });
                self.expr(body);
                self.text(if *braces { "}" } else { ")" });
            }
            Op::Evaluate { hints, call, schema } => {
                self.text("evaluate ");
                self.hints(hints);
                self.call(call);
                if let Some(schema) = schema {
                    self.text(" : ");
                    self.evaluate_schema(schema);
                }
            }
            Op::Invoke { function } => self.word_expr("invoke ", function),
            Op::As { hints, name } => {
                self.text("as ");
                self.hints(hints);
                self.name(name);
            }
            Op::Render { kind, properties } => {
                self.text("render ");
                self.name(kind);
                self.with_properties(properties);
            }
            Op::Facet { by, with } => {
                self.text("facet by ");
                self.exprs(by);
                if let Some(with) = with {
                    self.text(" with ");
                    self.bracketed(with);
                }
            }
            Op::Fork { branches } => {
                self.text("fork");
                for branch in branches {
                    self.text(" ");
                    if let Some(name) = &branch.name {
                        self.name(name);
                        self.text(" = ");
                    }
                    self.bracketed(&branch.body);
                }
            }
            Op::Consume { properties } => {
                self.text("consume");
                for property in properties {
                    self.text(" ");
                    self.properties(std::slice::from_ref(property));
                }
            }
            Op::GetSchema => self.text("getschema"),
            Op::Sample { count } => self.word_expr("sample ", count),
            Op::SampleDistinct { count, of } => {
                self.word_expr("sample-distinct ", count);
                self.word_expr(" of ", of);
            }
            Op::Reduce { by, properties } => {
                self.text("reduce by ");
                self.named(by);
                if !properties.is_empty() {
                    self.text(" with ");
                    self.properties(properties);
                }
            }
            Op::AssertSchema { columns } => {
                self.text("assert-schema ");
                self.decls(columns);
            }
            Op::ExecuteAndCache => self.text("execute_and_cache"),
            Op::Unsupported { name } => self.name(name),
            Op::Error => {}
        }
    }

    fn word_expr(&mut self, word: &str, expr: &Expr) {
        self.text(word);
        self.expr(expr);
    }

    fn word_exprs(&mut self, word: &str, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.word_expr(word, expr);
        }
    }

    fn word_name(&mut self, word: &str, name: Option<&Name>) {
        if let Some(name) = name {
            self.text(word);
            self.name(name);
        }
    }

    /// `(*, a: long)`
    pub(super) fn evaluate_schema(&mut self, schema: &EvaluateSchema) {
        self.text("(");
        self.text(if schema.star { "*" } else { "" });
        self.text(if schema.star && !schema.columns.is_empty() { ", " } else { "" });
        self.list(&schema.columns, Self::decl);
        self.text(")");
    }

    fn hints(&mut self, hints: &[Property]) {
        for hint in hints {
            self.properties(std::slice::from_ref(hint));
            self.text(" ");
        }
    }

    fn with_properties(&mut self, properties: &[Property]) {
        if !properties.is_empty() {
            self.text(" with (");
            self.properties(properties);
            self.text(")");
        }
    }

    fn bracketed(&mut self, body: &Expr) {
        self.text("(");
        self.expr(body);
        self.text(")");
    }

    fn column_pattern(&mut self, pattern: &ColumnPattern) {
        if pattern.wildcard {
            self.loose_name(&pattern.text, '*');
        } else {
            self.text(&super::print_name(&pattern.text));
        }
    }

    fn order(&mut self, order: Option<Order>) {
        self.text(match order {
            None => "",
            Some(Order::Asc) => " asc",
            Some(Order::Desc) => " desc",
            Some(Order::GrannyAsc) => " granny-asc",
            Some(Order::GrannyDesc) => " granny-desc",
        });
    }

    fn sort_key(&mut self, key: &SortKey) {
        self.expr(&key.expr);
        self.order(key.order);
        self.text(match key.nulls {
            None => "",
            Some(Nulls::First) => " nulls first",
            Some(Nulls::Last) => " nulls last",
        });
    }

    fn top_nested(&mut self, level: &TopNestedLevel) {
        self.text("top-nested ");
        if let Some(count) = &level.count {
            self.expr(count);
            self.text(" ");
        }
        self.text("of ");
        self.named(&level.of);
        self.word_exprs(" with others = ", level.others.as_ref());
        self.text(" by ");
        self.named(&level.by);
        self.order(level.order);
    }

    fn parse(&mut self, parse: &Parse) {
        self.text(if parse.only_matching { "parse-where " } else { "parse " });
        self.text(match parse.kind {
            None => "",
            Some(ParseKind::Simple) => "kind=simple ",
            Some(ParseKind::Regex) => "kind=regex ",
            Some(ParseKind::Relaxed) => "kind=relaxed ",
        });
        if let Some(flags) = &parse.flags {
            self.text("flags=");
            self.loose_name(flags, '_');
            self.text(" ");
        }
        self.expr(&parse.input);
        self.text(" with");
        for part in &parse.pattern {
            self.text(" ");
            match part {
                ParsePart::Skip => self.text("*"),
                ParsePart::Text(text) => self.text(&print_string(text)),
                ParsePart::Column { name, ty } => {
                    self.name(name);
                    if let Some(ty) = ty {
                        let _ = write!(self.out, ": {ty}");
                    }
                }
            }
        }
    }

    fn expand_columns(&mut self, columns: &[ExpandColumn], limit: Option<&Expr>) {
        self.list(columns, |p, column| {
            p.named(&column.expr);
            if let Some(ty) = column.to {
                let _ = write!(p.out, " to typeof({ty})");
            }
        });
        self.word_exprs(" limit ", limit);
    }

    fn mv_expand(&mut self, expand: &MvExpand) {
        self.text(if expand.old { "mvexpand " } else { "mv-expand " });
        self.hints(&expand.hints);
        self.text(match expand.bag {
            None => "",
            Some(BagExpansion::Bag) => "bagexpansion=bag ",
            Some(BagExpansion::Array) => "bagexpansion=array ",
        });
        self.item_index(expand.index.as_ref());
        self.expand_columns(&expand.columns, expand.limit.as_ref());
    }

    fn item_index(&mut self, index: Option<&Name>) {
        if let Some(name) = index {
            self.text("with_itemindex=");
            self.name(name);
            self.text(" ");
        }
    }

    fn mv_apply(&mut self, apply: &MvApply) {
        self.text("mv-apply ");
        self.hints(&apply.hints);
        self.item_index(apply.index.as_ref());
        self.expand_columns(&apply.columns, apply.limit.as_ref());
        self.word_exprs(" id ", apply.id.as_ref());
        self.text(" on ");
        self.bracketed(&apply.body);
    }

    fn make_series(&mut self, series: &MakeSeries) {
        self.text("make-series ");
        if series.nonempty {
            self.text("kind=nonempty ");
        }
        self.hints(&series.hints);
        self.list(&series.aggregates, |p, aggregate| {
            p.named(&aggregate.expr);
            p.word_exprs(" default=", aggregate.default.as_ref());
        });
        self.text(" on ");
        self.named(&series.axis);
        match &series.range {
            SeriesRange::FromTo { from, to, step } => {
                self.word_exprs(" from ", from.as_ref());
                self.word_exprs(" to ", to.as_ref());
                self.word_expr(" step ", step);
            }
            SeriesRange::In { start, stop, step } => {
                self.text(" in range(");
                self.exprs([start, stop, step]);
                self.text(")");
            }
        }
        if !series.by.is_empty() {
            self.text(" by ");
            self.named_list(&series.by);
        }
    }

    fn scan(&mut self, scan: &Scan) {
        self.text("scan ");
        if let Some(name) = &scan.match_id {
            self.text("with_match_id=");
            self.name(name);
            self.text(" ");
        }
        self.hints(&scan.hints);
        if !scan.partition.is_empty() {
            self.text("partition by ");
            self.exprs(&scan.partition);
            self.text(" ");
        }
        if !scan.order.is_empty() {
            self.text("order by ");
            self.list(&scan.order, Self::sort_key);
            self.text(" ");
        }
        if !scan.declare.is_empty() {
            self.text("declare (");
            self.list(&scan.declare, |p, variable| {
                p.name(&variable.name);
                let _ = write!(p.out, ": {}", variable.ty);
                p.word_exprs(" = ", variable.default.as_ref());
            });
            self.text(") ");
        }
        self.text("with (");
        for step in &scan.steps {
            self.text("step ");
            self.name(&step.name);
            self.text(if step.optional { " optional" } else { "" });
            self.text(match step.output {
                None => "",
                Some(ScanOutput::All) => " output=all",
                Some(ScanOutput::Last) => " output=last",
                Some(ScanOutput::None) => " output=none",
            });
            self.word_expr(": ", &step.condition);
            if !step.assignments.is_empty() {
                self.text(" => ");
                self.list(&step.assignments, |p, (name, value)| {
                    p.name(name);
                    p.word_expr(" = ", value);
                });
            }
            self.text("; ");
        }
        self.text(")");
    }
}
