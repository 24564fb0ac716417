//! From which probability on a label is part of the answer.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::output::says;
use super::{MetricsError, check};

/// What thresholds are chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdRule {
    /// ½ for every label: nothing is tuned.
    #[default]
    Half,
    /// The highest F1 of each label.
    F1,
    /// The highest F2 of each label: a label missed weighs more than one too many.
    F2,
}

impl ThresholdRule {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Half => "0.5",
            Self::F1 => "f1",
            Self::F2 => "f2",
        }
    }

    /// β² of the F-measure; [`ThresholdRule::Half`] is measured as F1.
    const fn beta_squared(self) -> u64 {
        match self {
            Self::Half | Self::F1 => 1,
            Self::F2 => 4,
        }
    }
}

impl std::str::FromStr for ThresholdRule {
    type Err = String;

    /// `0.5`, `f1` or `f2`.
    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Half, Self::F1, Self::F2]
            .into_iter()
            .find(|rule| rule.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("\"{name}\" is no rule for thresholds; give 0.5, f1 or f2"))
    }
}

impl std::fmt::Display for ThresholdRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The threshold of one label, and what it is worth on the pictures it was chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// p ≥ threshold is a yes.
    pub threshold: f64,
    /// F1 or F2 there, 0 to 1.
    pub score: f64,
    /// The same at ½.
    pub score_at_half: f64,
    /// Pictures that have the label. With none there is nothing to choose by, and the threshold is ½.
    pub positives: usize,
}

/// A threshold for each label, the best by `rule` on validation pictures with the labels `truth` (n×K) and
/// `probabilities` (n×K). Never tune on test pictures: the figures there would be of nobody's future.
///
/// Every cut that decides otherwise is looked at: ½, and the middle between each two neighbouring probabilities that
/// differ (below the lowest: between it and 0). Of equally good ones, compared as exact fractions, the nearest to ½ is
/// taken, and of two as near the lower. A threshold can be kept as `f32` where the probabilities were `f32`.
/// O(K·n log n).
///
/// # Errors
/// [`MetricsError`] where shapes do not match, n or K is 0, or a probability is NaN or outside 0 to 1.
pub fn tune(
    rule: ThresholdRule,
    truth: ArrayView2<'_, bool>,
    probabilities: ArrayView2<'_, f64>,
) -> Result<Vec<Tuned>, MetricsError> {
    let (n, k) = probabilities.dim();
    check::some(n, k)?;
    check::length("rows of truths", truth.nrows(), n, "samples")?;
    check::length("columns of truths", truth.ncols(), k, "labels")?;
    check::probabilities(probabilities)?;
    let label = |k: usize| {
        let mut ranked: Vec<(f64, bool)> =
            probabilities.column(k).iter().copied().zip(truth.column(k).iter().copied()).collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        tune_one(rule, &ranked)
    };
    Ok((0..k).into_par_iter().map(label).collect())
}

/// F of a cut as a fraction: (1 + β²)·hits over β²·positives + answers.
#[derive(Clone, Copy)]
struct Score {
    over: u64,
    under: u64,
}

impl Score {
    fn value(self) -> f64 {
        if self.under == 0 { 0.0 } else { self.over as f64 / self.under as f64 }
    }

    fn cmp(self, other: Self) -> std::cmp::Ordering {
        let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
        // Only 0/0 has a denominator of 0, and it is worth 0.
        wide(self.over, other.under.max(1)).cmp(&wide(other.over, self.under.max(1)))
    }
}

/// The best threshold for one label; `ranked` holds probability and truth, highest probability first.
fn tune_one(rule: ThresholdRule, ranked: &[(f64, bool)]) -> Tuned {
    let positives = ranked.iter().filter(|(_, truth)| *truth).count();
    let score = |hits: usize, answers: usize| {
        let square = rule.beta_squared();
        Score { over: (1 + square) * hits as u64, under: square * positives as u64 + answers as u64 }
    };
    let above_half = ranked.partition_point(|&(p, _)| says(p, 0.5));
    let hits = ranked[..above_half].iter().filter(|(_, truth)| *truth).count();
    let at_half = score(hits, above_half);
    let mut best: (Score, f64) = (at_half, 0.5);
    if rule != ThresholdRule::Half && positives > 0 {
        let mut hits = 0;
        for (i, &(p, truth)) in ranked.iter().enumerate() {
            hits += usize::from(truth);
            let below = ranked.get(i + 1).map_or(0.0, |next| next.0);
            // Within a run of equal probabilities there is no cut; 0 is a cut of its own at the end.
            if below == p && i + 1 < ranked.len() {
                continue;
            }
            let here = (score(hits, i + 1), between(below, p));
            let nearer = || {
                let off = |threshold: f64| (threshold - 0.5).abs();
                let (new, old) = (off(here.1), off(best.1));
                new < old || (new == old && here.1 < best.1)
            };
            match here.0.cmp(best.0) {
                std::cmp::Ordering::Greater => best = here,
                std::cmp::Ordering::Equal if nearer() => best = here,
                _ => {}
            }
        }
    }
    Tuned { threshold: best.1, score: best.0.value(), score_at_half: at_half.value(), positives }
}

/// A number above `low` and up to `high`: their middle, as `f32` where that still divides the two, else `high` where that is
/// one, so that a threshold between numbers that are `f32` is one as well.
fn between(low: f64, high: f64) -> f64 {
    let middle = f64::midpoint(low, high);
    let narrow = |x: f64| f64::from(x as f32);
    let divides = |x: f64| x > low && x <= high && x <= 1.0;
    let candidates = [narrow(middle), narrow(high), middle];
    candidates.into_iter().find(|&x| divides(x)).unwrap_or(high.min(1.0))
}

#[cfg(test)]
#[path = "thresholds_tests.rs"]
mod tests;
