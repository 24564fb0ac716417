//! What this device reaches at most: a copy too large for any cache, and multiply-adds that wait for nothing. The same work again
//! and again between the stages tells how steady the machine is.

use std::time::Duration;

use super::conditions::Pulse;
use super::run::{Ceiling, Ceilings, On};
use super::sample::{Effort, Run, in_turns, median};
use super::{BenchError, Stage};
use crate::backend::{Backend, DeviceError, DeviceKind, Probe, Timed, reference};
use crate::verify::within;

/// Bytes of the copy, at most; read once and written once.
const COPY: u64 = 256 << 20;

/// The two kinds of work, with their arrays, kept through a run: measured well at its beginning, and once more between stages.
pub(super) struct Prober<'a, B: Backend> {
    backend: &'a B,
    on: On,
    /// Of the copy: from, to and how many numbers.
    from: B::Array<f32>,
    to: B::Array<f32>,
    len: usize,
    probe: Probe,
    sums: B::Array<f32>,
    /// Samples of a pulse; the median of them counts.
    samples: usize,
    pulses: [Vec<f64>; 2],
}

impl<'a, B: Backend> Prober<'a, B> {
    /// Makes the arrays, and holds the multiply-adds against the reference. A pulse takes `samples` samples.
    pub(super) fn new(backend: &'a B, on: On, samples: usize) -> Result<Self, BenchError> {
        let (lanes, copied) = match backend.info().kind {
            // Enough for every lane of a large GPU to be busy for a while.
            DeviceKind::Hardware => (1 << 20, COPY),
            DeviceKind::Cpu | DeviceKind::Software => (1 << 14, COPY / 2),
        };
        let len = (copied.min(backend.info().max_array_bytes) / 4) as usize;
        let (from, to) = (backend.upload(&vec![1.0f32; len])?, backend.zeros::<f32>(len)?);
        // Numbers stay small integers, so that the result is exact; unknown to the compiler, so that it is computed.
        let probe = std::hint::black_box(Probe { lanes, rounds: 2048, factor: -1.0, addend: 3.0 });
        let mut sums = backend.zeros::<f32>(lanes)?;
        let few = Probe { lanes: 1000, rounds: 99, ..probe };
        backend.probe(few, &mut sums)?;
        let got = backend.download(&sums, few.lanes)?;
        within(&reference::probe(few).to_vec(), &got, &vec![0.0; few.lanes]).map_err(|difference| {
            BenchError::Wrong {
                stage: "probe",
                repeat: None,
                device: backend.info().name.clone(),
                difference: Box::new(difference),
            }
        })?;
        Ok(Self { backend, on, from, to, len, probe, sums, samples, pulses: Default::default() })
    }

    /// The wall clock times it: copies are outside of the passes that a device's clock sees, and many of them in a sample
    /// make the way to the queue small.
    fn copy(&mut self, repeats: usize) -> Result<Timed, DeviceError> {
        let Self { backend, from, to, len, .. } = self;
        backend.timed(&mut || (0..repeats).try_for_each(|_| backend.copy((from, 0), (to, 0), *len)))
    }

    fn multiply_add(&mut self, repeats: usize) -> Result<Timed, DeviceError> {
        let Self { backend, probe, sums, .. } = self;
        backend.timed(&mut || (0..repeats).try_for_each(|_| backend.probe(*probe, sums)))
    }

    /// Measures both, on the whole device.
    pub(super) fn ceilings(&mut self, effort: Effort) -> Result<Ceilings, BenchError> {
        let effort = Effort { sample: effort.sample.max(Duration::from_millis(10)), ..effort };
        let (bytes, operations) = (8 * self.len as u64, self.probe.operations());
        Ok(Ceilings {
            copy: sample(|repeats| self.copy(repeats), bytes, effort)?,
            multiply_add: sample(|repeats| self.multiply_add(repeats), operations, effort)?,
        })
    }

    /// Measures both once more, in a few milliseconds.
    pub(super) fn pulse(&mut self) -> Result<(), DeviceError> {
        let (mut copies, mut multiply_adds) = (Vec::new(), Vec::new());
        for _ in 0..self.samples {
            copies.push(self.copy(1)?.wall.as_secs_f64());
            multiply_adds.push(self.multiply_add(1)?.wall.as_secs_f64());
        }
        for (pulse, samples) in self.pulses.iter_mut().zip([copies, multiply_adds]) {
            pulse.push(median(&samples));
        }
        Ok(())
    }

    /// All that was measured so.
    pub(super) fn pulses(self) -> impl Iterator<Item = Pulse> {
        let on = self.on;
        let named = ["copy", "multiply-add"].into_iter().zip(self.pulses);
        named.map(move |(what, seconds)| Pulse { on, what: what.into(), seconds })
    }
}

fn sample(
    run: impl FnMut(usize) -> Result<Timed, DeviceError>,
    amount: u64,
    effort: Effort,
) -> Result<Ceiling, DeviceError> {
    let mut runs: [(On, Run<'_>); 1] = [(On::Device, Box::new(run))];
    let mut series = in_turns(&mut runs, effort)?;
    // One run went in, so one series came out.
    Ok(Ceiling { amount, series: series.remove(0) })
}

/// What should be known of a stage on this device.
pub(super) fn note(stage: Stage, fused: bool, clock: bool) -> String {
    match stage {
        Stage::Objective if fused => "in one pass".into(),
        Stage::Objective => "stage by stage".into(),
        Stage::DescribeFlat | Stage::DescribePhotograph | Stage::DescribeNoise if clock => {
            "pixels on the device".into()
        }
        _ => String::new(),
    }
}
