//! Results for people and for programs. Text and JSON come from one struct, [`Evaluation`], so that they
//! cannot disagree.

mod classification;
mod confusion;
mod predictions;
mod sample;
mod width;

pub use classification::{DIGITS, classification_report};
pub use confusion::{MAX_CLASSES, confusion_table};
pub use predictions::{Format, Prediction, PredictionWriter, write_predictions};
pub use sample::{Example, draw, sample_line};
pub use width::display_width;

use serde::Serialize;

use crate::metrics::MultiClass;
use width::printable;

/// How many classes of an example are shown in the text.
const TOP: usize = 5;

/// What is said at the end of a training or of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The measures.
    pub metrics: MultiClass,
    /// A few pictures with their probabilities; see [`draw`].
    pub examples: Vec<Example>,
}

/// The evaluation as text for a terminal, 100 to 120 columns for ordinary class names; ends with a line
/// break.
///
/// Headline figures, each beside what it has to beat; scikit-learn's classification report; the confusion
/// matrix for up to [`MAX_CLASSES`] classes; the examples.
pub fn text(evaluation: &Evaluation) -> String {
    let Evaluation { metrics, examples } = evaluation;
    let mut blocks = vec![headline(metrics), classification_report(metrics, DIGITS)];
    if let Some(table) = confusion_table(metrics) {
        blocks.push(format!("Confusion matrix (rows: truth, columns: predicted, zeros as dots)\n\n{table}"));
    }
    if !examples.is_empty() {
        blocks.push(example_lines(metrics, examples));
    }
    blocks.join("\n")
}

/// Accuracy, top-5 accuracy and cross-entropy, a line each.
fn headline(metrics: &MultiClass) -> String {
    let MultiClass { samples, baseline, .. } = metrics;
    let pictures = if *samples == 1 { "picture" } else { "pictures" };
    let mut text = format!(
        "accuracy {:.1} % of {samples} {pictures} (always answering \"{}\": {:.1} %)\n",
        100.0 * metrics.accuracy,
        printable(&baseline.class),
        100.0 * baseline.accuracy,
    );
    if let Some(top_5) = metrics.top_5_accuracy {
        let guess = 100.0 * 5.0 / metrics.per_class.len() as f64;
        text += &format!("top-5 accuracy {:.1} % (guessing: {guess:.1} %)\n", 100.0 * top_5);
    }
    text += &format!(
        "cross-entropy {:.4} (every class equally probable: ln {} = {:.4})\n",
        metrics.cross_entropy,
        metrics.per_class.len(),
        metrics.uniform_cross_entropy,
    );
    text
}

/// One line an example: path, probabilities, truth.
fn example_lines(metrics: &MultiClass, examples: &[Example]) -> String {
    let classes: Vec<&str> = metrics.class_names().collect();
    let longest = examples.iter().map(|e| display_width(&e.path)).max().unwrap_or(0);
    let mut text = String::from("Pictures drawn at random\n\n");
    for example in examples {
        let line = sample_line(&classes, &example.probabilities, &example.truth, TOP);
        text += &format!("{}  {line}\n", width::left(&example.path, longest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::cases;

    fn evaluation(case: &str) -> Evaluation {
        let metrics = cases().iter().find(|c| c.name == case).unwrap().measure();
        let classes: Vec<String> = metrics.class_names().map(String::from).collect();
        let k = classes.len();
        let mut row = vec![0.4 / (k - 1) as f32; k];
        row[1] = 0.6;
        let examples = vec![
            Example::new("a/1.jpg", &classes, 1, &row),
            Example::new("much/longer/path/2.jpg", &classes, 0, &row),
        ];
        Evaluation { metrics, examples }
    }

    #[test]
    fn the_text_of_a_small_run() {
        let expected = "\
accuracy 87.5 % of 8 pictures (always answering \"left\": 62.5 %)
cross-entropy 0.4738 (every class equally probable: ln 2 = 0.6931)

              precision    recall  f1-score   support

        left       0.83      1.00      0.91         5
       right       1.00      0.67      0.80         3

    accuracy                           0.88         8
   macro avg       0.92      0.83      0.85         8
weighted avg       0.90      0.88      0.87         8

Confusion matrix (rows: truth, columns: predicted, zeros as dots)

        left   right
 left     [5]      .
right      1      [2]

Pictures drawn at random

a/1.jpg                 left=40.0%, right=60.0%, actual=right
much/longer/path/2.jpg  left=40.0%, right=60.0%, actual=left
";
        assert_eq!(text(&evaluation("eighths")), expected);
    }

    #[test]
    fn top_5_is_told_where_it_means_something() {
        assert!(text(&evaluation("twenty classes")).contains("\ntop-5 accuracy 90.0 % (guessing: 25.0 %)\n"));
        assert!(!text(&evaluation("four classes")).contains("top-5"));
    }

    #[test]
    fn json_holds_what_the_text_says() {
        let json = serde_json::to_value(evaluation("eighths")).unwrap();
        assert_eq!(json["metrics"]["accuracy"], 0.875);
        assert_eq!(json["metrics"]["baseline"]["class"], "left");
        assert_eq!(json["examples"][1]["truth"], "left");
        assert_eq!(json["examples"][1]["predicted"], "right");
        assert_eq!(json["examples"][1]["probabilities"][1].as_f64().unwrap() as f32, 0.6);
    }
}
