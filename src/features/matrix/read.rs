//! Reading a matrix back, whole or in part, and looking at all of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::{Held, Matrix};
use crate::backend::{Backend, DeviceError, Sparse};
use crate::features::reader::{PIECE, Reader, Wanted, check_finite};
use crate::features::{FeaturesError, Source};

/// Numbers that are looked at on the host at a time.
const BLOCK: usize = 2 << 20;

impl<B: Backend> Matrix<B> {
    /// Gives `take` all rows, block by block in their order: the first row of a block, and the block.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk); what `take` returns.
    pub(in crate::features) fn blocks(
        &self,
        backend: &B,
        mut take: impl FnMut(usize, &[f32]) -> Result<(), FeaturesError>,
    ) -> Result<(), FeaturesError> {
        let columns = self.columns;
        let chunks = match &self.held {
            Held::Device(chunks) => chunks,
            Held::InPlace(_, source) | Held::Streamed(_, source) => {
                blocks_of(source.clone(), take)?;
                self.checked.store(true, Ordering::Relaxed);
                return Ok(());
            }
        };
        let most = (BLOCK / columns).max(1).min(self.chunk_rows);
        let mut block = None;
        for (i, chunk) in chunks.iter().enumerate() {
            let (first, count) = (i * self.chunk_rows, self.rows_of(i));
            if let Some(values) = backend.seen(chunk) {
                take(first, &values[..count * columns])?;
                continue;
            }
            for at in (0..count).step_by(most) {
                let len = most.min(count - at) * columns;
                let block = match &mut block {
                    Some(block) => block,
                    none => none.insert(backend.zeros(most * columns)?),
                };
                backend.copy((chunk, at * columns), (block, 0), len)?;
                take(first + at, &backend.download(block, len)?)?;
            }
        }
        Ok(())
    }

    /// Reads the whole matrix back, row after row.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk).
    pub fn download(&self, backend: &B) -> Result<Vec<f32>, DeviceError> {
        let mut values = Vec::with_capacity(self.rows * self.columns);
        let take = |_: usize, block: &[f32]| {
            values.extend_from_slice(block);
            Ok(())
        };
        self.blocks(backend, take).map_err(FeaturesError::fed)?;
        Ok(values)
    }

    /// Reads `rows` back, in the order given.
    ///
    /// # Errors
    /// The device was lost or has no memory left; rows cannot be read.
    pub fn gather(&self, backend: &B, rows: &[usize]) -> Result<Vec<f32>, DeviceError> {
        let columns = self.columns;
        let chunks = match &self.held {
            Held::Device(chunks) => chunks,
            Held::InPlace(_, source) | Held::Streamed(_, source) => {
                let (mut values, wanted) = (Vec::new(), Wanted::Picked(Arc::new(rows.to_vec())));
                crate::features::reader::read(source.as_ref(), &wanted, &mut values)
                    .map_err(FeaturesError::fed)?;
                return Ok(values);
            }
        };
        let most =
            (usize::try_from(backend.info().max_array_bytes).unwrap_or(usize::MAX) / 4 / columns).max(1);
        let mut values = Vec::with_capacity(rows.len() * columns);
        let mut gathered = backend.zeros(rows.len().min(most) * columns)?;
        for part in rows.chunks(most) {
            for (at, &row) in part.iter().enumerate() {
                let (chunk, from) = self.place(row);
                backend.copy((&chunks[chunk], from * columns), (&mut gathered, at * columns), columns)?;
            }
            values.extend(backend.download(&gathered, part.len() * columns)?);
        }
        Ok(values)
    }

    /// The chunks of which less than a share of `below` is not zero, without their zeros; none where there is no such share, where
    /// rows pass through the device, or where the host has no room for them.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk).
    pub fn sparse(&self, backend: &B, below: Option<f64>) -> Result<Vec<Option<Sparse<B>>>, DeviceError> {
        let count = self.chunk_count();
        let Some(below) = below.filter(|_| !matches!(self.held, Held::Streamed(..))) else {
            return Ok((0..count).map(|_| None).collect());
        };
        // A number takes its column with it, a row its end.
        let room = self.spare.saturating_sub(4 * self.rows as u64) as f64;
        let fits = room / (8 * self.rows.max(1) as u64 * self.columns as u64) as f64;
        let compress = |i: usize| {
            let chunk = self.chunk(backend, i)?;
            backend.compress(&chunk, self.rows_of(i), self.columns, below.min(fits))
        };
        (0..count).map(compress).collect()
    }
}

/// Gives `take` all rows of `source`, block by block in their order; the next block is read meanwhile. Fails at a number that is none.
pub(super) fn blocks_of(
    source: Arc<dyn Source>,
    mut take: impl FnMut(usize, &[f32]) -> Result<(), FeaturesError>,
) -> Result<(), FeaturesError> {
    let (rows, columns) = (source.rows(), source.columns());
    let most = (BLOCK / columns).max(1);
    if let Some(values) = source.in_place() {
        let piece = (PIECE / columns).max(1);
        for (i, block) in values.chunks(most * columns).enumerate() {
            let first = i * most;
            source.ahead(first + most, most);
            block.par_chunks(piece * columns).enumerate().try_for_each(|(p, part)| {
                check_finite(part, columns, source.file(), |row| first + p * piece + row)
            })?;
            take(first, block)?;
        }
        return Ok(());
    }
    let reader = Reader::new(source);
    let run = |first: usize| Wanted::Run { first, count: most.min(rows - first) };
    let mut coming = (rows > 0).then(|| reader.ask(run(0), Vec::new()));
    let mut spare = Vec::new();
    for first in (0..rows).step_by(most) {
        let Some(pending) = coming.take() else { break };
        let block = pending.wait()?;
        if first + most < rows {
            coming = Some(reader.ask(run(first + most), std::mem::take(&mut spare)));
        }
        take(first, &block)?;
        spare = block;
    }
    Ok(())
}
