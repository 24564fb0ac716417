//! Along the values of C, from small to large: optima move smoothly with ln C.
//!
//! A model begins at the next C where the parabola through its last three optima points to (over ln C, by Lagrange), with
//! the pairs of L-BFGS of the C before, corrected for the new penalty, and a metric that all models share. On the golden problems that
//! leaves two to four evaluations a model, where a fit from nothing takes some tens.

use rayon::prelude::*;
use serde_json::Value;

use super::super::fit::{Stop, history};
use super::super::lbfgs::{Lbfgs, Settings};
use super::super::metric::{Gram, Metric, curvature};
use super::super::options::TOLERANCE;
use super::super::{Labelled, LearnError, Plan, Solver, State, Watch};
use super::together::Together;
use super::{Solved, Sweep};
use crate::backend::Backend;

/// The estimated distance to the least objective, relative to it, at which a model ends, where its gradient is not as small as a fit
/// alone would have it before. Estimates are off by some factor; 1e-5 is what is promised.
const GAP: f64 = 3e-7;
/// The same where pairs of a C that is far away make the estimate.
const FAR_GAP: f64 = 1e-8;

/// Optima that a model remembers.
const OPTIMA: usize = 3;
/// The longest steps of ln C over which three optima, and two, say where the next one is.
const CURVED: f64 = 1.0;
const STRAIGHT: f64 = 1.8;
/// The least distance of two optima in ln C, over the step to the next, at which they say where it is.
const CLOSE: f64 = 0.3;
/// How much C may grow before the metric of another is no longer good enough: on directions where the penalty dominates, it is off
/// by as much.
const METRIC_LASTS: f64 = 2.0;

/// Bytes that the pairs of all models may take together, unless each would have less than the fewest that are of use.
const PAIR_BYTES: usize = 1 << 30;
const FEWEST_PAIRS: usize = 4;
/// Bytes that all models may take together.
const MOST_BYTES: usize = 16 << 30;

/// What a model knows from the values of C before.
#[derive(Debug, Clone, Default)]
struct Track {
    /// The solver of the last C, as it ended.
    solver: Option<Lbfgs>,
    /// The last optima, newest last.
    optima: Vec<Vec<f64>>,
}

/// What the models of one C ended with, and their solvers.
pub(super) type Ended = (Vec<Solved>, Vec<Lbfgs>);

/// All models, on their way.
pub(super) struct Path<'a, B: Backend> {
    asked: &'a Sweep<'a>,
    together: Together<'a, B>,
    tracks: Vec<Track>,
    gram: Option<Gram>,
    /// The metric, and the number of the C it is for.
    metric: Option<(usize, Metric)>,
    settings: Settings,
    curvature: f64,
    outputs: usize,
    len: usize,
}

impl<'a, B: Backend> Path<'a, B> {
    pub(super) fn new(
        backend: &'a B,
        data: &'a Labelled<'a, B>,
        asked: &'a Sweep<'a>,
        plan: &Plan,
    ) -> Result<Self, LearnError> {
        let (len, rows) = (data.parameters(), &asked.members[0].train);
        let (tolerance, most) = match plan.solver {
            Solver::Lbfgs { tol, max_iter } => (tol, max_iter),
            // Not asked for anything else: see `sweep`.
            _ => (0.0, 0),
        };
        let weights = data.outputs * data.matrix.columns();
        // A pair is two vectors of f64.
        let pairs = PAIR_BYTES / (16 * len * asked.members.len());
        let history = history(len).min(pairs.max(FEWEST_PAIRS));
        // Optima, and what two solvers of a model hold beside their pairs.
        let bytes = (8 * len).saturating_mul(asked.members.len()).saturating_mul(OPTIMA + 10 + 4 * history);
        if bytes > MOST_BYTES {
            let problem = format!(
                "{} models at a time with {len} parameters each would take {} GiB; fewer folds, seeds or bins will do",
                asked.members.len(),
                bytes >> 30
            );
            return Err(LearnError::option("--folds", problem));
        }
        // Estimates of the gap go with the square of the gradient.
        let closer = (tolerance / TOLERANCE).powi(2).min(1.0);
        let settings = Settings { weights, l1: 0.0, tolerance, gap: closer * FAR_GAP, most, history };
        let gram = match Gram::after(data.matrix.columns(), data.outputs, rows.len()) {
            Some(_) => Gram::new(backend, data, rows)?,
            None => None,
        };
        Ok(Self {
            asked,
            together: Together::new(backend, data, asked.members)?,
            tracks: vec![Track::default(); asked.members.len()],
            gram,
            metric: None,
            settings,
            curvature: curvature(plan.loss, data.outputs, 1.0),
            outputs: data.outputs,
            len,
        })
    }

    /// The L2 penalty of model m at C number `at`.
    fn l2(&self, at: usize, m: usize) -> f64 {
        1.0 / (self.asked.cs[at] * self.asked.members[m].train.len() as f64)
    }

    /// Fits every model at C number `at`; none where `watch` asked to stop, and then nothing has changed.
    /// What came of it goes on from here once it was [taken](Self::take).
    pub(super) fn solve(&mut self, at: usize, watch: &dyn Watch) -> Result<Option<Ended>, LearnError> {
        self.find_metric(at);
        let mut solvers: Vec<Lbfgs> = (0..self.tracks.len()).map(|m| self.start(at, m)).collect();
        loop {
            let active: Vec<usize> = (0..solvers.len()).filter(|&m| solvers[m].stopped().is_none()).collect();
            if active.is_empty() {
                break;
            }
            if watch.stop() {
                return Ok(None);
            }
            let l2: Vec<f64> = active.iter().map(|&m| self.l2(at, m)).collect();
            let trials: Vec<&[f64]> = active.iter().map(|&m| solvers[m].trial()).collect();
            let found = self.together.at(&active, &trials, &l2)?;
            let metric = self.metric.as_ref().map(|(_, metric)| metric);
            // Those of `active`, in the same order.
            let going: Vec<&mut Lbfgs> =
                solvers.iter_mut().filter(|solver| solver.stopped().is_none()).collect();
            going.into_par_iter().zip(found).try_for_each(|(solver, found)| {
                solver.tell(found.objective, &found.gradient, metric).map(drop)
            })?;
        }
        let solved = solvers.iter().map(|solver| Solved {
            parameters: solver.point().iter().map(|&p| p as f32).collect(),
            objective: solver.value(),
            evaluations: solver.evaluations() as f64,
            stop: solver.stopped().unwrap_or(Stop::MaxIter),
        });
        let solved = solved.collect();
        Ok(Some((solved, solvers)))
    }

    /// Takes over what [`solve`](Self::solve) ended with.
    pub(super) fn take(&mut self, solvers: Vec<Lbfgs>) {
        for (track, solver) in self.tracks.iter_mut().zip(solvers) {
            track.optima.push(solver.point().to_vec());
            if track.optima.len() > OPTIMA {
                track.optima.remove(0);
            }
            track.solver = Some(solver);
        }
    }

    /// The solver of model m at C number `at`, ready to begin.
    fn start(&self, at: usize, m: usize) -> Lbfgs {
        let Track { solver, optima } = &self.tracks[m];
        let Some(solver) = solver else {
            return Lbfgs::new(self.settings, vec![0.0; self.len], None);
        };
        let cs = &self.asked.cs[at - optima.len()..=at];
        let start = extrapolate(optima, cs);
        let near = (cs[optima.len()] / cs[optima.len() - 1]).ln() <= CURVED;
        let settings = Settings {
            gap: if near { self.settings.gap * (GAP / FAR_GAP) } else { self.settings.gap },
            ..self.settings
        };
        solver.carried(settings, start, self.l2(at, m) - self.l2(at - 1, m))
    }

    /// Makes the metric for C number `at`, if that of an earlier one is no longer good enough.
    fn find_metric(&mut self, at: usize) {
        let (Some(gram), cs) = (&self.gram, self.asked.cs) else { return };
        // Which one it is depends on the values of C alone, so that a resumed sweep has the same.
        let mut of = 0;
        for i in 1..=at {
            if cs[i] > METRIC_LASTS * cs[of] {
                of = i;
            }
        }
        if self.metric.as_ref().is_none_or(|(made_for, _)| *made_for != of) {
            self.metric = Some((of, gram.metric(self.outputs, self.curvature, self.l2(of, 0))));
        }
    }

    /// What the models must remember.
    pub(super) fn state(&self) -> State {
        let mut state = State::new("sweep");
        for (m, track) in self.tracks.iter().enumerate() {
            let own = track.solver.as_ref().map(Lbfgs::state).unwrap_or_default();
            state.numbers.extend(own.numbers.into_iter().map(|(name, value)| (format!("{m}.{name}"), value)));
            state.arrays.extend(own.arrays.into_iter().map(|(name, values)| (format!("{m}.{name}"), values)));
            for (i, optimum) in track.optima.iter().enumerate() {
                state.arrays.insert(format!("{m}.optimum.{i}"), optimum.clone());
            }
        }
        state
    }

    /// Goes on from `state`, where `done` values of C were done.
    pub(super) fn resume(&mut self, state: &State, done: usize) -> Result<(), LearnError> {
        if done == 0 {
            return Ok(());
        }
        for (m, track) in self.tracks.iter_mut().enumerate() {
            let prefix = format!("{m}.");
            let mut own = State::new("lbfgs");
            let named = |name: &String| name.strip_prefix(&prefix).map(str::to_owned);
            let numbers =
                state.numbers.iter().filter_map(|(name, value)| Some((named(name)?, Value::clone(value))));
            own.numbers.extend(numbers);
            own.arrays.extend(
                state.arrays.iter().filter_map(|(name, values)| Some((named(name)?, values.clone()))),
            );
            let optima = (0..done.min(OPTIMA)).map(|i| own.array(&format!("optimum.{i}"), self.len));
            track.optima = optima.collect::<Result<_, _>>()?;
            track.solver = Some(Lbfgs::ended(self.settings, self.len, &own)?);
        }
        Ok(())
    }
}

/// Where `optima`, at all but the last of `cs`, point to at the last; as f32 has it.
fn extrapolate(optima: &[Vec<f64>], cs: &[f64]) -> Vec<f64> {
    let count = optima.len();
    let logs: Vec<f64> = cs.iter().map(|c| c.ln()).collect();
    let step = logs[count] - logs[count - 1];
    let reach = count.min(if step <= CURVED {
        3
    } else if step <= STRAIGHT {
        2
    } else {
        1
    });
    // Optima that lie close together say little of what is far: what they are off by would be blown up.
    let apart = |used: &usize| logs[count - used + 1] - logs[count - used] >= CLOSE * step;
    let used = 1 + (2..=reach).take_while(apart).count();
    let (optima, logs) = (&optima[count - used..], &logs[count - used..]);
    let weight = |i: usize| -> f64 {
        (0..used).filter(|&j| j != i).map(|j| (logs[used] - logs[j]) / (logs[i] - logs[j])).product()
    };
    let weights: Vec<f64> = (0..used).map(weight).collect();
    (0..optima[0].len())
        .map(|p| {
            let sum: f64 = optima.iter().zip(&weights).map(|(optimum, w)| w * optimum[p]).sum();
            f64::from(sum as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parabolas_are_followed_over_short_steps() {
        let cs: Vec<f64> = [0.0, 0.3, 0.8, 1.2].map(f64::exp).to_vec();
        let parabola = |c: f64| vec![1.0, 2.0 - c.ln(), 0.5 * c.ln() * c.ln()];
        let optima: Vec<Vec<f64>> = cs[..3].iter().map(|&c| parabola(c)).collect();
        for (got, expected) in extrapolate(&optima, &cs).iter().zip(parabola(cs[3])) {
            assert!((got - expected).abs() < 1e-6, "{got} {expected}");
        }
        // A step of 1.5 goes straight on, one of 3 nowhere.
        let line = extrapolate(&[vec![1.0], vec![3.0]], &[0.0, 1.0, 2.5].map(f64::exp));
        assert!((line[0] - 6.0).abs() < 1e-6, "{line:?}");
        assert_eq!(extrapolate(&[vec![1.0], vec![3.0]], &[0.0, 1.0, 4.0].map(f64::exp)), [3.0]);
        // Nor does one from two optima at almost, or quite, the same C.
        let close = [100.0, 100.000_000_000_000_01, 200.0];
        assert_eq!(extrapolate(&[vec![1.0], vec![3.0]], &close), [3.0]);
        assert_eq!(extrapolate(&[vec![0.0], vec![1.0], vec![3.0]], &[50.0, 100.0, 100.1, 200.0]), [3.0]);
    }
}
