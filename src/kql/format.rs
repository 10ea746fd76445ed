//! The formatter: one operator a line, even spaces, comments kept, the writer's own line breaks kept inside an operator. The tokens stay
//! as they are, so the meaning does; what is formatted already does not change.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::diagnostic::TextRange;
use super::lexer::{Symbol, Token, TokenKind};
use super::parser::{Parsed, parse};
use super::print::print;
use super::syntax::{ExprKind, NameRole, Node, PathStepKind, walk};

/// The formatted text; `None` where the text has a mistake, which formatting could hide.
pub fn format(text: &str) -> Option<String> {
    let parsed = parse(text);
    // What is read over, as in operators that are not known here, may hold what is no token: it stays as it was written.
    let is_whole = parsed.tokens.iter().all(|token| !matches!(token.kind, TokenKind::Wrong(_)));
    if !parsed.diagnostics.is_empty() || !is_whole {
        return None;
    }
    let formatted = Formatter::new(text, &parsed).run();
    // The promise is held here, whatever the rules below do.
    let again = parse(&formatted);
    (again.diagnostics.is_empty() && print(&again.query) == print(&parsed.query)).then_some(formatted)
}

/// Columns of one level.
const INDENT: usize = 4;
/// A pipeline in brackets that was written on one line stays there up to this many bytes.
const FLAT: usize = 80;

/// A token that is written out, and how many line breaks stood before it.
#[derive(Clone, Copy)]
struct Item {
    token: Token,
    breaks: usize,
}

/// What stands between two matching brackets.
#[derive(Clone, Copy)]
struct Group {
    open: usize,
    close: usize,
    /// Line breaks inside stay.
    broken: bool,
    /// Holds a pipeline of several lines: its brackets stand alone.
    pipeline: bool,
}

struct Formatter<'a> {
    text: &'a str,
    items: Vec<Item>,
    /// The innermost group around each item; a bracket is in the group around it.
    around: Vec<Option<usize>>,
    groups: Vec<Group>,
    /// Names of several tokens: nothing stands between those.
    names: Vec<(TextRange, Option<NameRole>)>,
    /// Where the bracket of a call or an index begins.
    tight: HashSet<u32>,
}

impl<'a> Formatter<'a> {
    fn new(text: &'a str, parsed: &Parsed) -> Self {
        let mut items: Vec<Item> = Vec::new();
        let mut breaks = 0;
        for token in &parsed.tokens {
            match token.kind {
                TokenKind::End => {}
                TokenKind::Space => breaks += token.range.of(text).matches('\n').count(),
                _ => items.push(Item { token: *token, breaks: std::mem::take(&mut breaks) }),
            }
        }
        let mut formatter = Self {
            text,
            around: vec![None; items.len()],
            items,
            groups: Vec::new(),
            names: Vec::new(),
            tight: HashSet::new(),
        };
        formatter.find_groups();
        formatter.find_names(parsed);
        formatter
    }

    fn kind(&self, at: usize) -> TokenKind {
        self.items[at].token.kind
    }

    fn is(&self, at: usize, symbol: Symbol) -> bool {
        self.kind(at) == TokenKind::Symbol(symbol)
    }

    fn word(&self, at: usize) -> &'a str {
        self.items[at].token.range.of(self.text)
    }

    fn find_groups(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.items.len() {
            let TokenKind::Symbol(symbol) = self.kind(at) else {
                self.around[at] = open.last().copied();
                continue;
            };
            match symbol {
                Symbol::OpenParen | Symbol::OpenBracket | Symbol::OpenBrace => {
                    self.around[at] = open.last().copied();
                    open.push(self.groups.len());
                    self.groups.push(Group { open: at, close: at, broken: false, pipeline: false });
                }
                Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace => {
                    if let Some(group) = open.pop() {
                        self.groups[group].close = at;
                    }
                    self.around[at] = open.last().copied();
                }
                _ => self.around[at] = open.last().copied(),
            }
        }
        for index in 0..self.groups.len() {
            let Group { open, close, .. } = self.groups[index];
            let inside = &self.items[open + 1..=close.max(open)];
            let written_broken = inside.iter().any(|item| item.breaks > 0 || item.token.kind == TokenKind::Comment);
            let length = self.items[close].token.range.end - self.items[open].token.range.start;
            let pipes = (open..close).any(|at| self.is(at, Symbol::Pipe) && self.around[at] == Some(index));
            let broken = written_broken || pipes && length as usize > FLAT;
            self.groups[index].broken = broken;
            self.groups[index].pipeline = broken && (pipes || self.is(open, Symbol::OpenBrace));
        }
        // What holds a broken group is broken itself.
        for index in (0..self.groups.len()).rev() {
            if self.groups[index].broken
                && let Some(parent) = self.around[self.groups[index].open]
            {
                self.groups[parent].broken = true;
                let Group { open, close, .. } = self.groups[parent];
                let pipes = (open..close).any(|at| self.is(at, Symbol::Pipe) && self.around[at] == Some(parent));
                self.groups[parent].pipeline |= pipes || self.is(open, Symbol::OpenBrace);
            }
        }
    }

    fn find_names(&mut self, parsed: &Parsed) {
        let (names, tight) = (&mut self.names, &mut self.tight);
        walk(&parsed.query, &mut |node| match node {
            Node::Name(name, role) => {
                if role == NameRole::Function {
                    tight.insert(name.range.end);
                }
                names.push((name.range, Some(role)));
            }
            Node::Pattern(pattern) => names.push((pattern.range, None)),
            Node::Expr(expr) => {
                if let ExprKind::Path { steps, .. } = &expr.kind {
                    let indices = steps.iter().filter(|step| matches!(step.kind, PathStepKind::Index(_)));
                    tight.extend(indices.map(|step| step.range.start));
                }
            }
            _ => {}
        });
        self.names.sort_unstable_by_key(|(range, _)| *range);
    }

    /// The name that a token is part of.
    fn name_of(&self, at: usize) -> Option<(TextRange, Option<NameRole>)> {
        let range = self.items[at].token.range;
        let after = self.names.partition_point(|(name, _)| name.start <= range.start);
        self.names[..after].last().filter(|(name, _)| name.end >= range.end).copied()
    }

    fn run(&self) -> String {
        let mut out = String::with_capacity(self.text.len() + self.text.len() / 8);
        for at in 0..self.items.len() {
            if at > 0 {
                match self.breaks_before(at) {
                    0 if self.space_before(at) => out.push(' '),
                    0 => {}
                    breaks => {
                        out.extend(std::iter::repeat_n('\n', breaks));
                        out.extend(std::iter::repeat_n(' ', self.indent(at)));
                    }
                }
            }
            out.push_str(if self.kind(at) == TokenKind::Comment { self.word(at).trim_end() } else { self.word(at) });
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }

    fn is_broken(&self, group: Option<usize>) -> bool {
        group.is_none_or(|group| self.groups[group].broken)
    }

    /// Is this a place where operators stand below one another?
    fn is_pipeline(&self, group: Option<usize>) -> bool {
        group.is_none_or(|group| self.groups[group].pipeline)
    }

    /// Line breaks before an item that is not the first.
    fn breaks_before(&self, at: usize) -> usize {
        let item = self.items[at];
        let before = at - 1;
        let kept = item.breaks.min(1);
        let apart = item.breaks.clamp(1, 2);
        if self.kind(before) == TokenKind::Comment {
            return apart;
        }
        if item.token.kind == TokenKind::Comment {
            return item.breaks.min(2);
        }
        if self.is(at, Symbol::Semicolon) || self.is_glued(at) {
            return 0;
        }
        let group = self.around[at];
        if self.is(before, Symbol::Semicolon) && self.is_broken(group) && !self.closes(at) {
            return apart;
        }
        if self.is(at, Symbol::Pipe) {
            return usize::from(self.is_pipeline(group));
        }
        if self.is(before, Symbol::Pipe) {
            return 0;
        }
        let alone =
            |bracket: usize| self.groups.iter().any(|g| g.pipeline && (g.open == bracket || g.close == bracket));
        if self.opens(before) && alone(before) || self.closes(at) && alone(at) {
            return 1;
        }
        let inside = if self.closes(at) { self.group_closed_by(at) } else { group };
        if self.is_broken(inside) { kept } else { 0 }
    }

    fn opens(&self, at: usize) -> bool {
        matches!(self.kind(at), TokenKind::Symbol(Symbol::OpenParen | Symbol::OpenBracket | Symbol::OpenBrace))
    }

    fn closes(&self, at: usize) -> bool {
        matches!(self.kind(at), TokenKind::Symbol(Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace))
    }

    fn group_closed_by(&self, at: usize) -> Option<usize> {
        // A bracket's group is the last opened before it at its level; groups are in the order of their openings.
        let opened = self.groups.partition_point(|group| group.open < at);
        (0..opened).rev().find(|index| self.groups[*index].close == at)
    }

    fn indent(&self, at: usize) -> usize {
        // A comment stands like what it is said about.
        let mut about = at;
        while self.kind(about) == TokenKind::Comment && about + 1 < self.items.len() {
            about += 1;
        }
        let mut depth = 0;
        let mut group = self.around[at];
        while let Some(index) = group {
            depth += usize::from(self.groups[index].broken);
            group = self.around[self.groups[index].open];
        }
        let starts = |at: usize| {
            let mut before = at;
            while before > 0 && self.kind(before - 1) == TokenKind::Comment {
                before -= 1;
            }
            before == 0 || self.is(before - 1, Symbol::Semicolon) || self.opens(before - 1)
        };
        let goes_on = self.is_pipeline(self.around[at])
            && !self.is(about, Symbol::Pipe)
            && !self.opens(about)
            && !self.closes(about)
            && !starts(about)
            && self.kind(about) != TokenKind::Comment;
        (depth + usize::from(goes_on)) * INDENT
    }

    /// Nothing may stand between this item and the one before.
    fn is_glued(&self, at: usize) -> bool {
        let (before, token) = (self.items[at - 1].token, self.items[at].token);
        if self.is(at, Symbol::Dot) || self.is(at - 1, Symbol::Dot) {
            return true;
        }
        if self.name_of(at).is_some_and(|(name, _)| name.start <= before.range.start) {
            return true;
        }
        let called = self.is(at, Symbol::OpenParen) && self.tight.contains(&before.range.end);
        let indexed = self.is(at, Symbol::OpenBracket) && self.tight.contains(&token.range.start);
        called || indexed
    }

    fn space_before(&self, at: usize) -> bool {
        use Symbol as S;
        let before = at - 1;
        if self.is_glued(at) {
            return false;
        }
        match (self.kind(before), self.kind(at)) {
            (_, TokenKind::Comment) => true,
            (_, TokenKind::Symbol(S::Comma | S::Semicolon | S::CloseParen | S::CloseBracket))
            | (TokenKind::Symbol(S::OpenParen | S::OpenBracket), _)
            | (TokenKind::Symbol(S::OpenBrace), TokenKind::Symbol(S::CloseBrace)) => false,
            (before, TokenKind::Symbol(S::Colon)) => before == TokenKind::Symbol(S::CloseParen),
            (TokenKind::Symbol(S::Minus | S::Plus), _) => !self.is_sign(before),
            (_, TokenKind::Symbol(S::Assign)) => !self.is_option(before),
            (TokenKind::Symbol(S::Assign), _) => before == 0 || !self.is_option(before - 1),
            (TokenKind::Name, TokenKind::Symbol(S::OpenParen)) => !matches!(
                self.word(before),
                "datatable" | "externaldata" | "external_data" | "typeof" | "query_parameters" | "pack"
            ),
            _ => true,
        }
    }

    /// The name of an option, whose `=` stands tight: `kind=inner`.
    fn is_option(&self, at: usize) -> bool {
        match self.name_of(at) {
            Some((_, role)) => role == Some(NameRole::Option),
            None => self.kind(at) == TokenKind::Name,
        }
    }

    /// A minus or plus with no operand before it.
    fn is_sign(&self, at: usize) -> bool {
        if at == 0 {
            return true;
        }
        match self.kind(at - 1) {
            TokenKind::Symbol(Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace) => false,
            TokenKind::Symbol(_) | TokenKind::Comment => true,
            TokenKind::Name => self.name_of(at - 1).is_none() && !matches!(self.word(at - 1), "true" | "false"),
            _ => false,
        }
    }
}
