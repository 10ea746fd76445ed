//! "Did you mean": the nearest of the names that would have been right.

/// The candidate nearest to `name`, if near enough to be what was meant: case aside, at most one edit in three
/// characters and three in all. An edit is an insertion, a deletion, a replacement or a swap of neighbours. Of equally
/// near ones the first wins.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = fold(name);
    let bound = (wanted.len() / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = distance(&wanted, &fold(candidate), bound);
        if let Some(distance) = distance
            && best.is_none_or(|(so_far, _)| distance < so_far)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Damerau-Levenshtein (optimal string alignment) distance, `None` above `bound`.
fn distance(a: &[char], b: &[char], bound: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > bound {
        return None;
    }
    // Three rows of the matrix: a swap looks two rows back.
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replace = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        if row.iter().all(|d| *d > bound) {
            return None;
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    Some(above[b.len()]).filter(|d| *d <= bound)
}

/// serde's "unknown field `x`, expected one of `a`, `b`" becomes a statement and the nearest of the names; any other message is
/// left as it is.
pub fn explain(message: &str) -> (String, Option<String>) {
    let kinds = [("unknown field", "unknown key"), ("unknown variant", "unknown value")];
    for (begins, says) in kinds {
        let Some(rest) = message.strip_prefix(begins) else { continue };
        let mut quoted = rest.split('`').skip(1).step_by(2);
        let Some(name) = quoted.next() else { continue };
        let known: Vec<&str> = quoted.collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        return (format!("{says} `{name}`"), Some(help));
    }
    (message.to_owned(), None)
}

/// Line and column, from 1, of a byte of a text; columns count characters.
pub fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let names = ["summarize", "project", "project-away", "poll_interval", "theme"];
        for (typed, want) in [
            ("sumarize", Some("summarize")),
            ("PROJECT", Some("project")),
            ("porject", Some("project")),
            ("pol_intervall", Some("poll_interval")),
            ("tehme", Some("theme")),
            ("where", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), want, "{typed}");
        }
    }

    #[test]
    fn a_swap_is_one_edit() {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("abcd"), &chars("acbd"), 3), Some(1));
        assert_eq!(distance(&chars("kitten"), &chars("sitting"), 3), Some(3));
        assert_eq!(distance(&chars("kitten"), &chars("sitting"), 2), None);
    }
}
