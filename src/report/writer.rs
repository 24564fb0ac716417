//! What `predict` prints, as pictures stream by.

use std::io::{self, Write};

use serde::Serialize;

use super::mistakes::Kind;
use super::sample::value;
use super::width::{display_width, left, right};
use crate::metrics::{Output, most_probable};

/// How predictions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One line a picture. Of one label the most probable, aligned: `photo.jpg  cat 61.2%  dog 38.8%`. Of several those
    /// predicted, then runners-up in brackets: `photo.jpg  sea 91.2%  ship 62.0%  (sand 31.0%)`, or
    /// `photo.jpg  none  (sand 31.0%)`.
    #[default]
    Table,
    /// `path,rank,label,probability`: one row a picture and rank, ranks from 1. `margin` instead of `probability` where
    /// there are no probabilities; one more column, `predicted`, where there may be several labels.
    Csv,
    /// JSON lines: `{"path":…,"predictions":[{"label":…,"probability":…}]}`, with `margin` and `predicted` likewise, and `"cut_off":true` behind the
    /// path of a picture of which only the beginning is there. `{"path":…,"skipped":…}` where there is none, with the reason.
    Jsonl,
}

/// Prints what is predicted for one picture after another, keeping none of them.
///
/// Of one label the `top` most probable are told. Of several every label that reaches its threshold, most probable
/// first, and after them the most probable others until there are `top`.
#[derive(Debug)]
pub struct PredictionWriter<W: Write> {
    sink: Sink<W>,
    labels: Vec<String>,
    output: Output,
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

/// A line of JSON for a picture that could not be read.
#[derive(Serialize)]
struct NoLine<'a> {
    path: &'a str,
    skipped: &'a str,
}

/// One line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut_off: bool,
    predictions: Vec<Choice<'a>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<bool>,
    #[serde(skip)]
    value: f32,
}

impl<W: Write> PredictionWriter<W> {
    /// A writer of what a model with `output` says of `labels`, in `format`.
    ///
    /// `path_width` is the column the table leaves for paths, in terminal columns ([`display_width`]); longer
    /// paths push their line to the right. The other formats ignore it.
    ///
    /// # Errors
    /// What `writer` reports for the header.
    pub fn new(
        format: Format,
        writer: W,
        labels: &[String],
        output: &Output,
        top: usize,
        path_width: usize,
    ) -> io::Result<Self> {
        let sink = match format {
            Format::Table => Sink::Table(writer),
            Format::Jsonl => Sink::Jsonl(writer),
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(writer);
                let number = if output.probabilistic() { "probability" } else { "margin" };
                let columns = ["path", "rank", "label", number, "predicted"];
                let told = if output.several() { 5 } else { 4 };
                csv.write_record(&columns[..told]).map_err(io_error)?;
                Sink::Csv(Box::new(csv))
            }
        };
        let label_width = labels.iter().map(|label| display_width(label)).max().unwrap_or(0);
        Ok(Self { sink, labels: labels.to_vec(), output: output.clone(), top, path_width, label_width })
    }

    /// One picture: `values` of all labels (K) in label order, probabilities or margins.
    ///
    /// # Errors
    /// What the writer reports, and [`io::ErrorKind::InvalidInput`] where there is not one value a label.
    pub fn write(&mut self, path: &str, values: &[f32]) -> io::Result<()> {
        self.write_as(path, values, false)
    }

    /// The same of a picture that may be `cut_off`.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn write_as(&mut self, path: &str, values: &[f32], cut_off: bool) -> io::Result<()> {
        let Self { sink, labels, output, top, path_width, label_width } = self;
        one_a_class(path, labels, output, values)?;
        let (probabilistic, several, kind) = (output.probabilistic(), output.several(), Kind::from(&*output));
        let answer = if several { output.answer(values) } else { Vec::new() };
        let mut ranked = most_probable(values, values.len());
        // Stable: each of the two parts stays in order.
        ranked.sort_by_key(|c| !answer.contains(c));
        ranked.truncate(answer.len().max(*top));
        let choices = ranked.into_iter().map(|c| Choice {
            label: &labels[c],
            probability: probabilistic.then_some(values[c]),
            margin: (!probabilistic).then_some(values[c]),
            predicted: several.then(|| answer.contains(&c)),
            value: values[c],
        });
        match sink {
            Sink::Table(out) if several => {
                let (said, others): (Vec<_>, Vec<_>) = choices.partition(|c| c.predicted == Some(true));
                let show = |c: &Choice<'_>| format!("{} {}", left(c.label, 0), value(kind, c.value));
                let list = |choices: &[Choice<'_>], between| {
                    choices.iter().map(show).collect::<Vec<_>>().join(between)
                };
                let said = if said.is_empty() { "none".into() } else { list(&said, "  ") };
                let others =
                    if others.is_empty() { String::new() } else { format!("  ({})", list(&others, ", ")) };
                writeln!(out, "{}  {said}{others}", left(path, *path_width))
            }
            Sink::Table(out) => {
                let mut line = left(path, *path_width);
                for choice in choices {
                    let number = right(&value(kind, choice.value), "100.0%".len());
                    line += &format!("  {} {number}", left(choice.label, *label_width));
                }
                writeln!(out, "{line}")
            }
            Sink::Csv(csv) => {
                for (rank, choice) in (1_usize..).zip(choices) {
                    let (rank, number) = (rank.to_string(), shortest(choice.value));
                    let predicted = choice.predicted.map(|predicted| predicted.to_string());
                    let fields = [path, &rank, choice.label, &number];
                    csv.write_record(fields.into_iter().chain(predicted.as_deref())).map_err(io_error)?;
                }
                Ok(())
            }
            Sink::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &Line { path, cut_off, predictions: choices.collect() })?;
                writeln!(out)
            }
        }
    }

    /// A picture that could not be read, and why. For people that is told elsewhere.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn skip(&mut self, path: &str, reason: &str) -> io::Result<()> {
        match &mut self.sink {
            Sink::Table(_) | Sink::Csv(_) => Ok(()),
            Sink::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &NoLine { path, skipped: reason })?;
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
pub(super) fn shortest(p: f32) -> String {
    format!("{p:?}")
}

/// Refuses a row that would be written beside the wrong names.
pub(super) fn one_a_class(path: &str, labels: &[String], output: &Output, values: &[f32]) -> io::Result<()> {
    let thresholds = output.thresholds().map_or(labels.len(), <[f64]>::len);
    if values.len() == labels.len() && thresholds == labels.len() && !labels.is_empty() {
        return Ok(());
    }
    let (count, of) = (values.len(), labels.len());
    let what = if output.probabilistic() { "probabilities" } else { "margins" };
    if thresholds != of && count == of {
        return Err(unfit(format!("{path}: {thresholds} thresholds for {of} labels")));
    }
    Err(unfit(format!("{path}: {count} {what} for {of} classes")))
}

/// The error that the writer reported, as it was: callers tell a closed pipe from a full disk by its kind.
pub(super) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

pub(super) fn unfit(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
