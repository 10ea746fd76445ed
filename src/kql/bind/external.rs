//! `externaldata (columns) [addresses] with (properties)`: a table of the columns that it declares. Nothing is read here.

use std::sync::Arc;

use super::Binder;
use super::scope::Table;
use crate::base::suggest::nearest;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::plan::{Address, External, ExternalFormat, Op, Plugin, Rel};
use crate::kql::syntax::{self, ColumnDecl, ExprKind, Property};
use crate::kql::types::{Column, Schema};
use crate::kql::value::Value;

impl Binder<'_> {
    pub(super) fn external(
        &mut self,
        columns: &[ColumnDecl],
        uris: &[syntax::Expr],
        properties: &[Property],
        place: TextRange,
    ) -> Table {
        let schema: Schema = columns.iter().map(|c| Column { name: Arc::clone(&c.name.text), ty: c.ty }).collect();
        let mut addresses = Vec::with_capacity(uris.len());
        for uri in uris {
            let hidden = matches!(uri.inner().kind, ExprKind::Hidden(_));
            match self.constant(uri, "an address") {
                Some(Value::String(text)) => addresses.push(Address::new(&text, hidden)),
                Some(_) => self.error("KQL155", uri.range, "an address is a text: \"https://…\" or a file's path"),
                None => {}
            }
        }
        if uris.is_empty() {
            self.error("KQL155", place, "`externaldata` needs an address: externaldata (a: string) [\"https://…\"]");
        }
        let (mut format, mut skip_first) = (None, false);
        for property in properties {
            let text = match (&property.value.kind, property.value.as_literal()) {
                (ExprKind::Name(name), _) => name.text.to_string(),
                (_, Some(Value::String(text))) => text.to_string(),
                (_, Some(Value::Bool(yes))) => yes.to_string(),
                _ => String::new(),
            };
            let name = property.name.text.to_ascii_lowercase();
            match name.as_str() {
                "format" => match ExternalFormat::from_name(&text) {
                    Some(known) => format = Some(known),
                    None => self.unknown_format(&text, property.value.range),
                },
                "ignorefirstrecord" => skip_first = text.eq_ignore_ascii_case("true"),
                "ingestionmapping" | "ingestionmappingreference" => {
                    self.report(
                        Diagnostic::error(
                            "KQL155",
                            property.range,
                            "ingestion mappings do not run in the local engine",
                        )
                        .with_help("name the columns as the file does, in its order for CSV, and rename them after"),
                    );
                }
                _ => {}
            }
        }
        let by_ending = || addresses.first().and_then(|a| ExternalFormat::from_name(a.ending()?));
        let format = format.or_else(by_ending).unwrap_or(ExternalFormat::Fields(b',', true));
        if self.is_pending() {
            return Table::new(Rel::new(Op::Values { rows: Arc::new(Vec::new()) }, schema));
        }
        let plugin = Box::new(Plugin::External(External { addresses, format, skip_first }));
        Table::new(Rel::new(Op::Plugin { plugin, inputs: Vec::new() }, schema))
    }

    fn unknown_format(&mut self, text: &str, place: TextRange) {
        let names = ExternalFormat::ALL.map(|(name, _)| name);
        let help = match nearest(text, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of {}", names.join(", ")),
        };
        self.report(
            Diagnostic::error("KQL155", place, format!("`{text}` is no format of `externaldata` here")).with_help(help),
        );
    }
}
