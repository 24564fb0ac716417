//! Predictions as they stream by: the file of a run and the three formats of `predict`.

use std::io::{self, Write};

use serde::Serialize;

use super::sample::percent;
use super::width::{display_width, left, right};
use crate::metrics::{argmax, most_probable};

/// One row of `predictions.csv`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction<'a> {
    /// The picture, relative to the data folder.
    pub path: &'a str,
    /// Index of its true class, where it is known.
    pub truth: Option<u32>,
    /// Probability of each class, in class order.
    pub probabilities: &'a [f32],
}

/// Writes `path,truth,predicted,correct,p_<class>…`, one row a picture, and flushes.
///
/// `truth` and `correct` (`true`/`false`) are empty where the truth is not known. Probabilities have as many
/// digits as it takes to read the same `f32` back.
///
/// # Errors
/// What the writer reports, and [`io::ErrorKind::InvalidInput`] for a row whose probabilities are not one a
/// class or whose truth is not a class.
pub fn write_predictions<'a>(
    writer: impl Write,
    classes: &[String],
    rows: impl IntoIterator<Item = Prediction<'a>>,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(writer);
    for column in ["path", "truth", "predicted", "correct"] {
        csv.write_field(column)?;
    }
    for class in classes {
        csv.write_field(format!("p_{class}"))?;
    }
    csv.write_record(None::<&[u8]>)?;
    for row in rows {
        one_a_class(row.path, classes, row.probabilities)?;
        let predicted = argmax(row.probabilities).unwrap_or(0);
        let (truth, correct) = match row.truth.map(|truth| truth as usize) {
            None => ("", ""),
            Some(truth) => {
                let name = classes.get(truth).ok_or_else(|| {
                    unfit(format!("{}: truth {truth}, but there are {} classes", row.path, classes.len()))
                })?;
                (name.as_str(), if truth == predicted { "true" } else { "false" })
            }
        };
        for field in [row.path, truth, &classes[predicted], correct] {
            csv.write_field(field)?;
        }
        for p in row.probabilities {
            csv.write_field(shortest(*p))?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()
}

/// How predictions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One aligned line a picture: `photo.jpg  cat 61.2%  dog 38.8%`.
    #[default]
    Table,
    /// `path,rank,label,probability`: one row a picture and rank, ranks from 1.
    Csv,
    /// JSON lines: `{"path":…,"predictions":[{"label":…,"probability":…}]}`.
    Jsonl,
}

/// Prints the most probable classes of one picture after another, keeping none of them.
#[derive(Debug)]
pub struct PredictionWriter<W: Write> {
    sink: Sink<W>,
    classes: Vec<String>,
    top: usize,
    path_width: usize,
    label_width: usize,
}

/// The CSV writer buffers, so it has to own what it writes to.
#[derive(Debug)]
enum Sink<W: Write> {
    Table(W),
    Csv(Box<csv::Writer<W>>),
    Jsonl(W),
}

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    predictions: Vec<Choice<'a>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    label: &'a str,
    probability: f32,
}

impl<W: Write> PredictionWriter<W> {
    /// A writer of the `top` most probable of `classes` a picture, in `format`.
    ///
    /// `path_width` is the column the table leaves for paths, in terminal columns ([`display_width`]); longer
    /// paths push their line to the right. The other formats ignore it.
    ///
    /// # Errors
    /// What `writer` reports for the header.
    pub fn new(
        format: Format,
        writer: W,
        classes: &[String],
        top: usize,
        path_width: usize,
    ) -> io::Result<Self> {
        let sink = match format {
            Format::Table => Sink::Table(writer),
            Format::Jsonl => Sink::Jsonl(writer),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(writer);
                csv.write_record(["path", "rank", "label", "probability"]).map_err(io_error)?;
                Sink::Csv(Box::new(csv))
            }
        };
        let label_width = classes.iter().map(|class| display_width(class)).max().unwrap_or(0);
        Ok(Self { sink, classes: classes.to_vec(), top, path_width, label_width })
    }

    /// One picture: `probabilities` of all classes in class order.
    ///
    /// # Errors
    /// What the writer reports, and [`io::ErrorKind::InvalidInput`] where there is not one probability a
    /// class.
    pub fn write(&mut self, path: &str, probabilities: &[f32]) -> io::Result<()> {
        one_a_class(path, &self.classes, probabilities)?;
        let ranked = most_probable(probabilities, self.top);
        let choices =
            ranked.iter().map(|&c| Choice { label: &self.classes[c], probability: probabilities[c] });
        match &mut self.sink {
            Sink::Table(out) => {
                let mut line = left(path, self.path_width);
                for choice in choices {
                    let percent = right(&percent(choice.probability), "100.0%".len());
                    line += &format!("  {} {percent}", left(choice.label, self.label_width));
                }
                writeln!(out, "{line}")
            }
            Sink::Csv(csv) => {
                for (rank, choice) in (1..).zip(choices) {
                    let (rank, p): (usize, _) = (rank, shortest(choice.probability));
                    csv.write_record([path, &rank.to_string(), choice.label, &p]).map_err(io_error)?;
                }
                Ok(())
            }
            Sink::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &Line { path, predictions: choices.collect() })?;
                writeln!(out)
            }
        }
    }

    /// Writes out what is buffered. Without it the end may be lost, and with it the error that lost it.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn finish(self) -> io::Result<()> {
        match self.sink {
            Sink::Table(mut out) | Sink::Jsonl(mut out) => out.flush(),
            Sink::Csv(mut csv) => csv.flush(),
        }
    }
}

/// The shortest decimal that reads back as the same `f32`; small ones with an exponent.
fn shortest(p: f32) -> String {
    format!("{p:?}")
}

/// Refuses a row that would be written beside the wrong class names.
fn one_a_class(path: &str, classes: &[String], probabilities: &[f32]) -> io::Result<()> {
    if probabilities.len() == classes.len() && !classes.is_empty() {
        return Ok(());
    }
    Err(unfit(format!("{path}: {} probabilities for {} classes", probabilities.len(), classes.len())))
}

/// The error that the writer reported, as it was: callers tell a closed pipe from a full disk by its kind.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn unfit(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

#[cfg(test)]
#[path = "predictions_tests.rs"]
mod tests;
