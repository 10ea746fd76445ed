//! The terminal: whether the console can draw in it, and how well.

use std::io::IsTerminal as _;

use super::Finding;
use crate::cli::args::Global;

/// The least that the console draws in.
const LEAST: (u16, u16) = (80, 24);

pub fn look(global: &Global) -> Vec<Finding> {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut findings = Vec::new();
    if !std::io::stdout().is_terminal() {
        findings.push(Finding::fine("terminal", "standard output is none: commands only, no console"));
        return findings;
    }
    let name = var("TERM").unwrap_or_default();
    let size = crossterm::terminal::size().unwrap_or((0, 0));
    let depth = super::super::terminal::depth(global, var);
    let says = format!("{name} {}x{}, {depth:?} colours", size.0, size.1);
    findings.push(if name.is_empty() || name == "dumb" {
        Finding::wrong("terminal", says, "set TERM to what your terminal is, such as xterm-256color")
    } else if size.0 < LEAST.0 || size.1 < LEAST.1 {
        Finding::doubt("terminal", says, "make it at least 80x24: below that the console only says so")
    } else {
        Finding::fine("terminal", says)
    });
    findings.push(text(var, global.ascii));
    findings
}

/// The first of the three variables that is set decides, as in the C library.
fn text(var: impl Fn(&str) -> Option<String>, ascii: bool) -> Finding {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(var).unwrap_or_default();
    let utf8 = locale.to_ascii_lowercase().replace('-', "").ends_with("utf8");
    if utf8 || ascii {
        Finding::fine("text", if locale.is_empty() { "no locale is set".to_owned() } else { locale })
    } else {
        let says = if locale.is_empty() {
            "no locale is set".to_owned()
        } else {
            format!("the locale is {locale}, not UTF-8")
        };
        Finding::doubt("text", says, "set LANG=C.UTF-8, or use --ascii if lines and dots look wrong")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn the_locale_is_the_first_that_is_set() {
        let locale = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(text(locale(&[("LANG", "en_GB.UTF-8")]), false).verdict, Verdict::Fine);
        assert_eq!(text(locale(&[("LC_ALL", "C"), ("LANG", "en_GB.utf8")]), false).verdict, Verdict::Doubt);
        assert_eq!(text(locale(&[]), true).verdict, Verdict::Fine);
    }
}
