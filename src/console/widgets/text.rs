//! Text into cells, cut to its room.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Writes text at a place, at most `room` columns; what does not fit ends in an ellipsis. Answers the column after it.
pub fn put(buf: &mut Buffer, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
    let right = buf.area.right();
    let room = room.min(right.saturating_sub(x));
    if room == 0 || y >= buf.area.bottom() {
        return x;
    }
    let (kept, cut) = fit(text, usize::from(room));
    let (end, _) = buf.set_stringn(x, y, kept, usize::from(room), style);
    if cut && end < x + room {
        return buf.set_stringn(end, y, "…", 1, style).0;
    }
    end
}

/// Writes text that ends at the column before `right`. Answers the column it begins at.
pub fn put_right(buf: &mut Buffer, right: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
    let width = (text.width() as u16).min(room);
    let x = right.saturating_sub(width);
    put(buf, x, y, width, text, style);
    x
}

/// The part of a text that fits, leaving a column for the ellipsis when it is cut.
fn fit(text: &str, room: usize) -> (&str, bool) {
    if text.len() <= room || text.width() <= room {
        return (text, false);
    }
    let mut width = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        width += grapheme.width();
        if width >= room {
            return (&text[..at], true);
        }
    }
    (text, false)
}

/// A paragraph as lines of at most `room` columns, broken at blanks; a word that is longer than a line is broken where the line ends.
pub fn paragraph(text: &str, room: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for mut word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > room.max(2) {
            let end = word
                .grapheme_indices(true)
                .map(|(at, _)| at)
                .take_while(|at| word[..*at].width() <= room.max(2))
                .last();
            let (this, rest) = word.split_at(end.unwrap_or(word.len()));
            lines.push(this.to_owned());
            word = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

/// A number with its thousands apart: `12,345`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 event`, `2 events`.
pub fn count(n: u64, one: &str) -> String {
    format!("{} {one}{}", number(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn a_paragraph_is_broken_at_blanks_and_a_long_word_where_the_line_ends() {
        for (text, room, want) in [
            ("", 5, &[][..]),
            ("  one   two three ", 9, &["one two", "three"]),
            ("one abcdefgh two", 5, &["one", "abcde", "fgh", "two"]),
            ("日本語です", 4, &["日本", "語で", "す"]),
            ("日本", 1, &["日", "本"]),
        ] {
            assert_eq!(paragraph(text, room), want, "{text:?} in {room}");
        }
    }

    #[test]
    fn text_is_cut_where_its_room_ends() {
        for (text, room, want) in [
            ("abc", 5, "abc  "),
            ("abcdef", 4, "abc… "),
            ("日本語", 5, "日 本 …"),
            ("日本語", 4, "日 … "),
            ("abc", 0, "     "),
        ] {
            let mut buf = Buffer::empty(Rect::new(0, 0, 5, 1));
            put(&mut buf, 0, 0, room, text, Style::new());
            let got: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
            assert_eq!(got.trim_end(), want.trim_end(), "{text} in {room}");
        }
    }

    #[test]
    fn nothing_is_written_outside_of_the_screen() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 3, 1));
        assert_eq!(put(&mut buf, 5, 0, 3, "abc", Style::new()), 5);
        assert_eq!(put(&mut buf, 0, 4, 3, "abc", Style::new()), 0);
        put_right(&mut buf, 2, 0, 10, "abcdef", Style::new());
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    }
}
