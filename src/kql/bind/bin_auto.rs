//! `bin_auto(x)`: a bin whose size and start are set for the whole query, by `set query_bin_auto_size` and `set query_bin_auto_at`.

use super::Binder;
use crate::kql::diagnostic::{Diagnostic, TextRange};
use crate::kql::functions;
use crate::kql::plan::Expr;
use crate::kql::syntax::{self, Name};

impl Binder<'_> {
    pub(super) fn set_bin_auto(&mut self, name: &Name, value: &syntax::Expr) {
        let at = match &*name.text {
            "query_bin_auto_size" => 0,
            "query_bin_auto_at" => 1,
            _ => return,
        };
        self.bin_auto[at] = self.constant(value, "the value of this setting");
    }

    pub(super) fn bin_auto_call(&mut self, mut args: Vec<Expr>, places: &[TextRange], place: TextRange) -> Expr {
        let Some(size) = self.bin_auto[0].clone() else {
            let message = "`bin_auto` needs the size of its bins";
            let help = "begin the query with set query_bin_auto_size=1h; or write bin(…, 1h)";
            return self.wrong(Diagnostic::error("KQL132", place, message).with_help(help));
        };
        args.push(Expr::literal(size));
        let point = self.bin_auto[1].clone();
        let name = if point.is_some() { "bin_at" } else { "bin" };
        args.extend(point.map(Expr::literal));
        match (self.bin_types(args, places), functions::scalar(name)) {
            (Some((args, ty)), Some(function)) => self.call(function, args, ty),
            _ => self.poison(),
        }
    }
}
