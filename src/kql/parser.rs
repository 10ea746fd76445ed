//! Tokens become a tree: recursive descent, precedence climbing for operators. Whatever is wrong becomes a diagnostic, and reading goes on
//! at the next pipe, semicolon or closing bracket, so a query shows several mistakes at once. Time grows with the text's length, the
//! stack with `DEPTH`.

mod columns;
mod expression;
mod operand;
mod pipeline;
mod series;
mod statement;
mod tables;
mod template;
mod text;

#[cfg(test)]
mod tests;

use super::diagnostic::{Diagnostic, TextRange, code};
use super::lexer::{Symbol, Token, TokenKind, Wrong, is_template, lex, lex_template};
use super::literal::LiteralError;
use super::syntax::{Name, Query};

use crate::base::suggest::nearest;
pub use pipeline::OPERATORS;
pub use tables::JOIN_KINDS;

/// How deep a tree may be. `and` and `or` chains are flat, so their length does not count.
pub const DEPTH: usize = 200;

/// No query needs more said about it.
const DIAGNOSTICS: usize = 100;

/// What was read of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub query: Query,
    /// Every token, white space and comments too.
    pub tokens: Vec<Token>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a query. Never fails: what cannot be read stands in the diagnostics.
pub fn parse(text: &str) -> Parsed {
    read(text, lex(text), false)
}

/// Reads what becomes a query when its parameters are put in: a placeholder (`{TimeRange:start}`, `{{user}}`) may stand for a name, a value,
/// an operator, a condition or more, and the table may be missing (`where x`, `| where x`), as it is where a product has only one.
pub fn parse_template(text: &str) -> Parsed {
    read(text, lex_template(text), true)
}

fn read(text: &str, tokens: Vec<Token>, templates: bool) -> Parsed {
    let is_block = |token: &&Token| token.kind == TokenKind::Wrong(Wrong::BlockComment);
    let mut parser = Parser {
        text,
        // A comment in another language's brackets is said and read over.
        tokens: tokens.iter().filter(|t| !t.kind.is_trivia() && !is_block(t)).copied().collect(),
        at: 0,
        diagnostics: Vec::new(),
        last_error: None,
        depth: 0,
        height: 0,
        in_search: false,
        templates,
    };
    for block in tokens.iter().filter(is_block).take(DIAGNOSTICS) {
        let message = "this is no comment in KQL";
        let help = "begin each line of a comment with //";
        parser.diagnostics.push(Diagnostic::error(code::FOREIGN, block.range, message).with_help(help));
    }
    let query = parser.query();
    let mut diagnostics = parser.diagnostics;
    diagnostics.sort_by_key(|d| d.range);
    Parsed { query, tokens, diagnostics }
}

struct Parser<'a> {
    text: &'a str,
    /// Without trivia; the last is `End`.
    tokens: Vec<Token>,
    at: usize,
    diagnostics: Vec<Diagnostic>,
    /// The token at which something was last found wrong: one mistake is said once.
    last_error: Option<usize>,
    /// How many nodes of the tree are open above this place.
    depth: usize,
    /// The height of the tallest tree read since the innermost open node was opened.
    height: usize,
    /// In the predicate of `search` and `find`, where `column: "text"` is a comparison.
    in_search: bool,
    /// The text has places for parameters.
    templates: bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Token {
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    fn text_of(&self, range: TextRange) -> &'a str {
        range.of(self.text)
    }

    /// Where the next token starts.
    fn start(&self) -> usize {
        self.peek().range.start as usize
    }

    /// From a start to the end of the last token read.
    fn since(&self, start: usize) -> TextRange {
        let end = if self.at == 0 { start } else { self.tokens[self.at - 1].range.end as usize };
        TextRange::new(start, end.max(start))
    }

    /// The word that stands here; "" where none does.
    fn word(&self) -> &'a str {
        self.word_at(0)
    }

    fn word_at(&self, ahead: usize) -> &'a str {
        let token = self.peek_at(ahead);
        if token.kind == TokenKind::Name { self.text_of(token.range) } else { "" }
    }

    fn at_word(&self, word: &str) -> bool {
        self.word() == word
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += usize::from(found);
        found
    }

    fn at_symbol(&self, symbol: Symbol) -> bool {
        self.symbol_at(0, symbol)
    }

    fn symbol_at(&self, ahead: usize, symbol: Symbol) -> bool {
        self.peek_at(ahead).kind == TokenKind::Symbol(symbol)
    }

    fn take(&mut self, symbol: Symbol) -> bool {
        let found = self.at_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// Does an operator end here?
    fn at_boundary(&self) -> bool {
        use Symbol::{CloseBrace, CloseBracket, CloseParen, Pipe, Semicolon};
        matches!(
            self.peek().kind,
            TokenKind::End | TokenKind::Symbol(Pipe | Semicolon | CloseParen | CloseBracket | CloseBrace)
        )
    }

    fn say(&mut self, diagnostic: Diagnostic) {
        if self.last_error != Some(self.at) && self.diagnostics.len() < DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
        self.last_error = Some(self.at);
    }

    fn say_literal(&mut self, token: Token, error: LiteralError) {
        let offset = token.range.start as usize;
        let range = TextRange::new(error.range.start as usize + offset, error.range.end as usize + offset);
        let mut diagnostic = Diagnostic::error(code::LITERAL, range, error.message);
        diagnostic.help = error.help;
        self.diagnostics.push(diagnostic);
    }

    /// How the next token is named in a message.
    fn found(&self) -> String {
        let token = self.peek();
        match token.kind {
            TokenKind::End => "the end of the query".into(),
            TokenKind::String | TokenKind::Hidden => "a string".into(),
            _ => format!("`{}`", self.text_of(token.range).chars().take(40).collect::<String>()),
        }
    }

    /// Something must stand here and does not. The place is the next token, or the end of the last where nothing follows on its line.
    fn missing(&mut self, what: &str, help: Option<&str>) {
        let mut diagnostic = match self.wrong_token() {
            Some(diagnostic) => diagnostic,
            None => {
                Diagnostic::error(code::MISSING, self.gap(), format!("{what} should stand here, not {}", self.found()))
            }
        };
        if diagnostic.help.is_none() {
            diagnostic.help = help.map(Into::into);
        }
        self.say(diagnostic);
    }

    /// The next token; at the end of a line the place behind the last token.
    fn gap(&self) -> TextRange {
        let token = self.peek();
        if self.at == 0 {
            return token.range;
        }
        let end = self.tokens[self.at - 1].range.end;
        let between = self.text_of(TextRange { start: end, end: token.range.start });
        if token.kind == TokenKind::End || between.contains('\n') { TextRange { start: end, end } } else { token.range }
    }

    /// What is wrong with the next token in itself.
    fn wrong_token(&self) -> Option<Diagnostic> {
        let token = self.peek();
        let TokenKind::Wrong(wrong) = token.kind else { return None };
        let text = self.text_of(token.range);
        let error =
            |code, message: String, help: String| Some(Diagnostic::error(code, token.range, message).with_help(help));
        match wrong {
            Wrong::BlockComment => None,
            Wrong::OpenString => {
                let quote = text.trim_start_matches(['h', 'H', '@']).chars().next().unwrap_or('"');
                let help = match quote {
                    '`' | '~' => "close it with the same three characters".into(),
                    _ => format!("close it with {quote}; text of several lines stands between ``` and ```"),
                };
                error(code::OPEN_STRING, "this string is not closed".into(), help)
            }
            Wrong::OpenTyped(ty) => {
                error(code::BRACKET, format!("this {ty} is not closed"), "add the closing bracket".into())
            }
            Wrong::SmartQuotes => {
                error(code::CHARACTER, "typographic quotes do not make a string".into(), "write \"…\" or '…'".into())
            }
            Wrong::Bang => {
                let help = "write not(…) around what should be false, or !=, !has, !contains, !in, !between".into();
                error(code::FOREIGN, "`!` alone negates nothing".into(), help)
            }
            Wrong::Logic => {
                let word = if text == "||" { "or" } else { "and" };
                error(code::FOREIGN, format!("`{text}` is not KQL"), format!("write `{word}`"))
            }
            Wrong::Character => {
                let c = text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
                let shown =
                    if c.is_control() || c.is_whitespace() { format!("U+{:04X}", c as u32) } else { format!("`{c}`") };
                error(code::CHARACTER, format!("{shown} is not part of KQL"), "remove it, or put it in a string".into())
            }
        }
    }

    fn expect(&mut self, symbol: Symbol, text: &str) -> bool {
        let found = self.take(symbol);
        if !found {
            self.missing(&format!("`{text}`"), None);
        }
        found
    }

    /// Reads the bracket that closes what opened at `open`. What stands before it unread is unexpected.
    fn close(&mut self, symbol: Symbol, open: usize) {
        if self.take(symbol) {
            return;
        }
        let (text, opened) = match symbol {
            Symbol::CloseBracket => ("]", "["),
            Symbol::CloseBrace => ("}", "{"),
            _ => (")", "("),
        };
        let closes_other = matches!(
            self.peek().kind,
            TokenKind::End
                | TokenKind::Symbol(Symbol::Semicolon | Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace)
        );
        if closes_other {
            let range = TextRange::new(open, open + 1);
            let message = format!("this `{opened}` is not closed: `{text}` should stand before {}", self.found());
            self.say(Diagnostic::error(code::BRACKET, range, message));
            return;
        }
        self.missing(&format!("`,` or `{text}`"), None);
        self.skip(|kind| kind == TokenKind::Symbol(symbol) || kind == TokenKind::Symbol(Symbol::Semicolon));
        self.take(symbol);
    }

    /// Goes on to the first token that the test accepts outside of brackets opened on the way, or to a bracket that closes one opened
    /// before. Semicolons inside braces belong to them.
    fn skip(&mut self, stop: impl Fn(TokenKind) -> bool) {
        let mut open = 0_usize;
        loop {
            let kind = self.peek().kind;
            if kind == TokenKind::End || open == 0 && stop(kind) {
                return;
            }
            match kind {
                TokenKind::Symbol(Symbol::OpenParen | Symbol::OpenBracket | Symbol::OpenBrace) => open += 1,
                TokenKind::Symbol(Symbol::CloseParen | Symbol::CloseBracket | Symbol::CloseBrace) => {
                    if open == 0 {
                        return;
                    }
                    open -= 1;
                }
                // A forgotten bracket must not swallow the next statement.
                TokenKind::Symbol(Symbol::Semicolon) if open > 0 && self.statement_follows() => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn statement_follows(&self) -> bool {
        matches!(self.word_at(1), "let" | "declare" | "set")
    }

    /// Goes on to the end of the operator.
    fn skip_operator(&mut self) {
        self.skip(|kind| matches!(kind, TokenKind::Symbol(Symbol::Pipe | Symbol::Semicolon)));
    }

    /// Opens a node; `false`, said once and its text skipped, when the tree would be too deep.
    fn open(&mut self) -> bool {
        if self.depth >= DEPTH {
            let message = format!("the query is more than {DEPTH} levels deep here");
            let help = "name a part with `let`, or take brackets away";
            self.say(Diagnostic::error(code::TOO_DEEP, self.peek().range, message).with_help(help));
            self.skip_operator();
            return false;
        }
        self.depth += 1;
        true
    }

    /// Closes the node that `open` opened. `tallest` is the height that stood before it.
    fn shut(&mut self, tallest: usize) {
        self.depth -= 1;
        self.height = tallest.max(self.height + 1);
    }

    /// Items between commas, at least one. `item` must read something or say what is missing.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = vec![item(self)];
        while self.take(Symbol::Comma) {
            items.push(item(self));
        }
        items
    }

    /// Items between brackets, perhaps none, perhaps with a comma behind the last; the opening bracket has been read at `open`.
    fn bracketed<T>(&mut self, end: Symbol, open: usize, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        while !self.at_symbol(end) && self.peek().kind != TokenKind::End {
            let before = self.at;
            items.push(item(self));
            if !self.take(Symbol::Comma) {
                break;
            }
            if self.at == before {
                break;
            }
        }
        self.close(end, open);
        items
    }

    fn at_name(&self) -> bool {
        self.peek().kind == TokenKind::Name || self.at_quoted_name()
    }

    /// `['a b']`
    fn at_quoted_name(&self) -> bool {
        self.at_symbol(Symbol::OpenBracket)
            && self.peek_at(1).kind == TokenKind::String
            && self.symbol_at(2, Symbol::CloseBracket)
    }

    /// How many tokens the name that begins here has; 0 where none does.
    fn name_length(&self) -> usize {
        if self.peek().kind == TokenKind::Name {
            1
        } else if self.at_quoted_name() {
            3
        } else {
            0
        }
    }

    /// `name =` follows.
    fn at_assignment(&self) -> bool {
        let length = self.name_length();
        length > 0 && self.symbol_at(length, Symbol::Assign)
    }

    fn name(&mut self, what: &str) -> Name {
        let token = self.peek();
        if token.kind == TokenKind::Name {
            self.at += 1;
            return Name::new(self.text_of(token.range), token.range);
        }
        if self.at_quoted_name() {
            let inner = self.peek_at(1);
            self.at += 3;
            let range = self.since(token.range.start as usize);
            let text = match super::literal::parse_string(self.text_of(inner.range)) {
                Ok(text) => text,
                Err(error) => {
                    self.say_literal(inner, error);
                    "".into()
                }
            };
            return Name { text, quoted: true, range };
        }
        self.missing(what, None);
        Name::new("", TextRange { start: token.range.start, end: token.range.start })
    }

    /// One of a few words; unknown ones are said with the nearest.
    fn choice<T: Copy>(&mut self, what: &str, choices: &[(&'static str, T)]) -> Option<T> {
        let token = self.peek();
        let word = self.word();
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word) {
            self.at += 1;
            return Some(*value);
        }
        if self.take_placeholder() {
            return None;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        if word.is_empty() {
            self.missing(what, Some(&names.join(", ")));
            return None;
        }
        let help = match nearest(word, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("it is one of {}", names.join(", ")),
        };
        self.say(
            Diagnostic::error(code::UNKNOWN_OPTION, token.range, format!("`{word}` is not {what}")).with_help(help),
        );
        self.at += 1;
        None
    }
}
