//! What a command works on: labelled samples, and where their features are to be had.

use std::sync::{Arc, Mutex, PoisonError};

use super::duplicates::{Marks, looks_of_matrix, looks_of_rows};
use super::reading::{CutOff, Reading};
use super::tolerance::{Errors, Tolerance};
use crate::backend::{Backend, DeviceKind, Pictures};
use crate::dataset::{Dataset, Found, PictureError, Unit, reading_order};
use crate::error::{Error, Result};
use crate::features::store::Hash;
use crate::features::{
    Budget, Bytes, Descriptor, Extracted, FeaturesError, Given, Histogram, InMemory, Matrix, PictureMemory,
    Skipped, Source, Target, Transform, check_finite, extract,
};
use crate::progress::Progress;
use crate::sync::lock;

use super::store::{Cache, StoreOptions, fill};

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

/// Features that were made before: a row for each sample of a [`Dataset`], in its order.
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
    fn picked<B: Backend>(&self, picked: &[usize]) -> Described<B> {
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
        check_finite(to, self.columns(), |row| rows[row])
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

/// Of the content of each sample's file, where it is known.
type Hashes = Vec<Option<Hash>>;

/// Reads the samples `picked` on every core and describes them on the device; which of them are cut off; and the hash of the content of each
/// sample that was read.
fn describe_samples<B: Backend>(
    backend: &B,
    (dataset, picked): (&Dataset, &[usize]),
    histogram: Histogram,
    (budget, errors): (&Budget, &Errors<'_>),
    progress: &dyn Progress,
) -> Result<(Extracted<B>, Vec<usize>, Hashes)> {
    // In the order in which they lie, where that is not the order of their names.
    let order = dataset.shards.as_ref().map(|shards| {
        let places: Vec<_> = picked.iter().map(|&i| shards.places[i]).collect();
        reading_order(&places, rayon::current_num_threads())
    });
    let order = order.filter(|order| !order.is_sorted());
    let place = |i: usize| order.as_ref().map_or(i, |order| order[i]);
    let hashes = Mutex::new(vec![None; dataset.samples.len()]);
    let each = Each {
        find: &|i| dataset.found(picked[place(i)]),
        seen: &|i, content| {
            let hash = Hash::of(content);
            lock(&hashes)[picked[place(i)]] = Some(hash);
        },
        goes_on: &|skipped| {
            errors.saw(&Skipped { index: place(skipped.index), reason: skipped.reason.clone() })
        },
    };
    let extracted = describe_found(backend, picked.len(), &each, histogram, budget, progress);
    let (mut extracted, mut cut_off) = extracted.map_err(|error| errors.explain(error))?;
    errors.check(|| None)?;
    if let Some(order) = &order {
        extracted.matrix = extracted.matrix.placed(backend, order)?;
        extracted.skipped.iter_mut().for_each(|skipped| skipped.index = order[skipped.index]);
        extracted.skipped.sort_by_key(|skipped| skipped.index);
        cut_off.iter_mut().for_each(|i| *i = order[*i]);
        cut_off.sort_unstable();
    }
    Ok((extracted, cut_off, hashes.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Pictures to be read, by their numbers.
pub(super) struct Each<'a> {
    /// Where one lies.
    pub(super) find: &'a (dyn Fn(usize) -> Result<Found, PictureError> + Sync),
    /// Is shown the content of its file.
    pub(super) seen: &'a (dyn Fn(usize, &[u8]) + Sync),
    /// Is told of one that cannot be read, and says whether to go on.
    pub(super) goes_on: &'a (dyn Fn(&Skipped) -> bool + Sync),
}

/// Reads `count` pictures on every core and describes them on the device; and says which of them are cut off.
pub(super) fn describe_found<B: Backend>(
    backend: &B,
    count: usize,
    each: &Each<'_>,
    histogram: Histogram,
    budget: &Budget,
    progress: &dyn Progress,
) -> Result<(Extracted<B>, Vec<usize>)> {
    let bins = histogram.checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let scale = histogram.decode_scale().map_err(|problem| Error::option("--decode-scale", problem))?;
    let memory = PictureMemory::new(budget, rayon::current_num_threads());
    let cut_off = CutOff::default();
    let reader = || {
        let mut reading = Reading::new(&memory, scale, budget.pictures);
        let (find, seen, cut_off) = (each.find, each.seen, &cut_off);
        move |i: usize, pictures: &mut Pictures| {
            cut_off.seen(i, reading.read(find(i), pictures, |content| seen(i, content))?);
            Ok(())
        }
    };
    progress.begin("describing", count as u64, "pictures");
    let target = Target { goes_on: Some(each.goes_on), ..Target::MATRIX };
    let extracted = extract(backend, count, &bins, reader, target, progress);
    progress.end();
    Ok((extracted?, cut_off.all()))
}
