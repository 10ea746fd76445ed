//! What may be written at a place of a query: operators behind a pipe, columns as they are at that pipe, functions, tables, lets, the
//! words of a clause. Also which argument of which function is being written, and what a name under the cursor is.
//!
//! A library without a terminal: the editor shows what is answered here.

mod help;
mod place;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::bind::{Bound, Context, Known, bind};
use super::catalog::Catalog;
use super::diagnostic::TextRange;
use super::functions::{self, FunctionKind};
use super::literal::print_string;
use super::operators;
use super::parser::{JOIN_KINDS, OPERATORS, parse};
use super::print::print_name;
use super::syntax::{NameRole, Node, StatementKind, walk};
use super::types::{Schema, Type};
use crate::base::time::{Ticks, UNIX_EPOCH};
use place::{Place, Surroundings};

pub use help::{Help, Signature, help_at, signature_at};

/// What completion knows of the world outside the text.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub catalog: &'a dyn Catalog,
    /// The columns that a query (a whole text, lets included) gives, such as `schema_of` finds; `None` where it cannot be bound.
    pub schema_of: &'a dyn Fn(&str) -> Option<Schema>,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKind {
    Column,
    Let,
    Table,
    Operator,
    Aggregate,
    Function,
    /// A word of the language.
    Keyword,
    /// A value that an option may have: a join's kind, a chart's.
    Choice,
    /// A value that a column has, or a key of a dynamic.
    Value,
    Plugin,
}

/// Something that may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub label: String,
    pub kind: ItemKind,
    /// What to put in place of `range`.
    pub insert: String,
    /// A column's type, a function's signature.
    pub detail: String,
    /// One sentence, or "".
    pub summary: &'static str,
    /// The word that is being written, empty at its beginning.
    pub range: TextRange,
}

/// The columns that a query gives by what is written in it alone; `None` where it is wrong, or needs data to be bound.
pub fn schema_of(query: &str, catalog: &dyn Catalog) -> Option<Schema> {
    let parsed = parse(query);
    if !parsed.diagnostics.is_empty() {
        return None;
    }
    let context = Context {
        catalog,
        now: Ticks(UNIX_EPOCH),
        parameters: &[],
        timespan: None,
        window: None,
        known: &Known::default(),
        evaluate: None,
    };
    match bind(&parsed.query, query, &context).bound {
        Bound::Plan(plan) => plan.outputs.last().map(|output| output.rel.schema.clone()),
        Bound::Needs(_) | Bound::Invalid => None,
    }
}

/// Words that `render` knows.
pub const RENDER_KINDS: &[&str] = &[
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "ladderchart",
    "linechart",
    "piechart",
    "pivotchart",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timepivot",
    "treemap",
];

/// What may stand at a byte offset, the likeliest first. An offset inside a character counts as before it.
pub fn complete(text: &str, offset: usize, world: World<'_>) -> Vec<Item> {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let Some(context) = Surroundings::at(text, offset) else { return Vec::new() };
    let mut list = List {
        items: Vec::new(),
        seen: HashSet::new(),
        range: context.word,
        typed: context.word.of(text).to_lowercase(),
    };
    match context.place {
        Place::Operator => {
            for name in
                OPERATORS.iter().filter(|name| !matches!(**name, "mvexpand" | "mvapply" | "filter" | "order" | "limit"))
            {
                let about = operators::find(name);
                let insert =
                    if matches!(*name, "count" | "getschema") { (*name).to_owned() } else { format!("{name} ") };
                let (form, summary) = about.map_or(("", ""), |about| (about.form, about.summary));
                list.add(name, ItemKind::Operator, insert, form, summary);
            }
        }
        Place::Source => {
            list.lets(text, context.pipeline);
            list.tables(world.catalog);
            for word in ["let", "print", "range", "union", "search", "find", "datatable", "externaldata", "materialize"]
            {
                list.add(word, ItemKind::Keyword, format!("{word} "), "", "");
            }
        }
        Place::Table => {
            list.lets(text, context.pipeline);
            list.tables(world.catalog);
        }
        Place::JoinKind => {
            JOIN_KINDS
                .iter()
                .take(9)
                .for_each(|(kind, _)| list.add(kind, ItemKind::Choice, format!("{kind} "), "", ""));
        }
        Place::Choice(choices) => list.choices(choices),
        Place::RenderKind => list.choices(RENDER_KINDS),
        Place::Type => list.choices(&Type::ALL.map(Type::name)),
        Place::RightColumn(ref right) => list.columns(&columns_of(text, context.pipeline, right, world)),
        Place::AfterOperand => {
            for word in context.clause_words() {
                list.add(word, ItemKind::Keyword, format!("{word} "), "", "");
            }
            for word in [
                "and",
                "or",
                "==",
                "!=",
                "=~",
                "!~",
                "has",
                "has_any",
                "contains",
                "startswith",
                "endswith",
                "in",
                "in~",
                "!in",
                "!has",
                "!contains",
                "between",
                "matches regex",
                "has_all",
                "has_cs",
                "!startswith",
                "!endswith",
            ] {
                list.add(word, ItemKind::Keyword, format!("{word} "), "", "");
            }
        }
        Place::Key(ref column) => {
            for key in world.catalog.keys(stem(column)) {
                list.add(key, ItemKind::Value, print_name(key), "", "");
            }
        }
        Place::Plugin => {
            for plugin in functions::all().filter(|function| function.kind == FunctionKind::Plugin) {
                let insert = format!("{}(", plugin.name);
                list.add(plugin.name, ItemKind::Plugin, insert, &plugin.signature(), plugin.summary);
            }
        }
        Place::LeftColumn | Place::Expression | Place::Value(_) => {
            if let Place::Value(ref column) = context.place {
                for value in world.catalog.values(stem(column)) {
                    list.add(value, ItemKind::Value, print_string(value), column, "");
                }
            }
            list.columns(&columns_of(text, context.pipeline, context.before_pipe.of(text), world));
            if context.place != Place::LeftColumn {
                list.lets(text, context.pipeline);
                list.functions(context.wants_aggregates());
            }
        }
    }
    list.in_order()
}

/// The stored column that a join's `session1` is of.
fn stem(column: &str) -> &str {
    column.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The columns of a pipeline, as the binder gives them; where it cannot, those of its table and what its text defines.
fn columns_of(text: &str, pipeline: usize, source: &str, world: World<'_>) -> Schema {
    if source.trim().is_empty() {
        return Schema::default();
    }
    let whole = format!("{}{source}", lets_before(text, pipeline));
    if let Some(schema) = (world.schema_of)(&whole) {
        return schema;
    }
    let parsed = parse(source);
    let mut columns = Vec::new();
    let mut first = true;
    walk(&parsed.query, &mut |node| {
        if let Node::Name(name, role) = node {
            match role {
                NameRole::Use if first => {
                    columns.extend(world.catalog.table(&name.text).into_iter().flat_map(|schema| schema.0));
                }
                NameRole::Definition => columns.push(super::types::Column::new(name.text.clone(), Type::Dynamic)),
                _ => {}
            }
            first = false;
        }
    });
    Schema(columns)
}

/// The statements before a pipeline that give names, as text that a query may follow.
fn lets_before(text: &str, pipeline: usize) -> String {
    let statements = parse(text).query.statements;
    let names = statements.iter().filter(|statement| {
        (statement.range.end as usize) <= pipeline
            && matches!(
                statement.kind,
                StatementKind::Let { .. } | StatementKind::Parameters(_) | StatementKind::Alias { .. }
            )
    });
    names.flat_map(|statement| [statement.range.of(text), ";\n"]).collect()
}

struct List {
    items: Vec<Item>,
    seen: HashSet<String>,
    range: TextRange,
    /// What has been written of the word, in lower case.
    typed: String,
}

impl List {
    fn add(&mut self, label: &str, kind: ItemKind, insert: String, detail: &str, summary: &'static str) {
        if label.to_lowercase().contains(&self.typed) && self.seen.insert(label.to_owned()) {
            self.items.push(Item {
                label: label.to_owned(),
                kind,
                insert,
                detail: detail.to_owned(),
                summary,
                range: self.range,
            });
        }
    }

    fn choices(&mut self, words: &[&str]) {
        for word in words {
            self.add(word, ItemKind::Choice, (*word).to_owned(), "", "");
        }
    }

    fn columns(&mut self, schema: &Schema) {
        for column in schema {
            self.add(&column.name, ItemKind::Column, print_name(&column.name), column.ty.name(), "");
        }
    }

    fn tables(&mut self, catalog: &dyn Catalog) {
        for name in catalog.names() {
            self.add(&name, ItemKind::Table, print_name(&name), "table", "");
        }
    }

    /// The lets that stand before a place.
    fn lets(&mut self, text: &str, before: usize) {
        for statement in parse(text).query.statements {
            if let StatementKind::Let { name, .. } = statement.kind
                && statement.range.end as usize <= before
            {
                self.add(&name.text, ItemKind::Let, print_name(&name.text), "let", "");
            }
        }
    }

    fn functions(&mut self, aggregates: bool) {
        for function in functions::all() {
            let kind = match function.kind {
                FunctionKind::Operator | FunctionKind::Plugin => continue,
                FunctionKind::Aggregate if !aggregates => continue,
                FunctionKind::Aggregate => ItemKind::Aggregate,
                FunctionKind::Scalar | FunctionKind::Window => ItemKind::Function,
            };
            let insert = if function.parameters.is_empty() {
                format!("{}()", function.name)
            } else {
                format!("{}(", function.name)
            };
            self.add(function.name, kind, insert, &function.signature(), function.summary);
        }
    }

    /// Those that begin with what is typed first, exact case before folded; otherwise as they were added, kind by kind.
    fn in_order(mut self) -> Vec<Item> {
        let typed = self.typed;
        self.items.sort_by_key(|item| !item.label.to_lowercase().starts_with(&typed));
        self.items
    }
}
