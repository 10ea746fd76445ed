//! Names as text: which can stand as they are, and which are quoted.

use super::Printer;
use crate::kql::diagnostic::TextRange;
use crate::kql::lexer::{TokenKind, lex};
use crate::kql::literal::print_string;
use crate::kql::parser::OPERATORS;
use crate::kql::syntax::Name;
use crate::kql::types::Type;

/// A name for a tree that the program builds: quoted where it is no plain word.
pub fn name_of(text: impl Into<std::sync::Arc<str>>) -> Name {
    let text = text.into();
    Name { quoted: !is_plain_name(&text), text, range: TextRange::default() }
}

/// A name as it can stand in a query: quoted where it is no plain word.
pub fn print_name(name: &str) -> String {
    if is_plain_name(name) { name.to_owned() } else { format!("[{}]", print_string(name)) }
}

/// Words that mean something else where an expression may begin.
const RESERVED: &[&str] = &[
    "alias",
    "and",
    "between",
    "contains",
    "contains_cs",
    "datatable",
    "declare",
    "endswith",
    "endswith_cs",
    "evaluate",
    "external_data",
    "externaldata",
    "false",
    "find",
    "has",
    "has_all",
    "has_any",
    "has_cs",
    "hasprefix",
    "hasprefix_cs",
    "hassuffix",
    "hassuffix_cs",
    "in",
    "let",
    "like",
    "matches",
    "not",
    "notcontains",
    "notlike",
    "or",
    "print",
    "range",
    "restrict",
    "search",
    "select",
    "set",
    "startswith",
    "startswith_cs",
    "true",
    "typeof",
    "union",
    "view",
];

/// Words that end an expression in some operator, or begin one.
fn is_contextual(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "as",
        "asc",
        "by",
        "declare",
        "default",
        "desc",
        "from",
        "hint",
        "id",
        "is",
        "kind",
        "limit",
        "nulls",
        "of",
        "on",
        "optional",
        "order",
        "output",
        "pack",
        "pack_all",
        "partition",
        "step",
        "to",
        "with",
        "with_itemindex",
        "withsource",
    ];
    WORDS.contains(&word) || OPERATORS.contains(&word)
}

/// Is the name one `Name` token that can be nothing else wherever it stands?
fn is_plain_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let word = lex(name);
    word.len() == 2
        && word[0].kind == TokenKind::Name
        && !name.contains('-')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_graphic() || c.is_alphanumeric())
        && !RESERVED.contains(&&*lower)
        && !is_contextual(&lower)
        && Type::from_name(&lower).is_none()
}

impl Printer {
    /// A name that came quoted stays so; another is quoted where it would be no name.
    pub(super) fn name(&mut self, name: &Name) {
        let word = lex(&name.text);
        let plain = word.len() == 2 && word[0].kind == TokenKind::Name;
        if plain && !name.quoted {
            self.text(&name.text);
        } else {
            self.text("[");
            self.text(&print_string(&name.text));
            self.text("]");
        }
    }

    /// A name with wildcards or dots, of letters, digits, `_` and what else is allowed; any other is quoted.
    pub(super) fn loose_name(&mut self, text: &str, allowed: char) {
        if text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == allowed) {
            self.text(text);
        } else {
            self.text("[");
            self.text(&print_string(text));
            self.text("]");
        }
    }
}
