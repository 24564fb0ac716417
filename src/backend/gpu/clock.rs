//! How long the device itself works: timestamps at both ends of each compute pass, while somebody asks for them.
//! Uploads, copies and the way to the queue and back are not in them; the wall clock has those.

use std::time::{Duration, Instant};

use super::{Gpu, GpuArray};
use crate::backend::{DeviceError, Timed};
use crate::sync::lock;

/// Passes that one measurement can hold: WebGPU allows 4,096 queries in a set.
const PASSES: u32 = 2048;

/// Queries of a device that has timestamps.
#[derive(Debug)]
pub(super) struct Clock {
    queries: wgpu::QuerySet,
    stamps: GpuArray<u32>,
    running: bool,
    passes: u32,
}

impl Clock {
    /// A clock, if the device was opened with timestamps.
    pub(super) fn new(device: &wgpu::Device) -> Option<Self> {
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * PASSES,
        });
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: 2 * 8 * u64::from(PASSES),
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        // A timestamp has 64 bits; arrays have elements of 32.
        let stamps = GpuArray::wrap(buffer, 2 * 2 * PASSES as usize);
        Some(Self { queries, stamps, running: false, passes: 0 })
    }

    /// Where the next pass writes its two timestamps; nowhere while nothing is measured or when the set is full.
    pub(super) fn pass(&mut self) -> Option<(wgpu::QuerySet, u32)> {
        if !self.running {
            return None;
        }
        self.passes += 1;
        (self.passes <= PASSES).then(|| (self.queries.clone(), 2 * (self.passes - 1)))
    }
}

impl Gpu {
    /// Runs `work` to its end with the clock running.
    pub(super) fn clocked(
        &self,
        work: &mut dyn FnMut() -> Result<(), DeviceError>,
    ) -> Result<Timed, DeviceError> {
        self.flush()?;
        self.wait(None)?;
        self.run_clock(true);
        let start = Instant::now();
        let done = work().and_then(|()| self.flush()).and_then(|()| self.wait(None));
        let wall = start.elapsed();
        let passes = self.run_clock(false);
        done?;
        let device = if passes == 0 || passes > PASSES { None } else { self.stamped(passes)? };
        // A device cannot have worked longer than it took: such a clock is not to be believed.
        Ok(Timed { device: device.filter(|d| *d <= wall), wall })
    }

    /// Starts or stops the clock; how many passes were recorded since it was started.
    fn run_clock(&self, running: bool) -> u32 {
        let mut recorder = lock(&self.recorder);
        let Some(clock) = &mut recorder.clock else { return 0 };
        clock.running = running;
        if running { std::mem::take(&mut clock.passes) } else { clock.passes }
    }

    /// Reads the timestamps of `passes` passes back; what they add up to, if they make sense.
    fn stamped(&self, passes: u32) -> Result<Option<Duration>, DeviceError> {
        let mut recorder = lock(&self.recorder);
        let Some(clock) = recorder.clock.take() else { return Ok(None) };
        let count = 4 * passes as usize;
        recorder.encoder(&self.device).resolve_query_set(
            &clock.queries,
            0..2 * passes,
            clock.stamps.of(count),
            0,
        );
        drop(recorder);
        let words = self.read_back(&clock.stamps, count);
        lock(&self.recorder).clock = Some(clock);
        let stamps: Vec<[u64; 2]> = words?
            .chunks_exact(4)
            .map(|w| [[w[0], w[1]], [w[2], w[3]]].map(|[low, high]| u64::from(low) | u64::from(high) << 32))
            .collect();
        let nanoseconds =
            busy(&stamps).map(|ticks| ticks as f64 * f64::from(self.queue.get_timestamp_period()));
        Ok(nanoseconds.filter(|&ns| ns > 0.0).map(|ns| Duration::from_secs_f64(ns * 1e-9)))
    }
}

/// Ticks in which at least one pass ran; passes that run at the same time are not counted twice. None where one
/// ends before it begins, which is what drivers write that only pretend to have timestamps.
fn busy(stamps: &[[u64; 2]]) -> Option<u64> {
    let mut spans = stamps.to_vec();
    spans.sort_unstable();
    let (mut ticks, mut until) = (0, 0);
    for [begin, end] in spans {
        if end < begin {
            return None;
        }
        ticks += end.saturating_sub(begin.max(until));
        until = until.max(end);
    }
    Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::busy;

    #[test]
    fn passes_are_added_up_and_overlaps_counted_once() {
        assert_eq!(busy(&[]), Some(0));
        assert_eq!(busy(&[[10, 15], [20, 22]]), Some(7));
        assert_eq!(busy(&[[20, 30], [10, 25], [12, 14]]), Some(20));
        assert_eq!(busy(&[[10, 9]]), None);
    }
}
