//! Queries out of the whole grammar: every statement, operator, literal and option, as a tree that some text reads as. What is written then
//! reads back as the tree, and is formatted without a change of meaning.

mod expressions;
mod operators;

use std::fmt::{self, Write};

use fastrand::Rng;

use crate::kql::diagnostic::TextRange;
use crate::kql::format::format;
use crate::kql::lexer::{TokenKind, lex};
use crate::kql::parser::parse;
use crate::kql::print::print;
use crate::kql::syntax::*;
use crate::kql::types::Type;

const NOWHERE: TextRange = TextRange { start: 0, end: 0 };

/// Draws trees. Its room shrinks as nodes are made, so that every tree ends.
struct Grammar {
    rng: Rng,
    room: usize,
}

/// A query out of the grammar; a seed gives the same one every time.
fn query(seed: u64) -> Query {
    let mut grammar = Grammar { rng: Rng::with_seed(seed), room: 20 };
    let mut statements = grammar.some(0, 3, Grammar::statement);
    statements.push(grammar.query_statement());
    Query { statements }
}

fn expr(kind: ExprKind) -> Expr {
    Expr::new(kind, NOWHERE)
}

impl Grammar {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())].clone()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.bool().then(|| make(self))
    }

    fn some<T>(&mut self, least: usize, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.rng.usize(least..=most)).map(|_| make(self)).collect()
    }

    /// A name that no place of the grammar takes for a word of its own.
    fn plain(&mut self) -> Name {
        Name::new(self.pick(&["user", "x", "Events", "_a1", "ítem", "T", "k9", "$left"]), NOWHERE)
    }

    fn name(&mut self) -> Name {
        if !self.one_in(5) {
            return self.plain();
        }
        let text = self.pick(&["a b", "where", "by", "a'\"\\", "true", "", "x|y", "7", "long", "\n", "ﬀ\u{202e}"]);
        Name { text: text.into(), quoted: true, range: NOWHERE }
    }

    fn ty(&mut self) -> Type {
        self.pick(&Type::ALL)
    }

    fn decl(&mut self) -> ColumnDecl {
        ColumnDecl { name: self.name(), ty: self.ty(), range: NOWHERE }
    }

    fn parameter(&mut self, tables: bool) -> Parameter {
        let ty = match self.rng.u8(..4) {
            0 if tables => ParameterType::AnyTable,
            1 if tables => ParameterType::Table(self.some(1, 2, Self::decl)),
            _ => ParameterType::Scalar(self.ty()),
        };
        let default = if matches!(ty, ParameterType::Scalar(_)) { self.maybe(Self::scalar) } else { None };
        Parameter { name: self.name(), ty, default, range: NOWHERE }
    }

    fn body(&mut self) -> Vec<Statement> {
        let mut body = self.some(0, 1, Self::let_statement);
        body.push(self.query_statement());
        body
    }

    fn query_statement(&mut self) -> Statement {
        Statement { kind: StatementKind::Expr(self.pipeline()), range: NOWHERE }
    }

    fn let_statement(&mut self) -> Statement {
        let value = if self.one_in(3) {
            let function = Function {
                view: self.rng.bool(),
                parameters: self.some(0, 3, |g| g.parameter(true)),
                body: self.body(),
            };
            expr(ExprKind::Function(Box::new(function)))
        } else {
            self.pipeline()
        };
        Statement { kind: StatementKind::Let { name: self.name(), value }, range: NOWHERE }
    }

    fn pattern(&mut self) -> Pattern {
        let mut pattern = Pattern { name: self.name(), parameters: Vec::new(), path: None, cases: Vec::new() };
        if !self.one_in(4) {
            pattern.parameters = self.some(1, 2, |g| g.parameter(false));
            pattern.path = self.maybe(|g| g.parameter(false));
            pattern.cases = self.some(1, 2, |g| PatternCase {
                arguments: g.some(1, 2, Self::scalar),
                path: g.maybe(Self::scalar),
                body: g.body(),
            });
        }
        pattern
    }

    fn statement(&mut self) -> Statement {
        let kind = match self.rng.u8(..9) {
            0 => StatementKind::Parameters(self.some(1, 3, |g| g.parameter(false))),
            1 => StatementKind::Pattern(Box::new(self.pattern())),
            2 => StatementKind::Set { name: self.plain(), value: self.maybe(Self::scalar) },
            3 => StatementKind::Alias { name: self.name(), target: self.scalar() },
            4 => StatementKind::Restrict { targets: self.some(1, 2, Self::table_item) },
            5 => return self.query_statement(),
            _ => return self.let_statement(),
        };
        Statement { kind, range: NOWHERE }
    }
}

/// The tree of a text that reads without complaint.
fn read(text: &str) -> Result<Query, String> {
    let parsed = parse(text);
    match parsed.diagnostics.first() {
        None => Ok(parsed.query),
        Some(said) => Err(format!("{}: {} at `{}`", said.code, said.message, said.range.of(text))),
    }
}

/// Holds many queries to a property, and shows the shortest that have it not.
fn hold(property: impl Fn(u64, &Query, &str) -> Result<(), String>) {
    let soak: u64 = std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut wrong = Vec::new();
    for seed in 0..250 * soak {
        let query = query(seed);
        let printed = print(&query);
        if let Err(error) = property(seed, &query, &printed) {
            wrong.push((printed.len(), format!("seed {seed}: {error}\n{printed}")));
        }
    }
    wrong.sort();
    let shortest: Vec<&str> = wrong.iter().take(6).map(|(_, said)| said.as_str()).collect();
    assert!(wrong.is_empty(), "{} queries are wrong\n{}", wrong.len(), shortest.join("\n\n"));
}

fn same(read: &Query, as_this: &Query, what: &str) -> Result<(), String> {
    if read == as_this { Ok(()) } else { Err(format!("{what} reads as\n{}", print(read))) }
}

/// The text with its white space blown up: breaks, tabs, comments.
fn spread(text: &str, rng: &mut Rng) -> String {
    let mut out = String::new();
    for token in lex(text) {
        let part = token.range.of(text);
        match (token.kind, rng.u8(..6)) {
            (TokenKind::Space, 0) => out.push_str("\n\n  "),
            (TokenKind::Space, 1) => out.push_str(" // note 'x' | where\n"),
            (TokenKind::Space, 2) => out.push_str("\t "),
            _ => out.push_str(part),
        }
    }
    out
}

fn comments(text: &str) -> usize {
    lex(text).iter().filter(|token| token.kind == TokenKind::Comment).count()
}

#[test]
fn whatever_the_grammar_has_reads_back_as_it_was_printed() {
    hold(|_, query, printed| same(&read(printed)?, query, "it"));
}

#[test]
fn formatting_what_the_grammar_has_changes_no_meaning_and_loses_no_comment() {
    hold(|seed, query, printed| {
        let text = spread(printed, &mut Rng::with_seed(seed));
        same(&read(&text)?, query, "spread, it")?;
        let once = format(&text).ok_or("it is not formatted")?;
        let tree = read(&once).map_err(|error| format!("{error}, formatted as\n{once}"))?;
        same(&tree, query, "formatted, it")?;
        match format(&once) {
            Some(twice) if twice == once && comments(&once) == comments(&text) => Ok(()),
            twice => Err(format!("formatted\n{once}\nagain\n{}", twice.unwrap_or_default())),
        }
    });
}

/// The first word of a `Debug`, without the rest.
#[derive(Default)]
struct Head(String);

impl Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        self.0 += word;
        if word.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

fn head(of: &dyn fmt::Debug) -> String {
    let mut head = Head::default();
    let _ = write!(head, "{of:?}");
    head.0
}

#[test]
fn the_grammar_is_drawn_from_whole() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..1_000 {
        walk(&query(seed), &mut |node| {
            seen.insert(match node {
                Node::Statement(s) => head(&s.kind),
                Node::Operator(o) => head(&o.kind),
                Node::Expr(e) => head(&e.kind),
                _ => return,
            });
        });
    }
    let all = "Let Parameters Pattern Set Alias Restrict Expr Where Extend Project ProjectAway ProjectKeep ProjectRename ProjectReorder \
        ProjectByNames Summarize Distinct Sort Top TopNested TopHitters Take Count Join Lookup Union Find Search Parse ParseKv MvExpand MvApply \
        MakeSeries Serialize Scan Partition Evaluate Invoke As Render Facet Fork Consume GetSchema Sample SampleDistinct Reduce AssertSchema \
        ExecuteAndCache Unsupported Literal Today Hidden Name Wildcard Star Call Path Unary Binary And Or In Between Paren Pipe Print Range \
        DataTable ExternalData Function TypeOf TypeOfTable";
    let missing: Vec<&str> = all.split_whitespace().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not drawn");
}
