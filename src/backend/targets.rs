//! What is true of each row, as the devices want it.

use super::{Loss, NO_LABEL};

/// Labels of rows, the loss they are for, and how much each label counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    loss: Loss,
    outputs: usize,
    words: Vec<u32>,
    weights: Vec<f32>,
    models: usize,
    mask: Option<Vec<u32>>,
}

impl Targets {
    /// For rows with the labels `rows`, each below `outputs`. For an exclusive loss a row has one label, or none and is
    /// then without a loss; for the sigmoid any number.
    ///
    /// # Panics
    /// Labels that are not below `outputs`; several in a row for an exclusive loss.
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
        Self { loss, outputs, words, weights: vec![1.0; 2 * outputs], models: 1, mask: None }
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
    ///
    /// # Panics
    /// Weights that are not two a label.
    #[must_use]
    pub fn weighted(mut self, weights: Vec<f32>) -> Self {
        assert_eq!(weights.len(), 2 * self.outputs, "two weights a label");
        self.weights = weights;
        self
    }

    /// For `models` models side by side, which all have these labels. `mask` says which rows count for which: ⌈M/32⌉ words a
    /// row, bit m % 32 of word m / 32 set where the row counts for model m; `None`, that every row counts for all.
    ///
    /// # Panics
    /// There is to be no model.
    #[must_use]
    pub fn repeated(mut self, models: usize, mask: Option<Vec<u32>>) -> Self {
        assert!(models > 0, "at least one model");
        if let Some(mask) = &mask {
            assert_eq!(mask.len(), self.rows() * models.div_ceil(32), "⌈M/32⌉ words of mask a row");
        }
        (self.models, self.mask) = (models, mask);
        self
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// K, the outputs of one model.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// M: see [`Targets::repeated`].
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// Whether `row` counts for model `m`.
    #[must_use]
    pub fn counts(&self, row: usize, m: usize) -> bool {
        let words = self.models.div_ceil(32);
        self.mask.as_ref().is_none_or(|mask| mask[row * words + m / 32] >> (m % 32) & 1 == 1)
    }

    /// Words of the mask, where there is one; see [`Targets::repeated`].
    #[must_use]
    pub fn mask(&self) -> Option<&[u32]> {
        self.mask.as_deref()
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
        let rows: Vec<usize> = rows.into_iter().collect();
        let of = |all: &[u32], width: usize| -> Vec<u32> {
            rows.iter().flat_map(|&row| &all[row * width..(row + 1) * width]).copied().collect()
        };
        let mask = self.mask.as_ref().map(|mask| of(mask, self.models.div_ceil(32)));
        Self { words: of(&self.words, width), weights: self.weights.clone(), mask, ..*self }
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
    ///
    /// # Panics
    /// The loss is for any number of labels.
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
