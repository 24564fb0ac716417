//! Rows of features that were made before.

use std::path::Path;
use std::sync::Arc;

use super::described::{Described, Place};
use crate::backend::Backend;
use crate::features::store::Hash;
use crate::features::{Descriptor, FeaturesError, Given, Skipped, Source, check_finite};

/// Features that were made before: a row for each sample of a [`Dataset`](crate::dataset::Dataset), in its order.
#[derive(Debug, Clone)]
pub struct Rows {
    /// What a row is made of.
    pub descriptor: Descriptor,
    /// The rows.
    pub source: Arc<dyn Source>,
    /// Samples that could not be described, ascending; their rows are zero.
    pub skipped: Vec<Skipped>,
    /// Samples that are cut off and were described as far as they go, ascending.
    pub cut_off: Vec<usize>,
    /// Of the content of each sample's file, where it is known; nothing where none is.
    pub hashes: Vec<Option<Hash>>,
}

impl Rows {
    /// Numbers that huemax did not make.
    #[must_use]
    pub fn given(source: Arc<dyn Source>) -> Self {
        let descriptor = Descriptor::Given(Given { columns: source.columns() });
        Self { descriptor, source, skipped: Vec::new(), cut_off: Vec::new(), hashes: Vec::new() }
    }

    /// The rows `picked` alone, which ascend.
    pub(super) fn of(self, picked: Vec<usize>) -> Self {
        if picked.len() == self.source.rows() {
            return self;
        }
        let (skipped, cut_off) = (self.skipped_of(&picked), self.cut_off_of(&picked));
        let hashes = picked.iter().filter_map(|&row| self.hashes.get(row).copied()).collect();
        let source = Arc::new(Picked { source: self.source, rows: picked });
        Self { source, skipped, cut_off, hashes, ..self }
    }

    /// Which of the rows `picked` could not be described, by their places there.
    fn skipped_of(&self, picked: &[usize]) -> Vec<Skipped> {
        let place = |s: &Skipped| {
            let index = picked.binary_search(&s.index).ok()?;
            Some(Skipped { index, reason: s.reason.clone() })
        };
        self.skipped.iter().filter_map(place).collect()
    }

    /// Which of the rows `picked` are of pictures that are cut off, by their places there.
    fn cut_off_of(&self, picked: &[usize]) -> Vec<usize> {
        self.cut_off.iter().filter_map(|row| picked.binary_search(row).ok()).collect()
    }

    /// Those of the samples `picked`, which ascend.
    pub(super) fn picked<B: Backend>(&self, picked: &[usize]) -> Described<B> {
        let (all, source) = (picked.len() == self.source.rows(), self.source.clone());
        let source = if all { source } else { Arc::new(Picked { source, rows: picked.to_vec() }) };
        let (skipped, hashes) = (self.skipped_of(picked), self.hashes.clone());
        let cut_off = self.cut_off_of(picked);
        Described { rows: Place::Host(source), skipped, cut_off, hashes, looks: Vec::new() }
    }
}

/// Some rows of a source.
#[derive(Debug)]
struct Picked {
    source: Arc<dyn Source>,
    rows: Vec<usize>,
}

impl Source for Picked {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn columns(&self) -> usize {
        self.source.columns()
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        let count = to.len() / self.columns();
        let rows = &self.rows[first..first + count];
        self.source.gather(rows, to)?;
        // Here they still have their own numbers.
        check_finite(to, self.columns(), self.file(), |row| rows[row])
    }

    fn gather(&self, rows: &[usize], to: &mut [f32]) -> Result<(), FeaturesError> {
        let rows: Vec<usize> = rows.iter().map(|&row| self.rows[row]).collect();
        self.source.gather(&rows, to)?;
        check_finite(to, self.columns(), self.file(), |row| rows[row])
    }

    fn in_blocks(&self) -> bool {
        self.source.in_blocks()
    }

    fn beside(&self) -> u64 {
        self.source.beside()
    }

    fn file(&self) -> Option<&Path> {
        self.source.file()
    }
}
