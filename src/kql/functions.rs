//! The one registry of functions: names, parameters, result types and names, documentation, where each runs. It feeds the binder,
//! completion, hover, `vaultscope docs` and the reference page; the engine holds one implementation for each that runs locally.
//!
//! To add a function: one entry in the family's file below, one implementation in the engine under the same name.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::types::Type;

pub mod aggregates;
pub mod arrays;
pub mod conversions;
pub mod encodings;
pub mod general;
pub mod geo;
pub mod network;
pub mod numbers;
pub mod operators;
pub mod plugins;
pub mod series;
pub mod sketches;
pub mod strings;
pub mod times;
pub mod windows;

/// What a function is, and so where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// A scalar function.
    Scalar,
    /// An operator with a symbol or word between its operands (`+`, `has`, `=~`), or before one (`-`, `not`).
    Operator,
    /// Only in `summarize` and its kin.
    Aggregate,
    /// Needs serialized input.
    Window,
    /// Only behind `evaluate`.
    Plugin,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Exactly this type, or what converts to it implicitly.
    Type(Type),
    /// Any type.
    Any,
    /// int, long, real, decimal; dynamic is refused.
    Number,
    /// Numbers, datetime, timespan.
    Summable,
    /// Anything with an order: all but dynamic.
    Ordered,
    /// A bool expression.
    Predicate,
    /// The same type as the first argument that says so.
    Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    pub takes: Takes,
    pub optional: bool,
    /// The last parameter may repeat.
    pub repeats: bool,
    /// Must be a constant.
    pub constant: bool,
}

impl Parameter {
    /// It may be left out.
    const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// It may stand any number of times, at least once unless optional too.
    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn constant(mut self) -> Self {
        self.constant = true;
        self
    }
}

/// The type of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    Type(Type),
    /// The type of the n-th argument.
    Argument(u8),
    /// The common type of the arguments that take `Common`.
    Common,
    /// The wider of two numbers; int with int gives long.
    Wider,
    /// Decided by the binder, function by function (`bin`, `-` on datetimes, …).
    Special,
}

/// How an unnamed result column is called (Kusto's ResultNameKind).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultName {
    /// No name of its own: `Column1`, `print_0`.
    None,
    /// The name of the first argument if it has one.
    FirstArgument,
    /// The function's prefix and the first argument's name: `sum_x`; `sum_` where it has none.
    Prefix(&'static str),
    /// Always this.
    Fixed(&'static str),
}

/// A function of the language.
pub struct Function {
    pub name: &'static str,
    pub kind: FunctionKind,
    pub parameters: &'static [Parameter],
    pub gives: Gives,
    pub result_name: ResultName,
    /// One sentence, shown in completion and hover.
    pub summary: &'static str,
    /// A query that shows it.
    pub example: &'static str,
}

impl Function {
    /// The fewest and the most arguments; `None` is no bound.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let least = self.parameters.iter().filter(|p| !p.optional).count();
        let most = if self.parameters.last().is_some_and(|p| p.repeats) { None } else { Some(self.parameters.len()) };
        (least, most)
    }

    /// The parameter that the n-th argument fills; the last one when it repeats.
    pub fn parameter(&self, n: usize) -> Option<&'static Parameter> {
        self.parameters.get(n).or_else(|| self.parameters.last().filter(|p| p.repeats))
    }

    /// Gives another value each time it is asked, or one that hangs on the row's origin: never folded.
    pub fn is_volatile(&self) -> bool {
        matches!(self.name, "rand" | "new_guid" | "ingestion_time") || self.kind == FunctionKind::Window
    }

    /// `name(a, b, [c], …)`, for help and completion.
    pub fn signature(&self) -> String {
        let parts: Vec<_> = self
            .parameters
            .iter()
            .map(|p| {
                let dots = if p.repeats { ", …" } else { "" };
                if p.optional { format!("[{}{dots}]", p.name) } else { format!("{}{dots}", p.name) }
            })
            .collect();
        format!("{}({})", self.name, parts.join(", "))
    }
}

/// Functions are the registry's: one name and kind, one function.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Another name of a function, and how it names a result where that differs.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    pub name: &'static str,
    pub of: &'static str,
    pub result_name: Option<ResultName>,
}

const fn alias(name: &'static str, of: &'static str) -> Alias {
    Alias { name, of, result_name: None }
}

/// Old and second names. `any(x)` is `take_any(x)` but for the name of its column.
pub static ALIASES: &[Alias] = &[
    alias("iif", "iff"),
    alias("toreal", "todouble"),
    alias("toboolean", "tobool"),
    alias("totime", "totimespan"),
    alias("todynamic", "parse_json"),
    alias("toobject", "parse_json"),
    alias("parsejson", "parse_json"),
    alias("notnull", "isnotnull"),
    alias("notempty", "isnotempty"),
    alias("floor", "bin"),
    alias("pack", "bag_pack"),
    alias("pack_dictionary", "bag_pack"),
    alias("arraylength", "array_length"),
    alias("array_strcat", "strcat_array"),
    alias("array_iif", "array_iff"),
    alias("replace", "replace_regex"),
    alias("extractall", "extract_all"),
    alias("extractjson", "extract_json"),
    alias("parseurl", "parse_url"),
    alias("parseurlquery", "parse_urlquery"),
    alias("base64_decodestring", "base64_decode_tostring"),
    alias("base64_encodestring", "base64_encode_tostring"),
    alias("to_utf8", "unicode_codepoints_from_string"),
    alias("make_string", "unicode_codepoints_to_string"),
    alias("weekofyear", "week_of_year"),
    alias("getmonth", "monthofyear"),
    alias("datepart", "datetime_part"),
    alias("makeset", "make_set"),
    alias("makelist", "make_list"),
    alias("make_dictionary", "make_bag"),
    alias("merge_tdigest", "tdigest_merge"),
    Alias { name: "cnt", of: "count", result_name: Some(ResultName::Prefix("cnt")) },
    alias("argmax", "arg_max"),
    alias("argmin", "arg_min"),
    Alias { name: "any", of: "take_any", result_name: Some(ResultName::Prefix("any")) },
    Alias { name: "anyif", of: "take_anyif", result_name: Some(ResultName::Prefix("anyif")) },
];

/// Every function, each once, in the order of the reference page.
pub fn all() -> impl Iterator<Item = &'static Function> {
    let named = [operators::ALL, conversions::ALL, aggregates::ALL, windows::ALL, plugins::ALL];
    let plain = [
        general::ALL,
        strings::ALL,
        encodings::ALL,
        times::ALL,
        numbers::ALL,
        arrays::ALL,
        series::ALL,
        network::ALL,
        geo::ALL,
        sketches::ALL,
    ];
    named.into_iter().flatten().copied().chain(plain.into_iter().flatten())
}

/// A scalar or window function by its name or alias; operators and aggregates have lookups of their own.
pub fn scalar(name: &str) -> Option<&'static Function> {
    find(name, FunctionKind::Scalar).or_else(|| find(name, FunctionKind::Window))
}

/// An aggregate by its name or alias.
pub fn aggregate(name: &str) -> Option<&'static Function> {
    find(name, FunctionKind::Aggregate)
}

/// An operator by its symbol or word, `!has` and `matches regex` included.
pub fn operator(name: &str) -> Option<&'static Function> {
    find(name, FunctionKind::Operator)
}

/// A plugin by its name.
pub fn plugin(name: &str) -> Option<&'static Function> {
    find(name, FunctionKind::Plugin)
}

/// How a call written as `name` names its column.
pub fn result_name(name: &str, function: &Function) -> ResultName {
    ALIASES.iter().find(|a| a.name == name).and_then(|a| a.result_name).unwrap_or(function.result_name)
}

fn find(name: &str, kind: FunctionKind) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<(&'static str, FunctionKind), &'static Function>> = LazyLock::new(|| {
        let mut map: HashMap<_, _> = all().map(|f| ((f.name, f.kind), f)).collect();
        for alias in ALIASES {
            for kind in [FunctionKind::Scalar, FunctionKind::Aggregate] {
                if let Some(&function) = map.get(&(alias.of, kind)) {
                    map.insert((alias.name, kind), function);
                }
            }
        }
        map
    });
    let by_name: &HashMap<(&str, FunctionKind), _> = &BY_NAME;
    by_name.get(&(name, kind)).copied()
}

/// A parameter of the given name and kind of argument.
const fn takes(name: &'static str, takes: Takes) -> Parameter {
    Parameter { name, takes, optional: false, repeats: false, constant: false }
}

const fn any(name: &'static str) -> Parameter {
    takes(name, Takes::Any)
}

const fn string(name: &'static str) -> Parameter {
    takes(name, Takes::Type(Type::String))
}

const fn long(name: &'static str) -> Parameter {
    takes(name, Takes::Type(Type::Long))
}

const fn real(name: &'static str) -> Parameter {
    takes(name, Takes::Type(Type::Real))
}

const fn datetime(name: &'static str) -> Parameter {
    takes(name, Takes::Type(Type::DateTime))
}

const fn timespan(name: &'static str) -> Parameter {
    takes(name, Takes::Type(Type::TimeSpan))
}

const fn dynamic(name: &'static str) -> Parameter {
    takes(name, Takes::Type(Type::Dynamic))
}

const fn number(name: &'static str) -> Parameter {
    takes(name, Takes::Number)
}

const fn summable(name: &'static str) -> Parameter {
    takes(name, Takes::Summable)
}

const fn predicate(name: &'static str) -> Parameter {
    takes(name, Takes::Predicate)
}

const fn common(name: &'static str) -> Parameter {
    takes(name, Takes::Common)
}

/// An entry of the registry; the families' files are tables of these.
const fn entry(
    kind: FunctionKind,
    name: &'static str,
    parameters: &'static [Parameter],
    gives: Gives,
    result_name: ResultName,
    summary: &'static str,
    example: &'static str,
) -> Function {
    Function { name, kind, parameters, gives, result_name, summary, example }
}

const fn function(
    name: &'static str,
    parameters: &'static [Parameter],
    gives: Type,
    summary: &'static str,
    example: &'static str,
) -> Function {
    entry(FunctionKind::Scalar, name, parameters, Gives::Type(gives), ResultName::None, summary, example)
}

/// Like `function`, the result column named after the first argument.
const fn keeps_name(
    name: &'static str,
    parameters: &'static [Parameter],
    gives: Gives,
    summary: &'static str,
    example: &'static str,
) -> Function {
    entry(FunctionKind::Scalar, name, parameters, gives, ResultName::FirstArgument, summary, example)
}

/// A list of parameters.
macro_rules! args {
    ($($parameter:expr),* $(,)?) => { const { &[$($parameter),*] } };
}
use args;

/// Functions that the binder reaches by constant, and their table `ALL`.
macro_rules! named {
    ($($name:ident = $entry:expr;)*) => {
        $(pub static $name: $crate::kql::functions::Function = $entry;)*
        pub static ALL: &[&$crate::kql::functions::Function] = &[$(&$name),*];
    };
}
use named;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_and_kind_stands_once() {
        let mut seen = HashSet::new();
        for f in all() {
            assert!(seen.insert((f.name, f.kind)), "{} stands twice", f.name);
        }
    }

    #[test]
    fn every_function_says_what_it_does_and_shows_it() {
        for f in all() {
            assert!(f.summary.ends_with(['.', '?']), "{}: {}", f.name, f.summary);
            assert!(f.example.contains(f.name) || f.kind == FunctionKind::Operator, "{}: {}", f.name, f.example);
        }
    }

    #[test]
    fn an_alias_names_a_function_and_is_none_itself() {
        for alias in ALIASES {
            assert!(scalar(alias.of).is_some() || aggregate(alias.of).is_some(), "{} -> {}", alias.name, alias.of);
            assert!(all().all(|f| f.name != alias.name || f.kind == FunctionKind::Operator), "{} is both", alias.name);
        }
        assert_eq!(scalar("iif").map(|f| f.name), Some("iff"));
        assert_eq!(aggregate("makeset").map(|f| f.name), Some("make_set"));
    }

    #[test]
    fn optional_parameters_come_last_and_only_the_last_repeats() {
        for f in all() {
            let first_optional = f.parameters.iter().position(|p| p.optional).unwrap_or(f.parameters.len());
            assert!(f.parameters[first_optional..].iter().all(|p| p.optional), "{}", f.name);
            let repeating = f.parameters.iter().position(|p| p.repeats);
            assert!(repeating.is_none_or(|n| n + 1 == f.parameters.len()), "{}", f.name);
        }
    }
}
