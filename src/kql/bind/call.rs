//! Calls: of the registry's functions, of the query's own, and of the few that are part of the language (`toscalar`, `column_ifexists`, …).

use std::sync::Arc;

use super::expression::{height, reads, size};
use super::needs::{Answer, What};
use super::scope::{Aggregating, Binding, Row, Table, Value as Found};
use super::{Binder, MOST_LEVELS, is_poison};
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::{self, Function, FunctionKind, Gives, Takes};
use crate::kql::plan::{Expr, Op, Rel, WindowCall};
use crate::kql::syntax::{self, BinaryOp, Call, ExprKind};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// Functions that need the cloud, or a database of their own; calling one is an error that says where it runs.
const ELSEWHERE: &[&str] = &[
    "current_principal",
    "current_principal_details",
    "current_principal_is_member_of",
    "current_cluster_endpoint",
    "current_cursor",
    "current_database",
    "current_node_id",
    "cursor_after",
    "cursor_before_or_at",
    "cursor_current",
    "extent_id",
    "extent_tags",
    "extentid",
    "row_id",
    "rowstore_ordinal_range",
    "stored_query_result",
    "materialized_view",
    "external_table",
    "ai_embed_text",
    "geo_closest_point_on_polygon",
    "geo_h3cell_children",
    "geo_h3cell_level",
    "geo_h3cell_neighbors",
    "geo_h3cell_parent",
    "geo_h3cell_rings",
    "geo_h3cell_to_central_point",
    "geo_h3cell_to_polygon",
    "geo_intersection_2lines",
    "geo_intersection_2polygons",
    "geo_intersection_line_with_polygon",
    "geo_intersects_2lines",
    "geo_intersects_2polygons",
    "geo_intersects_line_with_polygon",
    "geo_line_buffer",
    "geo_line_densify",
    "geo_line_locate_point",
    "geo_line_simplify",
    "geo_line_to_s2cells",
    "geo_point_buffer",
    "geo_point_to_h3cell",
    "geo_polygon_buffer",
    "geo_polygon_densify",
    "geo_polygon_simplify",
    "geo_polygon_to_h3cells",
    "geo_polygon_to_s2cells",
    "geo_simplify_polygons_array",
    "geo_union_lines_array",
    "geo_union_polygons_array",
    "arg",
    "FileProfile",
    "DeviceFromIP",
];

impl Binder<'_> {
    #[inline(never)]
    pub(super) fn call_expr(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        // The query's own functions hide the language's.
        if let Some(found) = self.own_function(call, place, row) {
            return match found {
                Found::Scalar(expr) => expr,
                Found::Table(_) => self.wrong(
                    Diagnostic::error("KQL127", place, format!("`{}` gives a table, not a value", call.name.text))
                        .with_help(format!("one value of it is toscalar({}(…))", call.name.text)),
                ),
            };
        }
        let name = &*call.name.text;
        match name {
            "toscalar" => return self.toscalar(call, place, row),
            "column_ifexists" | "columnifexists" => return self.column_if_exists(call, place, row),
            "iscolumnexists" => return Self::is_column(call, row),
            "materialize" | "table" | "_GetWatchlist" | "_GetWatchlistAlias" | "externaldata" => {
                return self.wrong(
                    Diagnostic::error("KQL127", place, format!("`{name}` gives a table, not a value"))
                        .with_help("one value of it is toscalar(…)"),
                );
            }
            _ => {}
        }
        if let Some(answer) = self.special_call(call, place, row) {
            return answer;
        }
        let aggregate = functions::aggregate(name);
        if let Some(function) = aggregate
            && row.aggregating != Aggregating::No
        {
            return self.aggregate_call(function, call, place, row);
        }
        match functions::scalar(name) {
            Some(function) if function.kind == FunctionKind::Window => self.window_call(function, call, place, row),
            Some(function) => self.scalar_call(function, call, place, row),
            None if aggregate.is_some() => self.wrong(
                Diagnostic::error("KQL134", place, format!("`{name}` is an aggregate: it stands in `summarize` only"))
                    .with_help(format!("… | summarize {name}(…), or toscalar(T | summarize {name}(…)) for one value")),
            ),
            None => match self.saved_function(call, place, row) {
                Some(Found::Scalar(expr)) => expr,
                Some(Found::Table(_)) => self.wrong(
                    Diagnostic::error("KQL127", place, format!("`{name}` gives a table, not a value"))
                        .with_help(format!("one value of it is toscalar({name}(…))")),
                ),
                None => self.unknown_function(call, row),
            },
        }
    }

    #[inline(never)]
    fn unknown_function(&mut self, call: &Call, row: &mut Row) -> Expr {
        let name = &call.name.text;
        // It may be an aggregate.
        let aggregating = row.aggregating;
        if aggregating == Aggregating::Outside {
            row.aggregating = Aggregating::Inside;
        }
        // What is wrong with the arguments is said too.
        for argument in &call.arguments {
            if !matches!(argument.value.kind, ExprKind::Star | ExprKind::TypeOf(_)) {
                let _ = self.value(&argument.value, row);
            }
        }
        row.aggregating = aggregating;
        if self.context.catalog.is_open() {
            return self.poison();
        }
        if self.calls.contains(name) {
            let message = format!("`{name}` calls itself");
            return self.wrong(
                Diagnostic::error("KQL135", call.name.range, message).with_help("functions cannot be recursive"),
            );
        }
        if ELSEWHERE.contains(&&**name) {
            let message = format!("`{name}` does not run in the local engine");
            return self.wrong(
                Diagnostic::error("KQL136", call.name.range, message)
                    .with_help("send the query to a workspace: --engine NAME"),
            );
        }
        let own = self.names.iter().filter(|(_, b)| matches!(b, Binding::Function(_))).map(|(n, _)| &**n);
        let registered = functions::all()
            .filter(|f| !matches!(f.kind, FunctionKind::Operator | FunctionKind::Plugin))
            .map(|f| f.name);
        let near = nearest(name, registered.chain(own)).map(str::to_owned);
        let mut diagnostic = Diagnostic::error("KQL111", call.name.range, format!("no function is called `{name}`"));
        if let Some(near) = near {
            diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
        }
        self.wrong(diagnostic)
    }

    /// A scalar function of the registry.
    #[inline(never)]
    fn scalar_call(&mut self, function: &'static Function, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let mut places: Vec<_> = call.arguments.iter().map(|a| a.value.range).collect();
        let mut target = None;
        let mut args = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            match &argument.value.kind {
                ExprKind::TypeOf(ty) => target = Some(*ty),
                _ => args.push(self.expr(&argument.value, row)),
            }
        }
        // The old `replace(pattern, with, text)` has the text last.
        if &*call.name.text == "replace" && args.len() == 3 {
            args.rotate_right(1);
            places.rotate_right(1);
        }
        if function.name == "bin" && args.len() == 1 && &*call.name.text == "floor" {
            args.push(Expr::literal(Value::Long(1)));
            places.push(place);
        }
        let given = args.len() + usize::from(target.is_some());
        if !self.check_count(function, given, place) {
            return self.poison();
        }
        if function.name == "bin_auto" {
            return self.bin_auto_call(args, &places, place);
        }
        let (args, ty) = self.scalar_types(function, args, &places);
        if args.iter().any(is_poison) && !matches!(function.gives, Gives::Type(_)) {
            return self.poison();
        }
        match function.name {
            "now" | "ago" => return self.clock(function, args, place),
            "extract" | "replace_regex" | "extract_all" => {
                let at = usize::from(function.name == "replace_regex");
                if let Some(pattern) = args.get(at) {
                    self.check_regex(pattern, places[at], function.name == "extract_all");
                }
            }
            "trim" | "trim_start" | "trim_end" => self.check_regex(&args[0], places[0], false),
            "pack_all" => return self.pack_all(&args, row),
            "datetime_part" | "datetime_add" | "datetime_diff" => self.check_part(function, &args[0], places[0]),
            "geo_info_from_ip_address" => return self.place_of_address(function, args, place),
            _ => {}
        }
        // Weeks are the one part that Kusto counts as a real.
        let weeks = function.name == "datetime_diff"
            && matches!(args[0].as_literal(), Some(Value::String(part)) if part.eq_ignore_ascii_case("week"));
        let expr = self.call(function, args, ty);
        if let Some([(_, first), ..]) = functions::series::columns(function) {
            return self.element(expr, 0, *first);
        }
        // Several percentiles are an array, whatever the type of one is.
        if function.name == "percentiles_array_tdigest" {
            return expr;
        }
        match target.or(weeks.then_some(Type::Real)) {
            Some(ty) => self.cast(expr, ty),
            None => expr,
        }
    }

    /// The arguments as the types that the function takes, and the type that it gives.
    fn scalar_types(
        &mut self,
        function: &'static Function,
        args: Vec<Expr>,
        places: &[TextRange],
    ) -> (Vec<Expr>, Type) {
        match function.name {
            "bin" | "bin_at" => {
                return match self.bin_types(args, places) {
                    Some(bound) => bound,
                    None => (vec![self.poison()], Type::Long),
                };
            }
            "case" => return self.case_types(args, places),
            // Of a dynamic value its text is asked, which may be stored.
            "strcat" | "strcat_delim" | "isempty" | "isnotempty"
                if function.name.starts_with("strcat") || is_dynamic(&args) =>
            {
                let texts = args.into_iter().map(|a| self.cast(a, Type::String)).collect();
                let ty = if let Gives::Type(ty) = function.gives { ty } else { Type::String };
                return (texts, ty);
            }
            _ => {}
        }
        let args =
            if function.name.starts_with("series_") { self.series_arguments(function, args, places) } else { args };
        let mut bound = self.take_args(function, args, places);
        let ty = match function.gives {
            Gives::Type(ty) => ty,
            Gives::Argument(n) => bound.get(usize::from(n)).map_or(Type::Dynamic, |a| a.ty),
            Gives::Common | Gives::Wider => {
                let at: Vec<_> = (0..bound.len())
                    .filter(|n| function.parameter(*n).is_some_and(|p| p.takes == Takes::Common))
                    .collect();
                let values: Vec<Expr> = at.iter().map(|n| bound[*n].clone()).collect();
                if matches!(function.name, "coalesce" | "max_of" | "min_of") {
                    self.check_not_mixed(function, &values, places);
                }
                let common_places: Vec<_> = at.iter().filter_map(|n| places.get(*n).copied()).collect();
                let (values, ty) = self.common(values, &common_places, "the values");
                for (n, value) in at.into_iter().zip(values) {
                    bound[n] = value;
                }
                ty
            }
            // A text unless `typeof` says otherwise, or a JSON value.
            Gives::Special => Type::String,
        };
        (bound, ty)
    }

    pub(super) fn check_count(&mut self, function: &'static Function, given: usize, place: TextRange) -> bool {
        let (least, most) = function.arity();
        if given >= least && most.is_none_or(|most| given <= most) {
            return true;
        }
        let wanted = match most {
            Some(most) if most == least => format!("{least}"),
            Some(most) => format!("{least} to {most}"),
            None => format!("at least {least}"),
        };
        let message =
            format!("`{}` takes {wanted} argument{}, not {given}", function.name, if wanted == "1" { "" } else { "s" });
        self.report(Diagnostic::error("KQL112", place, message).with_help(format!(
            "{} — {}",
            function.signature(),
            function.summary
        )));
        false
    }

    /// `case(condition, value, …, value)`.
    fn case_types(&mut self, args: Vec<Expr>, places: &[TextRange]) -> (Vec<Expr>, Type) {
        if args.len().is_multiple_of(2) {
            let place = places.last().copied().unwrap_or_default();
            self.report(
                Diagnostic::error("KQL112", place, "`case` ends with a value for all other rows")
                    .with_help("case(condition, value, condition, value, otherwise)"),
            );
            return (vec![self.poison()], Type::Dynamic);
        }
        let last = args.len() - 1;
        let is_value = |n: usize| n % 2 == 1 || n == last;
        let values: Vec<_> = args.iter().enumerate().filter(|(n, _)| is_value(*n)).map(|(_, a)| a.clone()).collect();
        let value_places: Vec<_> = places.iter().enumerate().filter(|(n, _)| is_value(*n)).map(|(_, p)| *p).collect();
        let (values, ty) = self.common(values, &value_places, "the values of `case`");
        let mut values = values.into_iter();
        let mut bound = Vec::with_capacity(args.len());
        for (n, arg) in args.into_iter().enumerate() {
            match if is_value(n) { values.next() } else { None } {
                Some(value) => bound.push(value),
                None => bound.push(self.condition(arg, places[n])),
            }
        }
        (bound, ty)
    }

    /// `now(…)` and `ago(…)`: constants of the query.
    fn clock(&mut self, function: &'static Function, args: Vec<Expr>, place: TextRange) -> Expr {
        let now = Expr::literal(Value::DateTime(self.context.now.0));
        match args.into_iter().next() {
            None => now,
            Some(span) if function.name == "ago" => self.arithmetic(BinaryOp::Sub, now, span, place),
            Some(span) => self.arithmetic(BinaryOp::Add, now, span, place),
        }
    }

    /// `column_ifexists("name", default)`: decided now, by the schema.
    fn column_if_exists(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let [name, default] = call.arguments.as_slice() else {
            return self.wrong(Diagnostic::error(
                "KQL112",
                place,
                "`column_ifexists` takes a column's name and a default",
            ));
        };
        let default_value = self.expr(&default.value, row);
        let name_expr = self.expr(&name.value, row);
        match name_expr.as_literal() {
            Some(Value::String(text)) => match row.schema().position(text) {
                Some(position) => Expr::column(position, row.schema().0[position].ty),
                None if row.table.open => self.poison(),
                None => default_value,
            },
            _ if is_poison(&name_expr) => name_expr,
            _ => self.wrong(
                Diagnostic::error("KQL132", name.value.range, "the name must be a constant text")
                    .with_help("column_ifexists(\"name\", default)"),
            ),
        }
    }

    fn is_column(call: &Call, row: &Row) -> Expr {
        let name = call.arguments.first().and_then(|a| a.value.inner().as_literal());
        let exists = matches!(name, Some(Value::String(text)) if row.schema().position(text).is_some());
        Expr::literal(Value::Bool(exists))
    }

    /// `toscalar(table)`: one constant, fetched before the query runs.
    #[inline(never)]
    fn toscalar(&mut self, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let [argument] = call.arguments.as_slice() else {
            return self.wrong(Diagnostic::error("KQL112", place, "`toscalar` takes one table"));
        };
        let found = match self.value(&argument.value, row) {
            // What is no constant is still evaluated once, not on every row: toscalar(new_guid()).
            Found::Scalar(expr) if expr.as_literal().is_none() && !is_poison(&expr) && !reads(&expr) => {
                let unit = Rel::new(Op::Values { rows: Arc::new(vec![Vec::new()]) }, Schema::default());
                let schema = Schema(vec![Column::new("value", expr.ty)]);
                Found::Table(Table::new(Rel::new(Op::Project { input: unit, columns: vec![expr] }, schema)))
            }
            found => found,
        };
        match found {
            Found::Scalar(expr) => expr,
            Found::Table(table) => {
                let Some(column) = table.schema().0.first().cloned() else {
                    if !table.open {
                        self.error("KQL133", argument.value.range, "this table has no column");
                    }
                    return self.poison();
                };
                let value = match self.answer(&table, What::Cell) {
                    Some(Answer::Cell(value)) => value,
                    Some(Answer::Column(values)) => values.into_iter().next().unwrap_or(Value::null(column.ty)),
                    None => Value::null(column.ty),
                };
                Expr::literal(value)
            }
        }
    }

    /// A window function: computed in the node below, over the rows in their order.
    #[inline(never)]
    fn window_call(&mut self, function: &'static Function, call: &Call, place: TextRange, row: &mut Row) -> Expr {
        let places: Vec<_> = call.arguments.iter().map(|a| a.value.range).collect();
        let args: Vec<_> = call.arguments.iter().map(|a| self.expr(&a.value, row)).collect();
        if !self.check_count(function, args.len(), place) {
            return self.poison();
        }
        let mut args = self.take_args(function, args, &places);
        if args.iter().any(is_poison) {
            return self.poison();
        }
        if row.windows.is_none() {
            let message = format!("`{}` cannot stand in `{}`", function.name, row.operator);
            return self.wrong(
                Diagnostic::error("KQL137", place, message)
                    .with_help(format!("compute it first: … | extend x = {}(…)", function.name)),
            );
        }
        if !row.table.serialized {
            return self.wrong(
                Diagnostic::error("KQL138", place, format!("`{}` needs rows in an order", function.name))
                    .with_help("put `| sort by …` or `| serialize` before"),
            );
        }
        if matches!(function.name, "prev" | "next")
            && let Some(default) = args.get(2)
        {
            args[2] = self.implicit(default.clone(), args[0].ty, places[2], "the default");
        }
        let ty = match function.gives {
            Gives::Type(ty) => ty,
            _ => args[0].ty,
        };
        let width = row.schema().len();
        let Some(layers) = row.windows.as_mut() else { return self.poison() };
        let call = WindowCall { function, args, ty };
        if let Some(at) = layers.iter().flatten().position(|c| *c == call) {
            return Expr::column(width + at, ty);
        }
        let before: usize = layers.iter().map(Vec::len).sum();
        let last_begins = before - layers.last().map_or(0, Vec::len);
        // A call that reads another call's column stands in a node above that one's.
        let needs_new =
            layers.is_empty() || call.args.iter().any(|a| highest(a).is_some_and(|c| c >= width + last_begins));
        if needs_new {
            layers.push(Vec::new());
        }
        if let Some(layer) = layers.last_mut() {
            layer.push(call);
        }
        Expr::column(width + before, ty)
    }

    /// A scalar as a `let` or a parameter keeps it; poison when it is too deep to be put in other expressions.
    pub(super) fn keep(&mut self, expr: Expr, place: TextRange, row: u32) -> Binding {
        if height(&expr) > MOST_LEVELS || !self.charge(size(&expr), place) {
            self.error("KQL101", place, "this is nested too deeply");
            return Binding::Error;
        }
        let row = if reads(&expr) { row } else { 0 };
        if is_poison(&expr) { Binding::Error } else { Binding::Scalar { expr, row } }
    }
}

fn is_dynamic(args: &[Expr]) -> bool {
    args.first().is_some_and(|a| a.ty == Type::Dynamic)
}

/// The highest column that an expression reads.
fn highest(expr: &Expr) -> Option<usize> {
    use crate::kql::plan::ExprKind as Bound;
    match &expr.kind {
        Bound::Column(n) => Some(*n),
        Bound::Literal(_) => None,
        Bound::Call { args, .. } | Bound::And(args) | Bound::Or(args) => args.iter().filter_map(highest).max(),
        Bound::Path { base, .. } => highest(base),
        Bound::In { value, .. } => highest(value),
    }
}

/// Is the expression's source a call of this function?
pub(super) fn is_call<'e>(expr: &'e syntax::Expr, names: &[&str]) -> Option<&'e Call> {
    match &expr.inner().kind {
        ExprKind::Call(call) if names.contains(&&*call.name.text) => Some(call),
        _ => None,
    }
}
