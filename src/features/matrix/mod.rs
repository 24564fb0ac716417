//! A feature matrix in chunks, for a device to compute on: in its memory, where the rows lie on the host, or passing through it.

mod read;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::read::blocks_of;
use super::load::rows_of_an_array;
use super::reader::check_finite;
use super::stream::{Slab, Stream};
use super::{Budget, FeaturesError, Source};
use crate::backend::{Backend, DeviceError};

/// Features of many pictures, rows × columns. They are used chunk by chunk; a chunk fits the largest array of the device.
#[derive(Debug)]
pub struct Matrix<B: Backend> {
    held: Held<B>,
    rows: usize,
    columns: usize,
    chunk_rows: usize,
    /// Rows of a chunk where the device has room for all of them.
    whole_rows: usize,
    /// Bytes of the host that may be taken for what makes passes faster.
    spare: u64,
    note: Option<String>,
    /// Whether every number has been looked at.
    checked: AtomicBool,
}

/// Where the rows are.
#[derive(Debug)]
pub(in crate::features) enum Held<B: Backend> {
    /// In the memory of the device.
    Device(Vec<B::Array<f32>>),
    /// On the host, and the device computes there: one chunk.
    InPlace(B::Array<f32>, Arc<dyn Source>),
    /// On the host, and pass through the device.
    Streamed(Box<Stream<B>>, Arc<dyn Source>),
}

/// A chunk of a [`Matrix`], for as long as it is used.
#[derive(Debug)]
pub enum Chunk<'a, B: Backend> {
    /// It stays where it is.
    Here(&'a B::Array<f32>),
    /// It is on its way through; the room it takes is used again when nobody has it any more.
    Passing(Arc<B::Array<f32>>),
}

impl<B: Backend> Deref for Chunk<'_, B> {
    type Target = B::Array<f32>;

    fn deref(&self) -> &B::Array<f32> {
        match self {
            Self::Here(array) => array,
            Self::Passing(array) => array,
        }
    }
}

impl<B: Backend> Matrix<B> {
    /// A matrix of zeros in the memory of the device.
    ///
    /// # Errors
    /// The device has no memory for it, or cannot hold even one row in an array.
    pub fn zeros(backend: &B, rows: usize, columns: usize) -> Result<Self, DeviceError> {
        let chunk_rows = rows_of_an_array(backend, columns)?.min(rows.max(1));
        let chunks = (0..rows)
            .step_by(chunk_rows)
            .map(|first| backend.zeros(chunk_rows.min(rows - first) * columns))
            .collect::<Result<_, _>>()?;
        Ok(Self::new(Held::Device(chunks), [rows, columns], chunk_rows, chunk_rows))
    }

    /// Rows that are `held` in chunks of `chunk_rows`.
    pub(in crate::features) fn new(
        held: Held<B>,
        [rows, columns]: [usize; 2],
        chunk_rows: usize,
        whole_rows: usize,
    ) -> Self {
        let checked = AtomicBool::new(!matches!(held, Held::InPlace(..)));
        Self { held, rows, columns, chunk_rows, whole_rows, spare: u64::MAX, note: None, checked }
    }

    /// The same, with so many bytes of the host that may be taken for what makes passes faster.
    #[must_use]
    pub(crate) fn with_spare(self, spare: u64) -> Self {
        Self { spare, ..self }
    }

    /// The same, with what is to be said of where the rows are.
    pub(in crate::features) fn with_note(self, note: String) -> Self {
        Self { note: Some(note), ..self }
    }

    /// Features that are in host memory: rows of `columns` numbers.
    ///
    /// # Errors
    /// As for [`zeros`](Self::zeros); a number that is infinite or none, by its row and column.
    pub fn upload(backend: &B, features: &[f32], columns: usize) -> Result<Self, FeaturesError> {
        check_finite(features, columns, None, |row| row)?;
        let mut matrix = Self::zeros(backend, features.len() / columns, columns)?;
        let len = matrix.chunk_rows * columns;
        for (chunk, values) in matrix.on_device().iter_mut().zip(features.chunks(len)) {
            backend.write(chunk, 0, values)?;
        }
        Ok(matrix)
    }

    /// The rows of `source`, within `budget`: where they lie if the device computes there, in the memory of the device if they fit
    /// it, else passing through it whenever they are used. [`note`](Self::note) says which.
    ///
    /// Rows that are used where they lie, or that pass through, are looked at for numbers that are none when they are used first.
    ///
    /// # Errors
    /// As for [`upload`](Self::upload); rows that cannot be read; a budget that nothing fits.
    pub fn load(backend: &B, source: Arc<dyn Source>, budget: &Budget) -> Result<Self, FeaturesError> {
        super::load::load(backend, source, budget)
    }

    /// Reads all rows of `source` into the memory of the device, which is there.
    pub(in crate::features) fn fill(
        &mut self,
        backend: &B,
        source: Arc<dyn Source>,
    ) -> Result<(), FeaturesError> {
        let (columns, chunk_rows) = (self.columns, self.chunk_rows);
        blocks_of(source, |first, values| {
            let (mut at, count) = (0, values.len() / columns);
            while at < count {
                let (chunk, row) = ((first + at) / chunk_rows, (first + at) % chunk_rows);
                let n = (count - at).min(chunk_rows - row);
                let part = &values[at * columns..(at + n) * columns];
                backend.write(&mut self.on_device()[chunk], row * columns, part)?;
                at += n;
            }
            Ok(())
        })
    }

    /// The chunks of a matrix in the memory of the device.
    ///
    /// # Panics
    /// It is none.
    fn on_device(&mut self) -> &mut [B::Array<f32>] {
        match &mut self.held {
            Held::Device(chunks) => chunks,
            Held::InPlace(..) | Held::Streamed(..) => {
                panic!("only rows in the memory of the device are written to")
            }
        }
    }

    /// Copies `count` rows of `features` into the matrix from row `first` on, device to device.
    ///
    /// # Errors
    /// The device was lost.
    ///
    /// # Panics
    /// The matrix was not made by [`zeros`](Self::zeros) or [`upload`](Self::upload).
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
            let (from, columns) = ((features, done * self.columns), self.columns);
            backend.copy(from, (&mut self.on_device()[chunk], row * columns), n * columns)?;
            done += n;
        }
        Ok(())
    }

    /// The same rows in another order: row i of this one becomes row `places[i]`.
    ///
    /// # Errors
    /// The device was lost or has no memory left for a second matrix.
    ///
    /// # Panics
    /// The matrix was not made by [`zeros`](Self::zeros) or [`upload`](Self::upload).
    pub fn placed(mut self, backend: &B, places: &[usize]) -> Result<Self, DeviceError> {
        let (columns, chunk_rows) = (self.columns, self.chunk_rows);
        let mut to = Self::zeros(backend, self.rows, columns)?;
        let place = |row: usize| (row / chunk_rows, row % chunk_rows);
        // Neighbours that stay neighbours are copied together.
        let mut first = 0;
        for run in places.chunk_by(|&a, &b| b == a + 1) {
            let mut done = 0;
            while done < run.len() {
                let ((from, from_row), (chunk, row)) = (place(first + done), place(run[0] + done));
                let n = (run.len() - done).min(chunk_rows - from_row).min(chunk_rows - row);
                let source = (&self.on_device()[from], from_row * columns);
                backend.copy(source, (&mut to.on_device()[chunk], row * columns), n * columns)?;
                done += n;
            }
            first += run.len();
        }
        Ok(to)
    }

    /// Chunk `i`, to be used and let go before the next one is asked for: of rows that pass through the device, the one that
    /// followed it the last time is read meanwhile.
    ///
    /// # Errors
    /// The device was lost or has no memory left; rows cannot be read; one of their numbers is none.
    pub fn chunk(&self, backend: &B, i: usize) -> Result<Chunk<'_, B>, DeviceError> {
        match &self.held {
            Held::Device(chunks) => Ok(Chunk::Here(&chunks[i])),
            Held::InPlace(array, source) => {
                if !self.checked.load(Ordering::Relaxed) {
                    blocks_of(source.clone(), |_, _| Ok(())).map_err(FeaturesError::fed)?;
                    self.checked.store(true, Ordering::Relaxed);
                }
                Ok(Chunk::Here(array))
            }
            Held::Streamed(stream, _) => stream.chunk(backend, i).map(Chunk::Passing),
        }
    }

    /// Hands the device the chunk that comes next, if rows pass through it: it takes it while it works on what was recorded.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk).
    pub fn prepare(&self, backend: &B) -> Result<(), DeviceError> {
        match &self.held {
            Held::Streamed(stream, _) => stream.prepare(backend),
            _ => Ok(()),
        }
    }

    /// How many rows a [`slab`](Self::slab) may have, where rows pass through the device; else none.
    pub(crate) fn slab_rows(&self) -> Option<usize> {
        matches!(self.held, Held::Streamed(..)).then_some(self.chunk_rows)
    }

    /// The rows of `slab`, of a matrix that has [`slab_rows`](Self::slab_rows); those of `next` are read meanwhile.
    ///
    /// # Errors
    /// As for [`chunk`](Self::chunk).
    pub(crate) fn slab(
        &self,
        backend: &B,
        slab: &Slab,
        next: Option<&Slab>,
    ) -> Result<Chunk<'_, B>, DeviceError> {
        match &self.held {
            Held::Streamed(stream, _) => stream.slab(backend, slab, next).map(Chunk::Passing),
            _ => Err(DeviceError::Fed {
                reason: "rows that do not pass through the device have no slabs".into(),
            }),
        }
    }

    /// Whether rows pass through the device, and reading a few of them here and there takes about as much as reading all.
    #[must_use]
    pub fn in_blocks(&self) -> bool {
        matches!(&self.held, Held::Streamed(_, source) if source.in_blocks())
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

    /// How many chunks there are, all but the last of the same number of rows.
    #[must_use]
    pub fn chunk_count(&self) -> usize {
        self.rows.div_ceil(self.chunk_rows)
    }

    /// Rows of every chunk but the last, which may have fewer.
    #[must_use]
    pub fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// Rows of chunk `i`.
    #[must_use]
    pub fn rows_of(&self, i: usize) -> usize {
        self.chunk_rows.min(self.rows - i * self.chunk_rows)
    }

    /// What [`chunk_rows`](Self::chunk_rows) is where the device has room for all rows: the order of mini-batches goes by it.
    #[must_use]
    pub fn whole_rows(&self) -> usize {
        self.whole_rows
    }

    /// Chunk of a row, and its row there.
    #[must_use]
    pub fn place(&self, row: usize) -> (usize, usize) {
        (row / self.chunk_rows, row % self.chunk_rows)
    }

    /// What there is to say of where the rows are.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}
