//! Mini-batches of features that pass through the device: the rows of the next batches are gathered on the host, in their
//! order, while those before them compute. What a step is given is the same, bit by bit, as of rows that are all on the device.

use super::order::Order;
use crate::backend::{Backend, DeviceError, Labels, Rows};
use crate::features::Slab;
use crate::learn::objective::{Batch, Objective};
use crate::learn::{Labelled, LearnError};

/// What batches are made of.
#[derive(Clone, Copy)]
pub(super) struct Plans<'a> {
    pub(super) seed: u64,
    pub(super) epochs: usize,
    /// Row indices by chunk, of a matrix that is on the device as a whole.
    pub(super) chunks: &'a [Vec<u32>],
    pub(super) batches: &'a [Batch],
    /// Rows of each of these chunks but the last.
    pub(super) chunk_rows: usize,
}

/// Batches that follow each other in an epoch, gathered together.
#[derive(Debug)]
struct Planned {
    slab: Slab,
    epoch: usize,
    /// The first step.
    step: usize,
    /// Where each step begins, and the end of the last.
    starts: Vec<usize>,
}

impl Planned {
    fn has(&self, epoch: usize, step: usize) -> bool {
        self.epoch == epoch && (self.step..self.step + self.starts.len() - 1).contains(&step)
    }
}

/// Gathers the rows of batches.
#[derive(Debug)]
pub(super) struct Feed<B: Backend> {
    /// Rows that are gathered together, at most.
    most: usize,
    /// 0, 1, 2, …: rows are gathered in their order.
    index: B::Array<u32>,
    /// The batches that are computed on, and their labels.
    now: Option<(Planned, B::Array<u32>)>,
    next: Option<Planned>,
    /// The order of the epoch that was planned last, by its number.
    order: Option<(usize, Order)>,
}

impl<B: Backend> Feed<B> {
    /// For features that pass through the device; none where they do not.
    ///
    /// # Errors
    /// A batch has more rows than pass at a time; the device has no memory left.
    pub(super) fn new(
        backend: &B,
        data: &Labelled<'_, B>,
        batches: &[Batch],
    ) -> Result<Option<Self>, LearnError> {
        let Some(most) = data.matrix.slab_rows() else { return Ok(None) };
        let largest = batches.iter().map(|batch| batch.count).max().unwrap_or(0);
        if largest > most {
            let problem = format!(
                "a batch of {largest} rows does not fit what passes through the device at a time, {most} rows; give {most} or less, \
                 or more --memory and --device-memory"
            );
            return Err(LearnError::option("--batch-size", problem));
        }
        let index: Vec<u32> = (0..most as u32).collect();
        let index = backend.upload(&index)?;
        Ok(Some(Self { most, index, now: None, next: None, order: None }))
    }

    /// What [`Objective::sums`] does, for the batch of step `step` of `epoch`.
    pub(super) fn sums(
        &mut self,
        (backend, data, of): (&B, &Labelled<'_, B>, Plans<'_>),
        (epoch, step): (usize, usize),
        objective: &mut Objective<'_, B>,
        parameters: &B::Array<f32>,
        sums: &mut B::Array<f32>,
    ) -> Result<(), DeviceError> {
        if !self.now.as_ref().is_some_and(|(planned, _)| planned.has(epoch, step)) {
            let planned = match self.next.take().filter(|next| next.has(epoch, step)) {
                Some(planned) => planned,
                None => self.plan(of, epoch, step),
            };
            let end = planned.step + planned.starts.len() - 1;
            self.next = if end < of.batches.len() {
                Some(self.plan(of, epoch, end))
            } else if epoch + 1 < of.epochs {
                Some(self.plan(of, epoch + 1, 0))
            } else {
                None
            };
            let width = data.loss.words(data.outputs);
            let all = data.targets.words();
            let words = planned.slab.rows.iter().flat_map(|row| &all[row * width..(row + 1) * width]);
            let words: Vec<u32> = words.copied().collect();
            self.now = Some((planned, backend.upload(&words)?));
        }
        let Some((planned, words)) = &self.now else { return Ok(()) };
        let next = self.next.as_ref().map(|next| &next.slab);
        let features = data.matrix.slab(backend, &planned.slab, next)?;
        let (first, end) = (planned.starts[step - planned.step], planned.starts[step - planned.step + 1]);
        let columns = data.matrix.columns();
        let rows = Rows { features: &*features, columns, index: &self.index, first, count: end - first };
        let labels = Labels { loss: data.loss, words, weights: &data.weights, models: 1, mask: None };
        objective.sums_with(&rows, &labels, parameters, sums)
    }

    /// The batches from `step` of `epoch` on that are gathered together.
    fn plan(&mut self, of: Plans<'_>, epoch: usize, step: usize) -> Planned {
        let order = match self.order.take() {
            Some((number, order)) if number == epoch => order,
            _ => Order::new(of.seed, epoch, of.chunks, of.batches.len()),
        };
        let (mut rows, mut starts) = (Vec::new(), vec![0]);
        for &b in &order.batches[step..] {
            let Batch { chunk, first, count } = of.batches[b];
            if rows.len() + count > self.most {
                break;
            }
            let before = chunk * of.chunk_rows;
            rows.extend(order.rows[chunk][first..first + count].iter().map(|&row| before + row as usize));
            starts.push(rows.len());
        }
        self.order = Some((epoch, order));
        Planned { slab: Slab::new(rows), epoch, step, starts }
    }
}
