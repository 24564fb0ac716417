//! The confusion matrix as a table.

use super::width::{cut, display_width, right};
use crate::metrics::MultiClass;

/// The most classes whose confusion matrix still reads on a terminal.
pub const MAX_CLASSES: usize = 20;

/// Columns up to which class names head the columns, and up to which cells are two columns apart.
const COMFORTABLE: usize = 100;

/// Columns after which a row's name is cut. The report above the table has it in full.
const NAME: usize = 28;

/// The confusion matrix: rows are the truth, columns what was predicted, the diagonal in brackets and zeros
/// as dots. Columns are headed by names where these fit, else by the numbers that follow the names of the
/// rows. `None` above [`MAX_CLASSES`] classes.
#[must_use]
pub fn confusion_table(metrics: &MultiClass) -> Option<String> {
    let k = metrics.per_class.len();
    if k > MAX_CLASSES {
        return None;
    }
    let counts: Vec<Vec<String>> =
        metrics.confusion_matrix.iter().map(|row| row.iter().map(count).collect()).collect();
    let names: Vec<String> = metrics.class_names().map(|name| cut(name, NAME)).collect();
    let numbers: Vec<String> = (1..=k).map(|c| c.to_string()).collect();
    let legend: Vec<String> =
        names.iter().zip(&numbers).map(|(name, c)| format!("{name} {c:>2} |")).collect();

    let by_name = (&names, cells(&names, &counts, true), &names, 3);
    let cell = cells(&numbers, &counts, false);
    let by_number = |gap| (&legend, cell.clone(), &numbers, gap);
    let (rows, cells, headers, gap) = [by_name, by_number(2)]
        .into_iter()
        .find(|(rows, cells, _, gap)| {
            widest(rows) + cells.iter().map(|cell| gap + cell).sum::<usize>() <= COMFORTABLE
        })
        .unwrap_or_else(|| by_number(1));
    let left = widest(rows);

    let mut text = " ".repeat(left);
    for (header, cell) in headers.iter().zip(&cells) {
        text += &right(header, gap + cell);
    }
    text.push('\n');
    for (r, row) in counts.iter().enumerate() {
        text += &right(&rows[r], left);
        // The brackets take a column each of the gaps before and after the number.
        for (c, n) in row.iter().enumerate() {
            let width = gap + cells[c];
            text += &match c {
                _ if c == r => right(&format!("[{n}"), width),
                _ if c == r + 1 => format!("]{}", right(n, width - 1)),
                _ => right(n, width),
            };
        }
        text += if r + 1 == k { "]\n" } else { "\n" };
    }
    Some(text)
}

/// How wide each column of counts is, its header included. Numbered columns are all alike, which makes a
/// regular grid; named ones are as narrow as they can be.
fn cells(headers: &[String], counts: &[Vec<String>], named: bool) -> Vec<usize> {
    let column = |c: usize| counts.iter().map(move |row| row[c].len()).max().unwrap_or(0);
    let fitted = headers.iter().enumerate().map(|(c, header)| display_width(header).max(column(c)));
    if named { fitted.collect() } else { vec![fitted.max().unwrap_or(0); headers.len()] }
}

fn widest(texts: &[String]) -> usize {
    texts.iter().map(|text| display_width(text)).max().unwrap_or(0)
}

/// A count, and a dot for none: what was confused stands out from what was not.
fn count(n: &usize) -> String {
    if *n == 0 { ".".into() } else { n.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::cases;

    /// `k` classes named by `name`, the count of row r, column c being `count(r, c)`.
    fn metrics(
        k: usize,
        name: impl Fn(usize) -> String,
        count: impl Fn(usize, usize) -> usize,
    ) -> MultiClass {
        let mut metrics = cases()[0].measure();
        let class = metrics.per_class[0].clone();
        metrics.per_class =
            (0..k).map(|c| crate::metrics::ClassMetrics { class: name(c), ..class.clone() }).collect();
        metrics.confusion_matrix = (0..k).map(|r| (0..k).map(|c| count(r, c)).collect()).collect();
        metrics
    }

    #[test]
    fn names_head_the_columns_where_they_fit() {
        let expected = "
           airplane   boat   cat   dog
airplane        [31]    12     8     .
    boat         12    [31]    8     .
     cat         13     10   [24]    .
     dog         19     14    18    [.]
";
        let table = confusion_table(&cases()[0].measure()).unwrap();
        assert_eq!(table, expected[1..], "\n{table}");
    }

    #[test]
    fn numbers_head_them_where_names_do_not_fit() {
        let long = "a class whose name is very long indeed";
        let name = |c| if c == 0 { long.to_owned() } else { format!("a somewhat long name {c}") };
        let table = confusion_table(&metrics(4, name, |r, c| 90 * usize::from(r == c) + c)).unwrap();
        let expected = "
                                    1   2   3   4
a class whose name is very …  1 | [90]  1   2   3
      a somewhat long name 1  2 |   . [91]  2   3
      a somewhat long name 2  3 |   .   1 [92]  3
      a somewhat long name 3  4 |   .   1   2 [93]
";
        assert_eq!(table, expected[1..], "\n{table}");
    }

    #[test]
    fn every_line_of_the_largest_table_fits_and_ends_at_the_same_column() {
        for (digits, limit) in [(9, 100), (99, 100), (999, 120), (9999, 142)] {
            let table =
                confusion_table(&metrics(20, |c| format!("class number {c:015}"), |_, _| digits)).unwrap();
            let ends: Vec<_> = table.lines().map(|l| display_width(l.trim_end_matches(']'))).collect();
            assert_eq!(ends, [ends[0]; 21], "\n{table}");
            assert!(ends[0] < limit, "{} columns\n{table}", ends[0]);
        }
    }

    #[test]
    fn more_than_twenty_classes_have_no_table() {
        let table = |k| confusion_table(&metrics(k, |c| c.to_string(), |_, _| 1));
        assert!(table(MAX_CLASSES).is_some());
        assert!(table(MAX_CLASSES + 1).is_none());
    }
}
