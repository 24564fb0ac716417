//! How much each label counts while training.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::backend::Loss;
use crate::error::{Error, Result};
use crate::files::read_file;

/// How much each label counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Weighting {
    /// All the same.
    #[default]
    Equal,
    /// Rare labels more than frequent ones, so that each pulls as hard.
    Balanced,
    /// All by this.
    Value(f64),
    /// As a CSV file with the columns `label,weight` says; labels that it does not name count 1.
    File(PathBuf),
}

impl std::fmt::Display for Weighting {
    /// As it is typed; `equal` where nothing was.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Equal => f.write_str("equal"),
            Self::Balanced => f.write_str("balanced"),
            Self::Value(value) => write!(f, "{value}"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

impl std::str::FromStr for Weighting {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "balanced" => Self::Balanced,
            number => number.parse().map_or_else(|_| Self::File(number.into()), Self::Value),
        })
    }
}

const CLASS: &str = "--class-weight";
const POSITIVE: &str = "--pos-weight";

impl Weighting {
    /// Fails where it names a file that cannot be read: better before any work than after it. `class`: of `--class-weight`, else of
    /// `--pos-weight`.
    ///
    /// # Errors
    /// There is no such file; it cannot be read, is none, or is far too large.
    pub fn check(&self, class: bool) -> Result<()> {
        match self {
            Self::File(file) => text(if class { CLASS } else { POSITIVE }, file).map(drop),
            _ => Ok(()),
        }
    }
}

/// What the weights are worked out from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) loss: Loss,
    pub(super) labels: &'a [String],
    /// Pictures to train on, by label.
    pub(super) pictures: &'a [usize],
    /// All pictures to train on.
    pub(super) rows: usize,
}

/// The weights of [`Targets::weighted`](crate::learn::Targets::weighted), 2·K.
///
/// `class`: balanced is scikit-learn's `class_weight="balanced"`: N/(K·n_k) where a picture has one label, and for the
/// sigmoid, which answers a question of two classes for each label, N/(2·n) on either side; from a file, what the label's whole loss
/// is multiplied by. `positive`: what the loss of a label is multiplied by where a picture has it, as PyTorch's `pos_weight`;
/// balanced is (N − n_k)/n_k. Both may be given.
///
/// # Errors
/// `positive` without the sigmoid; a value that is no positive number; a file that cannot be read or names unknown labels.
pub(super) fn weights(class: &Weighting, positive: &Weighting, counted: Counted<'_>) -> Result<Vec<f32>> {
    let Counted { loss, labels, pictures, rows } = counted;
    if loss != Loss::Sigmoid && *positive != Weighting::Equal {
        let problem = format!("it is for --loss sigmoid; with {loss}, --class-weight weighs the labels");
        return Err(Error::option(POSITIVE, problem));
    }
    let outputs = labels.len();
    let n = rows as f64;
    let share = |of: f64, classes: f64| if of > 0.0 { n / (classes * of) } else { 1.0 };
    let mut both = vec![1.0; 2 * outputs];
    match class {
        Weighting::Equal => {}
        Weighting::Balanced if loss == Loss::Sigmoid => {
            for (k, &with) in pictures.iter().enumerate() {
                both[k] = share(with as f64, 2.0);
                both[outputs + k] = share(n - with as f64, 2.0);
            }
        }
        Weighting::Balanced => {
            for (k, &with) in pictures.iter().enumerate() {
                both[k] = share(with as f64, outputs as f64);
            }
        }
        Weighting::Value(_) => {
            return Err(Error::option(CLASS, "give `balanced`, or a CSV file with the columns label,weight"));
        }
        Weighting::File(file) => {
            for (k, weight) in read(CLASS, file, labels)? {
                both[k] = weight;
                both[outputs + k] = weight;
            }
        }
    }
    match positive {
        Weighting::Equal => {}
        Weighting::Balanced => {
            for (k, &with) in pictures.iter().enumerate() {
                both[k] *= if with > 0 && with < rows { (n - with as f64) / with as f64 } else { 1.0 };
            }
        }
        Weighting::Value(value) => {
            let value = checked(*value).map_err(|problem| Error::option(POSITIVE, problem))?;
            both[..outputs].iter_mut().for_each(|w| *w *= value);
        }
        Weighting::File(file) => {
            for (k, weight) in read(POSITIVE, file, labels)? {
                both[k] *= weight;
            }
        }
    }
    Ok(both.into_iter().map(|w| w as f32).collect())
}

/// A weight that f32 can hold, and that leaves the problem a problem.
fn checked(weight: f64) -> Result<f64, String> {
    if (1e-6..=1e6).contains(&weight) {
        return Ok(weight);
    }
    Err(format!("{weight} is no weight; give a number from 0.000001 to 1000000"))
}

/// The most bytes of a file with weights: a million labels with long names.
const MAX_BYTES: u64 = 64 << 20;

/// What the file `file` says.
fn text(option: &'static str, file: &Path) -> Result<Vec<u8>> {
    read_file(file, MAX_BYTES).map_err(|error| match error.source.kind() {
        std::io::ErrorKind::NotFound => {
            let number = if option == CLASS { "" } else { ", nor a number" };
            let problem = format!("{} is neither `balanced` nor a file{number}", file.display());
            Error::option(option, problem)
        }
        _ => error.into(),
    })
}

/// Weights by label number, from a CSV file.
fn read(option: &'static str, file: &Path, labels: &[String]) -> Result<BTreeMap<usize, f64>> {
    let text = text(option, file)?;
    let wrong = |line: u64, problem: String| {
        Error::option(option, format!("{}, line {line}: {problem}", file.display()))
    };
    let mut weights = BTreeMap::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_slice());
    for (i, record) in reader.records().enumerate() {
        let record = record
            .map_err(|e| wrong(e.position().map_or(i as u64 + 1, csv::Position::line), e.to_string()))?;
        let line = record.position().map_or(i as u64 + 1, csv::Position::line);
        let (Some(label), Some(weight), 2) = (record.get(0), record.get(1), record.len()) else {
            return Err(wrong(line, "it needs two columns, label,weight, such as cat,2".into()));
        };
        if i == 0 && weight.trim().eq_ignore_ascii_case("weight") {
            continue;
        }
        let known = labels.iter().position(|known| known == label.trim_start_matches('\u{feff}'));
        let k = known.ok_or_else(|| {
            wrong(line, format!("no picture has the label {label:?}; correct it, or take the line out"))
        })?;
        let weight = weight.trim().parse().map_err(|_| {
            wrong(line, format!("{weight:?} is no number; give one from 0.000001 to 1000000"))
        })?;
        let weight = checked(weight).map_err(|problem| wrong(line, problem))?;
        if weights.insert(k, weight).is_some() {
            return Err(wrong(line, format!("{label:?} has a weight already; take one of the lines out")));
        }
    }
    if weights.is_empty() {
        return Err(Error::option(
            option,
            format!(
                "{} holds no weights; write a line label,weight for each label that is to have one",
                file.display()
            ),
        ));
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(loss: Loss, class: &Weighting, positive: &Weighting) -> Result<Vec<f32>> {
        let labels = ["a".to_owned(), "b, c".to_owned()];
        weights(class, positive, Counted { loss, labels: &labels, pictures: &[1, 4], rows: 5 })
    }

    #[test]
    fn balanced_is_that_of_scikit_learn() {
        use Weighting::{Balanced, Equal, Value};
        // compute_class_weight("balanced", classes=[0, 1], y=[0, 1, 1, 1, 1])
        assert_eq!(of(Loss::Softmax, &Balanced, &Equal).unwrap(), [2.5, 0.625, 1.0, 1.0]);
        assert_eq!(of(Loss::Sigmoid, &Balanced, &Equal).unwrap(), [2.5, 0.625, 0.625, 2.5]);
        assert_eq!(of(Loss::Sigmoid, &Equal, &Balanced).unwrap(), [4.0, 0.25, 1.0, 1.0]);
        assert_eq!(of(Loss::Sigmoid, &Equal, &Value(3.0)).unwrap(), [3.0, 3.0, 1.0, 1.0]);
        assert_eq!(of(Loss::Hinge, &Equal, &Equal).unwrap(), [1.0; 4]);
    }

    #[test]
    fn files_name_labels_and_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = |text: &[u8]| {
            let path = folder.path().join("weights.csv");
            std::fs::write(&path, text).unwrap();
            Weighting::File(path)
        };
        let given = file(b"label,weight\n\"b, c\",3\n");
        assert_eq!(of(Loss::Softmax, &given, &Weighting::Equal).unwrap(), [1.0, 3.0, 1.0, 3.0]);
        assert_eq!(of(Loss::Sigmoid, &Weighting::Equal, &given).unwrap(), [1.0, 3.0, 1.0, 1.0]);
        for (text, line, about) in [
            (&b"a,1\nd,2\n"[..], "line 2", "\"d\""),
            (b"a,1\na,2\n", "line 2", "already"),
            (b"a\n", "line 1", "two columns"),
            (b"a,1\nb,x,y\n", "line 2", "two columns"),
            (b"a,much\n", "line 1", "no number"),
            (b"a,-1\n", "line 1", "-1 is no weight"),
            (b"a,NaN\n", "line 1", "NaN is no weight"),
            (b"a,1\n\xff,2\n", "line 2", "UTF-8"),
        ] {
            let error = of(Loss::Softmax, &file(text), &Weighting::Equal).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(about), "{error}");
        }
        let error = of(Loss::Softmax, &file(b""), &Weighting::Equal).unwrap_err().to_string();
        assert!(error.contains("holds no weights"), "{error}");
        let none = "nothing.csv".parse().unwrap();
        let error = of(Loss::Softmax, &none, &Weighting::Equal).unwrap_err().to_string();
        assert!(error.contains("--class-weight") && error.contains("nothing.csv"), "{error}");
        let error = of(Loss::Softmax, &Weighting::Equal, &Weighting::Balanced).unwrap_err().to_string();
        assert!(error.contains("--pos-weight") && error.contains("sigmoid"), "{error}");
    }
}
