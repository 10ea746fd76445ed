//! `parse`, `parse-where` and `parse-kv`: columns out of text.

use std::sync::Arc;

use super::Binder;
use super::scope::Table;
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Capture, CaptureRule, Expr, Op, Pairs, PatternPart, Rel, Separated, shape};
use crate::kql::syntax::{self, ColumnDecl, Name, ParseKind, ParsePart, Property};
use crate::kql::types::{Column, Schema, Type};
use crate::kql::value::Value;

/// Bytes that a compiled pattern may take.
const LARGEST: usize = 4 << 20;

impl Binder<'_> {
    pub(super) fn parse(&mut self, input: &Table, parse: &syntax::Parse, place: TextRange) -> Table {
        let mut row = self.row(input, "parse");
        let text = self.expr(&parse.input, &mut row);
        let text = self.cast(text, Type::String);
        let operator = if parse.only_matching { "parse-where" } else { "parse" };
        let kind = parse.kind.unwrap_or(ParseKind::Simple);
        if parse.only_matching && kind == ParseKind::Relaxed {
            self.report(
                Diagnostic::error("KQL160", place, "`parse-where` is simple or regex, not relaxed")
                    .with_help("use `parse kind=relaxed` and a `where` after it"),
            );
        }
        self.check_pattern(&parse.pattern, place);
        let columns: Vec<(Name, Type)> = parse
            .pattern
            .iter()
            .filter_map(|part| match part {
                ParsePart::Column { name, ty } => Some((name.clone(), ty.unwrap_or(Type::String))),
                _ => None,
            })
            .collect();
        let flags = parse.flags.as_deref().unwrap_or_default();
        let rule = if kind == ParseKind::Regex {
            CaptureRule::Regex(self.regex_of(&parse.pattern, flags, place))
        } else {
            if !flags.is_empty() {
                self.report(
                    Diagnostic::error("KQL160", place, format!("`flags` are for `{operator} kind=regex`"))
                        .with_help("leave them out, or write kind=regex and the texts as regular expressions"),
                );
            }
            simple(&parse.pattern)
        };
        let types = columns.iter().map(|(_, ty)| *ty).collect();
        let capture = Capture { rule, types, strict: kind != ParseKind::Relaxed };
        self.captured(input, text, capture, &columns, parse.only_matching, place)
    }

    /// Says which parts may not stand beside each other: where a capture ends must be seen.
    fn check_pattern(&mut self, pattern: &[ParsePart], place: TextRange) {
        let is_text = |part: Option<&ParsePart>| matches!(part, Some(ParsePart::Text(_)));
        for (n, part) in pattern.iter().enumerate() {
            let before = n.checked_sub(1).and_then(|n| pattern.get(n));
            let fault = match part {
                ParsePart::Skip if matches!(before, Some(ParsePart::Column { ty: None | Some(Type::String), .. })) => {
                    Some((place, "`*` after a column of text: where the text ends is not said".to_owned()))
                }
                ParsePart::Skip if n + 1 < pattern.len() && !is_text(pattern.get(n + 1)) => {
                    Some((place, "after `*` a text must follow: where to go on is not said".to_owned()))
                }
                ParsePart::Column { name, .. } if n > 0 && !is_text(before) => {
                    Some((name.range, format!("before `{}` a text must stand: where it begins is not said", name.text)))
                }
                _ => None,
            };
            if let Some((place, fault)) = fault {
                self.report(
                    Diagnostic::error("KQL160", place, fault)
                        .with_help("a pattern goes like this: * \"from=\" sender \" size=\" size: long *"),
                );
            }
        }
    }

    /// The regular expression of a pattern whose texts are regular expressions; captures are the groups `c0`, `c1`, ….
    fn regex_of(&mut self, pattern: &[ParsePart], flags: &str, place: TextRange) -> Arc<str> {
        if let Some(wrong) = flags.chars().find(|c| !"imsUx".contains(*c)) {
            self.report(
                Diagnostic::error("KQL160", place, format!("`{wrong}` is no flag of a regular expression")).with_help(
                    "flags are i (any case), s (. is a new line too), m (^ and $ at each line), U (short matches), x",
                ),
            );
            return "".into();
        }
        let mut regex = if flags.is_empty() { String::new() } else { format!("(?{flags})") };
        let mut captures = 0;
        for part in pattern {
            match part {
                ParsePart::Skip => regex.push_str(".*?"),
                ParsePart::Text(text) => {
                    if let Err(fault) = compiles(text) {
                        self.report(
                            Diagnostic::error("KQL131", place, format!("{text:?} is no regular expression: {fault}"))
                                .with_help("write it as @\"…\" to keep backslashes, and \\( for a bracket itself"),
                        );
                        return "".into();
                    }
                    // An alternative ends with the text that it stands in.
                    if text.contains('|') {
                        regex.extend(["(?:", text, ")"]);
                    } else {
                        regex.push_str(text);
                    }
                }
                ParsePart::Column { ty, .. } => {
                    regex.push_str(&group(captures, shape(ty.unwrap_or(Type::String), true).unwrap_or(".*")));
                    captures += 1;
                }
            }
        }
        if let Err(fault) = compiles(&regex) {
            self.error("KQL131", place, format!("the pattern is no regular expression: {fault}"));
        }
        regex.into()
    }

    pub(super) fn parse_kv(
        &mut self,
        input: &Table,
        text: &syntax::Expr,
        keys: &[ColumnDecl],
        properties: &[Property],
        place: TextRange,
    ) -> Table {
        let mut row = self.row(input, "parse-kv");
        let text = self.expr(text, &mut row);
        let text = self.cast(text, Type::String);
        let columns: Vec<(Name, Type)> = keys.iter().map(|k| (k.name.clone(), k.ty)).collect();
        let pairs = self.pairs(keys, properties, place);
        let types = keys.iter().map(|k| k.ty).collect();
        let capture = Capture { rule: CaptureRule::Pairs(pairs), types, strict: false };
        self.captured(input, text, capture, &columns, false, place)
    }

    fn pairs(&mut self, keys: &[ColumnDecl], properties: &[Property], place: TextRange) -> Pairs {
        const NAMES: [&str; 6] = ["pair_delimiter", "kv_delimiter", "quote", "escape", "greedy", "regex"];
        let (mut pair, mut kv, mut regex, mut greedy) = (None, None, None, false);
        let (mut quotes, mut escapes) = (Vec::new(), Vec::new());
        for property in properties {
            let (name, range) = (&*property.name.text, property.value.range);
            if !NAMES.contains(&name) {
                let help = nearest(name, NAMES).map_or_else(
                    || format!("there are {}", NAMES.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.report(
                    Diagnostic::error("KQL161", property.name.range, format!("`parse-kv` has no option `{name}`"))
                        .with_help(help),
                );
                continue;
            }
            if name == "greedy"
                && let Some(word @ ("true" | "false")) = property.value.as_name().map(|n| &*n.text)
            {
                greedy = word == "true";
                continue;
            }
            let Some(value) = self.constant(&property.value, "an option of `parse-kv`") else { continue };
            if let ("greedy", Value::Bool(yes)) = (name, &value) {
                greedy = *yes;
                continue;
            }
            let Value::String(value) = value else {
                let wanted = if name == "greedy" { "true or false" } else { "a text" };
                self.error("KQL161", range, format!("`{name}` is {wanted}, not {}", value.ty()));
                continue;
            };
            let mut chars = value.chars();
            match (name, chars.next(), chars.next(), chars.next()) {
                (_, None, ..) => {
                    self.error("KQL161", range, format!("`{name}` is empty"));
                    match name {
                        "pair_delimiter" => pair = Some(value),
                        "kv_delimiter" => kv = Some(value),
                        _ => {}
                    }
                }
                ("quote", Some(open), close, None) => quotes.push((open, close.unwrap_or(open))),
                ("quote", ..) => self.error("KQL161", range, "`quote` is one character, or two that open and close"),
                ("escape", Some(escape), None, _) => escapes.push(escape),
                ("escape", ..) => self.error("KQL161", range, "`escape` is one character"),
                ("pair_delimiter", ..) => pair = Some(value),
                ("kv_delimiter", ..) => kv = Some(value),
                ("regex", ..) => {
                    match compiles(&value) {
                        Err(fault) => self.error("KQL131", range, format!("not a regular expression: {fault}")),
                        Ok(groups) if groups != 2 => self.report(
                            Diagnostic::error(
                                "KQL161",
                                range,
                                format!("the pattern has {groups} groups, it needs two"),
                            )
                            .with_help("the first is the key, the second its value: @\"(\\w+)=(\\S*)\""),
                        ),
                        Ok(_) => {}
                    }
                    regex = Some(value);
                }
                _ => self.error("KQL161", range, format!("`{name}` is true or false")),
            }
        }
        let separated = match (regex, pair, kv) {
            (Some(_), pair, kv) if pair.is_some() || kv.is_some() || greedy => {
                self.error("KQL161", place, "with `regex` there are no delimiters: the pattern says all");
                Separated::ByAnything
            }
            (Some(regex), ..) => Separated::Regex(regex),
            (None, Some(pair), Some(kv)) => Separated::By { pair, kv, greedy },
            (None, None, None) => {
                if greedy {
                    self.error("KQL161", place, "`greedy` needs pair_delimiter and kv_delimiter");
                }
                Separated::ByAnything
            }
            (None, pair, _) => {
                let missing = if pair.is_some() { "kv_delimiter" } else { "pair_delimiter" };
                self.report(
                    Diagnostic::error("KQL161", place, format!("`{missing}` is missing"))
                        .with_help("write both: with (pair_delimiter = ',', kv_delimiter = '=')"),
                );
                Separated::ByAnything
            }
        };
        Pairs { keys: keys.iter().map(|k| Arc::clone(&k.name.text)).collect(), separated, quotes, escapes }
    }

    /// The input with the captures: a column of that name is replaced where it stands, others come last.
    fn captured(
        &mut self,
        input: &Table,
        text: Expr,
        capture: Capture,
        columns: &[(Name, Type)],
        matching: bool,
        place: TextRange,
    ) -> Table {
        let width = input.schema().len();
        let mut schema = input.schema().0.clone();
        schema.extend(columns.iter().map(|(name, ty)| Column { name: Arc::clone(&name.text), ty: *ty }));
        let given = Schema(schema);
        let op = Op::Capture {
            input: Arc::clone(&input.rel),
            text,
            capture: Arc::new(capture),
            columns: (0..columns.len()).collect(),
            matching,
        };
        let table = self.node(input.with(Rel::new(op, given.clone())), place);
        // (position in what is given) of each column of the result.
        let mut order: Vec<usize> = (0..width).collect();
        for (n, (name, _)) in columns.iter().enumerate() {
            if columns[..n].iter().any(|(before, _)| before.text == name.text) {
                self.report(
                    Diagnostic::error("KQL142", name.range, format!("`{}` is taken out twice", name.text))
                        .with_help("give the second another name, or `*` where it is not needed"),
                );
                continue;
            }
            match input.schema().position(&name.text) {
                Some(at) => order[at] = width + n,
                None => order.push(width + n),
            }
        }
        if order.iter().enumerate().all(|(n, at)| n == *at) {
            return table;
        }
        let schema = order.iter().map(|at| given.0[*at].clone()).collect();
        let exprs = order.iter().map(|at| Expr::column(*at, given.0[*at].ty)).collect();
        self.node(table.with(Rel::new(Op::Project { input: Arc::clone(&table.rel), columns: exprs }, schema)), place)
    }
}

/// A pattern of plain texts. Where a capture of a type stands before `*` only the type says where it ends, so the whole is a
/// regular expression; at the end of the pattern, and everywhere else, texts are searched.
fn simple(pattern: &[ParsePart]) -> CaptureRule {
    let shaped = |n: usize| match (&pattern[n], pattern.get(n + 1)) {
        (ParsePart::Column { ty, .. }, Some(ParsePart::Skip)) => shape(ty.unwrap_or(Type::String), false),
        _ => None,
    };
    let last = pattern.len().saturating_sub(2);
    if pattern.is_empty() || (0..last.max(1)).all(|n| shaped(n).is_none()) {
        let parts = pattern.iter().enumerate().map(|(n, part)| match part {
            ParsePart::Skip => PatternPart::Skip,
            ParsePart::Text(text) => PatternPart::Text(Arc::clone(text)),
            ParsePart::Column { .. } => PatternPart::Column { shape: shaped(n) },
        });
        return CaptureRule::Pattern(parts.collect());
    }
    let mut regex = String::from("(?s)");
    let mut captures = 0;
    for (n, part) in pattern.iter().enumerate() {
        match part {
            ParsePart::Skip => regex.push_str(".*?"),
            ParsePart::Text(text) => regex.push_str(&regex::escape(text)),
            ParsePart::Column { .. } => {
                regex.push_str(&group(captures, shaped(n).unwrap_or(".*?")));
                if n == last && shaped(n).is_some() {
                    regex.push('?');
                }
                captures += 1;
            }
        }
    }
    if !matches!(pattern.last(), Some(ParsePart::Skip)) {
        regex.push_str(r"\z");
    }
    CaptureRule::Regex(regex.into())
}

fn group(n: usize, inside: &str) -> String {
    format!("(?P<c{n}>{inside})")
}

/// How many groups a pattern has, or what is wrong with it.
fn compiles(pattern: &str) -> Result<usize, String> {
    match regex::RegexBuilder::new(pattern).size_limit(LARGEST).build() {
        Ok(regex) => Ok(regex.captures_len() - 1),
        // The last line names the fault, those before draw the pattern.
        Err(error) => {
            let message = error.to_string();
            Err(message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}
