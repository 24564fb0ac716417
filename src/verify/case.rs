//! A case: a name, its data, what it runs on, and what it finds.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::compare::{self, Agreement, Difference};
use super::report::{Failure, StageReport};
use super::{Devices, Stage};
use crate::backend::{Backend, DeviceError, Element, Models};

type Body<B> = dyn Fn(&mut Run<'_, B>) -> Result<(), DeviceError>;

/// Something to compute on a device and to compare with the reference.
pub(super) struct Case<B: Backend> {
    pub(super) stage: Stage,
    /// `stage/…`; the data are drawn from it and the seed alone.
    pub(super) id: String,
    pub(super) quick: bool,
    large: bool,
    /// Columns, outputs and models that the device must take in one pass.
    fused: Option<(usize, usize, Models)>,
    /// Rows, columns and outputs that the device must take without the zeros of their features.
    sparse: Option<[usize; 3]>,
    /// Whether it runs on the device with small arrays.
    small: bool,
    body: Box<Body<B>>,
}

impl<B: Backend> Case<B> {
    /// A case of the quick set and of the full one.
    pub(super) fn new(
        stage: Stage,
        id: impl std::fmt::Display,
        body: impl Fn(&mut Run<'_, B>) -> Result<(), DeviceError> + 'static,
    ) -> Self {
        let id = format!("{}/{id}", stage.name());
        Self {
            stage,
            id,
            quick: true,
            large: false,
            fused: None,
            sparse: None,
            small: false,
            body: Box::new(body),
        }
    }

    /// Only in the full set, unless `quick`.
    pub(super) fn quick(self, quick: bool) -> Self {
        Self { quick, ..self }
    }

    /// Larger than WebGPU guarantees: a device that cannot hold such arrays, or go through such rows, skips the case.
    pub(super) fn large(self) -> Self {
        Self { large: true, ..self }
    }

    /// Needs a device that takes so many columns and outputs in one pass.
    pub(super) fn fused(self, columns: usize, outputs: usize) -> Self {
        self.fused_models(columns, outputs, Models::ONE)
    }

    /// The same for `models` with so many outputs in all.
    pub(super) fn fused_models(self, columns: usize, outputs: usize, models: Models) -> Self {
        Self { fused: Some((columns, outputs, models)), ..self }
    }

    /// Needs a device that takes so many rows, columns and outputs without the zeros of the features.
    pub(super) fn sparse(self, shape: [usize; 3]) -> Self {
        Self { sparse: Some(shape), ..self }
    }

    /// Runs on the device with small arrays.
    pub(super) fn small(self) -> Self {
        Self { small: true, ..self }
    }

    /// Why the case cannot run, or the device to run it on.
    fn device<'a>(&self, devices: &Devices<'a, B>) -> Result<&'a B, String> {
        let backend = if self.small { devices.small.clone()? } else { devices.device };
        if let Some((columns, outputs, models)) = self.fused
            && !backend.fuses(columns, outputs, models)
        {
            return Err("this device does not take so many columns, outputs or models in one pass".into());
        }
        if let Some([rows, columns, outputs]) = self.sparse
            && backend.sparse_below(rows, columns, outputs).is_none()
        {
            return Err("this device has no pass over features without their zeros".into());
        }
        Ok(backend)
    }

    /// Runs the case and adds what it finds to `report`.
    ///
    /// # Errors
    /// The device can compute no more.
    pub(super) fn run(
        &self,
        devices: &Devices<'_, B>,
        seed: u64,
        report: &mut StageReport,
    ) -> Result<(), DeviceError> {
        let backend = match self.device(devices) {
            Ok(backend) => backend,
            Err(reason) => {
                report.skip(reason);
                return Ok(());
            }
        };
        let mut run = Run::new(backend, seed, self.stage, &self.id, report);
        let outcome = (self.body)(&mut run);
        let stage = run.stage;
        let failure = run.finish();
        report.cases += 1;
        let mut refused = None;
        match outcome {
            Ok(()) => report.failures.extend(failure),
            Err(error @ (DeviceError::ArrayTooLarge { .. } | DeviceError::TooLong { .. })) if self.large => {
                report.cases -= 1;
                report.skip(format!("too large for this device ({error})"));
            }
            Err(error) => {
                let of_error = Failure {
                    case: self.id.clone(),
                    stage,
                    message: error.to_string(),
                    input: String::new(),
                    difference: None,
                };
                report.failures.push(failure.unwrap_or(of_error));
                let stays = matches!(error, DeviceError::ArrayTooLarge { .. } | DeviceError::TooLong { .. });
                refused = Some(error).filter(|_| !stays);
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

/// Elements behind an output that must stay as they were.
const GUARD: usize = 8;

/// A number that no stage computes, so that "not written" never looks right.
trait Poison: Element + PartialEq {
    const POISON: Self;
    fn is_poison(self) -> bool;
}

impl Poison for f32 {
    const POISON: Self = f32::from_bits(0x7FC0_BAD1);
    fn is_poison(self) -> bool {
        // A device may hand a NaN on with other bits.
        self.is_nan()
    }
}

impl Poison for u32 {
    const POISON: Self = 0xDEAD_BEEF;
    fn is_poison(self) -> bool {
        self == Self::POISON
    }
}

/// A case under way: its device, its random numbers, and what it found so far.
pub(super) struct Run<'a, B: Backend> {
    pub(super) backend: &'a B,
    pub(super) random: ChaCha8Rng,
    stage: Stage,
    when: String,
    id: &'a str,
    report: &'a mut StageReport,
    failure: Option<Failure>,
}

impl<'a, B: Backend> Run<'a, B> {
    /// The case `id` of `stage` on `backend`. Its random numbers depend on the seed and its name alone.
    pub(super) fn new(
        backend: &'a B,
        seed: u64,
        stage: Stage,
        id: &'a str,
        report: &'a mut StageReport,
    ) -> Self {
        let digest = Sha256::digest(format!("{seed}/{id}"));
        let random = ChaCha8Rng::from_seed(digest.into());
        Self { backend, random, stage, when: String::new(), id, report, failure: None }
    }

    /// What failed first, if anything did.
    pub(super) fn finish(self) -> Option<Failure> {
        self.failure
    }

    /// From here on a difference is the fault of `stage`, `when` (`step 3 of 12: `).
    pub(super) fn blame(&mut self, stage: Stage, when: String) {
        self.stage = stage;
        self.when = when;
    }

    /// Whether something differed already.
    pub(super) fn failed(&self) -> bool {
        self.failure.is_some()
    }

    /// An output of `len` elements that holds garbage, and a guard behind it.
    pub(super) fn output(&self, len: usize) -> Result<B::Array<f32>, DeviceError> {
        poisoned(self.backend, len)
    }

    /// The same for counts.
    pub(super) fn counts(&self, len: usize) -> Result<B::Array<u32>, DeviceError> {
        poisoned(self.backend, len)
    }

    /// An array of `values` that a stage changes in place, and a guard behind it.
    pub(super) fn holding(&self, values: &[f32]) -> Result<B::Array<f32>, DeviceError> {
        let guarded: Vec<f32> = values.iter().copied().chain([f32::POISON; GUARD]).collect();
        self.backend.upload(&guarded)
    }

    /// What a stage wrote into an [`output`](Self::output) of `len` elements.
    pub(super) fn read(&mut self, array: &B::Array<f32>, len: usize) -> Result<Vec<f32>, DeviceError> {
        self.guarded(array, len)
    }

    /// The same for counts.
    pub(super) fn read_counts(&mut self, array: &B::Array<u32>, len: usize) -> Result<Vec<u32>, DeviceError> {
        self.guarded(array, len)
    }

    fn guarded<T: Poison>(&mut self, array: &B::Array<T>, len: usize) -> Result<Vec<T>, DeviceError> {
        let mut values = self.backend.download(array, len + GUARD)?;
        let guard = values.split_off(len);
        if let Some(at) = guard.iter().position(|v| !v.is_poison()) {
            let value = guard[at];
            self.fail(
                format!("{value:?} was written to element {} of an output of {len}", len + at),
                String::new(),
            );
        }
        Ok(values)
    }

    /// Every element equal. `what` names the output, `place` says of an element where it is and what it was computed
    /// from.
    pub(super) fn exact(
        &mut self,
        what: &str,
        expected: &[u32],
        got: &[u32],
        place: impl Fn(usize) -> String,
    ) {
        self.take(what, compare::exact(expected, got), place);
    }

    /// Every element within its bound.
    pub(super) fn within(
        &mut self,
        what: &str,
        expected: &[f64],
        got: &[f32],
        bound: &[f64],
        place: impl Fn(usize) -> String,
    ) {
        self.take(what, compare::within(expected, got, bound), place);
    }

    /// Every bit the same as in another run.
    pub(super) fn same(
        &mut self,
        what: &str,
        expected: &[f32],
        got: &[f32],
        place: impl Fn(usize) -> String,
    ) {
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let differs = expected.iter().zip(got).position(|(a, b)| a.to_bits() != b.to_bits());
        match differs {
            Some(at) => self.fail(
                format!("{what}: element {at} is {}, and was {} in the first run", got[at], expected[at]),
                place(at),
            ),
            None => self.take(what, compare::exact(&bits(expected), &bits(got)), place),
        }
    }

    fn take(&mut self, what: &str, found: Result<Agreement, Difference>, place: impl Fn(usize) -> String) {
        let when = std::mem::take(&mut self.when);
        match found {
            Ok(agreement) => {
                let id = self.id;
                self.report.agree(agreement, |at| format!("{id}: {when}{what}, {}", place(at)));
            }
            Err(difference) => {
                self.report.differ(&difference);
                let input = match difference {
                    Difference::Value { index, .. } => place(index),
                    _ => String::new(),
                };
                self.record(format!("{when}{what}: {difference}"), input, Some(difference));
            }
        }
        self.when = when;
    }

    /// Records a failure; the first of a case is the one that is told.
    pub(super) fn fail(&mut self, message: String, input: String) {
        self.record(message, input, None);
    }

    fn record(&mut self, message: String, input: String, difference: Option<Difference>) {
        self.report.used = None;
        let (case, stage) = (self.id.to_owned(), self.stage);
        self.failure.get_or_insert(Failure { case, stage, message, input, difference });
    }
}

fn poisoned<B: Backend, T: Poison>(backend: &B, len: usize) -> Result<B::Array<T>, DeviceError> {
    backend.upload(&vec![T::POISON; len + GUARD])
}
