//! Features of the pictures that can be read, ready to be fitted to.

use std::time::Instant;

use super::decided::Decided;
use crate::backend::Backend;
use crate::dataset::Split;
use crate::error::Result;
use crate::features::{Matrix, Survey, Transform, TransformOptions, survey};
use crate::pipeline::data::{of_parts, without_skipped};
use crate::pipeline::described::{Described, Place};
use crate::pipeline::duplicates::{Duplicate, Duplicates};
use crate::pipeline::measure::named;
use crate::pipeline::session::Begin;
use crate::pipeline::{Input, SkippedPicture};
use crate::progress::Progress;

/// What is known of the rows that there are.
pub(super) struct Rows {
    /// Without those that could not be read.
    pub(super) split: Split,
    pub(super) skipped: Vec<SkippedPicture>,
    /// Names of those that are cut off, and used as far as they go.
    pub(super) cut_off: Vec<String>,
    pub(super) duplicates: (Duplicates, Vec<Duplicate>),
    /// What was done to them.
    pub(super) transform: Option<Transform>,
    pub(super) found: Survey,
    /// No squared L2 norm of a row is larger.
    pub(super) squared_norm: f64,
    /// What it took to describe them.
    pub(super) seconds: f64,
}

/// Describes the pictures of `input`, or takes the rows that it has, and looks at them.
///
/// # Errors
/// Too many pictures that cannot be read, or too few left; numbers that are none or too large; a device that is lost or has no memory left.
pub(super) fn features<B: Backend>(
    backend: &B,
    input: &Input<'_>,
    decided: &Decided<'_>,
    split: Split,
    begin: &Begin<'_>,
    progress: &dyn Progress,
) -> Result<(Matrix<B>, Rows)> {
    let Decided { dataset, options, descriptor, .. } = *decided;
    let clock = Instant::now();
    let all: Vec<usize> = (0..dataset.samples.len()).collect();
    let mut described = input.describe(backend, &all, (descriptor, options.transform.any()), progress)?;
    let seconds = clock.elapsed().as_secs_f64();
    let skipped = named(dataset, &described.skipped);
    let cut_off = described.cut_off.iter().map(|&i| dataset.relative_path_string(i)).collect();
    let split = without_skipped(dataset, split, &described.skipped)?;
    let duplicates = described.take_marks().find(dataset, &of_parts(&split));
    decided.enough_to_validate(&split)?;
    let (described, transform) = transformed(backend, described, &split, options.transform, begin)?;
    let matrix = described.matrix(backend, &input.budget)?;
    matrix.note().iter().for_each(|note| progress.say(note));
    let found = survey(backend, &matrix, &split.train, &split.test)?;
    found.small_enough(|row| dataset.relative_path_string(row))?;
    let known = if transform.is_none() { descriptor.max_squared_norm() } else { None };
    let squared_norm = known.unwrap_or(found.max_squared_norm);
    let notes = found.notes(descriptor.len(), split.train.len(), split.test.len(), dataset.unit.one());
    notes.iter().for_each(|note| progress.say(&format!("note: {note}")));
    Ok((matrix, Rows { split, skipped, cut_off, duplicates, transform, found, squared_norm, seconds }))
}

/// `described` with its rows transformed, and what that does. It is learned on the training rows; where training goes on from another, or begins
/// with its weights, it is what was learned then: weights mean nothing to rows that were transformed in another way.
fn transformed<B: Backend>(
    backend: &B,
    described: Described<B>,
    split: &Split,
    options: TransformOptions,
    begin: &Begin<'_>,
) -> Result<(Described<B>, Option<Transform>)> {
    if !options.any() {
        return Ok((described, None));
    }
    let (source, skipped) = described.on_host(backend)?;
    let transform = match begin.transform() {
        Some(known) => Some(known.clone()),
        None => Transform::learn(&*source, &split.train, options)?,
    };
    let rows = Place::Host(source);
    let described = Described { rows, skipped, cut_off: Vec::new(), hashes: Vec::new(), looks: Vec::new() };
    Ok((described.transformed(backend, transform.as_ref())?, transform))
}
