//! `samples.csv`, as it is written and read by huemax itself; tables that others wrote are read by `dataset`.

use std::io::{self, Write};
use std::path::Path;

use super::{Entry, SAMPLES};
use crate::features::FeaturesError;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Path of the picture, relative to the folder of pictures, with `/`.
    pub path: String,
    /// Its labels, as they stand in the table.
    pub labels: String,
    /// `train`, `val`, `test`, or nothing.
    pub part: String,
    /// Its file.
    pub entry: Entry,
}

/// Columns but that of the labels, which is the third.
const COLUMNS: [&str; 7] = ["row", "path", "part", "size", "modified", "hash", "skipped"];
/// A last column, where a row is of a picture that is cut off: 1 for those.
const CUT_OFF: &str = "cut_off";

/// Writes the lines of `samples` under a header; labels in the column `label`, or `labels` where there may be `several`. With `cut_off` there
/// is a column for that.
///
/// # Errors
/// Those of `to`.
pub fn write_samples<'a>(
    to: impl Write,
    (several, cut_off): (bool, bool),
    samples: impl Iterator<Item = (&'a str, String, &'a str, &'a Entry)>,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(to);
    let [row, path, rest @ ..] = COLUMNS;
    let last = cut_off.then_some(CUT_OFF);
    writer.write_record([row, path, label_column(several)].iter().chain(&rest).chain(&last))?;
    for (row, (path, labels, part, entry)) in samples.enumerate() {
        let hash = entry.hash.map_or_else(String::new, |hash| hash.to_string());
        let (row, size, modified) = (row.to_string(), entry.size.to_string(), entry.modified.to_string());
        let skipped = entry.skipped.as_deref().unwrap_or_default();
        let last = cut_off.then_some(if entry.cut_off { "1" } else { "" });
        let fields = [&row, path, &labels, part, &size, &modified, &hash, skipped];
        writer.write_record(fields.iter().chain(&last))?;
    }
    writer.flush()
}

/// The column of labels.
fn label_column(several: bool) -> &'static str {
    if several { "labels" } else { "label" }
}

/// Reads what [`write_samples`] wrote; `path` is for messages.
///
/// # Errors
/// It is something else.
pub(super) fn read_samples(bytes: &[u8], folder: &Path, several: bool) -> Result<Vec<Sample>, FeaturesError> {
    let wrong = |line: u64, problem: String| FeaturesError::Format {
        path: folder.join(SAMPLES),
        problem: format!("line {line}: {problem}; {}", super::meta::ANEW),
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let [row, path, rest @ ..] = COLUMNS;
    let columns: Vec<&str> = [row, path, label_column(several)].into_iter().chain(rest).collect();
    let header = reader.headers().map_err(|e| wrong(1, e.to_string()))?;
    let with_cut_off: Vec<&str> = columns.iter().copied().chain([CUT_OFF]).collect();
    if header != columns && header != with_cut_off {
        return Err(wrong(1, format!("the columns are not {}", columns.join(","))));
    }
    let mut samples = Vec::new();
    for record in reader.into_records() {
        let at = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        let record = record.map_err(|e| wrong(at(e.position()), e.to_string()))?;
        let line = at(record.position());
        let number = |column: usize| {
            record[column]
                .parse::<i64>()
                .map_err(|_| wrong(line, format!("{:?} is no number", &record[column])))
        };
        if record[0] != samples.len().to_string() {
            let problem = format!("the row is called {:?}, and should be {}", &record[0], samples.len());
            return Err(wrong(line, problem));
        }
        let hash = match &record[6] {
            "" => None,
            hash => Some(hash.parse().map_err(|problem| wrong(line, problem))?),
        };
        let entry = Entry {
            size: number(4)? as u64,
            modified: number(5)?,
            hash,
            skipped: Some(&record[7]).filter(|reason| !reason.is_empty()).map(str::to_owned),
            cut_off: record.get(8) == Some("1"),
        };
        let [path, labels, part] = [1, 2, 3].map(|column| record[column].to_owned());
        samples.push(Sample { path, labels, part, entry });
    }
    Ok(samples)
}
