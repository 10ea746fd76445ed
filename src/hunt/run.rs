//! Asking a hunt: its window and parameters take the places of its `let` values, and the text that comes of it is what runs.

use super::facts::Known;
use super::front_matter::Kind;
use super::{Hunt, HuntError};
use crate::base::config::Organisation;
use crate::base::shown::Shown;
use crate::base::suggest;
use crate::base::time::Ticks;
use crate::kql::literal::{Literal, parse_typed, print_literal};
use crate::kql::syntax::{Query, StatementKind};
use crate::kql::{TextRange, Value};

/// The `let` statements that bound the events a hunt tests, by `timestamp`.
const WINDOW: [&str; 2] = ["window_start", "window_end"];

/// How a hunt is asked.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    /// From (inclusive), to (inclusive). Without it the hunt's own window stands.
    pub window: Option<(Ticks, Ticks)>,
    /// Values of parameters by name, as they were typed.
    pub parameters: &'a [(String, String)],
    /// What fills parameters that say where they come `from`.
    pub organisation: Option<&'a Organisation>,
}

/// What will run, and what it will not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Valid KQL, front matter included.
    pub text: String,
    /// Facts that the organisation's configuration does not tell: the hunt may find nothing for that reason alone.
    pub missing: Vec<String>,
}

impl Hunt {
    /// The text to run, with the values asked for in it.
    pub fn ask(&self, asked: &Asked<'_>) -> Result<Ready, HuntError> {
        self.fill(asked).map_err(|error| error.of(&self.origin))
    }

    /// The value that the query itself gives a parameter.
    pub fn default_of(&self, parameter: &str) -> Option<&str> {
        let range = self.lets().ok()?.into_iter().find(|(name, _)| name == parameter)?.1;
        Some(range.of(&self.text))
    }

    fn fill(&self, asked: &Asked<'_>) -> Result<Ready, HuntError> {
        let lets = self.lets()?;
        let mut values: Vec<(TextRange, String)> = Vec::new();
        let mut missing = Vec::new();
        if let Some((from, to)) = asked.window {
            for (name, at) in WINDOW.into_iter().zip([from, to]) {
                let Some((_, range)) = lets.iter().find(|(of, _)| of == name) else {
                    let error =
                        HuntError::new(format!("the hunt has no `let {name}`, so no window can be given to it"));
                    return Err(error);
                };
                values.push((*range, print_literal(&Value::DateTime(at.0))));
            }
        }
        for (name, _) in asked.parameters {
            if !self.about.parameters.iter().any(|parameter| parameter.name == *name) {
                return Err(self.unknown(name));
            }
        }
        for parameter in &self.about.parameters {
            let Some((_, range)) = lets.iter().find(|(name, _)| *name == parameter.name) else { continue };
            let typed = asked.parameters.iter().rfind(|(name, _)| *name == parameter.name);
            if let Some((name, text)) = typed {
                values.push((*range, typed_value(name, parameter.kind, text)?));
            } else if let (Some(fact), Some(organisation)) = (parameter.from, asked.organisation) {
                match fact.of(organisation) {
                    Some(known) => values.push((*range, print_known(&known))),
                    None => missing.push(fact.key().to_owned()),
                }
            }
        }
        // From the end, so that the places of the others stay.
        values.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut text = self.text.to_string();
        for (range, value) in values {
            text.replace_range(range.start as usize..range.end as usize, &value);
        }
        Ok(Ready { text, missing })
    }

    fn unknown(&self, name: &str) -> HuntError {
        let names = self.about.parameters.iter().map(|parameter| parameter.name.as_str());
        let error = HuntError::new(format!("the hunt has no parameter `{}`", Shown::with_limit(name, 60)));
        if let Some(near) = suggest::nearest(name, names.clone()) {
            return error.help(format!("did you mean `{near}`?"));
        }
        let names: Vec<_> = names.collect();
        error.help(if names.is_empty() { "it has none".to_owned() } else { format!("it has: {}", names.join(", ")) })
    }

    /// Every parameter must be a `let` of the query, for there its default stands.
    pub(super) fn check_lets(&self) -> Result<(), HuntError> {
        let lets = self.lets()?;
        for parameter in &self.about.parameters {
            if !lets.iter().any(|(name, _)| *name == parameter.name) {
                let name = Shown::with_limit(&parameter.name, 60);
                let help = format!("add `let {name} = …;`: the default stands there");
                return Err(HuntError::new(format!("the query has no `let` for its parameter `{name}`")).help(help));
            }
        }
        Ok(())
    }

    /// The query's `let` statements: name, and the place of the value.
    fn lets(&self) -> Result<Vec<(String, TextRange)>, HuntError> {
        let query = self.parse_query()?;
        let statements = query.statements.into_iter();
        Ok(statements
            .filter_map(|statement| match statement.kind {
                StatementKind::Let { name, value } => Some((name.text.to_string(), value.range)),
                _ => None,
            })
            .collect())
    }

    fn parse_query(&self) -> Result<Query, HuntError> {
        let parsed = crate::kql::parser::parse(&self.text);
        match parsed.diagnostics.iter().find(|diagnostic| diagnostic.severity == crate::kql::Severity::Error) {
            None => Ok(parsed.query),
            Some(wrong) => {
                let message = Shown::with_limit(&wrong.message, 500).into_string();
                Err(HuntError { help: wrong.help.clone(), ..HuntError::at(wrong.line_column(&self.text), message) })
            }
        }
    }
}

/// A value as it was typed, as KQL. A list may be typed without its brackets: `a,b`.
fn typed_value(name: &str, kind: Kind, text: &str) -> Result<String, HuntError> {
    let wrong =
        |why: String| HuntError::new(format!("`{}` is no {kind} for `{name}`: {why}", Shown::with_limit(text, 60)));
    let ty = match kind {
        Kind::Table => return Err(wrong("a table is given in the configuration only".to_owned())),
        Kind::Scalar(ty) => ty,
    };
    if ty == crate::kql::Type::Dynamic && !text.trim_start().starts_with(['[', '{', '"']) {
        let list = text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned);
        return Ok(print_known(&Known::List(list.collect())));
    }
    if ty == crate::kql::Type::String {
        return Ok(print_literal(&Value::string(text)));
    }
    match parse_typed(ty, &format!("{ty}({text})")) {
        Ok(Literal::Value(value)) => Ok(print_literal(&value)),
        Ok(Literal::Today(_)) => Err(wrong("a time needs its day".to_owned())),
        Err(error) => Err(wrong(error.message)),
    }
}

fn print_known(known: &Known) -> String {
    match known {
        Known::List(items) => {
            let json = serde_json::Value::from(items.as_slice()).to_string();
            print_literal(&Value::Dynamic(json.into()))
        }
        Known::Table { columns, rows } => {
            let columns: Vec<String> = columns.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
            let cells: Vec<String> = rows.iter().flatten().map(print_literal).collect();
            format!("datatable({})[{}]", columns.join(", "), cells.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::config::Config;
    use crate::hunt::Origin;

    const TEXT: &str = "\
// id = \"h\"
// name = \"H\"
// severity = \"Low\"
// parameters = [
//   { name = \"least\", type = \"long\" },
//   { name = \"items\", type = \"dynamic\", from = \"canary_items\" },
//   { name = \"gone\", type = \"table\", from = \"leavers\" },
//   { name = \"wait\", type = \"timespan\" },
// ]
let window_start = ago(30d);
let window_end = now();
let least = 3;
let items = dynamic([]);
let gone = datatable(user: string, left: datetime)[];
let wait = 1h;
T | where timestamp between (window_start .. window_end) and x > least and i in (items)
";

    fn hunt() -> Hunt {
        Hunt::parse(TEXT, Origin::BuiltIn("h")).unwrap()
    }

    fn last_lines(text: &str) -> Vec<&str> {
        text.lines().filter(|line| line.starts_with("let ")).collect()
    }

    #[test]
    fn asked_without_anything_a_hunt_is_its_own_text() {
        assert_eq!(hunt().ask(&Asked::default()).unwrap(), Ready { text: TEXT.to_owned(), missing: vec![] });
        assert_eq!(hunt().default_of("wait"), Some("1h"));
    }

    #[test]
    fn values_take_the_place_of_the_lets() {
        let parameters = [("least".to_owned(), "7".to_owned()), ("items".to_owned(), "a, b\"c".to_owned())];
        let day = Ticks::parse_rfc3339("2026-03-01T00:00:00Z").unwrap();
        let asked = Asked { window: Some((day, day)), parameters: &parameters, organisation: None };
        let ready = hunt().ask(&asked).unwrap();
        let lets = last_lines(&ready.text);
        assert!(lets[0].contains("2026-03-01") && lets[1].contains("2026-03-01"), "{lets:?}");
        assert_eq!(lets[2], "let least = 7;");
        assert!(lets[3].contains(r#"["a","b\"c"]"#), "{lets:?}");
        assert_eq!(lets[5], "let wait = 1h;");
        Hunt::parse(ready.text, Origin::BuiltIn("h")).unwrap();
    }

    #[test]
    fn the_organisation_fills_what_comes_from_it_and_gaps_are_told() {
        let text = "[organisation]\nleavers = [{ user = \"a'b\", left = 2026-05-31 }]\n";
        let config = Config::parse(text, None, None).unwrap();
        let asked = Asked { organisation: Some(&config.organisation), ..Asked::default() };
        let ready = hunt().ask(&asked).unwrap();
        assert_eq!(ready.missing, ["[organisation] canary_items"]);
        let filled = last_lines(&ready.text)[4].to_owned();
        assert!(filled.contains("a'b") && filled.contains("2026-05-31"), "{filled}");
        Hunt::parse(ready.text, Origin::BuiltIn("h")).unwrap();
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_the_fix() {
        let ask = |name: &str, value: &str| {
            let parameters = [(name.to_owned(), value.to_owned())];
            hunt().ask(&Asked { parameters: &parameters, ..Asked::default() }).unwrap_err().to_string()
        };
        assert!(ask("lesat", "1").contains("did you mean `least`?"));
        assert!(ask("least", "many").contains("is no long"));
        assert!(ask("gone", "x").contains("configuration"));
        let text = TEXT.replace("let wait = 1h;\n", "");
        let error = Hunt::parse(text, Origin::BuiltIn("h")).unwrap_err().to_string();
        assert!(error.contains("`let` for its parameter `wait`"), "{error}");
        let error = Hunt::parse(TEXT.replace("let least = 3;", "let least = ;"), Origin::BuiltIn("h")).unwrap_err();
        assert_eq!(error.place.map(|(line, _)| line), Some(12), "{error}");
    }
}
