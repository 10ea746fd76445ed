//! Another name for a `let` or a function's parameter, everywhere it is meant, and nowhere else.

use thiserror::Error;

use super::diagnostic::TextRange;
use super::parser::parse;
use super::print::print_name;
use super::syntax::{Expr, ExprKind, Function, Name, NameRole, Node, Query, Statement, StatementKind, walk};

/// One place where the new name goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub range: TextRange,
    pub insert: String,
}

/// Why nothing is renamed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    #[error("the query has mistakes: mend them first")]
    Mistakes,
    #[error("the name of a let or of a parameter can be changed; none is here")]
    NothingHere,
    #[error("a name begins with a letter or _, and goes on with letters, digits and _")]
    NotAName,
    #[error("`{0}` means something in this query already")]
    Taken(String),
    #[error("`{0}` is also the name of a column that the query makes: rename that first")]
    AlsoColumn(String),
}

/// A name that a statement or a parameter gives, and where it may be used.
struct Definition<'a> {
    name: &'a Name,
    scope: TextRange,
}

/// The edits that rename what stands at an offset, in the order of the text.
pub fn rename(text: &str, offset: usize, new: &str) -> Result<Vec<Edit>, Refused> {
    let parsed = parse(text);
    if !parsed.diagnostics.is_empty() {
        return Err(Refused::Mistakes);
    }
    if !new.starts_with(|c: char| c.is_alphabetic() || c == '_')
        || !new.chars().all(|c| c.is_alphanumeric() || c == '_')
    {
        return Err(Refused::NotAName);
    }
    let definitions = definitions(&parsed.query, text);
    let names = names(&parsed.query);
    let here = |range: TextRange| (range.start as usize..=range.end as usize).contains(&offset);
    let (at, _) = names.iter().find(|(name, _)| here(name.range)).ok_or(Refused::NothingHere)?;
    let target = meant(at, &definitions).ok_or(Refused::NothingHere)?;
    let old = &*target.name.text;
    if old == new {
        return Ok(Vec::new());
    }
    if names.iter().any(|(name, _)| &*name.text == new) {
        return Err(Refused::Taken(new.to_owned()));
    }
    let makes_column = |(name, role): &(&Name, NameRole)| {
        *role == NameRole::Definition
            && &*name.text == old
            && definitions.iter().all(|definition| definition.name.range != name.range)
    };
    // Whether a use means the column or the let would hang on where it stands.
    if names.iter().any(makes_column) {
        return Err(Refused::AlsoColumn(old.to_owned()));
    }
    let same = |name: &Name| meant(name, &definitions).is_some_and(|found| found.name.range == target.name.range);
    let edits = names.iter().filter(|(name, _)| &*name.text == old && same(name));
    Ok(edits.map(|(name, _)| Edit { range: name.range, insert: print_name(new) }).collect())
}

/// Names that may be those of a let: not properties behind a dot, not options.
fn names(query: &Query) -> Vec<(&Name, NameRole)> {
    let mut names = Vec::new();
    walk(query, &mut |node| {
        if let Node::Name(name, role @ (NameRole::Use | NameRole::Definition | NameRole::Function)) = node {
            names.push((name, role));
        }
    });
    names
}

/// The definition that a name is, or that it means: the innermost, then the last before it.
fn meant<'d, 'a>(name: &Name, definitions: &'d [Definition<'a>]) -> Option<&'d Definition<'a>> {
    if let Some(itself) = definitions.iter().find(|definition| definition.name.range == name.range) {
        return Some(itself);
    }
    definitions
        .iter()
        .filter(|definition| definition.name.text == name.text)
        .filter(|definition| definition.scope.start <= name.range.start && name.range.end <= definition.scope.end)
        .max_by_key(|definition| definition.scope.start)
}

fn definitions<'a>(query: &'a Query, text: &str) -> Vec<Definition<'a>> {
    let mut definitions = Vec::new();
    of_block(&query.statements, text.len() as u32, &mut definitions);
    walk(query, &mut |node| {
        if let Node::Expr(Expr { kind: ExprKind::Function(function), range }) = node {
            of_function(function, *range, &mut definitions);
        }
    });
    definitions
}

fn of_function<'a>(function: &'a Function, range: TextRange, definitions: &mut Vec<Definition<'a>>) {
    // A default is no place where another parameter is seen: the body begins behind the last parameter.
    let begin = function.parameters.last().map_or(range.start, |last| last.range.end);
    for parameter in &function.parameters {
        definitions.push(Definition { name: &parameter.name, scope: TextRange { start: begin, end: range.end } });
    }
    of_block(&function.body, range.end, definitions);
}

fn of_block<'a>(block: &'a [Statement], end: u32, definitions: &mut Vec<Definition<'a>>) {
    for statement in block {
        let scope = TextRange { start: statement.range.end, end };
        match &statement.kind {
            StatementKind::Let { name, .. } => definitions.push(Definition { name, scope }),
            StatementKind::Parameters(parameters) => {
                definitions.extend(parameters.iter().map(|p| Definition { name: &p.name, scope }));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renames what stands at `¦` and puts the edits into the text.
    fn renamed(text: &str, new: &str) -> Result<String, Refused> {
        let offset = text.find('¦').unwrap();
        let mut text = text.replace('¦', "");
        let edits = rename(&text, offset, new)?;
        for edit in edits.iter().rev() {
            text.replace_range(edit.range.start as usize..edit.range.end as usize, &edit.insert);
        }
        Ok(text)
    }

    #[test]
    fn a_let_is_renamed_where_it_is_made_and_used() {
        for text in ["let ¦a = 1; print a + a", "let a = 1; print a + ¦a", "let a¦ = 1; print a + a"] {
            assert_eq!(renamed(text, "b").unwrap(), "let b = 1; print b + b");
        }
        assert_eq!(renamed("let ¦f = () { 1 }; print f()", "g").unwrap(), "let g = () { 1 }; print g()");
    }

    #[test]
    fn a_parameter_hides_a_let_of_its_name() {
        let text = "let a = 1; let f = (¦a: long) { a + 1 }; print f(a)";
        assert_eq!(renamed(text, "n").unwrap(), "let a = 1; let f = (n: long) { n + 1 }; print f(a)");
        let text = "let ¦a = 1; let f = (a: long) { a + 1 }; print f(a)";
        assert_eq!(renamed(text, "n").unwrap(), "let n = 1; let f = (a: long) { a + 1 }; print f(n)");
    }

    #[test]
    fn properties_options_and_text_of_the_same_letters_stay() {
        let text = "let ¦kind = 1; datatable(x: dynamic)[1] | join kind=inner (print kind) on $left.x == $right.kind";
        assert!(renamed(text, "sort_of").unwrap().contains("join kind=inner (print sort_of)"));
        assert_eq!(renamed("let ¦a = 1; print b = 'a', c = dynamic({}).a, a", "z").unwrap().matches('z').count(), 2);
    }

    #[test]
    fn what_could_change_the_meaning_is_refused() {
        assert_eq!(renamed("let ¦a = 1; let b = 2; print a", "b"), Err(Refused::Taken("b".into())));
        assert_eq!(
            renamed("let ¦a = 1; print x = 1 | extend a = 2 | where a > 1", "b"),
            Err(Refused::AlsoColumn("a".into()))
        );
        assert_eq!(renamed("print ¦a = 1", "b"), Err(Refused::NothingHere));
        assert_eq!(renamed("let ¦a = 1; print a", "1b"), Err(Refused::NotAName));
        assert_eq!(renamed("let ¦a = ; print a", "b"), Err(Refused::Mistakes));
    }

    #[test]
    fn a_word_of_the_language_is_quoted() {
        assert_eq!(renamed("let ¦a = 1; print a", "has").unwrap(), "let [\"has\"] = 1; print [\"has\"]");
    }
}
