//! Results for people and for programs. Text and JSON come from one struct, [`Evaluation`], so that they
//! cannot disagree.

mod classification;
mod confusion;
mod evaluation;
mod headline;
mod mistakes;
mod multi_label;
mod predictions;
mod sample;
mod sweep;
pub mod tensorboard;
pub mod training;
mod width;
mod writer;

pub use classification::{DIGITS, classification_report};
pub use confusion::{MAX_CLASSES, confusion_table};
pub use evaluation::{Evaluation, Metrics, Scored, Thresholds};
pub use mistakes::{LabelSuspicion, Mistake, Stated, Suspicious};
pub use predictions::{Prediction, write_predictions};
pub use sample::{Answer, Example, draw, sample_line};
pub use sweep::{JudgedOn, Spread, SweepRow, SweepTable};
pub use width::display_width;
pub use writer::{Format, PredictionWriter};

use mistakes::Kind;

use crate::dataset::Unit;

/// How many classes of an example are shown in the text.
const TOP: usize = 5;

/// The evaluation as text for a terminal, at most 120 columns for ordinary names; ends with a line break.
///
/// Headline figures, each beside what it has to beat. For one label a picture scikit-learn's classification report and
/// the confusion matrix for up to [`MAX_CLASSES`] classes; for several a line a label. Then the most mistaken pictures,
/// likely label errors, and examples.
#[must_use]
pub fn text(evaluation: &Evaluation) -> String {
    let Evaluation { metrics, mistakes, label_errors, examples, .. } = evaluation;
    let (mut blocks, names, kind) = match metrics {
        Metrics::MultiClass(metrics) => {
            let mut blocks =
                vec![headline::headline(metrics, evaluation), classification_report(metrics, DIGITS)];
            if let Some(table) = confusion_table(metrics) {
                blocks.push(format!(
                    "Confusion matrix (rows: truth, columns: predicted, zeros as dots)\n\n{table}"
                ));
            }
            let kind = if metrics.cross_entropy.is_some() { Kind::Softmax } else { Kind::Margins };
            (blocks, metrics.class_names().collect::<Vec<_>>(), kind)
        }
        Metrics::MultiLabel(metrics) => {
            let blocks =
                vec![multi_label::headline(metrics, evaluation), multi_label::table(metrics, evaluation)];
            (blocks, metrics.label_names().collect(), Kind::Sigmoid)
        }
    };
    if !mistakes.is_empty() {
        blocks.push(mistakes::mistakes_text(mistakes, kind, evaluation.unit));
    }
    if let Some(suspicion) = label_errors.as_ref().filter(|suspicion| suspicion.found > 0) {
        blocks.push(mistakes::suspicions_text(suspicion, metrics.accuracy()));
    }
    if !examples.is_empty() {
        blocks.push(example_lines(&names, examples, evaluation.unit));
    }
    blocks.join("\n")
}

/// One line an example: path, what was said, truth. Where names are long fewer classes are shown.
fn example_lines(names: &[&str], examples: &[Example], unit: Unit) -> String {
    let paths: Vec<String> = examples.iter().map(|e| width::cut(&e.path, mistakes::PATH)).collect();
    let longest = paths.iter().map(|path| display_width(path)).max().unwrap_or(0);
    let mut text = match unit {
        Unit::Picture => String::from("Pictures drawn at random\n\n"),
        Unit::Row => String::from("Rows drawn at random\n\n"),
    };
    for (example, path) in examples.iter().zip(&paths) {
        let line = |top| format!("{}  {}", width::left(path, longest), sample_line(names, example, top));
        let fits = |line: &String| display_width(line) <= mistakes::WIDTH;
        let line =
            (1..=TOP).rev().map(line).find(fits).unwrap_or_else(|| width::cut(&line(1), mistakes::WIDTH));
        text += &format!("{line}\n");
    }
    text
}

/// `12,345,678`
#[must_use]
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
