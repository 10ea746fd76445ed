//! What is wrong or doubtful in a query, and where.
//!
//! Codes are stable: 001–099 are the parser's (`code`), 100–199 the binder's, 200–299 the linter's.

/// A range of bytes in the query's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextRange {
    pub start: u32,
    pub end: u32,
}

impl TextRange {
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The smallest range that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The text in the range; "" when the range is not of this text.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Hint,
    Warning,
    Error,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A finding with its place. `code` is stable (`KQL001`…); `help` says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub range: TextRange,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, range: TextRange, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), range, help: None }
    }

    pub fn warning(code: &'static str, range: TextRange, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, range, message) }
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the start, from 1; columns count characters.
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        let mut at = (self.range.start as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The parser's codes.
pub mod code {
    /// Something stands where it cannot.
    pub const UNEXPECTED: &str = "KQL001";
    /// Something that must stand here does not: a name, an expression, `by`, `on`.
    pub const MISSING: &str = "KQL002";
    /// A string without its closing quote.
    pub const OPEN_STRING: &str = "KQL003";
    /// A bracket without its partner.
    pub const BRACKET: &str = "KQL004";
    /// No such operator.
    pub const UNKNOWN_OPERATOR: &str = "KQL005";
    /// A literal that says nothing: `datetime(soon)`, `"\q"`.
    pub const LITERAL: &str = "KQL006";
    /// A character or quote that is not part of the language.
    pub const CHARACTER: &str = "KQL007";
    /// A management command: `.show tables`.
    pub const COMMAND: &str = "KQL008";
    /// Another language's way of saying it: `SELECT`, `LIKE`, `AND`, `&&`, `=` for `==`.
    pub const FOREIGN: &str = "KQL009";
    /// Brackets in brackets in brackets.
    pub const TOO_DEEP: &str = "KQL010";
    /// An option or its value is unknown: a join's kind, a type's name.
    pub const UNKNOWN_OPTION: &str = "KQL011";
    /// Nothing to answer.
    pub const EMPTY: &str = "KQL012";
}
