//! Rows that pass through a device piece by piece: the next piece is read while the one before it computes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::reader::{Pending, Reader, Wanted};
use super::slot::Slot;
use super::{FeaturesError, Source};
use crate::backend::{Backend, DeviceError};

/// What is in a slot, or on its way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// A chunk of the matrix.
    Chunk(usize),
    /// Rows that were picked, by their number.
    Slab(u64),
}

/// Rows that were picked, and a number to know them by.
#[derive(Debug, Clone)]
pub(crate) struct Slab {
    /// Tells it from all others, also from those that somebody else picked of the same matrix before.
    number: u64,
    /// The rows of the matrix, in order.
    pub(crate) rows: Arc<Vec<usize>>,
}

impl Slab {
    pub(crate) fn new(rows: Vec<usize>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), rows: Arc::new(rows) }
    }
}

/// Two slots, and what reads for them.
#[derive(Debug)]
pub(super) struct Stream<B: Backend> {
    reader: Reader,
    rows: usize,
    columns: usize,
    /// Rows of a slot.
    slot_rows: usize,
    /// Whether the device computes where the rows are read to.
    lends: bool,
    state: Mutex<State<B>>,
}

#[derive(Debug)]
struct State<B: Backend> {
    slots: [Slot<B>; 2],
    holds: [Option<Piece>; 2],
    /// The slot that was given last.
    current: usize,
    /// Which chunk was wanted after each of them, the last time.
    after: Vec<usize>,
    reading: Option<(Piece, Pending)>,
    /// Host memory that nobody uses.
    spare: Option<Vec<f32>>,
}

impl<B: Backend> Stream<B> {
    pub(super) fn new(source: Arc<dyn Source>, slot_rows: usize, lends: bool) -> Result<Self, FeaturesError> {
        let (rows, columns) = (source.rows(), source.columns());
        let chunks = rows.div_ceil(slot_rows);
        let state = State {
            slots: [Slot::empty(), Slot::empty()],
            holds: [None; 2],
            current: 0,
            after: (0..chunks).map(|i| (i + 1) % chunks).collect(),
            reading: None,
            spare: None,
        };
        let reader = Reader::new(source);
        Ok(Self { reader, rows, columns, slot_rows, lends, state: Mutex::new(state) })
    }

    /// Chunk `i`. The one that followed it the last time is read meanwhile.
    pub(super) fn chunk(&self, backend: &B, i: usize) -> Result<Arc<B::Array<f32>>, DeviceError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Piece::Chunk(before)) = state.holds[state.current]
            && before != i
        {
            state.after[before] = i;
        }
        let array = self.give(backend, &mut state, Piece::Chunk(i), || self.run(i))?;
        let next = state.after[i];
        self.read_ahead(&mut state, Piece::Chunk(next), || self.run(next));
        Ok(array)
    }

    /// Hands the device the chunk that followed the current one the last time, where it has a memory of its own: it takes it
    /// while it computes on the current one.
    pub(super) fn prepare(&self, backend: &B) -> Result<(), DeviceError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Piece::Chunk(now)) = state.holds[state.current] else { return Ok(()) };
        let next = state.after[now];
        let other = 1 - state.current;
        if self.lends || next == now || state.holds[other] == Some(Piece::Chunk(next)) {
            return Ok(());
        }
        self.load(backend, &mut state, Piece::Chunk(next), || self.run(next), other)?;
        let then = state.after[next];
        self.read_ahead(&mut state, Piece::Chunk(then), || self.run(then));
        Ok(())
    }

    /// The rows of `slab`; those of `next` are read meanwhile.
    pub(super) fn slab(
        &self,
        backend: &B,
        slab: &Slab,
        next: Option<&Slab>,
    ) -> Result<Arc<B::Array<f32>>, DeviceError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let picked = |slab: &Slab| Wanted::Picked(slab.rows.clone());
        let array = self.give(backend, &mut state, Piece::Slab(slab.number), || picked(slab))?;
        if let Some(next) = next {
            self.read_ahead(&mut state, Piece::Slab(next.number), || picked(next));
        }
        Ok(array)
    }

    fn run(&self, chunk: usize) -> Wanted {
        let first = chunk * self.slot_rows;
        Wanted::Run { first, count: self.slot_rows.min(self.rows - first) }
    }

    fn give(
        &self,
        backend: &B,
        state: &mut State<B>,
        piece: Piece,
        wanted: impl Fn() -> Wanted,
    ) -> Result<Arc<B::Array<f32>>, DeviceError> {
        if state.holds[state.current] != Some(piece) {
            let other = 1 - state.current;
            if state.holds[other] != Some(piece) {
                self.load(backend, state, piece, wanted, other)?;
            }
            let before = std::mem::replace(&mut state.current, other);
            // What the one before lay in is where the next one is read to.
            let lent = state.slots[before].take_lent();
            state.spare = lent.or(state.spare.take());
            if state.slots[before].array().is_none() {
                state.holds[before] = None;
            }
        }
        match state.slots[state.current].array() {
            Some(array) => Ok(array),
            None => Err(DeviceError::Fed { reason: "a piece of the features is missing".into() }),
        }
    }

    fn load(
        &self,
        backend: &B,
        state: &mut State<B>,
        piece: Piece,
        wanted: impl Fn() -> Wanted,
        slot: usize,
    ) -> Result<(), DeviceError> {
        let read = match state.reading.take() {
            Some((coming, pending)) if coming == piece => pending.wait(),
            other => {
                // What was read in vain leaves its memory behind; what was wrong with it is nobody's concern.
                if let Some(Ok(buffer)) = other.map(|(_, pending)| pending.wait()) {
                    state.spare = Some(buffer);
                }
                self.reader.ask(wanted(), state.spare.take().unwrap_or_default()).wait()
            }
        };
        let values = read.map_err(FeaturesError::fed)?;
        state.holds[slot] = None;
        let left = state.slots[slot].fill(backend, values, self.slot_rows * self.columns)?;
        state.spare = left.or(state.spare.take());
        state.holds[slot] = Some(piece);
        Ok(())
    }

    fn read_ahead(&self, state: &mut State<B>, piece: Piece, wanted: impl Fn() -> Wanted) {
        if state.reading.is_none() && !state.holds.contains(&Some(piece)) {
            let buffer = state.spare.take().unwrap_or_default();
            state.reading = Some((piece, self.reader.ask(wanted(), buffer)));
        }
    }
}
