#![allow(clippy::needless_for_each)] // tests read better so
use super::*;
use crate::base::time::Ticks;
use crate::kql::bind::{Bound, Context, Known, bind};
use crate::kql::catalog::Catalog;
use crate::kql::parser::parse;
use crate::kql::plan::{JoinKind, Op};
use crate::kql::types::{Column, Schema, Type};

struct House;

impl Catalog for House {
    fn table(&self, name: &str) -> Option<Schema> {
        let columns: &[(&str, Type)] = match name {
            "T" => &[
                ("t", Type::DateTime),
                ("a", Type::String),
                ("n", Type::Long),
                ("d", Type::Dynamic),
                ("e", Type::Dynamic),
            ],
            "U" => &[("a", Type::String), ("m", Type::Long), ("d", Type::Dynamic)],
            _ => return None,
        };
        Some(columns.iter().map(|(name, ty)| Column::new(*name, *ty)).collect())
    }

    fn view(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn plan(text: &str) -> Plan {
    let parsed = parse(text);
    let known = Known::default();
    let context = Context {
        catalog: &House,
        now: Ticks(0),
        parameters: &[],
        timespan: None,
        window: None,
        known: &known,
        evaluate: None,
    };
    let outcome = bind(&parsed.query, text, &context);
    match outcome.bound {
        Bound::Plan(plan) => plan,
        other => panic!("{text}: {other:?} {:?}", outcome.diagnostics),
    }
}

#[track_caller]
fn becomes(text: &str, want: &[&str]) {
    let plan = optimise(plan(text));
    assert_eq!(plan.to_string().trim_end().lines().collect::<Vec<_>>(), want, "{text}");
}

#[test]
fn conditions_reach_the_scan_and_only_what_is_read_is_scanned() {
    becomes(
        "T | where n > 3 | extend b = n + 1 | where a == 'x' and b < 9 | project a, b",
        &["project a, b = (n + 1)", "  scan T (a, n) where (n > 3) and (a == \"x\") and ((n + 1) < 9)"],
    );
    becomes("T | where a has 'x' | count", &["summarize Count = count()", "  scan T (a) where (a has \"x\")"]);
    becomes("T | count", &["summarize Count = count()", "  scan T ()"]);
}

#[test]
fn paths_are_scanned_as_columns() {
    becomes(
        "T | where tostring(d.x.y) == 'a' | project t, d.x.y, z = d.z, w = tostring(d['z'])",
        &[
            "project t, d_x_y = d.x.y, z = d.z, w = d.z",
            "  scan T (t, d.x.y, d.z, d.z:text, d.x.y:text) where (d.x.y == \"a\")",
        ],
    );
    becomes(
        "T | where d.x == 'a' and isnotempty(d.y) | sort by t | take 5 | project strcat(d.x, e), n",
        &[
            "project Column1 = strcat(d.x, tostring(e)), n",
            "  top 5 by t desc",
            "    scan T (d.x:text, e, n, t, d.y:text) where (d.x == \"a\") and isnotempty(d.y)",
        ],
    );
    becomes(
        "T | extend s = d.x | where tostring(s.y) == 'a' | project s.z",
        &["project s_z = d.x.z", "  scan T (d.x.z, d.x.y:text) where (d.x.y == \"a\")"],
    );
}

#[test]
fn a_condition_stays_above_what_looks_at_several_rows() {
    becomes("T | take 5 | where n > 3 | project n", &["where (n > 3)", "  take 5", "    scan T (n)"]);
    becomes(
        "T | sort by t asc | extend p = prev(n) | where n > 3 | project n, p",
        &["project n, p = $5", "  where (n > 3)", "    window prev(n)", "      sort by t asc", "        scan T (n, t)"],
    );
}

#[test]
fn conditions_on_keys_go_below_the_aggregate() {
    becomes(
        "T | summarize c = count(), s = sum(n) by a | where a == 'x' and c > 3 | project a, c",
        &["where (c > 3)", "  summarize c = count() by a", "    scan T (a) where (a == \"x\")"],
    );
}

#[test]
fn conditions_go_to_the_side_of_a_join_that_they_speak_of() {
    becomes(
        "T | project a, n | join kind=inner U on a | where n > 3 and m > 4 and n > m | project n, m",
        &[
            "project n, m",
            "  where (n > m)",
            "    join Inner on a == a -> (n: long, a: string, m: long, a1: string)",
            "      scan T (n, a) where (n > 3)",
            "      scan U (m, a) where (m > 4)",
        ],
    );
    let kept = |kind: &str| {
        let text = format!("T | project a, n | join kind={kind} U on a | where n > 3 and m > 4 | count");
        optimise(plan(&text)).to_string().matches("scan T (a, n) where").count()
    };
    assert_eq!(kept("innerunique"), 0, "which left row stands for its key is decided before the condition");
}

#[test]
fn a_union_is_filtered_and_cut_in_each_table() {
    becomes(
        "T | union U | where a == 'x' | project a, n",
        &[
            "union",
            "  scan T (a, n) where (a == \"x\")",
            "  project a, n = long(null)",
            "    scan U (a) where (a == \"x\")",
        ],
    );
}

#[test]
fn an_expansion_repeats_only_what_is_read_and_conditions_stand_below_it() {
    becomes(
        "T | mv-expand with_itemindex=i d | where n > 3 and tostring(d) == 'x' and tostring(e.k) == 'y' | project d, k = tostring(e.k.z)",
        &[
            "project d, k = e.k.z",
            "  where (tostring(d) == \"x\")",
            "    mv-expand d",
            "      scan T (e.k.z:text, d, n, e.k:text) where (n > 3) and (e.k == \"y\")",
        ],
    );
    becomes(
        "T | mv-expand x = d.list | summarize count() by a",
        &["summarize count_ = count() by a", "  project a", "    mv-expand x = d.list", "      scan T (a, d.list)"],
    );
}

#[test]
fn a_sub_pipeline_is_given_only_what_it_reads() {
    let text =
        "T | mv-apply x = d.xs to typeof(long) on (where x > n | summarize m = max(x)) | where a == 'q' | project a, m";
    let shown = optimise(plan(text)).to_string();
    assert!(shown.contains("scan T (a, d.xs, n) where (a == \"q\")"), "{shown}");
    assert!(shown.contains("given (n: long, x: dynamic)"), "{shown}");
    let shown = optimise(plan("T | partition by a (top 1 by n | project n)")).to_string();
    assert!(shown.contains("given (a: string, n: long)"), "{shown}");
}

/// Every position and type in the plan is right: the input's, in each node.
fn check(rel: &Rel) {
    let expr = |e: &Expr, input: &Schema| {
        walk(e, &mut |e| {
            if let ExprKind::Column(n) = e.kind {
                assert!(n < input.len(), "column {n} of {input:?}");
                assert_eq!(e.ty, input.0[n].ty, "{e:?}");
            }
            true
        });
    };
    let types = |schema: &Schema| schema.iter().map(|c| c.ty).collect::<Vec<_>>();
    match &rel.op {
        Op::Scan { columns, filter, .. } => {
            assert_eq!(columns.len(), rel.schema.len());
            filter.iter().for_each(|f| expr(f, &rel.schema));
        }
        Op::Values { .. } | Op::Range { .. } | Op::Given | Op::Shared(_) => {}
        Op::Filter { input, predicate } => {
            expr(predicate, &input.schema);
            assert_eq!(types(&input.schema), types(&rel.schema));
            check(input);
        }
        Op::Project { input, columns } => {
            columns.iter().for_each(|c| expr(c, &input.schema));
            assert_eq!(columns.iter().map(|c| c.ty).collect::<Vec<_>>(), types(&rel.schema));
            check(input);
        }
        Op::Aggregate { input, keys, aggregates } => {
            keys.iter().chain(aggregates.iter().flat_map(|a| &a.args)).for_each(|e| expr(e, &input.schema));
            let given = keys.iter().map(|k| k.ty).chain(aggregates.iter().map(|a| a.ty));
            assert_eq!(given.collect::<Vec<_>>(), types(&rel.schema));
            check(input);
        }
        Op::MakeSeries { input, series } => {
            assert_eq!(types(&input.schema)[..series.keys], types(&rel.schema)[..series.keys]);
            assert_eq!(input.schema.len(), rel.schema.len());
            check(input);
        }
        Op::Join { left, right, kind, keys } => {
            for (l, r) in keys {
                expr(l, &left.schema);
                expr(r, &right.schema);
                assert_eq!(l.ty, r.ty);
            }
            let both = types(&left.schema).into_iter().chain(types(&right.schema)).collect();
            let given = match kind {
                JoinKind::LeftSemi | JoinKind::LeftAnti => types(&left.schema),
                JoinKind::RightSemi | JoinKind::RightAnti => types(&right.schema),
                _ => both,
            };
            assert_eq!(given, types(&rel.schema));
            check(left);
            check(right);
        }
        Op::Union { inputs } => inputs.iter().for_each(|input| {
            assert_eq!(types(&input.schema), types(&rel.schema));
            check(input);
        }),
        Op::Sort { input, keys, .. } => {
            keys.iter().for_each(|k| expr(&k.expr, &input.schema));
            assert_eq!(types(&input.schema), types(&rel.schema));
            check(input);
        }
        Op::Take { input, .. } | Op::Serialize { input } => {
            assert_eq!(types(&input.schema), types(&rel.schema));
            check(input);
        }
        Op::Plugin { inputs, .. } => inputs.iter().for_each(|input| check(input)),
        Op::Sequence { input, sequence } => {
            let own = types(&input.schema)
                .into_iter()
                .chain(sequence.declared.iter().map(crate::kql::Value::ty))
                .collect::<Vec<_>>();
            let id = sequence.match_id.then_some(Type::Long);
            assert_eq!(own.iter().copied().chain(id).collect::<Vec<_>>(), types(&rel.schema));
            let steps = sequence.steps.iter().flat_map(|_| own.clone());
            let all: Schema = types(&input.schema).into_iter().chain(steps).map(|ty| Column::new("c", ty)).collect();
            for step in &sequence.steps {
                expr(&step.condition, &all);
                step.assignments.iter().for_each(|(_, e)| expr(e, &all));
            }
            check(input);
        }
        Op::Capture { input, text, capture, columns, .. } => {
            expr(text, &input.schema);
            let given = types(&input.schema).into_iter().chain(columns.iter().map(|n| capture.types[*n]));
            assert_eq!(given.collect::<Vec<_>>(), types(&rel.schema));
            check(input);
        }
        Op::Window { input, calls } => {
            calls.iter().flat_map(|c| &c.args).for_each(|e| expr(e, &input.schema));
            let given = types(&input.schema).into_iter().chain(calls.iter().map(|c| c.ty));
            assert_eq!(given.collect::<Vec<_>>(), types(&rel.schema));
            check(input);
        }
        Op::Expand { input, expansion } => {
            expansion.lists.iter().for_each(|e| expr(e, &input.schema));
            assert_eq!(expanded(input, expansion), types(&rel.schema));
            check(input);
        }
        Op::Apply { input, expansion, kept, body } => {
            expansion.lists.iter().for_each(|e| expr(e, &input.schema));
            assert_eq!(given(body), Some(expanded(input, expansion)));
            let kept = kept.iter().map(|n| input.schema.0[*n].ty);
            assert_eq!(kept.chain(types(&body.schema)).collect::<Vec<_>>(), types(&rel.schema));
            check(input);
            check(body);
        }
        Op::TopNested { input, levels } => {
            for level in levels {
                level.aggregates.iter().flat_map(|a| &a.args).chain([&level.key]).for_each(|e| expr(e, &input.schema));
            }
            let given = levels.iter().flat_map(|l| [l.key.ty, l.value.ty]);
            assert_eq!(given.collect::<Vec<_>>(), types(&rel.schema));
            check(input);
        }
        Op::Partition { input, keys, body } => {
            keys.iter().for_each(|e| expr(e, &input.schema));
            assert_eq!(given(body), Some(types(&input.schema)));
            assert_eq!(types(&body.schema), types(&rel.schema));
            check(input);
            check(body);
        }
    }
}

/// The types of what a row is expanded into.
fn expanded(input: &Rel, expansion: &crate::kql::plan::Expansion) -> Vec<Type> {
    let kept = expansion.kept.iter().map(|n| input.schema.0[*n].ty);
    let elements = expansion.lists.iter().map(|_| Type::Dynamic);
    kept.chain(elements).chain(expansion.index.then_some(Type::Long)).collect()
}

/// The types of what a body is given.
fn given(body: &Rel) -> Option<Vec<Type>> {
    match body.op {
        Op::Given => Some(body.schema.iter().map(|c| c.ty).collect()),
        _ => body.inputs().iter().find_map(|input| given(input)),
    }
}

#[test]
fn random_pipelines_keep_their_columns_and_stay_whole() {
    let steps = [
        "where n > 3",
        "where tostring(d.x) == 'a' or d.y.z > 4",
        "extend n = n * 2, f = d.x",
        "extend d = pack_array(n)",
        "sort by n asc, tostring(d.x)",
        "take 9",
        "top 3 by n",
        "serialize r = row_number()",
        "extend p = prev(n), q = prev(d)",
        "where tostring(q.z) has 'x'",
        "project-away e*",
        "join kind=inner (U | where m > 1) on a",
        "join kind=leftouter U on $left.a == $right.a",
        "join kind=rightsemi (T | where n > 2) on a",
        "join kind=leftanti U on a",
        "lookup (U | project a, k = d) on a",
        "union (T | where n < 3 | extend z = d.z)",
        "union kind=inner T",
        "project a, n, d, t, w = d.deep[0].x",
        "summarize n = count(), d = take_any(d), t = max(t) by a",
        "summarize arg_max(n, *) by a",
        "distinct a, n, t, w = tostring(d.w), d = ''",
        "extend d = parse_json(tostring(d))",
        "where a in ('x', 'y') and n between (1 .. 5)",
        "project-rename nn = n | extend n = nn + 1",
        "mv-expand d",
        "mv-apply with_itemindex=i x = d.xs to typeof(long), e on (where x > n | top 2 by x | project x, i)",
        "mv-apply e on (summarize s = make_list(e), c = count() by k = tostring(e.k))",
        "mv-apply d on (extend n = n + 1 | mv-apply y = d.ys on (take 1))",
        "top-nested 2 of a with others='x' by n = sum(n), top-nested of t by max(strlen(tostring(d.x)))",
        "sample 3 | top-hitters 2 of a by n | extend n = 1",
        "partition by a (top 2 by n | extend r = row_number())",
        "partition hint.strategy=native by a (summarize m = max(n), d = take_any(d))",
        "mv-expand with_itemindex=i x = d.deep to typeof(long), e limit 4",
        "parse a with x: long ',' d * 'k' y",
        "sort by a | scan with_match_id=m declare (c: long = 1) with (step s: n > 3 => c = n + s.c; step u output=last: a != s.a and n > s.n;)",
        "parse-where kind=regex tostring(d.x) with 'n=' n: long",
        "parse-kv a as (k: long, t: datetime)",
        "count",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let mut bound = 0;
    for _ in 0..3000 {
        let mut text = "T".to_owned();
        for _ in 0..random.usize(1..7) {
            text.push_str(" | ");
            text.push_str(steps[random.usize(..steps.len())]);
        }
        let known = Known::default();
        let context = Context {
            catalog: &House,
            now: Ticks(0),
            parameters: &[],
            timespan: None,
            window: None,
            known: &known,
            evaluate: None,
        };
        // Not every sequence is a query: a column may be gone, rows may have no order.
        let Bound::Plan(plan) = bind(&parse(&text).query, &text, &context).bound else { continue };
        bound += 1;
        check(&plan.outputs[0].rel);
        let optimised = optimise(plan.clone());
        check(&optimised.outputs[0].rel);
        assert_eq!(optimised.outputs[0].rel.schema, plan.outputs[0].rel.schema, "{text}");
        assert_eq!(optimise(optimised.clone()).outputs[0].rel.schema, plan.outputs[0].rel.schema, "{text}");
    }
    assert!(bound > 500, "only {bound} were queries");
}
