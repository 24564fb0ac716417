//! Measures of order alone: they ask which scores are larger and never how large, so that margins do as well as
//! probabilities. Equal scores are one step, as in `sklearn.metrics`: no order among them is invented. These functions check
//! nothing: truths and scores are of one length and scores no NaN, as [`MultiClass`](super::MultiClass) and
//! [`MultiLabel`](super::MultiLabel) have made sure.

/// Numbers of the samples in order of falling score, and where the runs of equal scores end.
///
/// Scores are finite (checked by the callers); `total_cmp` sets −0 and 0 beside each other, and `==` joins them.
struct Descending {
    order: Vec<usize>,
    ends: Vec<usize>,
}

impl Descending {
    fn new(scores: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let ends = (1..=order.len())
            .filter(|&i| i == order.len() || scores[order[i]] != scores[order[i - 1]])
            .collect();
        Self { order, ends }
    }

    /// For each run of equal scores, highest first: samples and true samples up to its end.
    fn runs<'a>(&'a self, truth: &'a [bool]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let (mut seen, mut hits) = (0, 0);
        self.ends.iter().map(move |&end| {
            hits += self.order[seen..end].iter().filter(|&&i| truth[i]).count();
            seen = end;
            (end, hits)
        })
    }
}

/// Area under the ROC curve of `scores` (n) for `truth` (n): the probability that a random true sample is scored
/// above a random false one, ties counting half. `None` where all samples are true or none is.
///
/// Equals `sklearn.metrics.roc_auc_score`; computed as Mann and Whitney's U over the product of the two counts, in
/// O(n log n).
#[must_use]
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> Option<f64> {
    let positives = truth.iter().filter(|&&t| t).count();
    let negatives = truth.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    // Twice U, an integer below 2·n²: exact until it is divided.
    let (mut seen, mut hits, mut twice_u) = (0, 0, 0_u128);
    for (end, found) in Descending::new(scores).runs(truth) {
        let (in_run, misses) = (found - hits, (end - seen) - (found - hits));
        let below = negatives - (seen - hits) - misses;
        twice_u += in_run as u128 * (2 * below + misses) as u128;
        (seen, hits) = (end, found);
    }
    Some(twice_u as f64 / 2.0 / (positives as f64 * negatives as f64))
}

/// Average precision of `scores` (n) for `truth` (n): Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over the distinct scores from the highest
/// down, without interpolation. `None` without a true sample.
///
/// Equals `sklearn.metrics.average_precision_score`, which answers 0 where this answers `None`. O(n log n).
#[must_use]
pub fn average_precision(truth: &[bool], scores: &[f64]) -> Option<f64> {
    let positives = truth.iter().filter(|&&t| t).count();
    if positives == 0 {
        return None;
    }
    let (mut before, mut sum) = (0, 0.0);
    for (end, hits) in Descending::new(scores).runs(truth) {
        sum += (hits - before) as f64 * hits as f64 / end as f64;
        before = hits;
    }
    Some(sum / positives as f64)
}

/// Of one sample with labels `truth` (K): the mean over its true labels of the share of true ones among the labels
/// scored at least as high. 1 where all labels are true or none is.
///
/// The mean over samples is `sklearn.metrics.label_ranking_average_precision_score`. O(K log K).
#[must_use]
pub fn label_ranking_precision(truth: &[bool], scores: &[f64]) -> f64 {
    match truth.iter().filter(|&&t| t).count() {
        hits if hits == truth.len() => 1.0,
        // The same sum: each true label adds (true labels at or above it) / (labels at or above it).
        _ => average_precision(truth, scores).unwrap_or(1.0),
    }
}

/// Share of samples whose class in `truth` (n) is among the `k` highest of its row of `scores` (n×K), in [0, 1];
/// 0 for no samples. Of equal scores the later class comes first, as in `sklearn.metrics.top_k_accuracy_score`.
#[must_use]
pub fn top_k_accuracy(truth: &[u32], scores: ndarray::ArrayView2<'_, f64>, k: usize) -> f64 {
    let inside = |(&truth, row): (&u32, ndarray::ArrayView1<'_, f64>)| {
        let truth = truth as usize;
        let before = |(j, &s): (usize, &f64)| s > row[truth] || (s == row[truth] && j > truth);
        row.iter().enumerate().filter(|&c| before(c)).count() < k
    };
    let hits = truth.iter().zip(scores.rows()).filter(|&pair| inside(pair)).count();
    super::ratio(hits, truth.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let truth = [true, false, true, false];
        assert_eq!(roc_auc(&truth, &[0.9, 0.8, 0.7, 0.1]), Some(0.75));
        assert_eq!(average_precision(&truth, &[0.9, 0.8, 0.7, 0.1]), Some((1.0 + 2.0 / 3.0) / 2.0));
        assert_eq!(label_ranking_precision(&truth, &[0.9, 0.8, 0.7, 0.1]), (1.0 + 2.0 / 3.0) / 2.0);
        assert_eq!(roc_auc(&truth, &[0.0, 1.0, 0.0, 1.0]), Some(0.0));
    }

    #[test]
    fn ties_say_nothing() {
        let truth = [true, false, true, false, false];
        for order in [[0.0, 0.0, -0.0, 0.0, -0.0], [7.0; 5]] {
            assert_eq!(roc_auc(&truth, &order), Some(0.5));
            assert_eq!(average_precision(&truth, &order), Some(0.4));
            assert_eq!(label_ranking_precision(&truth, &order), 0.4);
        }
        // Half of a tie is won: 2 pairs of (0.5, 0.5), 3 of 6 pairs won outright.
        assert_eq!(roc_auc(&truth, &[0.9, 0.5, 0.5, 0.5, 0.1]), Some((3.0 + 1.0 + 2.0 * 0.5) / 6.0));
    }

    #[test]
    fn one_kind_of_truth_has_no_curve() {
        assert_eq!(roc_auc(&[true; 3], &[0.1, 0.2, 0.3]), None);
        assert_eq!(roc_auc(&[false; 3], &[0.1, 0.2, 0.3]), None);
        assert_eq!(roc_auc(&[], &[]), None);
        assert_eq!(average_precision(&[true; 3], &[0.1, 0.2, 0.3]), Some(1.0));
        assert_eq!(average_precision(&[false; 3], &[0.1, 0.2, 0.3]), None);
        assert_eq!(label_ranking_precision(&[false; 3], &[0.1, 0.2, 0.3]), 1.0);
        assert_eq!(label_ranking_precision(&[true; 3], &[0.1, 0.2, 0.3]), 1.0);
    }
}
