//! Samples whose given class is probably not the true one.

use ndarray::ArrayView2;
use serde::Serialize;

use super::{MetricsError, check};

/// A sample that is confidently another class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelError {
    /// Row.
    pub sample: usize,
    /// The class it probably is.
    pub likely: usize,
    /// Probability of that class.
    pub probability: f64,
    /// Probability of the class it is said to be.
    pub given: f64,
}

/// Likely label errors among samples of the classes `truth` (n) by `probabilities` (n×K), most suspicious first.
///
/// Confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
/// Journal of Artificial Intelligence Research 70, 2021): a class is *confident* for a sample if its probability
/// reaches the mean probability of that class over the samples said to be of it. A sample is suspicious if the most
/// probable of its confident classes is another than the given one; suspicion is the margin by which that class is
/// more probable than the given one. In addition that class must be more probable than all others together (p > ½):
/// of a model that is seldom sure, every second picture would be suspicious otherwise.
///
/// It presupposes probabilities of samples that the model was not trained on.
///
/// # Errors
/// [`MetricsError`] where lengths do not match, n or K is 0, a truth is not below K, or a probability is NaN or outside
/// 0 to 1.
pub fn label_errors(
    truth: &[u32],
    probabilities: ArrayView2<'_, f64>,
) -> Result<Vec<LabelError>, MetricsError> {
    let (n, k) = probabilities.dim();
    check::some(n, k)?;
    check::length("truths", truth.len(), n, "samples")?;
    check::truths(truth, k)?;
    check::probabilities(probabilities)?;
    let (mut sums, mut counts) = (vec![0.0; k], vec![0_usize; k]);
    for (&y, row) in truth.iter().zip(probabilities.rows()) {
        sums[y as usize] += row[y as usize];
        counts[y as usize] += 1;
    }
    // Of a class that no sample is said to be, nothing is known to be confident.
    let confident: Vec<f64> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, &n)| if n == 0 { f64::INFINITY } else { sum / n as f64 })
        .collect();
    let mut found: Vec<LabelError> = truth
        .iter()
        .zip(probabilities.rows())
        .enumerate()
        .filter_map(|(sample, (&y, row))| {
            let reached = (0..k).filter(|&c| row[c] >= confident[c] && row[c] > 0.5);
            let likely = reached.max_by(|&a, &b| row[a].total_cmp(&row[b]))?;
            let (probability, given) = (row[likely], row[y as usize]);
            (likely != y as usize).then_some(LabelError { sample, likely, probability, given })
        })
        .collect();
    let margin = |e: &LabelError| e.probability - e.given;
    found.sort_by(|a, b| margin(b).total_cmp(&margin(a)).then(a.sample.cmp(&b.sample)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn confidently_another_class() {
        let p = array![
            [0.9, 0.1, 0.0],
            [0.7, 0.3, 0.0],
            [0.1, 0.9, 0.0], // said to be 0, surely 1
            [0.2, 0.8, 0.0],
            [0.4, 0.6, 0.0],
            [0.9, 0.1, 0.0], // said to be 1, surely 0
            [0.45, 0.55, 0.0],
            [0.0, 0.4, 0.6], // of class 2 nothing is known
        ];
        // Means of their own: class 0 (0.9+0.7+0.1)/3 = 0.567, class 1 (0.8+0.6+0.1+0.55+0.4)/5 = 0.49.
        let found = label_errors(&[0, 0, 0, 1, 1, 1, 1, 1], p.view()).unwrap();
        let seen: Vec<_> = found.iter().map(|e| (e.sample, e.likely, e.probability, e.given)).collect();
        assert_eq!(seen, [(2, 1, 0.9, 0.1), (5, 0, 0.9, 0.1)]);
    }

    #[test]
    fn wrong_but_not_sure_is_no_label_error() {
        // Class 1 is never as probable as it usually is for its own, and at ½ it is not more than all others.
        let p = array![[0.4, 0.6], [0.0, 1.0], [0.1, 0.9]];
        assert_eq!(label_errors(&[0, 1, 1], p.view()).unwrap(), []);
        let half = Array2::from_elem((4, 2), 0.5);
        assert_eq!(label_errors(&[0, 1, 0, 1], half.view()).unwrap(), []);
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let p = array![[0.5, f64::NAN]];
        let error = label_errors(&[0], p.view()).unwrap_err();
        assert!(matches!(error, MetricsError::Probability { sample: 0, class: 1, .. }), "{error}");
        assert!(label_errors(&[], Array2::zeros((0, 2)).view()).is_err());
        assert!(label_errors(&[2], array![[0.5, 0.5]].view()).is_err());
    }
}
