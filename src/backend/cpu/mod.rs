//! The stages in f32 on all cores, one file a stage.
//!
//! Vector instructions are chosen at run time (`pulp`: AVX-512, AVX2 with FMA, NEON, or none), work is divided over
//! rayon's threads, and sums are divided by shape alone: the number of threads never changes a result.

mod adam;
mod array;
mod compress;
mod describe;
mod elementary;
mod gradient;
mod hinge;
mod loss;
mod models;
mod normalize;
mod objective;
mod objective_sparse;
#[cfg(target_arch = "x86_64")]
mod packed;
mod probe;
mod reduce;
mod scores;
mod sigmoid;
mod softmax;
mod step;
mod tile;

pub use array::CpuArray;

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::{
    Adam, Backend, Bins, DeviceError, DeviceInfo, DeviceKind, Element, Labels, Lend, Models, Pictures, Probe,
    Rows, Sparse, SparseRows, Splits, Step, Timed,
};

/// Rows of a partial sum come in multiples of this: shorter ones would cost more to add up than they save.
const SPLIT_ROWS: usize = 128;
/// Partial sums, at most: several for each of many cores.
const SPLITS: usize = 64;

/// Elements that one thread copies.
const COPY: usize = 1 << 20;

/// All cores of this machine.
#[derive(Debug, Clone)]
pub struct Cpu {
    info: DeviceInfo,
    arch: pulp::Arch,
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl Cpu {
    /// The processor with the widest vectors it has.
    #[must_use]
    pub fn new() -> Self {
        let arch = pulp::Arch::new();
        let vectors = format!("{arch:?}");
        let driver = match vectors.split('(').next() {
            Some("V4") => "AVX-512",
            Some("V3") => "AVX2",
            Some("Neon") => "NEON",
            _ => "no vector instructions",
        };
        let info = DeviceInfo {
            name: std::env::consts::ARCH.into(),
            backend: "cpu".into(),
            driver: driver.into(),
            kind: DeviceKind::Cpu,
            max_array_bytes: isize::MAX as u64,
            threads: rayon::current_num_threads(),
        };
        Self { info, arch }
    }

    /// Room for an array of `len` numbers.
    fn room<T: Element>(&self, len: usize) -> Result<Vec<T>, DeviceError> {
        array::room(len).map_err(|reason| DeviceError::OutOfMemory {
            device: self.info.to_string(),
            asked: format!(
                " for {} more",
                crate::backend::info::size(len.saturating_mul(size_of::<T>()) as u64)
            ),
            reason: reason.to_string(),
            way_out: "give it less at a time (--memory with less than there is), or fewer --bins",
        })
    }
}

impl Backend for Cpu {
    type Array<T: Element> = CpuArray<T>;

    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn zeros<T: Element>(&self, len: usize) -> Result<CpuArray<T>, DeviceError> {
        let mut values = self.room(len)?;
        values.resize(len, T::zeroed());
        Ok(values.into())
    }

    fn upload<T: Element>(&self, values: &[T]) -> Result<CpuArray<T>, DeviceError> {
        let mut own = self.room(values.len())?;
        own.extend_from_slice(values);
        Ok(own.into())
    }

    fn lend(&self, owner: Arc<dyn Lend>) -> Option<CpuArray<f32>> {
        Some(CpuArray::lent(owner))
    }

    fn seen<'a, T: Element>(&self, array: &'a CpuArray<T>) -> Option<&'a [T]> {
        Some(array)
    }

    fn write<T: Element>(&self, array: &mut CpuArray<T>, at: usize, values: &[T]) -> Result<(), DeviceError> {
        array[at..at + values.len()].copy_from_slice(values);
        Ok(())
    }

    fn copy<T: Element>(
        &self,
        (from, from_at): (&CpuArray<T>, usize),
        (to, to_at): (&mut CpuArray<T>, usize),
        len: usize,
    ) -> Result<(), DeviceError> {
        let (from, to) = (&from[from_at..from_at + len], &mut to[to_at..to_at + len]);
        if len <= COPY {
            to.copy_from_slice(from);
        } else {
            // One core alone does not reach what the memory of most machines gives.
            to.par_chunks_mut(COPY)
                .zip(from.par_chunks(COPY))
                .for_each(|(to, from)| to.copy_from_slice(from));
        }
        Ok(())
    }

    fn download<T: Element>(&self, array: &CpuArray<T>, len: usize) -> Result<Vec<T>, DeviceError> {
        Ok(array[..len].to_vec())
    }

    fn describe(
        &self,
        pictures: &Pictures,
        bins: &Bins,
        counts: &mut CpuArray<u32>,
    ) -> Result<(), DeviceError> {
        describe::describe(self.arch, pictures, bins, counts);
        Ok(())
    }

    fn normalize(
        &self,
        counts: &CpuArray<u32>,
        rows: usize,
        columns: usize,
        features: &mut CpuArray<f32>,
    ) -> Result<(), DeviceError> {
        normalize::normalize(&counts[..rows * columns], columns, features);
        Ok(())
    }

    fn scores(
        &self,
        rows: &Rows<'_, Self>,
        parameters: &CpuArray<f32>,
        outputs: usize,
        scores: &mut CpuArray<f32>,
    ) -> Result<(), DeviceError> {
        scores::scores(self.arch, rows, parameters, outputs, scores);
        Ok(())
    }

    fn loss(
        &self,
        rows: &Rows<'_, Self>,
        labels: &Labels<'_, Self>,
        scores: &CpuArray<f32>,
        outputs: usize,
        residual: &mut CpuArray<f32>,
        losses: &mut CpuArray<f32>,
    ) -> Result<(), DeviceError> {
        loss::loss(self.arch, rows, labels, scores, outputs, residual, losses);
        Ok(())
    }

    fn gradient(
        &self,
        rows: &Rows<'_, Self>,
        residual: &CpuArray<f32>,
        outputs: usize,
        partials: &mut CpuArray<f32>,
    ) -> Result<(), DeviceError> {
        let splits = self.splits(rows.count, rows.columns, outputs);
        gradient::gradient(self.arch, rows, splits, residual, outputs, partials);
        Ok(())
    }

    fn splits(&self, rows: usize, columns: usize, outputs: usize) -> Splits {
        Splits::new(rows, SPLIT_ROWS, SPLITS, outputs * (columns + 2), self.info.max_array_bytes)
    }

    fn fuses(&self, _columns: usize, _outputs: usize, _models: Models) -> bool {
        true
    }

    fn objective(
        &self,
        rows: &Rows<'_, Self>,
        labels: &Labels<'_, Self>,
        parameters: &CpuArray<f32>,
        outputs: usize,
        partials: &mut CpuArray<f32>,
    ) -> Result<(), DeviceError> {
        let splits = self.splits(rows.count, rows.columns, outputs);
        objective::objective(self.arch, rows, splits, labels, parameters, outputs, partials);
        Ok(())
    }

    fn sparse_below(&self, rows: usize, columns: usize, outputs: usize) -> Option<f64> {
        Some(objective_sparse::below(rows, columns, outputs))
    }

    fn compress(
        &self,
        features: &CpuArray<f32>,
        rows: usize,
        columns: usize,
        below: f64,
    ) -> Result<Option<Sparse<Self>>, DeviceError> {
        let parts = compress::compress(&features[..rows * columns], columns, below);
        Ok(parts.map(|(offsets, indices, values)| Sparse {
            offsets: offsets.into(),
            columns: indices.into(),
            values: values.into(),
            width: columns,
        }))
    }

    fn objective_sparse(
        &self,
        rows: &SparseRows<'_, Self>,
        labels: &Labels<'_, Self>,
        parameters: &CpuArray<f32>,
        outputs: usize,
        partials: &mut CpuArray<f32>,
    ) -> Result<(), DeviceError> {
        let splits = self.splits(rows.count, rows.width, outputs);
        objective_sparse::objective(self.arch, rows, splits, labels, parameters, outputs, partials);
        Ok(())
    }

    fn reduce(
        &self,
        partials: &CpuArray<f32>,
        rows: usize,
        columns: usize,
        sums: &mut CpuArray<f32>,
        at: usize,
        accumulate: bool,
    ) -> Result<(), DeviceError> {
        reduce::reduce(&partials[..rows * columns], &mut sums[at..at + columns], accumulate);
        Ok(())
    }

    fn timed(&self, work: &mut dyn FnMut() -> Result<(), DeviceError>) -> Result<Timed, DeviceError> {
        let start = Instant::now();
        work()?;
        Ok(Timed { device: None, wall: start.elapsed() })
    }

    fn probe(&self, probe: Probe, sums: &mut CpuArray<f32>) -> Result<(), DeviceError> {
        probe::probe(self.arch, probe, sums);
        Ok(())
    }

    fn step(
        &self,
        parameters: &mut CpuArray<f32>,
        velocity: &mut CpuArray<f32>,
        gradient: &CpuArray<f32>,
        weights: usize,
        len: usize,
        step: Step,
    ) -> Result<(), DeviceError> {
        step::step(&mut parameters[..len], &mut velocity[..len], &gradient[..len], weights, step);
        Ok(())
    }

    fn adam(
        &self,
        parameters: &mut CpuArray<f32>,
        [first, second]: [&mut CpuArray<f32>; 2],
        gradient: &CpuArray<f32>,
        weights: usize,
        len: usize,
        adam: Adam,
    ) -> Result<(), DeviceError> {
        let moments = [&mut first[..len], &mut second[..len]];
        adam::adam(&mut parameters[..len], moments, &gradient[..len], weights, adam);
        Ok(())
    }
}

/// Row `i` of `rows` on the CPU.
fn row<'a>(rows: &Rows<'a, Cpu>, i: usize) -> &'a [f32] {
    let at = rows.index[rows.first + i] as usize * rows.columns;
    &rows.features[at..at + rows.columns]
}
