//! The reference: what the language has here, from the registries that the binder, completion and the engine go by. A page in Markdown, or one entry.

use std::fmt::Write as _;

use super::functions::{self, ALIASES, Function, FunctionKind};
use super::operators::{self, TabularOperator};

/// Something that can be looked up.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    Operator(&'static TabularOperator),
    Function(&'static Function),
}

impl Entry {
    /// Everything of a name: `count` is an operator and an aggregate.
    pub fn find(name: &str) -> Vec<Self> {
        let functions =
            [functions::scalar(name), functions::aggregate(name), functions::operator(name), functions::plugin(name)];
        let operator = operators::find(name).map(Self::Operator);
        operator.into_iter().chain(functions.into_iter().flatten().map(Self::Function)).collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Operator(operator) => operator.name,
            Self::Function(function) => function.name,
        }
    }

    /// What it is, in a word or two.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Operator(operator) if operator.leads => "begins a query",
            Self::Operator(_) => "tabular operator",
            Self::Function(function) => match function.kind {
                FunctionKind::Scalar => "function",
                FunctionKind::Operator => "operator between values",
                FunctionKind::Aggregate => "aggregate",
                FunctionKind::Window => "window function",
                FunctionKind::Plugin => "plugin of evaluate",
            },
        }
    }

    /// How it is written.
    pub fn form(self) -> String {
        match self {
            Self::Operator(operator) => format!("{} {}", operator.name, operator.form).trim_end().to_owned(),
            Self::Function(function) if function.kind == FunctionKind::Operator => function.name.to_owned(),
            Self::Function(function) => function.signature(),
        }
    }

    pub fn summary(self) -> &'static str {
        match self {
            Self::Operator(operator) => operator.summary,
            Self::Function(function) => function.summary,
        }
    }

    pub fn example(self) -> &'static str {
        match self {
            Self::Operator(operator) => operator.example,
            Self::Function(function) => function.example,
        }
    }

    /// Its other names.
    pub fn aliases(self) -> Vec<&'static str> {
        match self {
            Self::Operator(operator) => {
                operators::ALIASES.iter().filter(|(_, of)| *of == operator.name).map(|(alias, _)| *alias).collect()
            }
            Self::Function(function) => {
                ALIASES.iter().filter(|alias| alias.of == function.name).map(|alias| alias.name).collect()
            }
        }
    }
}

/// A chapter of the reference: its title and its entries by name.
pub fn chapters() -> Vec<(&'static str, Vec<Entry>)> {
    let of = |kind: FunctionKind| {
        let mut entries: Vec<Entry> = functions::all().filter(|f| f.kind == kind).map(Entry::Function).collect();
        entries.sort_by_key(|entry| entry.name());
        entries
    };
    vec![
        ("Tabular operators", operators::ALL.iter().map(Entry::Operator).collect()),
        ("Functions", of(FunctionKind::Scalar)),
        ("Aggregates", of(FunctionKind::Aggregate)),
        ("Window functions", of(FunctionKind::Window)),
        ("Plugins", of(FunctionKind::Plugin)),
        ("Operators between values", of(FunctionKind::Operator)),
    ]
}

/// Every name that has an entry, other names included.
pub fn names() -> Vec<&'static str> {
    let entries = chapters().into_iter().flat_map(|(_, entries)| entries);
    entries.flat_map(|entry| [entry.name()].into_iter().chain(entry.aliases())).collect()
}

/// The whole reference as a Markdown page.
pub fn markdown() -> String {
    let mut page = String::from("# KQL here\n");
    for (title, entries) in chapters() {
        let _ = write!(page, "\n## {title}\n");
        for entry in entries {
            let _ = write!(page, "\n### {}\n\n`{}`\n\n{}\n", entry.name(), entry.form(), entry.summary());
            let aliases = entry.aliases();
            if !aliases.is_empty() {
                let _ = write!(page, "\nAlso written {}.\n", aliases.join(", "));
            }
            if !entry.example().is_empty() {
                let _ = write!(page, "\n```kql\n{}\n```\n", entry.example());
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_everything_that_it_is() {
        let kinds = |name| Entry::find(name).into_iter().map(Entry::kind).collect::<Vec<_>>();
        assert_eq!(kinds("count"), ["tabular operator", "aggregate"]);
        assert_eq!(kinds("prev"), ["window function"]);
        assert_eq!(kinds("has"), ["operator between values"]);
        assert!(kinds("nothing").is_empty());
        assert_eq!(Entry::find("limit")[0].name(), "take");
    }

    #[test]
    fn the_page_has_every_entry_once() {
        let page = markdown();
        for (_, entries) in chapters() {
            assert!(!entries.is_empty());
            for entry in entries {
                assert!(page.contains(&format!("\n### {}\n", entry.name())), "{}", entry.name());
                assert!(entry.summary().ends_with(['.', '?']), "{}: {}", entry.name(), entry.summary());
            }
        }
    }
}
