//! Finding actions by some of their letters.

use super::action::{Action, REGISTRY, Spec};

/// An action that was found, and how well it fits: more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub action: Action,
    score: i32,
}

/// Every action whose name, label or description has the letters of the text in their order, the best first.
pub fn find(text: &str) -> Vec<Found> {
    let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let mut found: Vec<Found> = REGISTRY
        .iter()
        .filter(|spec| !matches!(spec.action, Action::UpLetter | Action::DownLetter | Action::Palette))
        .filter_map(|spec| Some(Found { action: spec.action, score: score(spec, &letters)? }))
        .collect();
    found.sort_by_key(|found| (-found.score, found.action));
    found
}

fn score(spec: &Spec, letters: &[char]) -> Option<i32> {
    // A name says it best, then the label; the description is prose, in which anything is found.
    let name = fuzzy(spec.name, letters).map(|score| score * 4);
    let label = fuzzy(spec.label, letters).map(|score| score * 4);
    let description = words(spec.description, letters);
    name.into_iter().chain(label).chain(description).max()
}

/// Letters in order: runs and starts of words count more.
fn fuzzy(text: &str, letters: &[char]) -> Option<i32> {
    let (mut score, mut run, mut start) = (0, 0, true);
    let mut wanted = letters.iter();
    let mut next = wanted.next();
    for c in text.chars().flat_map(char::to_lowercase) {
        if next == Some(&c) {
            run += 1;
            score += run + if start { 6 } else { 0 };
            next = wanted.next();
        } else {
            run = 0;
        }
        start = !c.is_alphanumeric();
    }
    next.is_none().then_some(score)
}

/// The letters as they are, somewhere in the text.
fn words(text: &str, letters: &[char]) -> Option<i32> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let wanted: String = letters.iter().collect();
    text.contains(&wanted).then_some(letters.len() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_letters_are_enough() {
        for (text, want) in [
            ("health", Action::ViewHealth),
            ("filter", Action::Filter),
            ("zoomin", Action::ZoomIn),
            ("zoom out", Action::ZoomOut),
            ("fol", Action::Follow),
            ("newest", Action::Follow),
        ] {
            assert_eq!(find(text).first().map(|found| found.action), Some(want), "{text}");
        }
        assert!(find("xyzzy").is_empty());
        assert_eq!(find("").len(), REGISTRY.len() - 3);
    }
}
