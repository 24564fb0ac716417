//! Measures of a confusion matrix (K×K; row = truth, column = prediction) that luck does not flatter.

use super::ratio;

/// Mean over the classes that occur of the share found (`balanced_accuracy_score`); always answering the most frequent
/// class reaches 1/K.
pub(super) fn balanced_accuracy(confusion: &[Vec<usize>]) -> f64 {
    let recalls: Vec<f64> = confusion
        .iter()
        .enumerate()
        .map(|(c, row)| (row[c], row.iter().sum::<usize>()))
        .filter(|&(_, support)| support > 0)
        .map(|(hits, support)| ratio(hits, support))
        .collect();
    super::sum::pairwise(&recalls) / recalls.len().max(1) as f64
}

/// Cohen's kappa (`cohen_kappa_score`): 1 for no error, 0 for what two who draw by the same frequencies agree on by
/// chance. `None` where truth and predictions are all one class, so that chance cannot err.
pub(super) fn cohen_kappa(confusion: &[Vec<usize>]) -> Option<f64> {
    let Margins { samples, hits, by_chance, .. } = margins(confusion);
    let expected = samples * samples - by_chance;
    (expected > 0).then(|| 1.0 - ((samples - hits) * samples) as f64 / expected as f64)
}

/// Matthews' correlation (`matthews_corrcoef`, Gorodkin 2004): −1 to 1, 0 for chance and where truth or predictions
/// are all one class.
pub(super) fn matthews(confusion: &[Vec<usize>]) -> f64 {
    let Margins { samples, hits, by_chance, truths, predictions } = margins(confusion);
    let squared = samples * samples;
    let spread = (squared - truths) as f64 * (squared - predictions) as f64;
    if spread == 0.0 { 0.0 } else { (hits * samples - by_chance) as f64 / spread.sqrt() }
}

/// Sums over a confusion matrix, as integers: n below 2³² cannot overflow an `i128` here.
struct Margins {
    samples: i128,
    hits: i128,
    /// Σ truths of class k × predictions of class k.
    by_chance: i128,
    /// Σ (truths of class k)².
    truths: i128,
    /// Σ (predictions of class k)².
    predictions: i128,
}

fn margins(confusion: &[Vec<usize>]) -> Margins {
    let mut sums = Margins { samples: 0, hits: 0, by_chance: 0, truths: 0, predictions: 0 };
    for (c, row) in confusion.iter().enumerate() {
        let truths = row.iter().sum::<usize>() as i128;
        let predictions = confusion.iter().map(|row| row[c]).sum::<usize>() as i128;
        sums.samples += truths;
        sums.hits += row[c] as i128;
        sums.by_chance += truths * predictions;
        sums.truths += truths * truths;
        sums.predictions += predictions * predictions;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_alone_agrees_with_nothing() {
        let confusion = [vec![5, 0], vec![0, 0]];
        assert_eq!(cohen_kappa(&confusion), None);
        assert_eq!(matthews(&confusion), 0.0);
        assert_eq!(balanced_accuracy(&confusion), 1.0);
    }

    #[test]
    fn always_the_most_frequent_class_is_worth_nothing() {
        let confusion = [vec![90, 0], vec![10, 0]];
        assert_eq!((cohen_kappa(&confusion), matthews(&confusion)), (Some(0.0), 0.0));
        assert_eq!(balanced_accuracy(&confusion), 0.5);
    }

    #[test]
    fn always_the_wrong_one_of_two_is_minus_one() {
        let confusion = [vec![0, 5], vec![5, 0]];
        assert_eq!((cohen_kappa(&confusion), matthews(&confusion)), (Some(-1.0), -1.0));
    }
}
