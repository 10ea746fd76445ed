//! Operators, each with all that it may have.

use super::expressions::{Holds, held};
use super::{Grammar, NOWHERE, expr};
use crate::kql::parser::JOIN_KINDS;
use crate::kql::plan::JoinKind;
use crate::kql::syntax::*;

const UNSUPPORTED: [&str; 3] = ["make-graph", "graph-match", "macro-expand"];

impl Grammar {
    fn column_pattern(&mut self) -> ColumnPattern {
        if self.one_in(3) {
            let text = self.pick(&["*", "a*", "*_b", "a*b", "x_*9"]);
            return ColumnPattern { text: text.into(), wildcard: true, range: NOWHERE };
        }
        ColumnPattern { text: self.name().text, wildcard: false, range: NOWHERE }
    }

    fn patterns(&mut self) -> Vec<ColumnPattern> {
        self.some(1, 3, Self::column_pattern)
    }

    fn sort_key(&mut self) -> SortKey {
        let order = self.maybe(|g| g.pick(&[Order::Asc, Order::Desc]));
        let nulls = self.maybe(|g| g.pick(&[Nulls::First, Nulls::Last]));
        SortKey { expr: self.scalar(), order, nulls, range: NOWHERE }
    }

    fn sort_keys(&mut self) -> Vec<SortKey> {
        self.some(1, 2, Self::sort_key)
    }

    fn top_nested_level(&mut self) -> TopNestedLevel {
        TopNestedLevel {
            count: self.maybe(Self::scalar),
            of: self.named(),
            others: self.maybe(Self::scalar),
            by: self.named(),
            order: self.maybe(|g| g.pick(&[Order::Asc, Order::Desc])),
        }
    }

    fn join(&mut self, lookup: bool) -> OperatorKind {
        let kinds: Vec<JoinKind> = JOIN_KINDS.iter().map(|(_, kind)| *kind).collect();
        let kind = if lookup { self.pick(&[JoinKind::Inner, JoinKind::LeftOuter]) } else { self.pick(&kinds) };
        let join = Join {
            kind: self.maybe(|_| kind),
            hints: self.hints(),
            right: self.table_item(),
            on: self.some(1, 2, Self::scalar),
        };
        if lookup { OperatorKind::Lookup(Box::new(join)) } else { OperatorKind::Join(Box::new(join)) }
    }

    fn union(&mut self) -> OperatorKind {
        OperatorKind::Union(Union {
            kind: self.maybe(|g| g.pick(&[UnionKind::Inner, UnionKind::Outer])),
            source_column: self.maybe(Self::name),
            fuzzy: self.rng.bool(),
            hints: self.hints(),
            tables: self.some(1, 3, Self::table_item),
        })
    }

    fn find(&mut self) -> OperatorKind {
        OperatorKind::Find(Box::new(Find {
            source_column: self.maybe(Self::name),
            hints: self.hints(),
            tables: self.some(0, 2, Self::table_item),
            predicate: self.search_predicate(),
            project: self.maybe(|g| {
                g.some(1, 3, |g| match g.rng.u8(..3) {
                    0 => FindColumn::Pack,
                    _ => FindColumn::Column { name: g.name(), ty: g.maybe(Self::ty) },
                })
            }),
            project_away: self
                .maybe(|g| g.some(1, 2, |g| ColumnPattern { text: g.plain().text, wildcard: false, range: NOWHERE }))
                .unwrap_or_default(),
        }))
    }

    fn search(&mut self) -> OperatorKind {
        OperatorKind::Search(Box::new(Search {
            case_sensitive: self.rng.bool(),
            hints: self.hints(),
            tables: self.some(0, 2, Self::table_item),
            predicate: self.search_predicate(),
        }))
    }

    fn parse(&mut self) -> OperatorKind {
        let mut pattern: Vec<ParsePart> = Vec::new();
        for _ in 0..self.rng.usize(1..5) {
            let after_text = matches!(pattern.last(), Some(ParsePart::Text(_)));
            pattern.push(match self.rng.u8(..3) {
                0 => ParsePart::Skip,
                // Two strings side by side would be one.
                1 if !after_text => ParsePart::Text(self.pick(&["", "a=", " b\n", "[^']+\\d"]).into()),
                _ => ParsePart::Column { name: self.name(), ty: self.maybe(Self::ty) },
            });
        }
        OperatorKind::Parse(Box::new(Parse {
            only_matching: self.rng.bool(),
            kind: self.maybe(|g| g.pick(&[ParseKind::Simple, ParseKind::Regex, ParseKind::Relaxed])),
            flags: self.maybe(|g| g.pick(&["U", "Uis", "s_m"]).into()),
            input: self.scalar(),
            pattern,
        }))
    }

    fn expand_column(&mut self) -> ExpandColumn {
        ExpandColumn { expr: self.named(), to: self.maybe(Self::ty) }
    }

    fn mv_expand(&mut self) -> OperatorKind {
        OperatorKind::MvExpand(MvExpand {
            hints: self.hints(),
            bag: self.maybe(|g| g.pick(&[BagExpansion::Bag, BagExpansion::Array])),
            index: self.maybe(Self::name),
            columns: self.some(1, 2, Self::expand_column),
            limit: self.maybe(Self::scalar),
            old: self.rng.bool(),
        })
    }

    fn mv_apply(&mut self) -> OperatorKind {
        let columns = self.some(0, 2, Self::expand_column);
        OperatorKind::MvApply(Box::new(MvApply {
            hints: self.hints(),
            index: self.maybe(Self::name),
            limit: if columns.is_empty() { None } else { self.maybe(Self::scalar) },
            // Without columns `id` would be one.
            id: if columns.is_empty() { None } else { self.maybe(Self::scalar) },
            columns,
            body: self.body_pipeline(),
        }))
    }

    fn make_series(&mut self) -> OperatorKind {
        let range = if self.one_in(3) {
            SeriesRange::In { start: self.scalar(), stop: self.scalar(), step: self.scalar() }
        } else {
            SeriesRange::FromTo { from: self.maybe(Self::scalar), to: self.maybe(Self::scalar), step: self.scalar() }
        };
        let mut axis = self.named();
        // `in range(…)` may follow it.
        axis.value = held(axis.value, Holds::Binary(Binding::Relational));
        OperatorKind::MakeSeries(Box::new(MakeSeries {
            nonempty: self.rng.bool(),
            hints: self.hints(),
            aggregates: self.some(1, 2, |g| SeriesAggregate { expr: g.named(), default: g.maybe(Self::scalar) }),
            axis,
            range,
            by: self.some(0, 2, Self::named),
        }))
    }

    fn scan_step(&mut self) -> ScanStep {
        ScanStep {
            name: self.name(),
            optional: self.rng.bool(),
            output: self.maybe(|g| g.pick(&[ScanOutput::All, ScanOutput::Last, ScanOutput::None])),
            condition: self.scalar(),
            assignments: self.some(0, 2, |g| (g.name(), g.scalar())),
        }
    }

    fn scan(&mut self) -> OperatorKind {
        OperatorKind::Scan(Box::new(Scan {
            match_id: self.maybe(Self::name),
            hints: self.hints(),
            partition: self.some(0, 2, Self::scalar),
            order: self.some(0, 2, Self::sort_key),
            declare: self.some(0, 2, |g| ScanVariable { name: g.name(), ty: g.ty(), default: g.maybe(Self::scalar) }),
            steps: self.some(1, 2, Self::scan_step),
        }))
    }

    fn partition(&mut self) -> OperatorKind {
        let braces = self.rng.bool();
        let body = if braces { self.pipeline() } else { self.body_pipeline() };
        OperatorKind::Partition { hints: self.hints(), by: self.path_of_names(), body, braces }
    }

    fn evaluate(&mut self) -> OperatorKind {
        let call = Call { name: self.plain(), ..self.call() };
        let schema = self.maybe(|g| EvaluateSchema { columns: g.some(0, 2, Self::decl), star: g.rng.bool() });
        OperatorKind::Evaluate { hints: self.hints(), call, schema }
    }

    /// An operator that may begin a pipeline.
    pub fn leading_operator(&mut self) -> Operator {
        let kind = match self.rng.u8(..4) {
            0 => self.find(),
            1 => self.search(),
            2 => self.evaluate(),
            _ => self.union(),
        };
        Operator { kind, word: NOWHERE, range: NOWHERE }
    }

    pub fn operator(&mut self) -> Operator {
        self.room = self.room.saturating_sub(1);
        let kind = match self.rng.u8(..45) {
            0 => OperatorKind::Where { predicate: self.scalar() },
            1 => OperatorKind::Extend { columns: self.named_list() },
            2 => OperatorKind::Project { columns: self.some(0, 3, Self::named) },
            3 => OperatorKind::ProjectAway { columns: self.patterns() },
            4 => OperatorKind::ProjectKeep { columns: self.patterns() },
            5 => OperatorKind::ProjectRename { columns: self.some(1, 2, |g| Rename { new: g.name(), old: g.name() }) },
            6 => {
                let orders = [Order::Asc, Order::Desc, Order::GrannyAsc, Order::GrannyDesc];
                let columns = self
                    .some(1, 3, |g| ReorderColumn { pattern: g.column_pattern(), order: g.maybe(|g| g.pick(&orders)) });
                OperatorKind::ProjectReorder { columns }
            }
            7 => OperatorKind::ProjectByNames { columns: self.some(1, 2, Self::table_item) },
            8 | 9 => {
                let (aggregates, by) = (self.some(0, 2, Self::named), self.some(0, 2, Self::named));
                let aggregates = if aggregates.is_empty() && by.is_empty() { self.named_list() } else { aggregates };
                OperatorKind::Summarize { hints: self.hints(), aggregates, by }
            }
            10 => {
                let all = NamedExpr { names: Vec::new(), value: expr(ExprKind::Star), range: NOWHERE };
                let columns = if self.one_in(3) { vec![all] } else { self.named_list() };
                OperatorKind::Distinct { hints: self.hints(), columns }
            }
            11 => OperatorKind::Sort { hints: self.hints(), keys: self.sort_keys() },
            12 => OperatorKind::Top { hints: self.hints(), count: self.scalar(), keys: self.sort_keys() },
            13 => OperatorKind::TopNested { levels: self.some(1, 2, Self::top_nested_level) },
            14 => OperatorKind::TopHitters { count: self.scalar(), of: self.scalar(), by: self.maybe(Self::scalar) },
            15 => OperatorKind::Take { count: self.scalar() },
            16 => OperatorKind::Count { name: self.maybe(Self::name) },
            17 | 18 => self.join(false),
            19 => self.join(true),
            20 => self.union(),
            21 => self.find(),
            22 => self.search(),
            23 | 24 => self.parse(),
            25 => OperatorKind::ParseKv {
                input: self.scalar(),
                columns: self.some(1, 2, Self::decl),
                properties: self.properties(2),
            },
            26 => self.mv_expand(),
            27 => self.mv_apply(),
            28 => self.make_series(),
            29 => OperatorKind::Serialize { columns: self.some(0, 2, Self::named) },
            30 => self.scan(),
            31 => self.partition(),
            32 => self.evaluate(),
            33 => OperatorKind::Invoke { function: self.invoked() },
            34 => OperatorKind::As { hints: self.hints(), name: self.name() },
            35 => OperatorKind::Render { kind: self.name(), properties: self.properties(3) },
            36 => OperatorKind::Facet { by: self.some(1, 2, Self::scalar), with: self.maybe(Self::body_pipeline) },
            37 => OperatorKind::Fork {
                branches: self.some(1, 2, |g| ForkBranch { name: g.maybe(Self::name), body: g.body_pipeline() }),
            },
            38 => {
                let name = Name::new("decodeblocks", NOWHERE);
                let value = expr(ExprKind::Name(Name::new("true", NOWHERE)));
                OperatorKind::Consume {
                    properties: self.some(0, 1, |_| Property {
                        name: name.clone(),
                        value: value.clone(),
                        range: NOWHERE,
                    }),
                }
            }
            39 => OperatorKind::GetSchema,
            40 => OperatorKind::Sample { count: self.scalar() },
            41 => OperatorKind::SampleDistinct { count: self.scalar(), of: self.scalar() },
            42 => OperatorKind::Reduce { by: self.named(), properties: self.properties(2) },
            43 => OperatorKind::AssertSchema { columns: self.some(1, 2, Self::decl) },
            _ if self.rng.bool() => OperatorKind::ExecuteAndCache,
            _ => OperatorKind::Unsupported { name: Name::new(self.pick(&UNSUPPORTED), NOWHERE) },
        };
        Operator { kind, word: NOWHERE, range: NOWHERE }
    }
}
