//! Fitting a linear layer, whichever the solver.

use super::full::Full;
use super::lbfgs::{Lbfgs, Settings, length};
use super::metric::{Gram, curvature};
use super::mini;
use super::objective::loss_and_scores;
use super::watch::{Seen, Validation, Watch};
use super::{Labelled, LearnError, Plan, Solver, State, loss_sum};
use crate::backend::{Backend, Loss};
use crate::progress::Progress;

/// A fitted linear layer.
#[derive(Debug)]
pub struct Fit<B: Backend> {
    /// Weights (K×D) and biases (K), on the device.
    pub parameters: B::Array<f32>,
    /// The objective at the end: mean loss over the rows fitted to, and the penalty.
    pub objective: f64,
    /// Mean loss alone.
    pub loss: f64,
    /// Iterations of L-BFGS, epochs of mini-batches.
    pub iterations: usize,
    /// How often the loss and its gradient were computed over all rows.
    pub evaluations: f64,
    /// Why it ended.
    pub stop: Stop,
    /// Weights that are exactly zero, of all.
    pub zeros: (usize, usize),
}

/// Why a solver ended.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Stop {
    /// The gradient is as small as was asked.
    Gradient {
        /// Its norm over that of all-zero parameters.
        relative: f64,
    },
    /// The objective is as close to its least as was asked, by what the last step promises.
    Gap,
    /// All iterations are used up.
    MaxIter,
    /// No step makes the objective smaller by more than its rounding in f32.
    Precision,
    /// All epochs are used up.
    Epochs,
    /// The validation loss was no longer getting better.
    Patience {
        /// The epoch whose parameters were kept.
        best: usize,
    },
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gradient { relative } => write!(f, "the gradient is {relative:.1e} of the first"),
            Self::Gap => f.write_str("the objective is as good as at its least"),
            Self::MaxIter => {
                f.write_str("all iterations are used up and the optimum is not reached; a larger --max-iter, a smaller C or a larger --tol ends there")
            }
            Self::Precision => f.write_str("no step makes it smaller by more than the rounding of f32"),
            Self::Epochs => f.write_str("all epochs are used up"),
            Self::Patience { best } => {
                write!(f, "the validation loss got no better after epoch {best}, whose parameters are kept")
            }
        }
    }
}

/// Rows of a matrix by what they are for.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Those fitted to.
    pub train: &'a [usize],
    /// Those that are only looked at; may be empty.
    pub val: &'a [usize],
}

/// Where a fit begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Start {
    /// With all parameters zero.
    #[default]
    Zero,
    /// With these parameters, K×D weights and K biases.
    From(Vec<f32>),
    /// Where another one of the same plan, data and device stopped.
    Resume(State),
}

/// Fits a linear layer to `parts.train` of `data` by `plan`.
///
/// The order of additions depends on the plan and the device alone: the same input gives the same bits.
///
/// # Errors
/// The device was lost or has no memory left; the learning rate diverges; `watch` asked to stop.
pub fn fit<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    parts: Parts<'_>,
    plan: &Plan,
    start: &Start,
    (watch, progress): (&dyn Watch, &dyn Progress),
) -> Result<Fit<B>, LearnError> {
    match &plan.solver {
        Solver::Lbfgs { tol, max_iter } => {
            let fit = WithLbfgs { backend, data, parts, plan, watch, progress };
            fit.run(*tol, *max_iter, start)
        }
        Solver::Sgd(batches) | Solver::Adam(batches) => {
            mini::fit(backend, data, parts, (plan, batches), start, (watch, progress))
        }
    }
}

/// Objective and mean loss of parameters that are on the device, and how many weights are zero.
pub(super) fn measure<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    rows: &[usize],
    plan: &Plan,
    parameters: &B::Array<f32>,
) -> Result<(f64, f64, (usize, usize)), LearnError> {
    let loss = loss_sum(backend, data, rows, parameters)? / rows.len() as f64;
    let weights = data.outputs * data.matrix.columns();
    let weight = backend.download(parameters, weights)?;
    let zeros = weight.iter().filter(|&&w| w == 0.0).count();
    Ok((loss + penalty(plan, weight.into_iter().map(f64::from)), loss, (zeros, weights)))
}

/// The penalty of `weights`.
pub(super) fn penalty(plan: &Plan, weights: impl Iterator<Item = f64>) -> f64 {
    let (l2, l1) = (plan.l2(), plan.l1());
    weights.map(|w| 0.5 * l2 * w * w + l1 * w.abs()).sum()
}

/// What the rows `val` say of parameters that are on the device; none where there are no such rows.
pub(super) fn validate<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    val: &[usize],
    parameters: &B::Array<f32>,
) -> Result<Option<Validation>, LearnError> {
    if val.is_empty() {
        return Ok(None);
    }
    let (loss, scores) = loss_and_scores(backend, data, val, parameters)?;
    let loss = loss / val.len() as f64;
    let rows = val.iter().zip(scores.chunks_exact(data.outputs));
    let right: f64 = rows.map(|(&row, scores)| share_right(data, row, scores)).sum();
    Ok(Some(Validation { loss, accuracy: right / val.len() as f64 }))
}

/// Of rows with one label each 1 where the highest score is the label's, else 0; of any number of labels, the share told right.
fn share_right<B: Backend>(data: &Labelled<'_, B>, row: usize, scores: &[f32]) -> f64 {
    if data.one_label {
        let best = (1..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best });
        return f64::from(u8::from(data.targets.has(row, best)));
    }
    let right = (0..scores.len()).filter(|&k| (scores[k] > 0.0) == data.targets.has(row, k)).count();
    right as f64 / scores.len() as f64
}

/// A fit by L-BFGS.
struct WithLbfgs<'a, B: Backend> {
    backend: &'a B,
    data: &'a Labelled<'a, B>,
    parts: Parts<'a>,
    plan: &'a Plan,
    watch: &'a dyn Watch,
    progress: &'a dyn Progress,
}

/// Bytes that pairs may take, unless there would be fewer than are of use.
const PAIR_BYTES: usize = 1 << 30;

/// Pairs that are kept: more of them save iterations, and cost memory, two vectors of f64 each.
pub(super) fn history(parameters: usize) -> usize {
    (PAIR_BYTES / (16 * parameters.max(1))).clamp(4, 20)
}

impl<B: Backend> WithLbfgs<'_, B> {
    fn run(&self, tol: f64, max_iter: usize, start: &Start) -> Result<Fit<B>, LearnError> {
        let &Self { backend, data, parts, plan, watch, progress } = self;
        let len = data.parameters();
        let weights = data.outputs * data.matrix.columns();
        let settings = Settings {
            weights,
            l1: plan.l1(),
            tolerance: tol,
            gap: 0.0,
            most: max_iter,
            history: history(len),
        };
        let mut full = Full::new(backend, data, parts.train)?;
        let mut metric = None;
        // An L1 penalty has its kinks along the axes, which a metric that mixes them would lose.
        let buy =
            Gram::after(data.matrix.columns(), data.outputs, parts.train.len()).filter(|_| plan.l1 == 0.0);
        // As it was when that iteration chose its direction.
        let metric_of = |iterations: usize| match buy {
            Some(after) if iterations > after => self.metric(),
            _ => Ok(None),
        };
        let mut solver = match start {
            Start::Resume(state) => {
                metric = metric_of(state.count("iterations")?)?;
                Lbfgs::resume(settings, len, state, metric.as_ref())?
            }
            Start::Zero => Lbfgs::new(settings, vec![0.0; len], None),
            Start::From(parameters) => {
                // How small a gradient is small is said by the one that everybody else begins with.
                let zero = full.at(&vec![0.0; len], plan.l2())?;
                let norm = length(settings, &vec![0.0; len], &zero.gradient);
                Lbfgs::new(settings, parameters.iter().copied().map(f64::from).collect(), Some(norm))
            }
        };
        progress.begin("training", max_iter as u64, "iterations");
        progress.advance(solver.iterations() as u64);
        let walked = self.walk(&mut solver, &mut full, (metric, buy), (tol, max_iter));
        progress.end();
        let end = |solver: &Lbfgs| -> Result<_, LearnError> {
            let point: Vec<f32> = solver.point().iter().map(|&p| p as f32).collect();
            let parameters = backend.upload(&point)?;
            let measured = measure(backend, data, parts.train, plan, &parameters)?;
            Ok((parameters, measured))
        };
        let ended = walked.and_then(|()| end(&solver));
        if let Err(LearnError::Device(_)) = &ended
            && solver.iterations() > 0
        {
            // Where the solver stands is known on the host, whatever became of the device.
            watch.save(solver.state())?;
        }
        let (parameters, (objective, loss, zeros)) = ended?;
        self.tell_separable(loss);
        Ok(Fit {
            parameters,
            objective,
            loss,
            iterations: solver.iterations(),
            evaluations: solver.evaluations() as f64,
            stop: solver.stopped().unwrap_or(Stop::MaxIter),
            zeros,
        })
    }

    /// Goes on until the solver stops. `buy` is the iteration after which a metric is worth its price.
    fn walk(
        &self,
        solver: &mut Lbfgs,
        full: &mut Full<'_, B>,
        (mut metric, buy): (Option<super::Metric>, Option<usize>),
        (tol, max_iter): (f64, usize),
    ) -> Result<(), LearnError> {
        let &Self { backend, data, parts, plan, watch, progress } = self;
        let clock = std::time::Instant::now();
        let before = solver.evaluations();
        while solver.stopped().is_none() {
            if metric.is_none() && buy.is_some_and(|after| solver.iterations() >= after) {
                metric = self.metric()?;
            }
            let found = full.at(solver.trial(), plan.l2())?;
            let taken = solver.tell(found.objective, &found.gradient, metric.as_ref())?;
            if !taken {
                continue;
            }
            let iteration = solver.iterations();
            let validation =
                if watch.validates() { validate(backend, data, parts.val, full.parameters())? } else { None };
            let evaluations = solver.evaluations();
            watch.saw(&Seen {
                iteration,
                most: max_iter,
                evaluations: evaluations as f64,
                objective: solver.value(),
                loss: Some(found.loss),
                gradient: Some(solver.relative_gradient()),
                tolerance: Some(tol),
                learning_rate: None,
                validation,
                rows: (evaluations - before) as f64 * parts.train.len() as f64,
                seconds: clock.elapsed().as_secs_f64(),
            });
            progress.note(&format!("objective {:.6}", solver.value()));
            progress.advance(u64::from(iteration > 0));
            if solver.stopped().is_none() && iteration > 0 {
                let stop = watch.stop();
                if stop || watch.due() {
                    watch.save(solver.state())?;
                }
                if stop {
                    return Err(LearnError::Interrupted { done: format!("{iteration} iterations") });
                }
            }
        }
        Ok(())
    }

    fn metric(&self) -> Result<Option<super::Metric>, LearnError> {
        let &Self { backend, data, parts, plan, .. } = self;
        let gram = Gram::new(backend, data, parts.train)?;
        let h = curvature(plan.loss, data.outputs, 1.0);
        Ok(gram.map(|gram| gram.metric(data.outputs, h, plan.l2())))
    }

    /// A mean loss so small that every single row must be told right: only the penalty keeps the weights finite.
    fn tell_separable(&self, loss: f64) {
        let Self { parts, plan, watch, .. } = self;
        let weights = self.data.targets.weights().iter().copied().filter(|&w| w > 0.0);
        let least = f64::from(weights.fold(f32::INFINITY, f32::min)).min(1.0);
        let sum = loss * parts.train.len() as f64;
        if plan.loss != Loss::SquaredHinge && sum < least * std::f64::consts::LN_2 {
            watch.say(&format!(
                "the training rows are told apart without a single mistake (mean loss {loss:.1e}): only the penalty keeps the weights finite; \
                 a smaller C than {:?} probably does better on other pictures",
                plan.c
            ));
        }
    }
}
