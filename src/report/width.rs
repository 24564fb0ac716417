//! Columns on a terminal: names are aligned by how wide they are shown, not by how many bytes they have.

use unicode_width::UnicodeWidthStr;

use crate::names::shown;

/// How many terminal columns `text` takes as it is printed here: wide characters take two.
#[must_use]
pub fn display_width(text: &str) -> usize {
    shown(text).width()
}

/// `text` flush right in `width` columns.
pub(super) fn right(text: &str, width: usize) -> String {
    format!("{:1$}{2}", "", width.saturating_sub(display_width(text)), shown(text))
}

/// `text` flush left in `width` columns.
pub(super) fn left(text: &str, width: usize) -> String {
    format!("{2}{:1$}", "", width.saturating_sub(display_width(text)), shown(text))
}

/// `text` cut to at most `width` columns, the cut shown as `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    let text = shown(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if kept.width() + 1 > width {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_measured_as_shown() {
        assert_eq!(display_width("äpfel"), 5);
        assert_eq!(display_width("猫"), 2);
        assert_eq!(display_width("a\nb\u{1b}"), r"a\nb\u{1b}".len());
        assert_eq!(right("猫", 4), "  猫");
        assert_eq!(left("a\nb", 5), r"a\nb ");
        assert_eq!(right("too long", 3), "too long");
    }

    #[test]
    fn cut_names_fit() {
        assert_eq!(cut("airplane", 8), "airplane");
        assert_eq!(cut("airplane", 5), "airp…");
        assert_eq!(cut("猫猫猫", 4), "猫…");
        assert_eq!(cut("猫猫猫", 5), "猫猫…");
    }
}
