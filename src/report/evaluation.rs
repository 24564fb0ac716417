//! What is known at the end of a training or of an evaluation.

use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::mistakes::{LabelSuspicion, Mistake, suspicions, worst};
use super::sample::{Example, draw};
use crate::dataset::Unit;
use crate::metrics::{MetricsError, MultiClass, MultiLabel, Output, Temperature, ThresholdRule, Tuned};

/// Pictures that are shown with what was said of them.
const EXAMPLES: usize = 5;

/// Scored pictures and what is true of them.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// K names.
    pub labels: &'a [String],
    /// What the values are, and how an answer is read from them.
    pub output: &'a Output,
    /// The pictures, n.
    pub paths: &'a [String],
    /// Labels of each picture, n: exactly one, unless `output` has several.
    pub truth: &'a [Vec<u32>],
    /// Probabilities or margins, n×K.
    pub values: &'a [f32],
    /// Training pictures with each label, K.
    pub train_counts: &'a [usize],
    /// Training pictures.
    pub train_pictures: usize,
}

/// What is said at the end of a training or of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// What is measured on; set by the caller.
    pub unit: Unit,
    /// The measures.
    pub metrics: Metrics,
    /// What scores were divided by, chosen on validation pictures; set by the caller.
    pub temperature: Option<Temperature>,
    /// How thresholds were chosen on validation pictures; set by the caller.
    pub thresholds: Option<Thresholds>,
    /// The ten pictures with the largest loss, largest first.
    pub mistakes: Vec<Mistake>,
    /// Pictures that are confidently another class, most suspicious first: see
    /// [`label_errors`](crate::metrics::label_errors()). None for margins and for several labels.
    pub label_errors: Option<LabelSuspicion>,
    /// A few pictures with what was said of them; see [`draw`].
    pub examples: Vec<Example>,
}

/// The measures, by what was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "task", rename_all = "lowercase")]
pub enum Metrics {
    /// Which one of the labels?
    MultiClass(Box<MultiClass>),
    /// Which of the labels, if any?
    MultiLabel(Box<MultiLabel>),
}

/// How thresholds were chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thresholds {
    /// By what.
    pub rule: ThresholdRule,
    /// How many validation pictures they were chosen on.
    pub pictures: usize,
    /// One a label, in label order.
    pub per_label: Vec<Tuned>,
}

impl Metrics {
    /// Share of pictures whose answer is right in every respect, 0 to 1: accuracy, or subset accuracy.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        match self {
            Self::MultiClass(metrics) => metrics.accuracy,
            Self::MultiLabel(metrics) => metrics.model.subset_accuracy,
        }
    }

    /// The measures of one label a picture.
    #[must_use]
    pub fn multi_class(&self) -> Option<&MultiClass> {
        match self {
            Self::MultiClass(metrics) => Some(metrics),
            Self::MultiLabel(_) => None,
        }
    }

    /// The measures of several labels a picture.
    #[must_use]
    pub fn multi_label(&self) -> Option<&MultiLabel> {
        match self {
            Self::MultiClass(_) => None,
            Self::MultiLabel(metrics) => Some(metrics),
        }
    }
}

impl Evaluation {
    /// Measures `scored`; the examples are drawn with `seed`.
    ///
    /// # Errors
    /// [`MetricsError`] where lengths do not match, there are no pictures or no labels, a truth is out of range or not one
    /// label where it must be, or a value is not finite or no probability.
    pub fn new(scored: &Scored<'_>, seed: u64) -> Result<Self, MetricsError> {
        let Scored { labels, output, paths, truth, values, train_counts, train_pictures } = *scored;
        let (n, k) = (truth.len(), labels.len());
        let shape = |what, got, expected, of| {
            if got == expected { Ok(()) } else { Err(MetricsError::Shape { what, got, expected, of }) }
        };
        shape("paths", paths.len(), n, "samples")?;
        shape("training counts", train_counts.len(), k, "classes")?;
        shape("probabilities", values.len(), n * k, "samples × classes")?;
        let out_of_range = |y: &&u32| **y as usize >= k;
        for (sample, labels) in truth.iter().enumerate() {
            if let Some(&truth) = labels.iter().find(out_of_range) {
                return Err(MetricsError::Truth { sample, truth, classes: k });
            }
        }
        let wide = Array2::from_shape_fn((n, k), |(i, c)| f64::from(values[i * k + c]));
        let (metrics, label_errors) = match output {
            Output::Sigmoid { thresholds } => {
                let is = Array2::from_shape_fn((n, k), |(i, c)| truth[i].contains(&(c as u32)));
                let pictures = train_pictures.max(1) as f64;
                let frequency: Vec<f64> = train_counts.iter().map(|&count| count as f64 / pictures).collect();
                let metrics = MultiLabel::new(labels, is.view(), wide.view(), thresholds, &frequency)?;
                (Metrics::MultiLabel(Box::new(metrics)), None)
            }
            Output::Softmax => {
                let classes = one_each(truth)?;
                let metrics = MultiClass::new(labels, train_counts, &classes, wide.view())?;
                let suspicious = suspicions(scored, &classes, ArrayView2::from(&wide))?;
                (Metrics::MultiClass(Box::new(metrics)), Some(suspicious))
            }
            Output::Margins { .. } => {
                let metrics = MultiClass::from_margins(labels, train_counts, &one_each(truth)?, wide.view())?;
                (Metrics::MultiClass(Box::new(metrics)), None)
            }
        };
        let example =
            |i: usize| Example::new(&paths[i], labels, output, &truth[i], &values[i * k..(i + 1) * k]);
        Ok(Self {
            unit: Unit::default(),
            metrics,
            temperature: None,
            thresholds: None,
            mistakes: worst(scored),
            label_errors,
            examples: draw(n, EXAMPLES, seed).into_iter().map(example).collect(),
        })
    }
}

impl Evaluation {
    /// Looks for likely label errors among all of `scored`, of which `out_of_fold` are training pictures; nothing where there are no
    /// probabilities of one label each.
    ///
    /// # Errors
    /// As [`Evaluation::new`].
    pub fn suspect(&mut self, scored: &Scored<'_>, out_of_fold: usize) -> Result<(), MetricsError> {
        if self.label_errors.is_some() {
            let k = scored.labels.len();
            let values =
                Array2::from_shape_fn((scored.paths.len(), k), |(i, c)| f64::from(scored.values[i * k + c]));
            let found = suspicions(scored, &one_each(scored.truth)?, values.view())?;
            self.label_errors = Some(LabelSuspicion { out_of_fold, ..found });
        }
        Ok(())
    }
}

/// The one label of each picture.
fn one_each(truth: &[Vec<u32>]) -> Result<Vec<u32>, MetricsError> {
    let one = |(sample, labels): (usize, &Vec<u32>)| match labels[..] {
        [y] => Ok(y),
        _ => Err(MetricsError::NotOne { sample, labels: labels.len() }),
    };
    truth.iter().enumerate().map(one).collect()
}
