//! Where a placeholder may stand besides where a name may: for an operator, for the rest of a condition, for a step of a pipeline, for
//! statements. And queries without their table.

use super::{OPERATORS, Parser, is_template};
use crate::kql::lexer::{Symbol, TokenKind};
use crate::kql::syntax::Expr;

impl Parser<'_> {
    /// A name that holds a placeholder stands here.
    pub(super) fn at_placeholder(&self) -> bool {
        self.placeholder_at(0)
    }

    fn placeholder_at(&self, ahead: usize) -> bool {
        self.templates && is_template(self.word_at(ahead))
    }

    pub(super) fn take_placeholder(&mut self) -> bool {
        let found = self.at_placeholder();
        self.at += usize::from(found);
        found
    }

    /// Was the last token a placeholder?
    pub(super) fn after_placeholder(&self) -> bool {
        self.templates && self.at > 0 && is_template(self.text_of(self.tokens[self.at - 1].range))
    }

    /// The placeholder that stands here has an operand behind it, so it stands for an operator: `Computer {op} "{host}"`.
    pub(super) fn placeholder_is_operator(&self) -> bool {
        let next = self.peek_at(1);
        match next.kind {
            TokenKind::String
            | TokenKind::Hidden
            | TokenKind::Long
            | TokenKind::Real
            | TokenKind::TimeSpan
            | TokenKind::Typed(_)
            | TokenKind::Symbol(Symbol::OpenParen) => true,
            TokenKind::Name => {
                let between = (self.peek().range.end as usize)..(next.range.start as usize);
                let same_line = !self.text.get(between).unwrap_or_default().contains('\n');
                same_line
                    && !self.placeholder_at(1)
                    && !self.text_of(next.range).bytes().all(|b| b.is_ascii_lowercase())
            }
            _ => false,
        }
    }

    /// `where x`, `summarize count()`, `| where x`: operators on a table that is not named.
    pub(super) fn at_operator_without_table(&self) -> bool {
        if !self.templates {
            return false;
        }
        let next = self.peek_at(1).kind;
        let begins = match next {
            TokenKind::Name | TokenKind::String | TokenKind::Long | TokenKind::Symbol(Symbol::Star) => true,
            TokenKind::Symbol(Symbol::OpenParen) => self.at_word("where"),
            TokenKind::Symbol(Symbol::OpenBracket) => self.peek_at(2).kind == TokenKind::String,
            _ => false,
        };
        let source = matches!(self.word(), "union" | "search" | "find" | "evaluate");
        self.at_symbol(Symbol::Pipe) || begins && !source && OPERATORS.contains(&self.word())
    }

    pub(super) fn pipeline_without_table(&mut self) -> Expr {
        let start = self.start();
        let first = if self.at_symbol(Symbol::Pipe) { Vec::new() } else { vec![self.operator()] };
        self.operators_from(None, first, start)
    }
}
