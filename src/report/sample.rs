//! Single pictures with their probabilities.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::width::printable;
use crate::metrics::{argmax, most_probable};

/// One labelled picture and what was predicted for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The picture, relative to the data folder.
    pub path: String,
    /// Its true class.
    pub truth: String,
    /// The most probable class; the first of equals.
    pub predicted: String,
    /// Probability of each class, in class order.
    pub probabilities: Vec<f32>,
}

impl Example {
    /// The picture at `path`, whose true class is `classes[truth]`. An index without a class is named `?`.
    pub fn new(path: &str, classes: &[String], truth: u32, probabilities: &[f32]) -> Self {
        let name = |c: usize| classes.get(c).map_or("?", String::as_str).to_owned();
        Self {
            path: path.to_owned(),
            truth: name(truth as usize),
            predicted: argmax(probabilities).map_or_else(|| "?".to_owned(), name),
            probabilities: probabilities.to_vec(),
        }
    }
}

/// `wanted` different indices below `len`, in random order; all of them where there are fewer. The same for
/// the same seed.
pub fn draw(len: usize, wanted: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rand::seq::index::sample(&mut rng, len, wanted.min(len)).into_vec()
}

/// One picture in one line: `cat=61.2%, dog=38.8%, actual=cat`.
///
/// Up to `top` classes are listed in class order; of more classes the `top` most probable, most probable
/// first. `probabilities` are those of `classes`, in the same order, each 0 to 1.
pub fn sample_line(classes: &[impl AsRef<str>], probabilities: &[f32], truth: &str, top: usize) -> String {
    let shown: Vec<usize> = if classes.len() <= top {
        (0..probabilities.len()).collect()
    } else {
        most_probable(probabilities, top)
    };
    let mut line = String::new();
    for c in shown {
        let name = classes.get(c).map_or("?", AsRef::as_ref);
        line += &format!("{}={}, ", printable(name), percent(probabilities[c]));
    }
    line + &format!("actual={}", printable(truth))
}

/// `61.2%`. In `f64`, so that the digits shown are those of the probability and not of a product in `f32`.
pub(super) fn percent(probability: f32) -> String {
    format!("{:.1}%", 100.0 * f64::from(probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_in_the_post() {
        let line = sample_line(&["cat", "dog"], &[0.612, 0.388], "cat", 5);
        assert_eq!(line, "cat=61.2%, dog=38.8%, actual=cat");
    }

    #[test]
    fn of_many_classes_the_most_probable_come_first() {
        let (classes, row) = (["a", "b", "c", "d"], [0.1, 0.2, 0.5, 0.2]);
        assert_eq!(sample_line(&classes, &row, "d", 3), "c=50.0%, b=20.0%, d=20.0%, actual=d");
        assert_eq!(sample_line(&classes, &row, "d", 4), "a=10.0%, b=20.0%, c=50.0%, d=20.0%, actual=d");
        assert_eq!(sample_line(&classes, &row, "d", 0), "actual=d");
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
        let example = Example::new("x.jpg", &classes, 0, &[0.25, 0.75]);
        assert_eq!((example.truth.as_str(), example.predicted.as_str()), ("cat", "dog"));
        assert_eq!(Example::new("x.jpg", &classes, 9, &[]).truth, "?");
    }
}
