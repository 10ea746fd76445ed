//! Where in a query a place is, from the tokens before it: the text is being written, so its tree is not whole.

use crate::kql::diagnostic::TextRange;
use crate::kql::lexer::{Symbol, Token, TokenKind, Wrong, lex};
use crate::kql::parser::OPERATORS;

/// What may be written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind a pipe.
    Operator,
    /// Where a statement or a pipeline in brackets begins.
    Source,
    /// Where a table must stand.
    Table,
    /// An operand.
    Expression,
    /// Behind an operand: an operator or the next clause.
    AfterOperand,
    JoinKind,
    RenderKind,
    Type,
    Choice(&'static [&'static str]),
    /// Behind `$left.`
    LeftColumn,
    /// Behind `$right.`: the text of the join's right side.
    RightColumn(String),
    /// Behind `column.`: a key of a dynamic.
    Key(String),
    /// Behind `column ==` or in `column in (`: a value of it, or any operand.
    Value(String),
    /// Behind `evaluate`.
    Plugin,
}

/// A place in a text, and what it is in.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub place: Place,
    /// The word that is being written, up to the cursor.
    pub word: TextRange,
    /// Where the pipeline begins that the place is in.
    pub pipeline: usize,
    /// The pipeline up to the pipe before the place.
    pub before_pipe: TextRange,
    /// The word of the operator that the place is in; "" outside of one.
    operator: &'a str,
    /// Whether `by` stands between that word and the place.
    after_by: bool,
}

impl<'a> Surroundings<'a> {
    /// `None` inside strings, comments and numbers.
    pub fn at(text: &'a str, offset: usize) -> Option<Self> {
        let tokens: Vec<Token> = lex(&text[..offset]).into_iter().filter(|t| t.kind != TokenKind::Space).collect();
        let mut before = &tokens[..tokens.len() - 1];
        let mut word = TextRange::new(offset, offset);
        if let Some(last) = before.last() {
            match last.kind {
                TokenKind::Name if last.range.end as usize == offset => {
                    word = last.range;
                    before = &before[..before.len() - 1];
                }
                TokenKind::Comment | TokenKind::Wrong(Wrong::OpenString | Wrong::OpenTyped(_)) => return None,
                TokenKind::String | TokenKind::Hidden | TokenKind::Long | TokenKind::Real | TokenKind::TimeSpan
                    if last.range.end as usize == offset =>
                {
                    return None;
                }
                _ => {}
            }
        }
        let before: Vec<Token> = before.iter().copied().filter(|t| t.kind != TokenKind::Comment).collect();
        let scan = Scan { text, tokens: &before };
        let (pipe, begins) = scan.pipeline();
        let pipeline = begins.map_or(0, |at| before[at].range.end as usize);
        let operator_at = pipe.map(|at| at + 1).filter(|at| *at < before.len());
        let operator = operator_at.map_or("", |at| scan.word(at));
        let after_by = operator_at.is_some_and(|at| (at..before.len()).any(|i| scan.word(i) == "by"));
        let source_end = pipe.map_or(offset, |at| before[at].range.start as usize);
        let before_pipe =
            if pipe.is_some() { TextRange::new(pipeline, source_end) } else { TextRange::new(pipeline, pipeline) };
        let place = scan.place(operator, operator_at, pipe, begins);
        Some(Self { place, word, pipeline, before_pipe, operator, after_by })
    }

    pub fn wants_aggregates(&self) -> bool {
        matches!(self.operator, "summarize" | "make-series" | "top-nested") && !self.after_by
            || self.operator == "top-nested"
    }

    /// The words that may follow an operand in this operator.
    pub fn clause_words(&self) -> &'static [&'static str] {
        match self.operator {
            "summarize" if !self.after_by => &["by"],
            "sort" | "order" | "top" if self.after_by => &["asc", "desc", "nulls first", "nulls last"],
            "top" => &["by"],
            "join" | "lookup" => &["on"],
            "mv-expand" | "mvexpand" => &["to typeof("],
            "mv-apply" => &["to typeof(", "on ("],
            "make-series" => &["on", "from", "to", "step", "by"],
            "parse" | "parse-where" | "reduce" => &["with"],
            "sample-distinct" | "top-hitters" => &["of"],
            _ => &[],
        }
    }
}

struct Scan<'a, 't> {
    text: &'a str,
    tokens: &'t [Token],
}

impl<'a> Scan<'a, '_> {
    fn word(&self, at: usize) -> &'a str {
        let token = self.tokens[at];
        if token.kind == TokenKind::Name { token.range.of(self.text) } else { "" }
    }

    fn is(&self, at: usize, symbol: Symbol) -> bool {
        self.tokens[at].kind == TokenKind::Symbol(symbol)
    }

    /// The pipe of the innermost operator around the end, and the token behind which its pipeline begins.
    fn pipeline(&self) -> (Option<usize>, Option<usize>) {
        let mut closed = 0_usize;
        let mut pipe = None;
        for at in (0..self.tokens.len()).rev() {
            let TokenKind::Symbol(symbol) = self.tokens[at].kind else { continue };
            match symbol {
                Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace => closed += 1,
                Symbol::OpenParen | Symbol::OpenBracket | Symbol::OpenBrace if closed > 0 => closed -= 1,
                // A bracket that opens an operand is part of the operator; one that opens a pipeline bounds it.
                Symbol::OpenParen if pipe.is_some() || self.opens_pipeline(at) => return (pipe, Some(at)),
                Symbol::OpenBrace => return (pipe, Some(at)),
                Symbol::Pipe if closed == 0 && pipe.is_none() => pipe = Some(at),
                Symbol::Semicolon if closed == 0 => return (pipe, Some(at)),
                Symbol::Assign if closed == 0 && self.is_let(at) => return (pipe, Some(at)),
                _ => {}
            }
        }
        (pipe, None)
    }

    /// `let name =`
    fn is_let(&self, assign: usize) -> bool {
        assign >= 2 && self.word(assign - 2) == "let"
    }

    /// Does a table stand behind this bracket? `join (`, `kind=inner (`, `union A, (`, `toscalar(`, `in (`.
    fn opens_pipeline(&self, open: usize) -> bool {
        let Some(before) = open.checked_sub(1) else { return true };
        match self.word(before) {
            "join" | "lookup" | "union" | "toscalar" | "materialize" | "on" => true,
            "in" => matches!(self.word(before.saturating_sub(1)), "search" | "find"),
            _ => before >= 2 && self.is(before - 1, Symbol::Assign) && self.word(before - 2) == "kind",
        }
    }

    fn place(&self, operator: &str, operator_at: Option<usize>, pipe: Option<usize>, begins: Option<usize>) -> Place {
        let Some(last) = self.tokens.len().checked_sub(1) else { return Place::Source };
        if pipe == Some(last) {
            return Place::Operator;
        }
        if begins == Some(last) {
            return Place::Source;
        }
        if self.is(last, Symbol::Dot) {
            return match last.checked_sub(1).map(|at| self.word(at)) {
                Some("$left") => Place::LeftColumn,
                Some("$right") => Place::RightColumn(self.right_side(operator_at)),
                // What a dynamic holds only the catalogue knows.
                Some(column) if !column.is_empty() => Place::Key(column.to_owned()),
                _ => Place::Choice(&[]),
            };
        }
        if self.is(last, Symbol::Assign) && last > 0 {
            match (self.word(last - 1), operator) {
                ("kind", "join") => return Place::JoinKind,
                ("kind", "lookup") => return Place::Choice(&["leftouter", "inner"]),
                ("kind", "union") => return Place::Choice(&["inner", "outer"]),
                ("kind", "parse" | "parse-where") => return Place::Choice(&["simple", "regex", "relaxed"]),
                ("kind", "search") => return Place::Choice(&["case_sensitive", "case_insensitive"]),
                ("kind" | "bagexpansion", "mv-expand" | "mvexpand") => return Place::Choice(&["bag", "array"]),
                ("isfuzzy", _) => return Place::Choice(&["true", "false"]),
                _ => {}
            }
        }
        if self.is(last, Symbol::Colon)
            || self.is(last, Symbol::OpenParen) && last > 0 && self.word(last - 1) == "typeof"
        {
            return Place::Type;
        }
        if self.word(last) == "let" {
            return Place::Choice(&[]);
        }
        match self.word(last) {
            "render" => return Place::RenderKind,
            "evaluate" => return Place::Plugin,
            "join" | "lookup" | "union" => return Place::Table,
            _ => {}
        }
        // Behind a `kind=…` of join, or a comma of union, a table stands.
        let is_option = last >= 2 && self.is(last - 1, Symbol::Assign) && self.word(last - 2) == "kind";
        if matches!(operator, "join" | "lookup") && is_option || operator == "union" && self.is(last, Symbol::Comma) {
            return Place::Table;
        }
        if self.ends_operand(last, operator_at) {
            // A source without an operator yet: only a pipe may follow.
            return if pipe.is_none() && operator.is_empty() && !self.in_print() {
                Place::Choice(&["|"])
            } else {
                Place::AfterOperand
            };
        }
        match self.compared(last) {
            Some(column) => Place::Value(column.to_owned()),
            None => Place::Expression,
        }
    }

    /// The column whose value is being written: `column ==`, `column in (a,`.
    fn compared(&self, last: usize) -> Option<&'a str> {
        let text = |at: usize| self.tokens[at].range.of(self.text);
        let operator = if matches!(text(last), "==" | "!=" | "<>" | "=~" | "!~") {
            last
        } else {
            if !self.is(last, Symbol::OpenParen) && !self.is(last, Symbol::Comma) {
                return None;
            }
            // Back over the values of a list to its bracket.
            let mut inside = (0..=last).rev().take_while(|at| !self.is(*at, Symbol::Pipe));
            let open = inside.find(|at| self.is(*at, Symbol::OpenParen))?;
            open.checked_sub(1).filter(|at| matches!(text(*at), "in" | "!in" | "in~" | "!in~" | "has_any"))?
        };
        Some(self.word(operator.checked_sub(1)?)).filter(|word| !word.is_empty())
    }

    fn in_print(&self) -> bool {
        (0..self.tokens.len()).any(|at| matches!(self.word(at), "print" | "range" | "where"))
    }

    /// Is the last token the end of an operand, so that an operator follows?
    fn ends_operand(&self, last: usize, operator_at: Option<usize>) -> bool {
        match self.tokens[last].kind {
            TokenKind::Name => {
                let word = self.word(last);
                let is_word = matches!(
                    word,
                    "and"
                        | "or"
                        | "by"
                        | "on"
                        | "of"
                        | "with"
                        | "from"
                        | "to"
                        | "step"
                        | "in"
                        | "has"
                        | "contains"
                        | "startswith"
                        | "endswith"
                        | "between"
                        | "regex"
                        | "has_any"
                        | "has_all"
                        | "has_cs"
                        | "hasprefix"
                        | "hassuffix"
                        | "print"
                        | "asc"
                        | "desc"
                );
                Some(last) != operator_at && !is_word && !OPERATORS.contains(&word) || matches!(word, "asc" | "desc")
            }
            TokenKind::Long
            | TokenKind::Real
            | TokenKind::TimeSpan
            | TokenKind::Typed(_)
            | TokenKind::String
            | TokenKind::Hidden => true,
            TokenKind::Symbol(symbol) => matches!(symbol, Symbol::CloseParen | Symbol::CloseBracket),
            _ => false,
        }
    }

    /// The text of a join's right side: what stands between its options and `on`.
    fn right_side(&self, operator_at: Option<usize>) -> String {
        let Some(start) = operator_at else { return String::new() };
        let Some(on) = (start..self.tokens.len()).rev().find(|at| self.word(*at) == "on") else { return String::new() };
        let mut from = start + 1;
        while from + 2 < on && self.is(from + 1, Symbol::Assign) {
            from += 3;
        }
        if from >= on {
            return String::new();
        }
        let range = self.tokens[from].range.to(self.tokens[on - 1].range);
        range.of(self.text).to_owned()
    }
}
