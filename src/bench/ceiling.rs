//! What this device reaches at most: a copy too large for any cache, and multiply-adds that wait for nothing.

use std::time::Duration;

use super::run::{Ceiling, Ceilings, On};
use super::sample::{Effort, Run, in_turns};
use super::{BenchError, Stage};
use crate::backend::{Backend, DeviceError, DeviceKind, Probe, Timed, reference};
use crate::verify::within;

/// Bytes of the copy, at most; read once and written once.
const COPY: u64 = 256 << 20;

/// Measures both, on the whole device.
pub(super) fn ceilings<B: Backend>(backend: &B, effort: Effort) -> Result<Ceilings, BenchError> {
    let effort = Effort { sample: effort.sample.max(Duration::from_millis(10)), ..effort };
    let (lanes, rounds, copied) = match backend.info().kind {
        // Enough for every lane of a large GPU to be busy for a while.
        DeviceKind::Hardware => (1 << 20, 2048, COPY),
        DeviceKind::Cpu | DeviceKind::Software => (1 << 14, 2048, COPY / 2),
    };
    Ok(Ceilings {
        copy: copy(backend, copied, effort)?,
        multiply_add: multiply_add(backend, lanes, rounds, effort)?,
    })
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

/// The wall clock times it: copies are outside of the passes that a device's clock sees, and many of them in a sample make
/// the way to the queue small.
fn copy<B: Backend>(backend: &B, bytes: u64, effort: Effort) -> Result<Ceiling, BenchError> {
    let len = (bytes.min(backend.info().max_array_bytes) / 4) as usize;
    let from = backend.upload(&vec![1.0f32; len])?;
    let mut to = backend.zeros::<f32>(len)?;
    let run = |repeats| {
        let mut copies = || (0..repeats).try_for_each(|_| backend.copy((&from, 0), (&mut to, 0), len));
        backend.timed(&mut copies)
    };
    Ok(sample(run, 8 * len as u64, effort)?)
}

fn multiply_add<B: Backend>(
    backend: &B,
    lanes: usize,
    rounds: u32,
    effort: Effort,
) -> Result<Ceiling, BenchError> {
    // Numbers stay small integers, so that the result is exact; unknown to the compiler, so that it is computed.
    let probe = std::hint::black_box(Probe { lanes, rounds, factor: -1.0, addend: 3.0 });
    let mut sums = backend.zeros::<f32>(lanes)?;
    let few = Probe { lanes: 1000, rounds: 99, ..probe };
    backend.probe(few, &mut sums)?;
    let got = backend.download(&sums, few.lanes)?;
    within(&reference::probe(few).to_vec(), &got, &vec![0.0; few.lanes]).map_err(|difference| {
        BenchError::Wrong { stage: "probe", device: backend.info().name.clone(), difference }
    })?;
    let run = |repeats| backend.timed(&mut || (0..repeats).try_for_each(|_| backend.probe(probe, &mut sums)));
    Ok(sample(run, probe.operations(), effort)?)
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
