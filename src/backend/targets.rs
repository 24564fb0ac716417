//! What is true of each row, as the devices want it.

use super::{Loss, NO_LABEL};

/// Labels of rows, the loss they are for, and how much each label counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    loss: Loss,
    outputs: usize,
    words: Vec<u32>,
    weights: Vec<f32>,
}

impl Targets {
    /// For rows with the labels `rows`, each below `outputs`. For an exclusive loss a row has one label, or none and is
    /// then without a loss; for the sigmoid any number.
    #[must_use]
    pub fn new<R: AsRef<[u32]>>(loss: Loss, outputs: usize, rows: &[R]) -> Self {
        let width = loss.words(outputs);
        let mut words = vec![0; rows.len() * width];
        for (row, words) in rows.iter().map(AsRef::as_ref).zip(words.chunks_exact_mut(width)) {
            assert!(row.iter().all(|&k| (k as usize) < outputs), "labels below {outputs}");
            if loss.exclusive() {
                assert!(row.len() <= 1, "{loss} is for one label a row");
                words[0] = row.first().copied().unwrap_or(NO_LABEL);
            } else {
                row.iter().for_each(|&k| words[k as usize / 32] |= 1 << (k % 32));
            }
        }
        Self { loss, outputs, words, weights: vec![1.0; 2 * outputs] }
    }

    /// Softmax, for rows with the `labels`, each below `outputs` or [`NO_LABEL`].
    #[must_use]
    pub fn classes(outputs: usize, labels: &[u32]) -> Self {
        let rows: Vec<_> =
            labels.iter().map(|y| if *y == NO_LABEL { &[][..] } else { std::slice::from_ref(y) }).collect();
        Self::new(Loss::Softmax, outputs, &rows)
    }

    /// For `rows` rows without labels: to be scored, not to be learned from.
    #[must_use]
    pub fn none(loss: Loss, outputs: usize, rows: usize) -> Self {
        Self::new(loss, outputs, &vec![[0u32; 0]; rows])
    }

    /// With another weight for each label than 1: `weights` (2·K) holds what the loss of output k is multiplied by, at k where
    /// a row has label k, at K + k where it has not. An exclusive loss is multiplied by the weight of the row's label.
    #[must_use]
    pub fn weighted(mut self, weights: Vec<f32>) -> Self {
        assert_eq!(weights.len(), 2 * self.outputs, "two weights a label");
        self.weights = weights;
        self
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// K.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.words.len() / self.loss.words(self.outputs)
    }

    /// The same for `rows` of these, in the order given.
    #[must_use]
    pub fn pick(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        let width = self.loss.words(self.outputs);
        let words = rows.into_iter().flat_map(|row| &self.words[row * width..(row + 1) * width]).copied();
        Self { loss: self.loss, outputs: self.outputs, words: words.collect(), weights: self.weights.clone() }
    }

    /// Whether `row` has label k.
    #[must_use]
    pub fn has(&self, row: usize, k: usize) -> bool {
        if self.loss.exclusive() {
            self.words[row] as usize == k
        } else {
            self.words[row * self.loss.words(self.outputs) + k / 32] >> (k % 32) & 1 == 1
        }
    }

    /// The label of `row`, for a loss of one label a row; `None` where it has none.
    #[must_use]
    pub fn label(&self, row: usize) -> Option<usize> {
        assert!(self.loss.exclusive(), "{} is not for one label a row", self.loss);
        Some(self.words[row]).filter(|&y| y != NO_LABEL).map(|y| y as usize)
    }

    /// What the loss of output k of `row` is multiplied by: see [`Targets::weighted`].
    #[must_use]
    pub fn weight(&self, row: usize, k: usize) -> f64 {
        let at = if !self.loss.exclusive() {
            if self.has(row, k) { k } else { self.outputs + k }
        } else {
            match self.label(row) {
                Some(y) => y,
                None => return 1.0,
            }
        };
        f64::from(self.weights[at])
    }

    /// The largest of the weights.
    #[must_use]
    pub fn largest_weight(&self) -> f64 {
        let of_loss = if self.loss.exclusive() { &self.weights[..self.outputs] } else { &self.weights };
        of_loss.iter().copied().fold(0.0f32, f32::max).into()
    }

    /// Targets of all rows; see [`Loss::exclusive`].
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Weights of the labels, 2·K; see [`Targets::weighted`].
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_words() {
        let one = Targets::new(Loss::Softmax, 3, &[vec![2], vec![], vec![0]]);
        assert_eq!((one.words(), one.rows()), (&[2, NO_LABEL, 0][..], 3));
        let many = Targets::new(Loss::Sigmoid, 40, &[vec![0, 31, 32], vec![], vec![39]]);
        assert_eq!((many.words(), many.rows()), (&[0x8000_0001, 1, 0, 0, 0, 128][..], 3));
        assert_eq!(Targets::none(Loss::Hinge, 2, 2).words(), [NO_LABEL; 2]);
        assert_eq!(many.pick([2, 0]).words(), [0, 128, 0x8000_0001, 1]);
        assert!(many.has(0, 31) && many.has(2, 39) && !many.has(2, 38));
        assert_eq!((one.label(0), one.label(1), one.has(1, 2)), (Some(2), None, false));
    }

    #[test]
    fn weights_are_those_of_the_labels() {
        let weights = vec![2.0, 3.0, 5.0, 7.0];
        let one = Targets::new(Loss::Hinge, 2, &[vec![1], vec![]]).weighted(weights.clone());
        assert_eq!([one.weight(0, 0), one.weight(0, 1), one.weight(1, 0)], [3.0, 3.0, 1.0]);
        assert_eq!(one.largest_weight(), 3.0);
        let many = Targets::new(Loss::Sigmoid, 2, &[vec![1], vec![]]).weighted(weights);
        assert_eq!([many.weight(0, 0), many.weight(0, 1), many.weight(1, 1)], [5.0, 3.0, 7.0]);
        assert_eq!(many.largest_weight(), 7.0);
    }
}
