//! The body of `dynamic(…)`: JSON, but strings in either quote, trailing commas, and KQL's own literals inside. Gives compact JSON text; a
//! number keeps its text.

use std::fmt::Write as _;

use super::{Literal, LiteralError, parse_string, parse_typed, print_datetime, print_timespan, shortened};
use crate::kql::lexer::{Symbol, Token, TokenKind, lex};
use crate::kql::types::Type;
use crate::kql::value::Value;

/// How deep arrays and bags may lie in one another.
const DEPTH: usize = 100;

/// The value of a dynamic literal's body. The error's place counts from the body's start.
pub fn parse_dynamic(body: &str) -> Result<Value, LiteralError> {
    let tokens = lex(body).into_iter().filter(|t| !t.kind.is_trivia()).collect();
    let mut reader = Reader { text: body, tokens, at: 0, out: String::with_capacity(body.len()) };
    reader.value(0)?;
    if reader.peek().kind != TokenKind::End {
        return Err(reader.unexpected("the end of the dynamic value"));
    }
    Ok(if reader.out == "null" { Value::Null(Type::Dynamic) } else { Value::Dynamic(reader.out.into()) })
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    out: String,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn take(&mut self, symbol: Symbol) -> bool {
        let found = self.peek().kind == TokenKind::Symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn of(&self, token: Token) -> &'a str {
        token.range.of(self.text)
    }

    fn unexpected(&self, wanted: &str) -> LiteralError {
        let token = self.peek();
        if token.kind == TokenKind::End {
            return LiteralError::new(token.range, format!("the dynamic value ends where {wanted} should stand"));
        }
        let found = shortened(self.of(token));
        LiteralError::new(token.range, format!("`{found}` stands where {wanted} should"))
            .with_help("inside dynamic(…) stands JSON: \"text\", 1, true, null, [ … ], { \"key\": value }; columns go in pack_array() or bag_pack()")
    }

    fn value(&mut self, depth: usize) -> Result<(), LiteralError> {
        let token = self.peek();
        if depth > DEPTH {
            return Err(LiteralError::new(token.range, format!("the dynamic value is more than {DEPTH} levels deep")));
        }
        match token.kind {
            TokenKind::Symbol(Symbol::OpenBracket) => {
                self.at += 1;
                self.list('[', ']', Symbol::CloseBracket, |reader| reader.value(depth + 1))
            }
            TokenKind::Symbol(Symbol::OpenBrace) => {
                self.at += 1;
                self.list('{', '}', Symbol::CloseBrace, |reader| {
                    if !matches!(reader.peek().kind, TokenKind::String | TokenKind::Hidden) {
                        return Err(reader.unexpected("a property's name in quotes"));
                    }
                    let name = reader.next();
                    reader.string(name)?;
                    if !reader.take(Symbol::Colon) {
                        return Err(reader.unexpected("`:`"));
                    }
                    reader.out.push(':');
                    reader.value(depth + 1)
                })
            }
            TokenKind::Symbol(Symbol::Minus | Symbol::Plus) => {
                self.at += 1;
                let number = self.peek();
                let negative = token.kind == TokenKind::Symbol(Symbol::Minus);
                match number.kind {
                    TokenKind::Long | TokenKind::Real => {
                        self.out.push_str(if negative { "-" } else { "" });
                        self.at += 1;
                        self.number(number)
                    }
                    TokenKind::TimeSpan => {
                        self.at += 1;
                        self.timespan(number, negative)
                    }
                    _ => Err(self.unexpected("a number")),
                }
            }
            _ => {
                self.at += 1;
                self.scalar(token)
            }
        }
    }

    /// Items between commas up to the closing symbol; the opening one has been read.
    fn list(
        &mut self,
        open: char,
        close: char,
        end: Symbol,
        mut item: impl FnMut(&mut Self) -> Result<(), LiteralError>,
    ) -> Result<(), LiteralError> {
        self.out.push(open);
        let mut first = true;
        while !self.take(end) {
            if !first {
                self.out.push(',');
            }
            first = false;
            item(self)?;
            if !self.take(Symbol::Comma) {
                if !self.take(end) {
                    return Err(self.unexpected(&format!("`,` or `{close}`")));
                }
                break;
            }
        }
        self.out.push(close);
        Ok(())
    }

    fn scalar(&mut self, token: Token) -> Result<(), LiteralError> {
        match token.kind {
            TokenKind::String | TokenKind::Hidden => self.string(token),
            TokenKind::Long | TokenKind::Real => self.number(token),
            TokenKind::TimeSpan => self.timespan(token, false),
            TokenKind::Name => match self.of(token) {
                word @ ("true" | "false" | "null") => {
                    self.out.push_str(word);
                    Ok(())
                }
                _ => self.fail_at_last("a value"),
            },
            TokenKind::Typed(ty) => {
                let start = token.range.start as usize;
                match parse_typed(ty, self.of(token)).map_err(|e| e.shifted(start))? {
                    Literal::Value(value) => self.typed(&value),
                    Literal::Today(_) => {
                        let message = "a time of day without a date cannot stand inside dynamic(…)";
                        return Err(LiteralError::new(token.range, message));
                    }
                }
                Ok(())
            }
            _ => self.fail_at_last("a value"),
        }
    }

    fn fail_at_last(&mut self, wanted: &str) -> Result<(), LiteralError> {
        self.at -= 1;
        Err(self.unexpected(wanted))
    }

    fn string(&mut self, token: Token) -> Result<(), LiteralError> {
        let text = self.of(token);
        // JSON escapes a slash, KQL does not.
        let value = if text.contains("\\/") { parse_string(&unescape_slashes(text)) } else { parse_string(text) };
        write_json_string(&mut self.out, &value.map_err(|e| e.shifted(token.range.start as usize))?);
        Ok(())
    }

    fn number(&mut self, token: Token) -> Result<(), LiteralError> {
        let text = self.of(token);
        if text.starts_with("0x") || text.starts_with("0X") {
            let value = super::parse_long(text).map_err(|e| e.shifted(token.range.start as usize))?;
            let _ = write!(self.out, "{value}");
            return Ok(());
        }
        // JSON wants a digit behind a point, and none but a single zero in front of others.
        let digits = text.trim_start_matches('0');
        let digits = if digits.starts_with(|c: char| c.is_ascii_digit()) {
            digits
        } else {
            &text[text.len() - digits.len() - 1..]
        };
        // A real is written at its shortest, as a result shows it.
        if digits.contains(['.', 'e', 'E'])
            && let Some(real) = digits.parse::<f64>().ok().filter(|n| n.is_finite())
        {
            let _ = write!(self.out, "{real:?}");
            return Ok(());
        }
        match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.starts_with(|c: char| c.is_ascii_digit()) => {
                let _ = write!(self.out, "{whole}.0{fraction}");
            }
            _ => self.out.push_str(digits),
        }
        Ok(())
    }

    fn timespan(&mut self, token: Token, negative: bool) -> Result<(), LiteralError> {
        let ticks = super::parse_unit_timespan(self.of(token)).map_err(|e| e.shifted(token.range.start as usize))?;
        self.typed(&Value::TimeSpan(if negative { -ticks } else { ticks }));
        Ok(())
    }

    /// A KQL value inside JSON, as the text that a result shows for it.
    fn typed(&mut self, value: &Value) {
        match value {
            Value::Null(_) => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => drop(write!(self.out, "{value}")),
            Value::Long(value) => drop(write!(self.out, "{value}")),
            Value::Real(value) if value.is_finite() => drop(write!(self.out, "{value:?}")),
            Value::Real(value) => write_json_string(&mut self.out, &value.to_string()),
            Value::Decimal(digits, scale) => {
                let text = super::print::print_decimal(*digits, *scale);
                write_json_string(&mut self.out, &text);
            }
            Value::String(text) | Value::Guid(text) => write_json_string(&mut self.out, text),
            Value::DateTime(ticks) => write_json_string(&mut self.out, &print_datetime(*ticks)),
            Value::TimeSpan(ticks) => write_json_string(&mut self.out, &print_timespan(*ticks)),
            Value::Dynamic(text) => self.out.push_str(text),
        }
    }
}

/// `\/` becomes `/`, other escapes stay.
fn unescape_slashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (c, false) => out.push(c),
            (_, true) => match chars.next() {
                Some('/') => out.push('/'),
                Some(next) => out.extend(['\\', next]),
                None => out.push('\\'),
            },
        }
    }
    out
}

/// The shortest JSON of a string.
fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}
