//! A device with one fault in one stage: `verify` must find it and name that stage, and no other.

use huemax::backend::{Backend, Bins, DeviceError, DeviceInfo, Element, Pictures, Rows, Splits, Step};
use huemax::progress::Quiet;
use huemax::verify::{Devices, Mixed, Options, Report, Stage, mixed, verify};
use libtest_mimic::Trial;

use crate::support::{cpu, gpu, on_both};
use crate::verify::failures;

pub fn register(trials: &mut Vec<Trial>) {
    for fault in Fault::ALL {
        on_both(
            trials,
            &format!("faults::{fault:?}"),
            move |_| is_found(&Faulty { inner: cpu(), fault }),
            move |_| is_found(&Faulty { inner: gpu().expect("a GPU"), fault }),
        );
    }
    on_both(
        trials,
        "faults::a_sound_device_passes",
        |_| is_sound(&Faulty { inner: cpu(), fault: Fault::None }),
        |_| is_sound(&Faulty { inner: gpu().expect("a GPU"), fault: Fault::None }),
    );
    crate::support::plain(trials, "faults::the_quick_set_finds_one", the_quick_set_finds_one);
    crate::support::plain(trials, "faults::mixed_runs_close_in_on_one", mixed_runs_close_in_on_one);
    crate::support::plain(trials, "faults::a_refusing_device_is_named", a_refusing_device_is_named);
    crate::support::plain(trials, "faults::a_wrong_colour_is_named", a_wrong_colour_is_named);
}

/// What is wrong with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    OneCountTooMany,
    LastPictureNotCounted,
    OneColourInTheNextBin,
    FeatureSlightlyOff,
    ZeroRowIsNaN,
    BiasForgotten,
    LastScoreNotWritten,
    ResidualSlightlyOff,
    LossOfUnlabelledRows,
    LossIsNaN,
    LastRowNotSummed,
    BiasGradientOff,
    WritesPastTheEnd,
    OneWeightOfTheObjectiveOff,
    LossSumOff,
    LastPartialForgotten,
    NeverAccumulates,
    PenaltyOnTheBias,
    NoMomentum,
    LastParameterNotMoved,
    GradientRefused,
}

impl Fault {
    /// All that spoil a result.
    const ALL: [Self; 20] = [
        Self::OneCountTooMany,
        Self::LastPictureNotCounted,
        Self::OneColourInTheNextBin,
        Self::FeatureSlightlyOff,
        Self::ZeroRowIsNaN,
        Self::BiasForgotten,
        Self::LastScoreNotWritten,
        Self::ResidualSlightlyOff,
        Self::LossOfUnlabelledRows,
        Self::LossIsNaN,
        Self::LastRowNotSummed,
        Self::BiasGradientOff,
        Self::WritesPastTheEnd,
        Self::OneWeightOfTheObjectiveOff,
        Self::LossSumOff,
        Self::LastPartialForgotten,
        Self::NeverAccumulates,
        Self::PenaltyOnTheBias,
        Self::NoMomentum,
        Self::LastParameterNotMoved,
    ];

    fn stage(self) -> Stage {
        match self {
            Self::None => Stage::Training,
            Self::OneCountTooMany | Self::LastPictureNotCounted | Self::OneColourInTheNextBin => {
                Stage::Describe
            }
            Self::FeatureSlightlyOff | Self::ZeroRowIsNaN => Stage::Normalize,
            Self::BiasForgotten | Self::LastScoreNotWritten => Stage::Scores,
            Self::ResidualSlightlyOff | Self::LossOfUnlabelledRows | Self::LossIsNaN => Stage::Softmax,
            Self::LastRowNotSummed
            | Self::BiasGradientOff
            | Self::WritesPastTheEnd
            | Self::GradientRefused => Stage::Gradient,
            Self::OneWeightOfTheObjectiveOff | Self::LossSumOff => Stage::Objective,
            Self::LastPartialForgotten | Self::NeverAccumulates => Stage::Reduce,
            Self::PenaltyOnTheBias | Self::NoMomentum | Self::LastParameterNotMoved => Stage::Step,
        }
    }
}

/// A device that does what another does, but for one fault.
#[derive(Debug)]
struct Faulty<B: Backend + 'static> {
    inner: &'static B,
    fault: Fault,
}

impl<B: Backend> Faulty<B> {
    /// Changes element `at` of an array.
    fn spoil<T: Element>(
        &self,
        array: &mut B::Array<T>,
        at: usize,
        change: impl Fn(T) -> T,
    ) -> Result<(), DeviceError> {
        let value = self.inner.download(array, at + 1)?[at];
        self.inner.write(array, at, &[change(value)])
    }
}

fn rows<'a, B: Backend>(rows: &Rows<'a, Faulty<B>>) -> Rows<'a, B> {
    let &Rows { features, columns, index, first, count } = rows;
    Rows { features, columns, index, first, count }
}

impl<B: Backend> Backend for Faulty<B> {
    type Array<T: Element> = B::Array<T>;

    fn info(&self) -> &DeviceInfo {
        self.inner.info()
    }

    fn zeros<T: Element>(&self, len: usize) -> Result<B::Array<T>, DeviceError> {
        self.inner.zeros(len)
    }

    fn upload<T: Element>(&self, values: &[T]) -> Result<B::Array<T>, DeviceError> {
        self.inner.upload(values)
    }

    fn write<T: Element>(&self, array: &mut B::Array<T>, at: usize, values: &[T]) -> Result<(), DeviceError> {
        self.inner.write(array, at, values)
    }

    fn copy<T: Element>(
        &self,
        from: (&B::Array<T>, usize),
        to: (&mut B::Array<T>, usize),
        len: usize,
    ) -> Result<(), DeviceError> {
        self.inner.copy(from, to, len)
    }

    fn download<T: Element>(&self, array: &B::Array<T>, len: usize) -> Result<Vec<T>, DeviceError> {
        self.inner.download(array, len)
    }

    fn describe(
        &self,
        pictures: &Pictures,
        bins: &Bins,
        counts: &mut B::Array<u32>,
    ) -> Result<(), DeviceError> {
        let last = pictures.len().saturating_sub(1) * bins.len();
        let before = self.inner.download(counts, pictures.len() * bins.len())?;
        self.inner.describe(pictures, bins, counts)?;
        match self.fault {
            Fault::OneCountTooMany if !pictures.is_empty() => self.spoil(counts, last, |c| c + 1),
            Fault::LastPictureNotCounted if !pictures.is_empty() => {
                self.inner.write(counts, last, &before[last..])
            }
            Fault::OneColourInTheNextBin if bins.len() > 1 => {
                let mut all = self.inner.download(counts, before.len())?;
                for (i, row) in all.chunks_exact_mut(bins.len()).enumerate() {
                    let wrong = pictures.rgb(i).chunks_exact(3).filter(|p| *p == WRONG).count() as u32;
                    let [h, s, v] = huemax::backend::reference::hsv(WRONG).map(usize::from);
                    let [hue, saturation, value] = bins.tables();
                    let bin = (hue[h] + saturation[s] + value[v]) as usize;
                    row[bin] -= wrong;
                    row[(bin + 1) % bins.len()] += wrong;
                }
                self.inner.write(counts, 0, &all)
            }
            _ => Ok(()),
        }
    }

    fn normalize(
        &self,
        counts: &B::Array<u32>,
        rows: usize,
        columns: usize,
        features: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        self.inner.normalize(counts, rows, columns, features)?;
        match self.fault {
            Fault::FeatureSlightlyOff => self.spoil(features, rows * columns - 1, |f| f * 1.0001),
            Fault::ZeroRowIsNaN => {
                let mut all = self.inner.download(features, rows * columns)?;
                for row in all.chunks_exact_mut(columns).filter(|row| row.iter().all(|&f| f == 0.0)) {
                    row.fill(f32::NAN);
                }
                self.inner.write(features, 0, &all)
            }
            _ => Ok(()),
        }
    }

    fn scores(
        &self,
        r: &Rows<'_, Self>,
        parameters: &B::Array<f32>,
        outputs: usize,
        scores: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let (len, weights) = (r.count * outputs, outputs * r.columns);
        if self.fault == Fault::BiasForgotten {
            let mut without = self.inner.download(parameters, weights)?;
            without.resize(weights + outputs, 0.0);
            let without = self.inner.upload(&without)?;
            return self.inner.scores(&rows(r), &without, outputs, scores);
        }
        let before = self.inner.download(scores, len)?;
        self.inner.scores(&rows(r), parameters, outputs, scores)?;
        match self.fault {
            Fault::LastScoreNotWritten if len > 0 => self.spoil(scores, len - 1, |_| before[len - 1]),
            _ => Ok(()),
        }
    }

    fn softmax(
        &self,
        r: &Rows<'_, Self>,
        labels: &B::Array<u32>,
        scores: &B::Array<f32>,
        outputs: usize,
        residual: &mut B::Array<f32>,
        losses: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        self.inner.softmax(&rows(r), labels, scores, outputs, residual, losses)?;
        match self.fault {
            Fault::ResidualSlightlyOff => self.spoil(residual, r.count * outputs - 1, |v| v + 1e-4),
            Fault::LossOfUnlabelledRows => {
                let mut all = self.inner.download(losses, r.count)?;
                all.iter_mut().filter(|l| **l == 0.0).for_each(|l| *l = 1e-3);
                self.inner.write(losses, 0, &all)
            }
            Fault::LossIsNaN => self.spoil(losses, r.count / 2, |_| f32::NAN),
            _ => Ok(()),
        }
    }

    fn splits(&self, rows: usize, columns: usize, outputs: usize) -> Splits {
        self.inner.splits(rows, columns, outputs)
    }

    fn gradient(
        &self,
        r: &Rows<'_, Self>,
        residual: &B::Array<f32>,
        outputs: usize,
        partials: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        let splits = self.splits(r.count, r.columns, outputs);
        let len = splits.count * outputs * (r.columns + 1);
        match self.fault {
            Fault::GradientRefused => {
                let (device, reason) = (self.info().name.clone(), "on purpose".into());
                return Err(DeviceError::Refused { device, reason });
            }
            Fault::LastRowNotSummed if r.count > 0 => {
                // The residual of the last row as zeros.
                let mut without = self.inner.download(residual, (r.count - 1) * outputs)?;
                without.resize(r.count * outputs, 0.0);
                let without = self.inner.upload(&without)?;
                return self.inner.gradient(&rows(r), &without, outputs, partials);
            }
            _ => self.inner.gradient(&rows(r), residual, outputs, partials)?,
        }
        match self.fault {
            Fault::BiasGradientOff => self.spoil(partials, len - 1, |v| v * 1.001 + 1e-5),
            // An array of a training has nothing behind it.
            Fault::WritesPastTheEnd if r.columns == 65 => self.inner.write(partials, len, &[0.0]),
            _ => Ok(()),
        }
    }

    fn fused_outputs(&self) -> usize {
        self.inner.fused_outputs()
    }

    fn objective(
        &self,
        r: &Rows<'_, Self>,
        labels: &B::Array<u32>,
        parameters: &B::Array<f32>,
        outputs: usize,
        partials: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        self.inner.objective(&rows(r), labels, parameters, outputs, partials)?;
        match self.fault {
            Fault::OneWeightOfTheObjectiveOff => self.spoil(partials, 0, |v| v * 1.001 + 1e-4),
            Fault::LossSumOff => self.spoil(partials, outputs * (r.columns + 1), |v| v * 1.001),
            _ => Ok(()),
        }
    }

    fn reduce(
        &self,
        partials: &B::Array<f32>,
        rows: usize,
        columns: usize,
        sums: &mut B::Array<f32>,
        at: usize,
        accumulate: bool,
    ) -> Result<(), DeviceError> {
        let rows = if self.fault == Fault::LastPartialForgotten && rows > 1 { rows - 1 } else { rows };
        let accumulate = accumulate && self.fault != Fault::NeverAccumulates;
        self.inner.reduce(partials, rows, columns, sums, at, accumulate)
    }

    fn step(
        &self,
        parameters: &mut B::Array<f32>,
        velocity: &mut B::Array<f32>,
        gradient: &B::Array<f32>,
        weights: usize,
        len: usize,
        step: Step,
    ) -> Result<(), DeviceError> {
        let before = self.inner.download(parameters, len)?;
        let weights = if self.fault == Fault::PenaltyOnTheBias { len } else { weights };
        let momentum = if self.fault == Fault::NoMomentum { 0.0 } else { step.momentum };
        self.inner.step(parameters, velocity, gradient, weights, len, Step { momentum, ..step })?;
        match self.fault {
            Fault::LastParameterNotMoved => self.spoil(parameters, len - 1, |_| before[len - 1]),
            _ => Ok(()),
        }
    }
}

/// The colour that [`Fault::OneColourInTheNextBin`] counts wrong.
const WRONG: [u8; 3] = [200, 30, 90];

/// Cases of every stage, without those that take long.
const LIGHT: [&str; 13] = [
    "describe/mixed/26x5x7",
    "normalize/5x6",
    "normalize/zeros",
    "scores/17x",
    "softmax/17x",
    "softmax/no-label",
    "gradient/131x",
    "objective/131x",
    "reduce/257x",
    "step/25",
    "training/stage-by-stage",
    "training/objective",
    "training/derivatives/7x",
];

fn light<B: Backend + 'static>(device: &B) -> Vec<Report> {
    let run = |only: &str| {
        let options = Options { only: Some(only.into()), ..Options::default() };
        verify(&Devices::of(device), &options, &Quiet, &mut |_| {})
    };
    LIGHT.into_iter().map(run).collect()
}

fn is_sound<B: Backend>(device: &Faulty<B>) {
    light(device).iter().for_each(|report| assert!(report.pass(), "{}", failures(report)));
}

fn is_found<B: Backend>(device: &Faulty<B>) {
    let stage = device.fault.stage();
    if stage == Stage::Objective && device.fused_outputs() == 0 {
        return; // no stage, no fault
    }
    names(&light(device), stage);
}

/// The isolated cases of `stage` fail, those of all others pass, and training blames nothing else.
fn names(reports: &[Report], stage: Stage) {
    let mut found = false;
    for report in reports.iter().flat_map(|r| &r.stages) {
        for failure in &report.failures {
            assert_eq!(failure.stage, stage, "{}: {}", failure.case, failure.message);
            assert!(!failure.message.is_empty());
        }
        if report.stage == stage {
            found |= !report.pass();
        } else if report.stage != Stage::Training {
            assert!(report.pass(), "{} is blamed for {stage}", report.stage);
        }
    }
    assert!(found, "the fault in {stage} was not found");
}

fn the_quick_set_finds_one() {
    let device = Faulty { inner: cpu(), fault: Fault::ResidualSlightlyOff };
    let options = Options { quick: true, ..Options::default() };
    let report = verify(&Devices::of(&device), &options, &Quiet, &mut |_| {});
    assert!(!report.pass() && report.stages.len() == Stage::ALL.len());
    let training = report.stages.iter().find(|s| s.stage == Stage::Training).expect("training");
    let failure = training.failures.iter().find(|f| f.case.contains("stage-by-stage")).expect("a training");
    assert!(failure.message.starts_with("step 1 of 12: residuals: element"), "{failure:?}");
    assert!(failure.input.contains("of the chunk") && failure.input.contains("with score"), "{failure:?}");
    names(&[report], Stage::Softmax);
}

fn mixed_runs_close_in_on_one() {
    let device = Faulty { inner: cpu(), fault: Fault::BiasForgotten };
    let run = |how| mixed(&device, cpu(), how, &Options::default()).expect("trainings").swap_remove(0);
    // The CPU takes the stage that is wrong on the device: nothing is wrong.
    for how in [Mixed::CpuUntil(Stage::Softmax), Mixed::DeviceUntil(Stage::Scores)] {
        let training = run(how);
        assert_eq!((training.failure(), training.parameters.differ), (None, 0), "{how:?}");
    }
    for how in [Mixed::CpuUntil(Stage::Scores), Mixed::DeviceUntil(Stage::Softmax)] {
        let training = run(how);
        let failure = training.failure().expect("a failure");
        assert_eq!(failure.stage, Stage::Scores);
        assert!(failure.message.starts_with("step 1 of 12: scores: "), "{failure:?}");
        assert_eq!(training.parameters.first_step, Some(1));
        assert!(training.parameters.largest > Some(1e-3), "{:?}", training.parameters);
    }
}

fn a_refusing_device_is_named() {
    let device = Faulty { inner: cpu(), fault: Fault::GradientRefused };
    let options = Options { quick: true, only: None, seed: 1 };
    let report = verify(&Devices::of(&device), &options, &Quiet, &mut |_| {});
    assert!(!report.pass() && report.stopped.as_ref().is_some_and(|s| s.contains("on purpose")));
    let last = report.stages.last().expect("a stage");
    assert_eq!((last.stage, last.failures.len()), (Stage::Gradient, 1));
}

fn a_wrong_colour_is_named() {
    let device = Faulty { inner: cpu(), fault: Fault::OneColourInTheNextBin };
    let options = Options { only: Some("describe/all-colours/8x8x8".into()), ..Options::default() };
    let report = verify(&Devices::of(&device), &options, &Quiet, &mut |_| {});
    let failure = &report.stages[0].failures[0];
    assert!(failure.input.contains("the colour R 200, G 30, B 90 (H "), "{failure:?}");
    assert!(failure.input.contains("all 2²⁴ colours, 16777216 pixels"), "{failure:?}");
}
