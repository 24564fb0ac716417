//! Mini-batches: gradient descent with momentum, and Adam. Everything stays on the device, but for features that do not fit it: a step is some stages from arrays to
//! arrays, and losses come back once an evaluation, never inside an epoch.
//!
//! A training can stop after any step and go on to the same bytes: the order of an epoch is made of the seed and its number,
//! and what the device holds is saved as it is.

mod best;
mod feed;
mod order;
mod state;
mod update;

use std::time::{Duration, Instant};

use super::fit::{Fit, Parts, Start, Stop, measure, penalty, validate};
use super::objective::{Batch, Objective, batches};
use super::plan::{MiniBatch, Plan};
use super::watch::{Seen, Watch};
use super::{Labelled, LearnError, State, loss_sum};
use crate::backend::{Backend, Loss};
use crate::progress::Progress;
use best::Best;
use feed::{Feed, Plans};
use order::Order;
use update::Update;

/// How often, at most, losses come back and are looked at while training, beside the first epochs.
const EVALUATIONS: usize = 50;

/// A training under way.
struct Run<'a, B: Backend> {
    backend: &'a B,
    data: &'a Labelled<'a, B>,
    parts: Parts<'a>,
    plan: &'a Plan,
    mini: &'a MiniBatch,
    watch: &'a dyn Watch,
    /// Row indices by chunk, in the order given; of features that pass through the device, by the chunks that they would have there,
    /// so that batches are the same.
    chunks: Vec<Vec<u32>>,
    batches: Vec<Batch>,
    /// What gathers the rows of features that pass through the device.
    feed: Option<Feed<B>>,
    /// Epochs that are done, and steps of the one after them.
    epoch: usize,
    step: usize,
    objective: Objective<'a, B>,
    parameters: B::Array<f32>,
    update: Update<B>,
    /// Where losses are looked at for early stopping.
    best: Option<Best<B>>,
    /// The gradient, and behind it the loss.
    sums: B::Array<f32>,
    /// The losses of the epoch's batches, by their number.
    losses: B::Array<f32>,
    /// Epochs that were done when this run began.
    before: f64,
    clock: Instant,
    /// The state as it was read back last, when, and how long that took.
    kept: Option<(State, Instant, Duration)>,
}

/// Of the time of a training, the share that reading its state back may take, beside what was asked for: one in so many.
const KEPT_SHARE: u32 = 50;

/// Fits a linear layer by mini-batches.
pub(super) fn fit<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    parts: Parts<'_>,
    (plan, mini): (&Plan, &MiniBatch),
    start: &Start,
    (watch, progress): (&dyn Watch, &dyn Progress),
) -> Result<Fit<B>, LearnError> {
    if mini.patience.is_some() && parts.val.is_empty() {
        let problem = "there are no validation rows whose loss could get better; set some aside (--val-size 0.1), or leave it out";
        return Err(LearnError::option("--patience", problem));
    }
    let mut run = Run::new(backend, data, parts, (plan, mini), watch)?;
    match start {
        Start::Zero => {}
        Start::From(parameters) => backend.write(&mut run.parameters, 0, parameters)?,
        Start::Resume(state) => run.resume(state)?,
    }
    progress.begin("training", mini.epochs as u64, "epochs");
    progress.advance(run.epoch as u64);
    let stop = run.train(progress);
    progress.end();
    // What is known on the host, for the case that no device can be asked any more.
    let kept = run.kept.take();
    let fitted = match stop {
        Err(LearnError::Device(error)) => {
            Err((run.state().ok().filter(|_| run.epoch < mini.epochs), LearnError::Device(error)))
        }
        Err(error) => Err((None, error)),
        Ok(stop) => run.finish(stop).map_err(|error| (None, error)),
    };
    fitted.or_else(|(state, error)| {
        if let (LearnError::Device(_), Some(state)) = (&error, state.or(kept.map(|(state, ..)| state))) {
            watch.save(state)?;
        }
        Err(error)
    })
}

impl<'a, B: Backend> Run<'a, B> {
    fn new(
        backend: &'a B,
        data: &'a Labelled<'a, B>,
        parts: Parts<'a>,
        (plan, mini): (&'a Plan, &'a MiniBatch),
        watch: &'a dyn Watch,
    ) -> Result<Self, LearnError> {
        let len = data.parameters();
        let chunks = data.by_whole_chunk(parts.train);
        let batches = batches(&chunks, mini.batch_size.min(data.max_batch(backend)));
        if mini.epochs.checked_mul(batches.len()).is_none() {
            let problem =
                format!("{} epochs of {} steps are more than can be counted", mini.epochs, batches.len());
            return Err(LearnError::option("--epochs", problem));
        }
        // The same for every batch, also for a short one at the end of a chunk: dividing each sum by its own length would
        // let the rows of short batches pull harder than others.
        let scale = (batches.len() as f64 / parts.train.len() as f64) as f32;
        Ok(Self {
            backend,
            data,
            parts,
            plan,
            mini,
            watch,
            objective: Objective::new(backend, data, &batches)?,
            parameters: backend.zeros(len)?,
            update: Update::new(backend, plan, mini, len, scale)?,
            best: mini.patience.map(|_| Best::new(backend, len)).transpose()?,
            sums: backend.zeros(len + 1)?,
            losses: backend.zeros(batches.len())?,
            feed: Feed::new(backend, data, &batches)?,
            chunks,
            batches,
            epoch: 0,
            step: 0,
            before: 0.0,
            clock: Instant::now(),
            kept: None,
        })
    }

    /// Epochs that are done, with the share of the one that is not.
    fn done(&self) -> f64 {
        self.epoch as f64 + self.step as f64 / self.batches.len().max(1) as f64
    }

    /// Takes the steps that are left. Why it ended.
    fn train(&mut self, progress: &dyn Progress) -> Result<Stop, LearnError> {
        let (len, weights) = (self.data.parameters(), self.data.outputs * self.data.matrix.columns());
        let each = self.batches.len();
        let stays: &[Vec<u32>] = if self.feed.is_some() { &[] } else { &self.chunks };
        let mut index = stays.iter().map(|rows| self.backend.upload(rows)).collect::<Result<Vec<_>, _>>()?;
        while self.epoch < self.mini.epochs {
            let order = Order::new(self.plan.seed, self.epoch, &self.chunks, each);
            for (rows, index) in order.rows.iter().zip(&mut index) {
                self.backend.write(index, 0, rows)?;
            }
            while self.step < each {
                let Self { backend, batches, objective, parameters, sums, losses, update, .. } = self;
                let b = order.batches[self.step];
                match &mut self.feed {
                    None => objective.sums(batches[b], &index[batches[b].chunk], parameters, sums)?,
                    Some(feed) => {
                        let of = Plans {
                            seed: self.plan.seed,
                            epochs: self.mini.epochs,
                            chunks: &self.chunks,
                            batches,
                            chunk_rows: self.data.matrix.whole_rows(),
                        };
                        let at = (self.epoch, self.step);
                        feed.sums((*backend, self.data, of), at, objective, parameters, sums)?;
                    }
                }
                backend.copy((sums, len), (losses, b), 1)?;
                let steps = self.epoch * each + self.step;
                let rate = self.mini.rate(steps, each);
                update.step(backend, parameters, sums, (weights, len), (rate, steps))?;
                self.step += 1;
                if self.step < each {
                    self.save_if_asked()?;
                }
            }
            (self.epoch, self.step) = (self.epoch + 1, 0);
            if self.is_looked_at() {
                let note = self.look()?;
                progress.note(&note);
            }
            progress.advance(1);
            if let (Some(best), Some(patience)) = (&self.best, self.mini.patience)
                && self.epoch - best.epoch >= patience
            {
                return Ok(Stop::Patience { best: best.epoch });
            }
            if self.epoch < self.mini.epochs {
                self.save_if_asked()?;
                self.keep()?;
            }
        }
        Ok(Stop::Epochs)
    }

    /// Whether losses are looked at after the epoch that has just ended: some fifty times in all, and in the beginning, where a
    /// rate that is too large shows; every time for early stopping.
    fn is_looked_at(&self) -> bool {
        let every = self.mini.epochs.div_ceil(EVALUATIONS);
        self.best.is_some() || self.epoch.is_multiple_of(every) || self.epoch.is_power_of_two()
    }

    /// Looks at the losses of the epoch that has just ended, and says what they are.
    fn look(&mut self) -> Result<String, LearnError> {
        let (n, each) = (self.parts.train.len() as f64, self.batches.len());
        let sum: f64 = self.backend.download(&self.losses, each)?.into_iter().map(f64::from).sum();
        let loss = sum / n;
        self.check_divergence(loss)?;
        let Self { backend, data, parts, plan, .. } = *self;
        let weight = backend.download(&self.parameters, data.outputs * data.matrix.columns())?;
        let objective = loss + penalty(plan, weight.into_iter().map(f64::from));
        let validation =
            if self.watch.validates() { validate(backend, data, parts.val, &self.parameters)? } else { None };
        let mut note = format!("loss {loss:.4}");
        if let Some(best) = &mut self.best {
            let loss = match validation {
                Some(validation) => validation.loss,
                None => loss_sum(backend, data, parts.val, &self.parameters)? / parts.val.len() as f64,
            };
            if !loss.is_finite() {
                return Err(LearnError::Diverged { epoch: self.epoch, loss, rate: self.mini.learning_rate });
            }
            best.look(backend, (self.epoch, loss), &self.parameters, data.parameters())?;
            note = format!("{note}, validation loss {loss:.4}");
        }
        self.watch.saw(&Seen {
            iteration: self.epoch,
            most: self.mini.epochs,
            evaluations: self.epoch as f64,
            objective,
            learning_rate: Some(self.mini.rate((self.epoch * each).min(self.mini.epochs * each - 1), each)),
            validation,
            rows: (self.epoch as f64 - self.before) * n,
            seconds: self.clock.elapsed().as_secs_f64(),
            ..Seen::default()
        });
        Ok(note)
    }

    /// A loss that is no number, or far above that of knowing nothing, will not come back down.
    fn check_divergence(&self, loss: f64) -> Result<(), LearnError> {
        let limit = 100.0 * self.of_nothing();
        if loss.is_finite() && loss < limit {
            return Ok(());
        }
        Err(LearnError::Diverged { epoch: self.epoch, loss, rate: self.mini.learning_rate })
    }

    /// The loss of a row of which nothing is known, all scores 0, if its label weighs as much as any.
    fn of_nothing(&self) -> f64 {
        let outputs = self.data.outputs;
        let of_row = match self.data.loss {
            Loss::Softmax => (outputs.max(2) as f64).ln(),
            Loss::Sigmoid => outputs as f64 * std::f64::consts::LN_2,
            Loss::Hinge | Loss::SquaredHinge => (outputs.max(2) - 1) as f64,
        };
        self.data.largest_weight.max(1.0) * of_row
    }

    /// Saves where that is asked for, and fails where somebody asked to stop.
    fn save_if_asked(&mut self) -> Result<(), LearnError> {
        let stop = self.watch.stop();
        if stop || self.watch.due() {
            let state = self.state()?;
            self.watch.save(state)?;
        }
        if stop {
            let done = format!("{:.1} of {} epochs", self.done(), self.mini.epochs);
            return Err(LearnError::Interrupted { done });
        }
        Ok(())
    }

    /// Reads the state back now and then, so that little is lost with the device: at the end of an epoch that was looked at, where the device
    /// is waited for anyway.
    fn keep(&mut self) -> Result<(), LearnError> {
        let due = |(_, at, took): &(State, Instant, Duration)| at.elapsed() >= KEPT_SHARE * *took;
        if self.is_looked_at() && self.kept.as_ref().is_none_or(due) {
            let begin = Instant::now();
            let state = self.state()?;
            self.kept = Some((state, Instant::now(), begin.elapsed()));
        }
        Ok(())
    }

    /// The fit, with the best parameters where there was early stopping.
    fn finish(self, stop: Stop) -> Result<Fit<B>, LearnError> {
        let Self { backend, data, parts, plan, watch, epoch, .. } = self;
        let nothing = self.of_nothing();
        let last = measure(backend, data, parts.train, plan, &self.parameters)?;
        self.check_divergence(last.1)?;
        let (parameters, (objective, loss, zeros)) = match self.best {
            Some(best) if best.epoch < epoch => {
                if stop == Stop::Epochs {
                    watch.say(&format!(
                        "epoch {} had the least validation loss; its parameters are kept",
                        best.epoch
                    ));
                }
                let parameters = best.into_parameters();
                let measured = measure(backend, data, parts.train, plan, &parameters)?;
                (parameters, measured)
            }
            _ => (self.parameters, last),
        };
        if loss > nothing {
            watch.say(&format!(
                "the mean loss {loss:.4} is above that of knowing nothing, {nothing:.4}: try --learning-rate {:.2e}, or more --epochs",
                self.mini.learning_rate / 10.0
            ));
        }
        Ok(Fit { parameters, objective, loss, iterations: epoch, evaluations: epoch as f64, stop, zeros })
    }
}
