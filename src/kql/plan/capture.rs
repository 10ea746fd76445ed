//! What `parse`, `parse-where` and `parse-kv` take out of a text: the rule, ready to be run.

use std::sync::Arc;

use crate::kql::types::Type;

/// How columns are taken out of one text a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    pub rule: CaptureRule,
    /// The type of every capture, in the order of the rule.
    pub types: Vec<Type>,
    /// A capture that does not convert to its type makes the whole text miss (`kind=simple`, `kind=regex`); else it alone is null.
    pub strict: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CaptureRule {
    /// Texts in order with captures between them. A capture ends where the next text first stands. The first text may stand anywhere; a
    /// pattern that does not end with `Skip` reaches to the end of the text.
    Pattern(Vec<PatternPart>),
    /// A regular expression whose groups `c0`, `c1`, … are the captures. It may match anywhere.
    Regex(Arc<str>),
    /// Keys and values; the captures are the values of `keys`.
    Pairs(Pairs),
}

#[derive(Clone, Debug, PartialEq)]
pub enum PatternPart {
    Skip,
    Text(Arc<str>),
    /// With `shape`, a regular expression: only what matches it right here, if anything.
    Column {
        shape: Option<&'static str>,
    },
}

/// `parse-kv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    pub keys: Vec<Arc<str>>,
    pub separated: Separated,
    /// Opening and closing quotes.
    pub quotes: Vec<(char, char)>,
    pub escapes: Vec<char>,
}

/// How pairs are told apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Separated {
    /// By texts. Greedy: a value runs on until the next of the keys that are asked for.
    By { pair: Arc<str>, kv: Arc<str>, greedy: bool },
    /// By whatever is neither letter nor digit.
    ByAnything,
    /// By a regular expression of two groups, the key and the value.
    Regex(Arc<str>),
}

/// The regular expression that a capture of a type follows where nothing says where it ends; `None`: any text.
///
/// In `kind=regex` every capture follows it, and there a bool is no number and a real begins with a digit.
pub fn shape(ty: Type, regex: bool) -> Option<&'static str> {
    Some(match ty {
        Type::Int | Type::Long => r"\s*[-+]?\d+",
        Type::Real | Type::Decimal if regex => r"\s*[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?",
        Type::Real | Type::Decimal => r"\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?",
        Type::Bool if regex => "(?i:true|false)",
        Type::Bool => r"\s*(?:(?i:true|false)|[-+]?\d+)",
        Type::Guid => r"\{?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?",
        Type::DateTime => {
            r"\d{1,4}[-/]\d{1,2}[-/]\d{1,4}(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?:Z| ?[-+]\d{1,2}:?\d{2})?)?"
        }
        Type::TimeSpan => {
            r"-?(?:(?:\d+\.)?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|\d+(?:\.\d+)?(?:ms|microseconds?|ticks?|[dhms]))"
        }
        Type::String | Type::Dynamic => return None,
    })
}
