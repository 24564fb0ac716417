//! What a command works on: labelled samples, and where their features are to be had.

use std::sync::Arc;

use super::Rows;
use super::described::{Described, Place};
use super::duplicates::{looks_of_matrix, looks_of_rows};
use super::pictures::{describe_samples, histogram};
use super::store::{Cache, StoreOptions, fill};
use super::tolerance::{Errors, Tolerance};
use crate::backend::{Backend, DeviceKind};
use crate::dataset::{Dataset, Unit};
use crate::error::{Error, Result};
use crate::features::store::Hash;
use crate::features::{Budget, Bytes, Descriptor, Extracted, FeaturesError, Skipped, Source};
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
    /// What is done about pictures that cannot be read.
    pub tolerance: Tolerance,
    /// Whether pictures whose features are equal are told of, and not only those whose files are.
    pub near_duplicates: bool,
}

/// Where features are to be had.
#[derive(Debug, Clone, Default)]
pub enum Origin {
    /// The samples are pictures, to be read and described.
    #[default]
    Pictures,
    /// The same, with a store that their features are kept in, for the next time: those that are there are not made again.
    Kept(Cache),
    /// They were made before.
    Rows(Rows),
}

/// Pictures, as much memory as it takes, and some that cannot be read.
impl<'a> From<&'a Dataset> for Input<'a> {
    fn from(dataset: &'a Dataset) -> Self {
        Self {
            dataset,
            origin: Origin::default(),
            budget: Budget::default(),
            tolerance: Tolerance::default(),
            near_duplicates: false,
        }
    }
}

impl Input<'_> {
    /// Whether its rows are there.
    pub(super) fn is_described(&self) -> bool {
        matches!(self.origin, Origin::Rows(_))
    }

    /// Fails where more could not be looked into than is tolerated, before anything else is said of what is there.
    pub(super) fn looked_into(&self) -> Result<()> {
        let all: Vec<usize> = (0..self.dataset.samples.len()).collect();
        Errors::of(self.dataset, &all, self.tolerance).map(drop)
    }

    /// What its rows are made of, where pictures would be described by `wanted`.
    pub(super) fn descriptor(&self, wanted: Descriptor) -> Descriptor {
        match &self.origin {
            Origin::Pictures | Origin::Kept(_) => wanted,
            Origin::Rows(rows) => rows.descriptor,
        }
    }

    /// The features of the samples `picked` (ascending), as `descriptor` says. Tells `progress` how far it is. Those that are `transformed`
    /// after that are read on the host, and are not left on the device where they are kept anyway.
    pub(super) fn describe<B: Backend>(
        &self,
        backend: &B,
        picked: &[usize],
        (descriptor, transformed): (Descriptor, bool),
        progress: &dyn Progress,
    ) -> Result<Described<B>> {
        match &self.origin {
            Origin::Rows(rows) => {
                let described = rows.picked(picked);
                // Of rows that others made, they have said themselves which to leave out.
                if self.dataset.unit == Unit::Picture {
                    let errors = Errors::of(self.dataset, picked, self.tolerance)?;
                    if !described.skipped.iter().all(|skipped| errors.saw(skipped)) {
                        return Err(errors.refusal(None));
                    }
                    errors.check(|| None)?;
                }
                Ok(Described { looks: self.looks(&*rows.source, &rows.skipped)?, ..described })
            }
            Origin::Kept(cache) => {
                let folder = (cache.folder)()?;
                let stays = picked.len() == self.dataset.samples.len() && !transformed;
                let filled = fill(
                    backend,
                    self.dataset,
                    (&folder, &StoreOptions { tolerance: self.tolerance, ..cache.options }),
                    (descriptor, picked),
                    (stays, &self.budget),
                    progress,
                )?;
                let (skipped, cut_off, hashes) =
                    (filled.extraction.skipped, filled.extraction.cut_off, filled.hashes);
                let source: Arc<dyn Source> = Arc::new(filled.numbers);
                let looks = self.looks(&*source, &skipped)?;
                Ok(match filled.matrix {
                    Some(matrix) => {
                        Described { rows: Place::Device(Box::new(matrix)), skipped, cut_off, hashes, looks }
                    }
                    None => {
                        let rows = Rows { descriptor, source, skipped, cut_off, hashes };
                        Described { looks, ..rows.picked(picked) }
                    }
                })
            }
            Origin::Pictures => {
                let histogram = histogram(descriptor)?;
                let budget = self.beside_features([picked.len(), descriptor.len()], transformed, backend)?;
                progress.say(&budget.said());
                let errors = Errors::of(self.dataset, picked, self.tolerance)?;
                let (Extracted { matrix, skipped }, cut_off, hashes) = describe_samples(
                    backend,
                    (self.dataset, picked),
                    histogram,
                    (&budget, &errors),
                    progress,
                )?;
                let looks = match self.near_duplicates {
                    true => looks_of_matrix(backend, &matrix, picked, self.dataset.samples.len())?,
                    false => Vec::new(),
                };
                Ok(Described { rows: Place::Device(Box::new(matrix)), skipped, cut_off, hashes, looks })
            }
        }
    }

    /// A hash of each row of `source`, where that is asked for; not of those that were `skipped`, which are all zeros.
    fn looks(&self, source: &dyn Source, skipped: &[Skipped]) -> Result<Vec<Option<Hash>>, FeaturesError> {
        let mut looks = if self.near_duplicates { looks_of_rows(source)? } else { Vec::new() };
        for skipped in skipped {
            if let Some(look) = looks.get_mut(skipped.index) {
                *look = None;
            }
        }
        Ok(looks)
    }

    /// What the budget leaves to pictures on their way beside features of `rows` × `columns`, which nobody keeps: they must fit.
    ///
    /// # Errors
    /// They do not, and which option says so.
    fn beside_features<B: Backend>(
        &self,
        [rows, columns]: [usize; 2],
        transformed: bool,
        backend: &B,
    ) -> Result<Budget> {
        let bytes = 4 * rows as u64 * columns as u64;
        let refused = |option, given: Bytes, needed: u64| {
            let problem = format!(
                "{given} is too little for the features of all pictures at a time, {rows} × {columns} numbers or {}, which no store keeps; \
                 keep them with --cache DIR, to be read from there piece by piece, or give {option} {needed} or more",
                Bytes(bytes)
            );
            Err(Error::option(option, problem))
        };
        // Those of shards are put in the order of their names, in a second matrix.
        let needed = if self.dataset.shards.is_some() { 2 * bytes } else { bytes };
        if let Some(given) = self.budget.device.filter(|given| given.0 < needed) {
            return refused("--device-memory", given, needed);
        }
        let on_host = transformed || backend.info().kind != DeviceKind::Hardware;
        let Some(given) = self.budget.host.filter(|_| on_host) else { return Ok(self.budget) };
        // Half of it is for features, as of those in a store: they may be there twice while they are put in order or transformed.
        if given.0 < 2 * bytes {
            return refused("--memory", given, 2 * bytes);
        }
        Ok(Budget { host: Some(Bytes(given.0 - bytes)), ..self.budget })
    }
}
