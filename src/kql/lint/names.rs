//! What names a query makes, and what it uses.

use std::collections::{HashMap, HashSet};

use crate::kql::catalog::Catalog;
use crate::kql::syntax::{Expr, ExprKind, NameRole, Node, OperatorKind, Query, Statement, StatementKind, walk};

/// A pipeline: its source and operators, with the whole expression.
#[derive(Clone, Copy, Debug)]
pub struct Pipe<'a> {
    pub source: Option<&'a Expr>,
    pub operators: &'a [crate::kql::syntax::Operator],
}

/// Names of a query.
#[derive(Debug)]
pub struct Names<'a> {
    /// The values of its lets, those inside functions too. Of two lets of one name in two functions the later counts.
    pub lets: HashMap<&'a str, &'a Expr>,
    /// Names that stand for something.
    pub used: HashSet<&'a str>,
    /// Names that the query itself gives: columns, lets, parameters.
    pub made: HashSet<&'a str>,
    /// Beginnings of names, of `union Sign*`.
    pub prefixes: Vec<&'a str>,
    pub pipes: Vec<Pipe<'a>>,
    /// Stored tables and views that it reads, by name.
    pub tables: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub fn of(query: &'a Query, catalog: &dyn Catalog) -> Self {
        let mut names = Self {
            lets: HashMap::new(),
            used: HashSet::new(),
            made: HashSet::new(),
            prefixes: Vec::new(),
            pipes: Vec::new(),
            tables: HashSet::new(),
        };
        walk(query, &mut |node| names.see(node));
        names.tables = names
            .used
            .iter()
            .copied()
            .filter(|name| !names.lets.contains_key(name))
            .filter(|name| catalog.table(name).is_some() || catalog.view(name).is_some())
            .collect();
        names
    }

    fn see(&mut self, node: Node<'a>) {
        match node {
            Node::Statement(Statement { kind: StatementKind::Let { name, value }, .. }) => {
                self.lets.insert(&name.text, value);
                if let ExprKind::Function(function) = &value.kind {
                    // The walk shows a function's statements too.
                    self.made.extend(function.parameters.iter().map(|p| &*p.name.text));
                }
            }
            Node::Name(name, NameRole::Use | NameRole::Function) => {
                self.used.insert(&name.text);
            }
            Node::Name(name, NameRole::Definition) => {
                self.made.insert(&name.text);
            }
            Node::Expr(Expr { kind: ExprKind::Wildcard(name), .. }) => {
                self.prefixes.push(name.text.split('*').next().unwrap_or_default());
            }
            Node::Expr(Expr { kind: ExprKind::Pipe { source, operators }, .. }) => {
                self.pipes.push(Pipe { source: source.as_deref(), operators });
            }
            _ => {}
        }
    }

    /// What a name of the query stands for, lets followed.
    pub fn value(&self, e: &'a Expr) -> &'a Expr {
        let mut e = e.inner();
        // A let sees only what stands before it, so this ends; the bound is for text that says otherwise.
        for _ in 0..self.lets.len() {
            match e.as_name().and_then(|name| self.lets.get(&*name.text)) {
                Some(value) => e = value.inner(),
                None => break,
            }
        }
        e
    }
}

impl<'a> Pipe<'a> {
    pub fn of(e: &'a Expr) -> Option<Self> {
        match &e.inner().kind {
            ExprKind::Pipe { source, operators } => Some(Self { source: source.as_deref(), operators }),
            _ => None,
        }
    }

    /// The conditions of its `where`s, in order.
    pub fn conditions(self) -> impl Iterator<Item = &'a Expr> {
        self.operators.iter().filter_map(|operator| match &operator.kind {
            OperatorKind::Where { predicate } => Some(predicate),
            _ => None,
        })
    }
}
