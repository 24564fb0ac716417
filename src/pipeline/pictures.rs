//! Pictures are read on every core and described on the device.

use std::sync::{Mutex, PoisonError};

use super::reading::{CutOff, Reading};
use super::tolerance::Errors;
use crate::backend::{Backend, Pictures};
use crate::dataset::{Dataset, Found, PictureError, reading_order};
use crate::error::{Error, Result};
use crate::features::store::Hash;
use crate::features::{Budget, Descriptor, Extracted, Histogram, PictureMemory, Skipped, Target, extract};
use crate::progress::Progress;
use crate::sync::lock;

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
pub(super) fn describe_samples<B: Backend>(
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
