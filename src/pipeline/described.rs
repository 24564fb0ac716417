//! Samples whose features are there.

use std::sync::Arc;

use super::duplicates::Marks;
use crate::backend::Backend;
use crate::features::store::Hash;
use crate::features::{Budget, FeaturesError, InMemory, Matrix, Skipped, Source, Transform};

/// Samples that are described.
pub(super) struct Described<B: Backend> {
    /// A row for each sample that was asked for.
    pub(super) rows: Place<B>,
    /// Those that could not be described, by their place among those asked for, ascending.
    pub(super) skipped: Vec<Skipped>,
    /// Those that are cut off and were described as far as they go, likewise.
    pub(super) cut_off: Vec<usize>,
    /// Of the content of each sample of the data, asked for or not, where it is known; or nothing.
    pub(super) hashes: Vec<Option<Hash>>,
    /// The same of its row of features, where that was asked for.
    pub(super) looks: Vec<Option<Hash>>,
}

/// Where rows are.
pub(super) enum Place<B: Backend> {
    /// On the device that made them.
    Device(Box<Matrix<B>>),
    /// On the host.
    Host(Arc<dyn Source>),
}

impl<B: Backend> Described<B> {
    /// What its pictures are told apart by, which is then no longer here.
    pub(super) fn take_marks(&mut self) -> Marks {
        Marks { hashes: std::mem::take(&mut self.hashes), looks: std::mem::take(&mut self.looks) }
    }

    /// The same with the rows on the host, where what is done to rows is learned and done.
    ///
    /// # Errors
    /// The device was lost.
    pub(super) fn on_host(self, backend: &B) -> Result<(Arc<dyn Source>, Vec<Skipped>), FeaturesError> {
        let source: Arc<dyn Source> = match self.rows {
            Place::Host(source) => source,
            Place::Device(matrix) => Arc::new(InMemory::new(matrix.download(backend)?, matrix.columns())),
        };
        Ok((source, self.skipped))
    }

    /// The same with its rows transformed, if there is anything to do.
    ///
    /// # Errors
    /// The device was lost.
    pub(super) fn transformed(
        self,
        backend: &B,
        transform: Option<&Transform>,
    ) -> Result<Self, FeaturesError> {
        let Some(transform) = transform else { return Ok(self) };
        let (source, skipped) = self.on_host(backend)?;
        Ok(Self {
            rows: Place::Host(transform.clone().of(source)),
            skipped,
            cut_off: Vec::new(),
            hashes: Vec::new(),
            looks: Vec::new(),
        })
    }

    /// The rows as a matrix on the device.
    pub(super) fn matrix(self, backend: &B, budget: &Budget) -> Result<Matrix<B>, FeaturesError> {
        match self.rows {
            Place::Device(matrix) => {
                // On the CPU the rows themselves are in that memory.
                let taken = 4 * matrix.rows() as u64 * matrix.columns() as u64;
                Ok(matrix.with_spare((budget.host_bytes() / 2).saturating_sub(taken)))
            }
            Place::Host(source) => Matrix::load(backend, source, budget),
        }
    }
}
