//! Many models at once: every value of C, on every part of the rows that is held out in turn.
//!
//! The models of one C, one for each [`Member`], are columns of one score matrix with a row mask and a penalty each, so that one pass
//! over the features serves all that have not arrived; each ends by itself and costs nothing from then on. The values of C
//! are walked from small to large: a model begins where its last optima point to, and keeps what it learned of the curvature
//! (`path`). What L-BFGS does not do (the hinge, mini-batches, an L1 penalty) is fitted one model after the other.

mod judge;
mod path;
mod progress;
mod together;
pub(crate) use together::models_a_pass;

use std::time::Instant;

use super::fit::{Fit, Parts, Start, Stop, fit};
use super::{Labelled, LearnError, Plan, Solver, State, SweptC, Watch};
use crate::backend::{Backend, Loss};
use crate::progress::{Progress, Quiet};
pub use judge::Score;
use judge::judge;
use path::Path;
use progress::Walked;

/// A part of the rows to fit to, and another to look at: one division into folds with one of them held out, or training and
/// validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Rows fitted to, ascending.
    pub train: Vec<usize>,
    /// Rows that are judged by, ascending.
    pub val: Vec<usize>,
}

/// Gives the plan for a C and the rows fitted to.
pub type PlanFor<'a> = dyn Fn(f64, &[usize]) -> Result<Plan, LearnError> + Sync + 'a;

/// What is asked of a sweep.
pub struct Sweep<'a> {
    /// Values of C, ascending, each once.
    pub cs: &'a [f64],
    /// The parts of the rows; a model is fitted to each, for each C.
    pub members: &'a [Member],
    /// The plan for a C and the rows fitted to.
    pub plan: &'a PlanFor<'a>,
    /// What is said beside the loss.
    pub score: Score,
}

/// What the models of one C did on the rows they had not seen; a value a member.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// C.
    pub c: f64,
    /// Mean loss.
    pub loss: Vec<f64>,
    /// See [`Sweep::score`].
    pub score: Vec<f64>,
    /// The objective that was reached on the rows fitted to.
    pub objective: Vec<f64>,
    /// How often the objective and its gradient were computed.
    pub evaluations: Vec<f64>,
    /// 1 where all iterations were used up before the optimum was reached, else 0.
    pub unfinished: Vec<f64>,
}

impl Found {
    /// The mean of the losses; infinite where one is no number.
    #[must_use]
    pub fn mean_loss(&self) -> f64 {
        let mean = self.loss.iter().sum::<f64>() / self.loss.len().max(1) as f64;
        if mean.is_nan() { f64::INFINITY } else { mean }
    }

    /// What is told of it: its number, of how many.
    fn told(&self, (number, of): (usize, usize), measure: Score, seconds: f64) -> SweptC {
        let models = self.loss.len();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / models.max(1) as f64;
        let (evaluations, score) = (mean(&self.evaluations), mean(&self.score));
        SweptC { c: self.c, number, of, models, evaluations, loss: self.mean_loss(), score, measure, seconds }
    }
}

/// A sweep that was walked to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Swept {
    /// For each C, in their order.
    pub found: Vec<Found>,
    /// Where in `found` the mean loss is least; of equal ones the smallest C.
    pub best: usize,
    /// The parameters there, of each member: K×D weights, K biases.
    pub parameters: Vec<Vec<f32>>,
}

impl Swept {
    /// What to remember: with it, [`sweep()`] gives the same again, at once.
    #[must_use]
    pub fn state(&self, asked: &Sweep<'_>) -> State {
        let Self { found, best, parameters } = self.clone();
        Walked { found, best, parameters }.state(asked, None)
    }
}

/// Fits a model to each member for each C. `start` is where another sweep of the same data, on the same device, stopped.
///
/// # Errors
/// The device was lost or has no memory left; a plan that cannot work; a learning rate that diverges; a `start` of another sweep;
/// `watch` asked to stop.
///
/// # Panics
/// There is no C, or no member.
pub fn sweep<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    asked: &Sweep<'_>,
    start: Option<&State>,
    (watch, progress): (&dyn Watch, &dyn Progress),
) -> Result<Swept, LearnError> {
    let Sweep { cs, members, plan, score } = *asked;
    assert!(!cs.is_empty() && !members.is_empty(), "a sweep of at least one model");
    let mut walked = match start {
        Some(state) => Walked::resume(asked, data.parameters(), state)?,
        None => Walked::default(),
    };
    if walked.found.len() == cs.len() {
        return Ok(walked.swept());
    }
    let first = plan(cs[0], &members[0].train)?;
    let together =
        matches!(first.solver, Solver::Lbfgs { .. }) && first.l1 == 0.0 && first.loss != Loss::Hinge;
    let mut path = if together { Some(Path::new(backend, data, asked, &first)?) } else { None };
    if let (Some(path), Some(state)) = (&mut path, start) {
        path.resume(state, walked.found.len())?;
    }
    let clock = Instant::now();
    progress.begin("sweeping", cs.len() as u64, "values of C");
    progress.advance(walked.found.len() as u64);
    for at in walked.found.len()..cs.len() {
        let c = cs[at];
        progress.note(&format!("C = {c:.4}"));
        let solved = match &mut path {
            Some(path) => path.solve(at, watch),
            None => one_by_one(backend, data, asked, c, watch).map(|solved| Some((solved?, Vec::new()))),
        };
        let judged = solved.and_then(|solved| {
            let Some((solved, solvers)) = solved else { return Ok(None) };
            let judged = members.iter().zip(&solved).map(|(member, solved)| {
                let parameters = backend.upload(&solved.parameters)?;
                judge(backend, data, &member.val, &parameters, score)
            });
            Ok(Some((judged.collect::<Result<Vec<_>, _>>()?, solved, solvers)))
        });
        let state =
            |walked: &Walked, path: &Option<Path<'_, B>>| walked.state(asked, path.as_ref().map(Path::state));
        let (judged, solved, solvers) = match judged {
            Ok(Some(found)) => found,
            Ok(None) => {
                watch.save(state(&walked, &path))?;
                progress.end();
                return Err(LearnError::Interrupted { done: format!("{at} of {} values of C", cs.len()) });
            }
            Err(error) => {
                // The values of C before are known on the host, whatever became of the device.
                if matches!(error, LearnError::Device(_)) && at > 0 {
                    watch.save(state(&walked, &path))?;
                }
                progress.end();
                return Err(error);
            }
        };
        if let Some(path) = &mut path {
            path.take(solvers);
        }
        let (loss, scores) = judged.into_iter().unzip();
        let found = Found {
            c,
            loss,
            score: scores,
            objective: solved.iter().map(|s| s.objective).collect(),
            evaluations: solved.iter().map(|s| s.evaluations).collect(),
            unfinished: solved.iter().map(|s| f64::from(u8::from(s.stop == Stop::MaxIter))).collect(),
        };
        watch.swept(&found.told((at + 1, cs.len()), score, clock.elapsed().as_secs_f64()));
        walked.take(found, solved.into_iter().map(|s| s.parameters).collect());
        progress.advance(1);
        if at + 1 < cs.len() && watch.due() {
            watch.save(state(&walked, &path))?;
        }
    }
    progress.note("");
    progress.end();
    Ok(walked.swept())
}

/// A model of one C.
#[derive(Debug, Clone)]
struct Solved {
    parameters: Vec<f32>,
    objective: f64,
    evaluations: f64,
    stop: Stop,
}

/// Stops where the watch of a sweep does, and is told nothing: what one of many models saw is of no use to a reader, nor is its state.
struct OnlyStop<'a>(&'a dyn Watch);

impl Watch for OnlyStop<'_> {
    fn stop(&self) -> bool {
        self.0.stop()
    }
}

/// The models of one C, each by itself and from nothing, as if it were the only one; none where the watch asked to stop.
fn one_by_one<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    asked: &Sweep<'_>,
    c: f64,
    watch: &dyn Watch,
) -> Result<Option<Vec<Solved>>, LearnError> {
    let mut solved = Vec::with_capacity(asked.members.len());
    for member in asked.members {
        if watch.stop() {
            return Ok(None);
        }
        let plan = (asked.plan)(c, &member.train)?;
        let parts = Parts { train: &member.train, val: &[] };
        let fitted = match fit(backend, data, parts, &plan, &Start::Zero, (&OnlyStop(watch), &Quiet)) {
            Err(LearnError::Interrupted { .. }) => return Ok(None),
            fitted => fitted?,
        };
        let parameters = backend.download(&fitted.parameters, data.parameters())?;
        let Fit { objective, evaluations, stop, .. } = fitted;
        solved.push(Solved { parameters, objective, evaluations, stop });
    }
    Ok(Some(solved))
}
