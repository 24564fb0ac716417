//! What a command works on: labelled samples, and where their features are to be had.

use std::path::Path;
use std::sync::Arc;

use super::reading::Reading;
use crate::backend::{Backend, Pictures};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::features::{
    Budget, Descriptor, Extracted, FeaturesError, Histogram, Matrix, PictureMemory, Skipped, Source, Target,
    extract,
};
use crate::progress::Progress;

/// What a command works on.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The samples and their labels.
    pub dataset: &'a Dataset,
    /// Where their features are to be had.
    pub origin: Origin,
    /// How much memory may be taken.
    pub budget: Budget,
}

/// Where features are to be had.
#[derive(Debug, Clone, Default)]
pub enum Origin {
    /// The samples are pictures, to be read and described.
    #[default]
    Pictures,
    /// They were made before.
    Rows(Rows),
}

/// Features that were made before: a row for each sample of a [`Dataset`], in its order.
#[derive(Debug, Clone)]
pub struct Rows {
    /// What a row is made of.
    pub descriptor: Descriptor,
    /// The rows.
    pub source: Arc<dyn Source>,
    /// Samples that could not be described, ascending; their rows are zero.
    pub skipped: Vec<Skipped>,
}

/// Pictures, and as much memory as it takes.
impl<'a> From<&'a Dataset> for Input<'a> {
    fn from(dataset: &'a Dataset) -> Self {
        Self { dataset, origin: Origin::default(), budget: Budget::default() }
    }
}

/// Samples that are described.
pub(super) struct Described<B: Backend> {
    /// A row for each sample that was asked for.
    pub(super) rows: Place<B>,
    /// Those that could not be described, by their place among those asked for, ascending.
    pub(super) skipped: Vec<Skipped>,
}

/// Where rows are.
pub(super) enum Place<B: Backend> {
    /// On the device that made them.
    Device(Matrix<B>),
    /// On the host.
    Host(Arc<dyn Source>),
}

impl<B: Backend> Described<B> {
    /// The rows as a matrix on the device.
    pub(super) fn matrix(self, backend: &B, budget: &Budget) -> Result<Matrix<B>, FeaturesError> {
        match self.rows {
            Place::Device(matrix) => Ok(matrix),
            Place::Host(source) => Matrix::load(backend, source, budget),
        }
    }
}

impl Input<'_> {
    /// What its rows are made of, where pictures would be described by `wanted`.
    pub(super) fn descriptor(&self, wanted: Descriptor) -> Descriptor {
        match &self.origin {
            Origin::Pictures => wanted,
            Origin::Rows(rows) => rows.descriptor,
        }
    }

    /// The features of the samples `picked` (ascending), as `descriptor` says. Tells `progress` how far it is.
    pub(super) fn describe<B: Backend>(
        &self,
        backend: &B,
        picked: &[usize],
        descriptor: Descriptor,
        progress: &dyn Progress,
    ) -> Result<Described<B>> {
        match &self.origin {
            Origin::Rows(rows) => Ok(rows.picked(picked)),
            Origin::Pictures => {
                let histogram = histogram(descriptor)?;
                progress.say(&self.budget.said());
                let paths: Vec<_> = picked.iter().map(|&i| self.dataset.path(i)).collect();
                let Extracted { matrix, skipped } =
                    describe_pictures(backend, &paths, histogram, &self.budget, progress)?;
                Ok(Described { rows: Place::Device(matrix), skipped })
            }
        }
    }
}

impl Rows {
    /// Those of the samples `picked`, which ascend.
    fn picked<B: Backend>(&self, picked: &[usize]) -> Described<B> {
        let (all, source) = (picked.len() == self.source.rows(), self.source.clone());
        let source = if all { source } else { Arc::new(Picked { source, rows: picked.to_vec() }) };
        let place = |s: &Skipped| {
            let index = picked.binary_search(&s.index).ok()?;
            Some(Skipped { index, reason: s.reason.clone() })
        };
        Described { rows: Place::Host(source), skipped: self.skipped.iter().filter_map(place).collect() }
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
        self.source.gather(&self.rows[first..first + count], to)
    }
}

/// How pictures are described.
///
/// # Errors
/// Rows of this kind are not made from pictures here.
pub(super) fn histogram(descriptor: Descriptor) -> Result<Histogram> {
    descriptor.histogram().ok_or_else(|| {
        let problem = format!("the model is for {descriptor}, and these are pictures; give --features FILE");
        Error::option("--features", problem)
    })
}

/// Reads the pictures `paths` on every core and describes them on the device.
pub(super) fn describe_pictures<B: Backend>(
    backend: &B,
    paths: &[impl AsRef<Path> + Sync],
    histogram: Histogram,
    budget: &Budget,
    progress: &dyn Progress,
) -> Result<Extracted<B>> {
    let bins = histogram.checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let scale = histogram.decode_scale().map_err(|problem| Error::option("--decode-scale", problem))?;
    let memory = PictureMemory::new(budget, rayon::current_num_threads());
    let reader = || {
        let mut reading = Reading::new(&memory, scale);
        let paths = &paths;
        move |i: usize, pictures: &mut Pictures| reading.read(paths[i].as_ref(), pictures)
    };
    progress.begin("describing", paths.len() as u64, "pictures");
    let extracted = extract(backend, paths.len(), &bins, reader, Target::MATRIX, progress)?;
    progress.end();
    Ok(extracted)
}
