//! Diagnostics for people, printed like a compiler's, and for machines, a line of JSON a file.

#[cfg(test)]
mod tests;

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation as _;

use super::diagnostic::{Diagnostic, Severity};
use crate::base::shown::Shown;

/// The diagnostics of one text, each with its line underlined. `file` is how the text is called (`query`, a path); safe to write to a
/// terminal, whatever the text holds.
pub fn report(file: &str, text: &str, diagnostics: &[Diagnostic], colour: bool) -> String {
    let shown = ShownText::new(text);
    let file = Shown::new(file);
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::HELP,
        };
        let message = Shown::new(&diagnostic.message);
        let help = diagnostic.help.as_deref().map(Shown::new);
        let place = shown.range(diagnostic.range.start as usize..diagnostic.range.end as usize);
        let snippet = Snippet::source(&*shown.text).path(file.as_str()).annotation(AnnotationKind::Primary.span(place));
        let mut group = level.primary_title(message.as_str()).id(diagnostic.code).element(snippet);
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

/// `{"file","diagnostics":[{"severity","code","message","line","column","length","help"}]}`, without a line break. Lines and columns count
/// from 1, columns and lengths in characters.
pub fn json_line(file: &str, text: &str, diagnostics: &[Diagnostic]) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        file: &'a str,
        diagnostics: Vec<Finding<'a>>,
    }
    #[derive(Serialize)]
    struct Finding<'a> {
        severity: &'static str,
        code: &'static str,
        message: &'a str,
        line: usize,
        column: usize,
        length: usize,
        help: Option<&'a str>,
    }
    let diagnostics = diagnostics
        .iter()
        .map(|diagnostic| {
            let (line, column) = diagnostic.line_column(text);
            Finding {
                severity: diagnostic.severity.name(),
                code: diagnostic.code,
                message: &diagnostic.message,
                line,
                column,
                length: diagnostic.range.of(text).chars().count(),
                help: diagnostic.help.as_deref(),
            }
        })
        .collect();
    // Strings and numbers always have a JSON form.
    serde_json::to_string(&File { file, diagnostics }).unwrap_or_default()
}

/// A text as it may be shown, and where its bytes have gone.
struct ShownText {
    text: String,
    /// Where a grapheme has another length than before: (its end in the text, its end as shown), rising.
    moved: Vec<(usize, usize)>,
}

impl ShownText {
    fn new(text: &str) -> Self {
        let mut shown = Self { text: String::with_capacity(text.len()), moved: Vec::new() };
        for (at, grapheme) in text.grapheme_indices(true) {
            match grapheme {
                "\n" | "\r\n" => shown.text.push('\n'),
                "\t" => shown.text.push_str("    "),
                _ => shown.text.push_str(Shown::new(grapheme).as_str()),
            }
            let (before, after) = (at + grapheme.len(), shown.text.len());
            let offset = shown.moved.last().map_or(0, |(before, after)| *after as i64 - *before as i64);
            if after as i64 - before as i64 != offset {
                shown.moved.push((before, after));
            }
        }
        shown
    }

    fn position(&self, at: usize) -> usize {
        let moved = self.moved.partition_point(|(before, _)| *before <= at);
        let (before, after) = if moved == 0 { (0, 0) } else { self.moved[moved - 1] };
        let mut at = (after + (at - before)).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Where a range of the text lies as shown. An empty one at the end of a line covers its last character, so that there is something
    /// to underline.
    fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.position(range.start);
        let end = self.position(range.end).max(start);
        if start < end {
            return start..end;
        }
        match self.text[start..].chars().next() {
            Some(c) if c != '\n' => start..start + c.len_utf8(),
            _ => start..start,
        }
    }
}
