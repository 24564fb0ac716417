//! A feature matrix on a device, in chunks that fit the largest array the device allows.

use std::sync::Arc;

use super::{Budget, FeaturesError, Source};
use crate::backend::{Backend, DeviceError, Sparse};

/// Numbers that are read from a source at a time.
const BLOCK: usize = 2 << 20;

/// Features of many pictures, rows × columns, in the memory of a device.
#[derive(Debug)]
pub struct Matrix<B: Backend> {
    chunks: Vec<B::Array<f32>>,
    rows: usize,
    columns: usize,
    chunk_rows: usize,
}

impl<B: Backend> Matrix<B> {
    /// A matrix of zeros.
    ///
    /// # Errors
    /// The device has no memory for it, or cannot hold even one row in an array.
    pub fn zeros(backend: &B, rows: usize, columns: usize) -> Result<Self, DeviceError> {
        let limit = backend.info().max_array_bytes;
        let row_bytes = 4 * columns as u64;
        let chunk_rows = usize::try_from(limit / row_bytes).unwrap_or(usize::MAX).min(rows.max(1));
        if chunk_rows == 0 {
            return Err(DeviceError::ArrayTooLarge {
                device: backend.info().name.clone(),
                what: "one row of features".into(),
                bytes: row_bytes,
                limit,
                way_out: "use fewer bins, or --device cpu",
            });
        }
        let chunks = (0..rows)
            .step_by(chunk_rows)
            .map(|first| backend.zeros(chunk_rows.min(rows - first) * columns))
            .collect::<Result<_, _>>()?;
        Ok(Self { chunks, rows, columns, chunk_rows })
    }

    /// Features that are in host memory: rows of `columns` numbers.
    ///
    /// # Errors
    /// As for [`zeros`](Self::zeros); a number that is infinite or none, by its row and column.
    pub fn upload(backend: &B, features: &[f32], columns: usize) -> Result<Self, FeaturesError> {
        check_finite(features, columns, 0)?;
        let mut matrix = Self::zeros(backend, features.len() / columns, columns)?;
        let len = matrix.chunk_rows * columns;
        for (chunk, values) in matrix.chunks.iter_mut().zip(features.chunks(len)) {
            backend.write(chunk, 0, values)?;
        }
        Ok(matrix)
    }

    /// The rows of `source`.
    ///
    /// # Errors
    /// As for [`upload`](Self::upload); rows that cannot be read.
    pub fn load(backend: &B, source: Arc<dyn Source>, _budget: &Budget) -> Result<Self, FeaturesError> {
        let (rows, columns) = (source.rows(), source.columns());
        let mut matrix = Self::zeros(backend, rows, columns)?;
        let most = (BLOCK / columns).max(1);
        let mut block = vec![0.0; most.min(rows) * columns];
        let mut first = 0;
        while first < rows {
            let (chunk, row) = matrix.place(first);
            let count = most.min(rows - first).min(matrix.chunk_rows - row);
            let block = &mut block[..count * columns];
            source.read(first, block)?;
            check_finite(block, columns, first)?;
            backend.write(&mut matrix.chunks[chunk], row * columns, block)?;
            first += count;
        }
        Ok(matrix)
    }

    /// Copies `count` rows of `features` into the matrix from row `first` on, device to device.
    ///
    /// # Errors
    /// The device was lost.
    pub fn put(
        &mut self,
        backend: &B,
        first: usize,
        features: &B::Array<f32>,
        count: usize,
    ) -> Result<(), DeviceError> {
        let mut done = 0;
        while done < count {
            let (chunk, row) = self.place(first + done);
            let n = (count - done).min(self.chunk_rows - row);
            let from = (features, done * self.columns);
            backend.copy(from, (&mut self.chunks[chunk], row * self.columns), n * self.columns)?;
            done += n;
        }
        Ok(())
    }

    /// Reads the whole matrix back, row after row.
    ///
    /// # Errors
    /// The device was lost.
    pub fn download(&self, backend: &B) -> Result<Vec<f32>, DeviceError> {
        let mut values = Vec::with_capacity(self.rows * self.columns);
        for (i, chunk) in self.chunks.iter().enumerate() {
            let rows = self.chunk_rows.min(self.rows - i * self.chunk_rows);
            values.extend(backend.download(chunk, rows * self.columns)?);
        }
        Ok(values)
    }

    /// Reads `rows` back, in the order given.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn gather(&self, backend: &B, rows: &[usize]) -> Result<Vec<f32>, DeviceError> {
        let columns = self.columns;
        let most =
            (usize::try_from(backend.info().max_array_bytes).unwrap_or(usize::MAX) / 4 / columns).max(1);
        let mut values = Vec::with_capacity(rows.len() * columns);
        let mut gathered = backend.zeros(rows.len().min(most) * columns)?;
        for part in rows.chunks(most) {
            for (at, &row) in part.iter().enumerate() {
                let (chunk, from) = self.place(row);
                backend.copy(
                    (&self.chunks[chunk], from * columns),
                    (&mut gathered, at * columns),
                    columns,
                )?;
            }
            values.extend(backend.download(&gathered, part.len() * columns)?);
        }
        Ok(values)
    }

    /// The chunks of which less than a share of `below` is not zero, without their zeros; none where there is no such share.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn sparse(&self, backend: &B, below: Option<f64>) -> Result<Vec<Option<Sparse<B>>>, DeviceError> {
        let compress = |(i, chunk): (usize, &B::Array<f32>)| match below {
            Some(below) => {
                let rows = self.chunk_rows.min(self.rows - i * self.chunk_rows);
                backend.compress(chunk, rows, self.columns, below)
            }
            None => Ok(None),
        };
        self.chunks.iter().enumerate().map(compress).collect()
    }

    /// N.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// D.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The chunks, all but the last of the same number of rows.
    #[must_use]
    pub fn chunks(&self) -> &[B::Array<f32>] {
        &self.chunks
    }

    /// Rows of every chunk but the last, which may have fewer.
    #[must_use]
    pub fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// Chunk of a row, and its row there.
    #[must_use]
    pub fn place(&self, row: usize) -> (usize, usize) {
        (row / self.chunk_rows, row % self.chunk_rows)
    }
}

/// Fails at the first number that is none, in rows of which the first is row `first`.
pub(crate) fn check_finite(features: &[f32], columns: usize, first: usize) -> Result<(), FeaturesError> {
    match features.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (first + at / columns, at % columns);
            Err(FeaturesError::NotFinite { row, column, value: features[at] })
        }
    }
}
