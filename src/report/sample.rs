//! Single pictures with what was said of them.

use std::fmt;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::mistakes::Kind;
use crate::metrics::{Output, most_probable};
use crate::names::shown;

/// One labelled picture and what was predicted for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The picture, relative to the data folder.
    pub path: String,
    /// What it is.
    pub truth: Answer,
    /// What the model says.
    pub predicted: Answer,
    /// Probability of each label, in label order; none where there are only margins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<Vec<f32>>,
    /// Margin of each label, in label order; none where there are probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margins: Option<Vec<f32>>,
}

/// Names of labels; in JSON a string or a list of strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Where each picture has one label.
    One(String),
    /// Where it may have any number.
    Several(Vec<String>),
}

impl Answer {
    /// The names of the labels with the indices `answer`. An index without a label is named `?`.
    pub fn new(labels: &[String], output: &Output, answer: impl IntoIterator<Item = usize>) -> Self {
        let mut names = answer.into_iter().map(|c| labels.get(c).map_or("?", String::as_str).to_owned());
        if output.several() {
            Self::Several(names.collect())
        } else {
            Self::One(names.next().unwrap_or_else(|| "?".to_owned()))
        }
    }
}

impl fmt::Display for Answer {
    /// `cat`, or `grass, trees`, or `nothing`; as it may be printed on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => f.write_str(&shown(name)),
            Self::Several(names) if names.is_empty() => f.write_str("nothing"),
            Self::Several(names) => f.write_str(&shown(&names.join(", "))),
        }
    }
}

impl Example {
    /// The picture at `path` with the labels `truth` and `row` (K) as the model's output.
    #[must_use]
    pub fn new(path: &str, labels: &[String], output: &Output, truth: &[u32], row: &[f32]) -> Self {
        let values = Some(row.to_vec());
        let (probabilities, margins) = if output.probabilistic() { (values, None) } else { (None, values) };
        Self {
            path: path.to_owned(),
            truth: Answer::new(labels, output, truth.iter().map(|&y| y as usize)),
            predicted: Answer::new(labels, output, output.answer(row)),
            probabilities,
            margins,
        }
    }
}

/// `wanted` different indices below `len`, in random order; all of them where there are fewer. The same for
/// the same seed.
#[must_use]
pub fn draw(len: usize, wanted: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rand::seq::index::sample(&mut rng, len, wanted.min(len)).into_vec()
}

/// One picture in one line: `cat=61.2%, dog=38.8%, actual=cat`.
///
/// Up to `top` classes are listed in class order; of more classes the `top` most probable, most probable
/// first. Of several labels those predicted are listed, most probable first, and where there are none the most probable
/// one as what was rejected: `nothing (sea=12.0%), actual=sea, sand`. Margins are shown as numbers.
pub fn sample_line(labels: &[impl AsRef<str>], example: &Example, top: usize) -> String {
    let Example { truth, predicted, probabilities, margins, .. } = example;
    let (row, kind) = match (probabilities, margins, truth) {
        (Some(row), _, Answer::Several(_)) => (row.as_slice(), Kind::Sigmoid),
        (Some(row), ..) => (row.as_slice(), Kind::Softmax),
        (None, Some(row), _) => (row.as_slice(), Kind::Margins),
        (None, None, _) => (&[][..], Kind::Softmax),
    };
    let name = |c: usize| labels.get(c).map_or("?", AsRef::as_ref);
    let show = |c: usize| format!("{}={}", shown(name(c)), value(kind, row[c]));
    let ranked = most_probable(row, row.len());
    let shown: Vec<String> = match predicted {
        Answer::Several(names) if names.is_empty() => {
            vec![ranked.first().map_or("nothing".into(), |&c| format!("nothing ({})", show(c)))]
        }
        Answer::Several(names) => {
            ranked.iter().filter(|&&c| names.iter().any(|n| n == name(c))).map(|&c| show(c)).collect()
        }
        Answer::One(_) if row.len() <= top => (0..row.len()).map(show).collect(),
        Answer::One(_) => ranked.iter().take(top).map(|&c| show(c)).collect(),
    };
    let said = if shown.is_empty() { String::new() } else { shown.join(", ") + ", " };
    format!("{said}actual={truth}")
}

/// A probability as `61.2%`, a margin as `1.234`.
pub(super) fn value(kind: Kind, value: f32) -> String {
    if kind == Kind::Margins { format!("{value:.3}") } else { percent(value) }
}

/// `61.2%`. In `f64`, so that the digits shown are those of the probability and not of a product in `f32`.
fn percent(probability: f32) -> String {
    format!("{:.1}%", 100.0 * f64::from(probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(labels: &[&str], output: &Output, row: &[f32], truth: &[u32], top: usize) -> String {
        let labels: Vec<String> = labels.iter().map(|&l| l.to_owned()).collect();
        sample_line(&labels, &Example::new("x.jpg", &labels, output, truth, row), top)
    }

    #[test]
    fn a_line_reads_as_in_the_post() {
        let line = line(&["cat", "dog"], &Output::Softmax, &[0.612, 0.388], &[0], 5);
        assert_eq!(line, "cat=61.2%, dog=38.8%, actual=cat");
    }

    #[test]
    fn of_many_classes_the_most_probable_come_first() {
        let line = |top| line(&["a", "b", "c", "d"], &Output::Softmax, &[0.1, 0.2, 0.5, 0.2], &[3], top);
        assert_eq!(line(3), "c=50.0%, b=20.0%, d=20.0%, actual=d");
        assert_eq!(line(4), "a=10.0%, b=20.0%, c=50.0%, d=20.0%, actual=d");
        assert_eq!(line(0), "actual=d");
    }

    #[test]
    fn several_labels_and_margins() {
        let sigmoid = Output::Sigmoid { thresholds: vec![0.5, 0.3, 0.5] };
        let line = |output, row, truth| line(&["sand", "sea", "ship"], output, row, truth, 3);
        assert_eq!(line(&sigmoid, &[0.4, 0.35, 0.9], &[0, 2]), "ship=90.0%, sea=35.0%, actual=sand, ship");
        assert_eq!(line(&sigmoid, &[0.4, 0.12, 0.1], &[]), "nothing (sand=40.0%), actual=nothing");
        let margins = Output::Margins { squared: false };
        assert_eq!(
            line(&margins, &[-1.5, 0.25, 2.0], &[1]),
            "sand=-1.500, sea=0.250, ship=2.000, actual=sea"
        );
    }

    #[test]
    fn draws_are_different_in_range_and_repeatable() {
        for len in [0, 1, 4, 5, 6, 1000] {
            let mut drawn = draw(len, 5, 42);
            assert_eq!(drawn, draw(len, 5, 42));
            assert!(drawn.iter().all(|&i| i < len));
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), len.min(5));
        }
        assert_ne!(draw(1000, 5, 42), draw(1000, 5, 43));
    }

    #[test]
    fn an_example_names_truth_and_prediction() {
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let example = Example::new("x.jpg", &classes, &Output::Softmax, &[0], &[0.25, 0.75]);
        assert_eq!((example.truth.to_string(), example.predicted.to_string()), ("cat".into(), "dog".into()));
        let unknown = Example::new("x.jpg", &classes, &Output::Softmax, &[9], &[]);
        assert_eq!(unknown.truth, Answer::One("?".into()));
        let json = serde_json::to_value(&example).unwrap();
        assert_eq!(json["truth"], "cat");
        assert!(json.get("margins").is_none());
    }
}
