//! `predictions.csv`, the file of a run.

use std::io::{self, Write};

use super::writer::{io_error, one_a_class, shortest, unfit};
use crate::metrics::Output;

/// One row of `predictions.csv`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction<'a> {
    /// The picture, relative to the data folder.
    pub path: &'a str,
    /// The part of the data that it is in, and was predicted with: `test`, or `fold 3`; either all rows have one, or none.
    pub part: Option<&'a str>,
    /// Indices of its labels, ascending, where they are known.
    pub truth: Option<&'a [u32]>,
    /// Probability or margin of each label, in label order.
    pub values: &'a [f32],
}

/// Writes `path,truth,predicted,correct,loss,p_<label>…`, one row a picture, and flushes. Where rows have a part, `part` is the second
/// column.
///
/// `truth` and `predicted` are names, several joined by `|`; `correct` (`true`/`false`) is whether they are the same,
/// `loss` that of the picture, see [`Output::loss`]. `truth`, `correct` and `loss` are empty where the truth is not known.
/// Margins stand under `margin_<label>`. Numbers have as many digits as it takes to read the same value back.
///
/// # Errors
/// What the writer reports, and [`io::ErrorKind::InvalidInput`] for a row whose values are not one a label, whose
/// truth is not a label, or which has not exactly one where there must be one.
pub fn write_predictions<'a>(
    writer: impl Write,
    labels: &[String],
    output: &Output,
    rows: impl IntoIterator<Item = Prediction<'a>>,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(writer);
    let prefix = if output.probabilistic() { "p" } else { "margin" };
    let mut rows = rows.into_iter().peekable();
    let parts = rows.peek().is_some_and(|row| row.part.is_some());
    let columns = ["path", "part", "truth", "predicted", "correct", "loss"].map(String::from);
    let record = columns
        .into_iter()
        .filter(|column| parts || column != "part")
        .chain(labels.iter().map(|label| format!("{prefix}_{label}")));
    csv.write_record(record).map_err(io_error)?;
    for Prediction { path, part, truth, values } in rows {
        one_a_class(path, labels, output, values)?;
        let names =
            |answer: &[usize]| answer.iter().map(|&c| labels[c].as_str()).collect::<Vec<_>>().join("|");
        let said = output.answer(values);
        let (truth, correct, loss) = match truth {
            None => (String::new(), "", String::new()),
            Some(truth) => {
                if let Some(unknown) = truth.iter().find(|&&y| y as usize >= labels.len()) {
                    let count = labels.len();
                    return Err(unfit(format!("{path}: truth {unknown}, but there are {count} classes")));
                }
                let loss = output.loss(values, truth).ok_or_else(|| {
                    unfit(format!("{path}: {} labels, but here every picture has exactly one", truth.len()))
                })?;
                let is: Vec<usize> = truth.iter().map(|&y| y as usize).collect();
                (names(&is), if is == said { "true" } else { "false" }, format!("{loss:?}"))
            }
        };
        let part = if parts { Some(part.unwrap_or_default()) } else { None };
        for field in [path].into_iter().chain(part).chain([&*truth, &names(&said), correct, &loss]) {
            csv.write_field(field)?;
        }
        for value in values {
            csv.write_field(shortest(*value))?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()
}

#[cfg(test)]
#[path = "predictions_tests.rs"]
mod tests;
