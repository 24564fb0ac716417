//! Numbers, tables and paragraphs as text.

use unicode_width::UnicodeWidthStr;

use super::sample::Ratio;

/// Columns of a paragraph.
const WIDTH: usize = 100;

/// Lines of cells, padded; the first `left` columns to the left, the others to the right.
pub(super) fn table(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate().filter(|(c, _)| widths[*c] > 0) {
            let pad = " ".repeat(widths[c] - cell.width());
            line += "  ";
            line += &if c < left { format!("{cell}{pad}") } else { format!("{pad}{cell}") };
        }
        text += line.trim_end();
        text += "\n";
    }
    text
}

/// Words in lines of at most [`WIDTH`] characters.
pub(super) fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = lines.last().is_some_and(|line| line.width() + 1 + word.width() <= WIDTH);
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if fits => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines.join("\n") + "\n"
}

/// Three digits that count.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 || !v.is_finite() => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.0995 || v == 0.0 => format!("{value:.2}"),
        v if v >= 0.00995 => format!("{value:.3}"),
        v if v >= 0.000_995 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

/// With a prefix of the SI, and the space before the unit.
pub(super) fn si(value: f64) -> String {
    match value {
        v if v >= 1e12 => format!("{} T", number(v / 1e12)),
        v if v >= 1e9 => format!("{} G", number(v / 1e9)),
        v if v >= 1e6 => format!("{} M", number(v / 1e6)),
        v if v >= 1e3 => format!("{} k", number(v / 1e3)),
        v => format!("{} ", number(v)),
    }
}

pub(super) fn time(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".into(),
        s if s >= 1.0 => format!("{} s", number(s)),
        s if s >= 1e-3 => format!("{} ms", number(s * 1e3)),
        s if s >= 1e-6 => format!("{} µs", number(s * 1e6)),
        s => format!("{} ns", number(s * 1e9)),
    }
}

pub(super) fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if value.abs() < 9.95 { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// `×1.23 (1.18–1.29)`
pub(super) fn times(ratio: Ratio) -> String {
    format!("×{} ({}–{})", number(ratio.value), number(ratio.low), number(ratio.high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            ["0.123", "1.23", "12.3", "123", "1234"].map(|v| number(v.parse().unwrap())),
            ["0.12", "1.23", "12.3", "123", "1234"]
        );
        assert_eq!(
            (time(0.0123), time(2e-7), time(3.0)),
            ("12.3 ms".into(), "200 ns".into(), "3.00 s".into())
        );
        assert_eq!((si(1.5e9), percent(0.5)), ("1.50 G".into(), "50 %".into()));
    }

    #[test]
    fn paragraphs_keep_to_their_width_and_lose_no_word() {
        let text = "räume und straßen ".repeat(40);
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.width() <= WIDTH && line.width() > WIDTH - 10
            || wrapped.ends_with(&format!("{line}\n"))));
        assert!(wrapped.split_whitespace().eq(text.split_whitespace()));
        let rows = [vec!["a".to_owned(), "×1".into()], vec!["long".into(), "–".into()]];
        assert_eq!(table(&rows, 1), "  a     ×1\n  long   –\n");
    }
}
