//! Seeing every node of a tree, parents before children, in the order of the text.

use super::{
    Argument, Call, ColumnDecl, ColumnPattern, Expr, ExprKind, FindColumn, Name, NamedExpr, Operator, OperatorKind,
    Parameter, ParameterType, ParsePart, PathStepKind, Property, Query, SeriesRange, SortKey, Statement, StatementKind,
};

/// A node, as `walk` shows it.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    Statement(&'a Statement),
    Expr(&'a Expr),
    Operator(&'a Operator),
    Call(&'a Call),
    Name(&'a Name, NameRole),
    Pattern(&'a ColumnPattern),
}

/// What a name is where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRole {
    /// A column, a table, a let that is used.
    Use,
    /// A column, a let or a parameter that begins to exist here.
    Definition,
    Function,
    /// A property behind a dot.
    Member,
    /// The name of an option or of a named argument.
    Option,
}

/// Shows every node of a query.
pub fn walk<'a>(query: &'a Query, visit: &mut dyn FnMut(Node<'a>)) {
    let mut walker = Walker { visit };
    for statement in &query.statements {
        walker.statement(statement);
    }
}

/// Shows every node of an expression, itself first.
pub fn walk_expr<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Node<'a>)) {
    Walker { visit }.expr(expr);
}

struct Walker<'v, 'a> {
    visit: &'v mut dyn FnMut(Node<'a>),
}

impl<'a> Walker<'_, 'a> {
    fn statement(&mut self, statement: &'a Statement) {
        (self.visit)(Node::Statement(statement));
        match &statement.kind {
            StatementKind::Let { name, value } => {
                self.name(name, NameRole::Definition);
                self.expr(value);
            }
            StatementKind::Parameters(parameters) => parameters.iter().for_each(|p| self.parameter(p)),
            StatementKind::Pattern(pattern) => {
                self.name(&pattern.name, NameRole::Definition);
                pattern.parameters.iter().chain(&pattern.path).for_each(|p| self.parameter(p));
                for case in &pattern.cases {
                    self.exprs(case.arguments.iter().chain(&case.path));
                    case.body.iter().for_each(|s| self.statement(s));
                }
            }
            StatementKind::Set { name, value } => {
                self.name(name, NameRole::Option);
                self.exprs(value);
            }
            StatementKind::Alias { name, target } => {
                self.name(name, NameRole::Definition);
                self.expr(target);
            }
            StatementKind::Restrict { targets } => self.exprs(targets),
            StatementKind::Expr(expr) => self.expr(expr),
            StatementKind::Error => {}
        }
    }

    fn name(&mut self, name: &'a Name, role: NameRole) {
        (self.visit)(Node::Name(name, role));
    }

    fn pattern(&mut self, pattern: &'a ColumnPattern) {
        (self.visit)(Node::Pattern(pattern));
    }

    fn parameter(&mut self, parameter: &'a Parameter) {
        self.name(&parameter.name, NameRole::Definition);
        if let ParameterType::Table(columns) = &parameter.ty {
            self.decls(columns);
        }
        self.exprs(&parameter.default);
    }

    fn decls(&mut self, columns: &'a [ColumnDecl]) {
        for column in columns {
            self.name(&column.name, NameRole::Definition);
        }
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn call(&mut self, call: &'a Call) {
        (self.visit)(Node::Call(call));
        self.name(&call.name, NameRole::Function);
        for Argument { name, value } in &call.arguments {
            if let Some(name) = name {
                self.name(name, NameRole::Option);
            }
            self.expr(value);
        }
    }

    fn named(&mut self, columns: impl IntoIterator<Item = &'a NamedExpr>) {
        for column in columns {
            for name in &column.names {
                self.name(name, NameRole::Definition);
            }
            self.expr(&column.value);
        }
    }

    fn properties(&mut self, properties: &'a [Property]) {
        for property in properties {
            self.name(&property.name, NameRole::Option);
            // A bare word is a choice of the option, not a column.
            match property.value.as_name() {
                Some(name) => self.name(name, NameRole::Option),
                None => self.expr(&property.value),
            }
        }
    }

    fn keys(&mut self, keys: &'a [SortKey]) {
        self.exprs(keys.iter().map(|key| &key.expr));
    }

    fn expr(&mut self, expr: &'a Expr) {
        (self.visit)(Node::Expr(expr));
        match &expr.kind {
            ExprKind::Literal(_)
            | ExprKind::Today(_)
            | ExprKind::Hidden(_)
            | ExprKind::Star
            | ExprKind::TypeOf(_)
            | ExprKind::Error => {}
            ExprKind::TypeOfTable(schema) => self.decls(&schema.columns),
            ExprKind::Name(name) | ExprKind::Wildcard(name) => self.name(name, NameRole::Use),
            ExprKind::Call(call) => self.call(call),
            ExprKind::Path { base, steps } => {
                self.expr(base);
                for step in steps {
                    match &step.kind {
                        PathStepKind::Member(name) => self.name(name, NameRole::Member),
                        PathStepKind::Index(index) => self.expr(index),
                        PathStepKind::Call(call) => self.call(call),
                    }
                }
            }
            ExprKind::Unary { operand, .. } => self.expr(operand),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::And(terms) | ExprKind::Or(terms) => self.exprs(terms),
            ExprKind::In { operand, list, .. } => {
                self.expr(operand);
                self.exprs(list);
            }
            ExprKind::Between { operand, low, high, .. } => {
                self.expr(operand);
                self.expr(low);
                self.expr(high);
            }
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Pipe { source, operators } => {
                self.exprs(source.as_deref());
                for operator in operators {
                    self.operator(operator);
                }
            }
            ExprKind::Print(columns) => self.named(columns),
            ExprKind::Range(range) => {
                self.name(&range.column, NameRole::Definition);
                self.exprs([&range.from, &range.to, &range.step]);
            }
            ExprKind::DataTable { columns, values } => {
                self.decls(columns);
                self.exprs(values);
            }
            ExprKind::ExternalData { columns, uris, properties } => {
                self.decls(columns);
                self.exprs(uris);
                self.properties(properties);
            }
            ExprKind::Function(function) => {
                function.parameters.iter().for_each(|p| self.parameter(p));
                function.body.iter().for_each(|s| self.statement(s));
            }
        }
    }

    fn operator(&mut self, operator: &'a Operator) {
        use OperatorKind as Op;
        (self.visit)(Node::Operator(operator));
        match &operator.kind {
            Op::GetSchema | Op::ExecuteAndCache | Op::Unsupported { .. } | Op::Error => {}
            Op::Where { predicate: expr }
            | Op::Take { count: expr }
            | Op::Sample { count: expr }
            | Op::Invoke { function: expr } => {
                self.expr(expr);
            }
            Op::Extend { columns } | Op::Project { columns } | Op::Serialize { columns } => self.named(columns),
            Op::ProjectAway { columns } | Op::ProjectKeep { columns } => columns.iter().for_each(|c| self.pattern(c)),
            Op::ProjectRename { columns } => {
                for rename in columns {
                    self.name(&rename.new, NameRole::Definition);
                    self.name(&rename.old, NameRole::Use);
                }
            }
            Op::ProjectReorder { columns } => columns.iter().for_each(|c| self.pattern(&c.pattern)),
            Op::ProjectByNames { columns } => self.exprs(columns),
            Op::Summarize { hints, aggregates, by } => {
                self.properties(hints);
                self.named(aggregates.iter().chain(by));
            }
            Op::Distinct { hints, columns } => {
                self.properties(hints);
                self.named(columns);
            }
            Op::Sort { hints, keys } => {
                self.properties(hints);
                self.keys(keys);
            }
            Op::Top { hints, count, keys } => {
                self.properties(hints);
                self.expr(count);
                self.keys(keys);
            }
            Op::TopNested { levels } => {
                for level in levels {
                    self.exprs(&level.count);
                    self.named([&level.of]);
                    self.exprs(&level.others);
                    self.named([&level.by]);
                }
            }
            Op::TopHitters { count, of, by } => self.exprs([count, of].into_iter().chain(by)),
            Op::Count { name } => name.iter().for_each(|name| self.name(name, NameRole::Definition)),
            Op::Join(join) | Op::Lookup(join) => {
                self.properties(&join.hints);
                self.expr(&join.right);
                self.exprs(&join.on);
            }
            Op::Union(union) => {
                union.source_column.iter().for_each(|name| self.name(name, NameRole::Definition));
                self.properties(&union.hints);
                self.exprs(&union.tables);
            }
            _ => self.larger_operator(&operator.kind),
        }
    }

    fn larger_operator(&mut self, kind: &'a OperatorKind) {
        use OperatorKind as Op;
        match kind {
            Op::Find(find) => {
                find.source_column.iter().for_each(|name| self.name(name, NameRole::Definition));
                self.properties(&find.hints);
                self.exprs(find.tables.iter().chain([&find.predicate]));
                for column in find.project.iter().flatten() {
                    if let FindColumn::Column { name, .. } = column {
                        self.name(name, NameRole::Use);
                    }
                }
                find.project_away.iter().for_each(|c| self.pattern(c));
            }
            Op::Search(search) => {
                self.properties(&search.hints);
                self.exprs(search.tables.iter().chain([&search.predicate]));
            }
            Op::Parse(parse) => {
                self.expr(&parse.input);
                for part in &parse.pattern {
                    if let ParsePart::Column { name, .. } = part {
                        self.name(name, NameRole::Definition);
                    }
                }
            }
            Op::ParseKv { input, columns, properties } => {
                self.expr(input);
                self.decls(columns);
                self.properties(properties);
            }
            Op::MvExpand(expand) => {
                self.properties(&expand.hints);
                expand.index.iter().for_each(|name| self.name(name, NameRole::Definition));
                self.named(expand.columns.iter().map(|c| &c.expr));
                self.exprs(&expand.limit);
            }
            Op::MvApply(apply) => {
                self.properties(&apply.hints);
                apply.index.iter().for_each(|name| self.name(name, NameRole::Definition));
                self.named(apply.columns.iter().map(|c| &c.expr));
                self.exprs(apply.limit.iter().chain(&apply.id).chain([&apply.body]));
            }
            Op::MakeSeries(series) => {
                self.properties(&series.hints);
                for aggregate in &series.aggregates {
                    self.named([&aggregate.expr]);
                    self.exprs(&aggregate.default);
                }
                self.named([&series.axis]);
                match &series.range {
                    SeriesRange::FromTo { from, to, step } => self.exprs(from.iter().chain(to).chain([step])),
                    SeriesRange::In { start, stop, step } => self.exprs([start, stop, step]),
                }
                self.named(&series.by);
            }
            Op::Scan(scan) => {
                self.properties(&scan.hints);
                scan.match_id.iter().for_each(|name| self.name(name, NameRole::Definition));
                self.exprs(&scan.partition);
                self.keys(&scan.order);
                for variable in &scan.declare {
                    self.name(&variable.name, NameRole::Definition);
                    self.exprs(&variable.default);
                }
                for step in &scan.steps {
                    self.name(&step.name, NameRole::Definition);
                    self.expr(&step.condition);
                    for (name, value) in &step.assignments {
                        self.name(name, NameRole::Definition);
                        self.expr(value);
                    }
                }
            }
            Op::Partition { hints, by, body, .. } => {
                self.properties(hints);
                self.exprs([by, body]);
            }
            Op::Evaluate { hints, call, schema } => {
                self.properties(hints);
                self.call(call);
                if let Some(schema) = schema {
                    self.decls(&schema.columns);
                }
            }
            Op::As { hints, name } => {
                self.properties(hints);
                self.name(name, NameRole::Definition);
            }
            Op::Render { kind, properties } => {
                self.name(kind, NameRole::Option);
                self.properties(properties);
            }
            Op::Facet { by, with } => self.exprs(by.iter().chain(with)),
            Op::Fork { branches } => {
                for branch in branches {
                    branch.name.iter().for_each(|name| self.name(name, NameRole::Definition));
                    self.expr(&branch.body);
                }
            }
            Op::Consume { properties } => self.properties(properties),
            Op::SampleDistinct { count, of } => self.exprs([count, of]),
            Op::Reduce { by, properties } => {
                self.named([by]);
                self.properties(properties);
            }
            Op::AssertSchema { columns } => self.decls(columns),
            _ => {}
        }
    }
}
