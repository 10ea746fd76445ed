//! `geo_info_from_ip_address`: what it knows lies in a file of the user's, which the catalogue names.

use super::Binder;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions::Function;
use crate::kql::plan::Expr;
use crate::kql::types::Type;
use crate::kql::value::Value;

impl Binder<'_> {
    /// The call with the file as one more argument; null, and a warning, where no file is named.
    pub(super) fn place_of_address(
        &mut self,
        function: &'static Function,
        mut args: Vec<Expr>,
        place: TextRange,
    ) -> Expr {
        let Some(file) = self.context.catalog.geography() else {
            if !self.context.catalog.is_open() {
                self.report(
                    Diagnostic::warning("KQL156", place, "no geography is set: `geo_info_from_ip_address` gives null")
                        .with_help("name a MaxMind City database (.mmdb) or a CSV file in the configuration: geography = \"GeoLite2-City.mmdb\""),
                );
            }
            return Expr::literal(Value::Null(Type::Dynamic));
        };
        args.push(Expr::literal(Value::string(file)));
        self.call(function, args, Type::Dynamic)
    }
}
