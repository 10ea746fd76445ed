//! Text becomes tokens. Every byte of the text is in exactly one token, white space and comments too; what is no token of KQL is a
//! `Wrong` one, so this never fails.

mod string;
mod template;

use super::diagnostic::TextRange;
use super::types::Type;

pub use template::is_template;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub range: TextRange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Space,
    /// `// …` to the end of the line, and `#` directives.
    Comment,
    /// A name, a keyword, an operator that is a word: `where`, `mv-expand`, `$left`, `has_cs`.
    Name,
    Long,
    Real,
    /// `1d`, `2.5h`
    TimeSpan,
    /// `datetime(…)`, `int(…)`, `dynamic(…)`: the type's name and all up to the closing bracket.
    Typed(Type),
    /// Any string form but the hidden one.
    String,
    /// `h"…"`
    Hidden,
    /// Anything else that is part of the language.
    Symbol(Symbol),
    Wrong(Wrong),
    /// After the last token.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Pipe,
    Semicolon,
    Comma,
    Dot,
    DotDot,
    Colon,
    /// `=`
    Assign,
    /// `=>`
    Arrow,
    /// `<|`
    Feed,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    /// A comparison: `==`, `!=`, `<>`, `<`, `<=`, `>`, `>=`, `=~`, `!~`, or one that begins with `!` or ends with `~` (`!has`, `in~`, `!in~`).
    Operator,
    At,
    Question,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A string without its closing quote; it ends with the line.
    OpenString,
    /// `datetime(` without its bracket.
    OpenTyped(Type),
    /// “typographic” quotes.
    SmartQuotes,
    /// A `!` before something it does not negate.
    Bang,
    /// `/* … */`
    BlockComment,
    /// `&&`, `||`
    Logic,
    Character,
}

impl TokenKind {
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Space | Self::Comment)
    }
}

/// Words with a hyphen that are one token wherever they stand.
const HYPHENATED: &[&str] = &[
    "assert-schema",
    "granny-asc",
    "granny-desc",
    "graph-mark-components",
    "graph-match",
    "graph-merge",
    "graph-shortest-paths",
    "graph-to-table",
    "graph-where-edges",
    "graph-where-nodes",
    "macro-expand",
    "make-graph",
    "make-series",
    "mv-apply",
    "mv-expand",
    "parse-kv",
    "parse-where",
    "project-away",
    "project-by-names",
    "project-keep",
    "project-rename",
    "project-reorder",
    "project-smart",
    "sample-distinct",
    "top-hitters",
    "top-nested",
];

/// Words that a `!` may stand before.
const NEGATED: &[&str] = &[
    "between",
    "contains",
    "contains_cs",
    "containscs",
    "endswith",
    "endswith_cs",
    "endswithcs",
    "has",
    "has_cs",
    "hasprefix",
    "hasprefix_cs",
    "hassuffix",
    "hassuffix_cs",
    "in",
    "startswith",
    "startswith_cs",
    "startswithcs",
];

/// The tokens of a text, in order, without gaps. The last is `End`, empty.
pub fn lex(text: &str) -> Vec<Token> {
    lex_with(text, false)
}

/// The tokens of a text with places for parameters: `{name}`, `{name:format}` and `{{name}}` are names, or parts of them.
pub fn lex_template(text: &str) -> Vec<Token> {
    lex_with(text, true)
}

fn lex_with(text: &str, templates: bool) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, after_pipe: false, templates, doubled: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    while lexer.at < text.len() {
        let start = lexer.at;
        let named = templates && lexer.placeholder() > 0 && !template::opens_body(&tokens, text);
        let kind = if named { lexer.word() } else { lexer.next() };
        if !kind.is_trivia() {
            lexer.after_pipe = kind == TokenKind::Symbol(Symbol::Pipe);
        }
        tokens.push(Token { kind, range: TextRange::new(start, lexer.at) });
    }
    tokens.push(Token { kind: TokenKind::End, range: TextRange::new(text.len(), text.len()) });
    tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// After a pipe a hyphen belongs to the word, so that a misspelt operator is one word.
    after_pipe: bool,
    /// Placeholders are names.
    templates: bool,
    /// How many `{{` are open that stand for one brace.
    doubled: usize,
}

/// White space, and what has no width: editors and web pages leave both in texts that are copied from them.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}')
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    fn take_while(&mut self, mut test: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The length of the placeholder that begins here, 0 where none does.
    fn placeholder(&self) -> usize {
        if self.templates { template::placeholder(self.rest()).unwrap_or(0) } else { 0 }
    }

    /// The characters of a name, and the placeholders in it.
    fn take_name(&mut self) -> &'a str {
        let start = self.at;
        loop {
            self.take_while(in_name);
            match self.placeholder() {
                0 => return &self.text[start..self.at],
                length => self.at += length,
            }
        }
    }

    fn symbol(&mut self, symbol: Symbol, length: usize) -> TokenKind {
        self.at += length;
        TokenKind::Symbol(symbol)
    }

    fn wrong(&mut self, wrong: Wrong, length: usize) -> TokenKind {
        self.at += length;
        TokenKind::Wrong(wrong)
    }

    fn next(&mut self) -> TokenKind {
        let Some(c) = self.peek() else { return TokenKind::End };
        let second = self.peek_second();
        match c {
            c if is_space(c) => {
                self.take_while(is_space);
                TokenKind::Space
            }
            '/' if second == Some('/') => {
                self.take_while(|c| c != '\n');
                TokenKind::Comment
            }
            '#' => {
                self.take_while(|c| c != '\n');
                TokenKind::Comment
            }
            '/' if second == Some('*') => {
                let rest = self.rest();
                self.wrong(Wrong::BlockComment, rest.find("*/").map_or(rest.len(), |end| end + 2))
            }
            'h' | 'H' if matches!(second, Some('"' | '\'')) => self.hidden(1),
            'h' | 'H' if second == Some('@') && matches!(self.rest().chars().nth(2), Some('"' | '\'')) => {
                self.hidden(1)
            }
            'h' | 'H' if self.rest()[1..].starts_with("```") || self.rest()[1..].starts_with("~~~") => self.hidden(1),
            '"' | '\'' => self.string(),
            '@' if matches!(second, Some('"' | '\'')) => self.string(),
            '`' if self.rest().starts_with("```") => self.string(),
            '~' if self.rest().starts_with("~~~") => self.string(),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}' => self.smart_quotes(),
            c if c.is_ascii_digit() => self.number(),
            c if begins_name(c) => self.word(),
            _ => self.punctuation(c, second),
        }
    }

    fn punctuation(&mut self, c: char, second: Option<char>) -> TokenKind {
        match (c, second) {
            ('(', _) => self.symbol(Symbol::OpenParen, 1),
            (')', _) => self.symbol(Symbol::CloseParen, 1),
            ('[', _) => self.symbol(Symbol::OpenBracket, 1),
            (']', _) => self.symbol(Symbol::CloseBracket, 1),
            ('{', Some('{')) if self.templates => {
                self.doubled += 1;
                self.symbol(Symbol::OpenBrace, 2)
            }
            ('}', Some('}')) if self.doubled > 0 => {
                self.doubled -= 1;
                self.symbol(Symbol::CloseBrace, 2)
            }
            ('{', _) => self.symbol(Symbol::OpenBrace, 1),
            ('}', _) => self.symbol(Symbol::CloseBrace, 1),
            ('|', Some('|')) | ('&', Some('&')) => self.wrong(Wrong::Logic, 2),
            ('|', _) => self.symbol(Symbol::Pipe, 1),
            (';', _) => self.symbol(Symbol::Semicolon, 1),
            (',', _) => self.symbol(Symbol::Comma, 1),
            ('.', Some('.')) => self.symbol(Symbol::DotDot, 2),
            ('.', _) => self.symbol(Symbol::Dot, 1),
            (':', _) => self.symbol(Symbol::Colon, 1),
            ('=', Some('>')) => self.symbol(Symbol::Arrow, 2),
            ('=' | '!', Some('=' | '~')) | ('<', Some('=' | '>')) | ('>', Some('=')) => {
                self.symbol(Symbol::Operator, 2)
            }
            ('<', Some('|')) => self.symbol(Symbol::Feed, 2),
            ('<' | '>', _) => self.symbol(Symbol::Operator, 1),
            ('=', _) => self.symbol(Symbol::Assign, 1),
            ('+', _) => self.symbol(Symbol::Plus, 1),
            ('-', _) => self.symbol(Symbol::Minus, 1),
            ('*', _) => self.symbol(Symbol::Star, 1),
            ('/', _) => self.symbol(Symbol::Slash, 1),
            ('%', _) => self.symbol(Symbol::Percent, 1),
            ('@', _) => self.symbol(Symbol::At, 1),
            ('?', _) => self.symbol(Symbol::Question, 1),
            ('!', _) => self.negated(),
            (c, _) => self.wrong(Wrong::Character, c.len_utf8()),
        }
    }

    /// `!has`, `!in~`; the cursor stands on the `!`.
    fn negated(&mut self) -> TokenKind {
        self.at += 1;
        let start = self.at;
        let word = self.take_while(in_name);
        if NEGATED.contains(&word) {
            if word == "in" && self.peek() == Some('~') {
                self.at += 1;
            }
            return TokenKind::Symbol(Symbol::Operator);
        }
        self.at = start;
        TokenKind::Wrong(Wrong::Bang)
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        if self.placeholder() == 0 {
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        self.take_name();
        let word = &self.text[start..self.at];
        if self.peek() == Some('-') {
            let long = self.rest().find(|c| !in_name(c) && c != '-').map_or(self.text.len(), |end| self.at + end);
            let whole = &self.text[start..long];
            if HYPHENATED.contains(&whole) || self.after_pipe && whole.ends_with(in_name) {
                self.at = long;
                return TokenKind::Name;
            }
        }
        if word == "in" && self.peek() == Some('~') {
            return self.symbol(Symbol::Operator, 1);
        }
        match typed_literal(word) {
            Some(ty) => self.typed(ty),
            None => TokenKind::Name,
        }
    }

    /// After the name of a type: the bracketed body makes it a literal, otherwise it is a name.
    fn typed(&mut self, ty: Type) -> TokenKind {
        let after_name = self.at;
        self.take_while(|c| c == ' ' || c == '\t');
        if self.peek() != Some('(') {
            self.at = after_name;
            return TokenKind::Name;
        }
        let mut depth = 0_u32;
        while let Some(c) = self.peek() {
            match c {
                '"' | '\'' => {
                    self.string();
                    continue;
                }
                '@' if matches!(self.peek_second(), Some('"' | '\'')) => {
                    self.string();
                    continue;
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                '/' if ty == Type::Dynamic && self.peek_second() == Some('/') => {
                    self.take_while(|c| c != '\n');
                    continue;
                }
                // A body that is not dynamic never runs past its line, so that a forgotten bracket costs one line.
                '\n' | ';' | '|' if ty != Type::Dynamic => return TokenKind::Wrong(Wrong::OpenTyped(ty)),
                _ => {}
            }
            self.at += c.len_utf8();
            if depth == 0 {
                if self.templates && is_template(&self.text[after_name..self.at]) {
                    return TokenKind::Name;
                }
                return TokenKind::Typed(ty);
            }
        }
        TokenKind::Wrong(Wrong::OpenTyped(ty))
    }

    fn number(&mut self) -> TokenKind {
        let start = self.at;
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            if !digits.is_empty() && !self.peek().is_some_and(in_name) {
                return TokenKind::Long;
            }
            self.at = start;
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut kind = TokenKind::Long;
        let mut after = self.rest().chars().skip(1);
        if self.peek() == Some('.') && !after.next().is_some_and(|c| c == '.' || begins_name(c)) {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
            kind = TokenKind::Real;
        }
        let before_suffix = self.at;
        let suffix = self.take_name();
        if suffix.is_empty() {
            return kind;
        }
        if unit_ticks(suffix).is_some() {
            return TokenKind::TimeSpan;
        }
        if let Some(exponent) = suffix.strip_prefix(['e', 'E']) {
            if !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit()) {
                return TokenKind::Real;
            }
            if exponent.is_empty() && matches!(self.peek(), Some('+' | '-')) {
                let sign = self.at;
                self.at += 1;
                if !self.take_while(|c| c.is_ascii_digit()).is_empty() {
                    return TokenKind::Real;
                }
                self.at = sign;
            }
        }
        if kind == TokenKind::Real {
            self.at = before_suffix;
            return kind;
        }
        // A name may begin with digits: `2fa_enabled`.
        TokenKind::Name
    }
}

/// Names that with a bracket behind them are a literal.
fn typed_literal(word: &str) -> Option<Type> {
    match word {
        "uint" | "uint32" | "int16" | "uint16" | "int8" | "uint8" | "uint64" | "ulong" | "string" => None,
        word => Type::from_name(word),
    }
}

/// How many ticks a timespan's unit has.
pub fn unit_ticks(unit: &str) -> Option<i64> {
    use crate::base::time::{DAY, HOUR, MINUTE, SECOND};
    Some(match unit {
        "d" | "day" | "days" => DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => SECOND / 1000,
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => SECOND / 1_000_000,
        "tick" | "ticks" => 1,
        _ => return None,
    })
}
