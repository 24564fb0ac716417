//! L-BFGS (Liu & Nocedal, Mathematical Programming 45, 1989): the objective and its gradient in, the next point to
//! evaluate out.
//!
//! It asks and is told, and computes no objective itself: whoever owns the device evaluates one point or, for many models, a point
//! of each in one pass. Its own arithmetic is in f64 on the host. A step moves `2·history + 1` vectors of the size of the
//! parameters through memory; the objective moves all features.

mod carry;
mod history;
mod search;

use serde_json::json;

use super::metric::Metric;
use super::state::State;
use super::vector::{add, dot, norm, scaled};
use super::{LearnError, Stop};
use history::{History, Pair};
use search::{Search, Verdict};

/// What L-BFGS is to reach, and with what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Number of weights, the first of the parameters; the others are biases, which no penalty touches.
    pub weights: usize,
    /// Strength of the L1 penalty on the weights, 0 for none. It is not part of the objective that is told.
    pub l1: f64,
    /// The norm of the gradient over that at the start, at which to stop.
    pub tolerance: f64,
    /// The estimated distance to the least objective, relative to the objective, at which to stop as well.
    pub gap: f64,
    /// Iterations, at most.
    pub most: usize,
    /// Pairs of steps and changes of the gradient that are kept.
    pub history: usize,
}

/// Iterations after which the progress made in them is looked at.
const WINDOW: usize = 50;
/// The least by which the objective must fall in a window, relative to it: what the rounding of f32 is good for.
const PROGRESS: f64 = 1e-7;

/// Where a solver was when its progress was last looked at.
#[derive(Debug, Clone, Copy)]
struct Mark {
    iteration: usize,
    value: f64,
    /// Norm of the gradient.
    length: f64,
}

/// The solver of one model.
#[derive(Debug, Clone)]
pub struct Lbfgs {
    settings: Settings,
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    /// Norm of the gradient that the others are measured by.
    first_norm: Option<f64>,
    history: History,
    direction: Vec<f64>,
    search: Option<Search>,
    step: f64,
    trial: Vec<f64>,
    iterations: usize,
    evaluations: usize,
    mark: Option<Mark>,
    stop: Option<Stop>,
}

impl Lbfgs {
    /// From the parameters `start`. `first_norm` is the norm of the gradient at all-zero parameters; without it, that of the first
    /// point takes its place.
    #[must_use]
    pub fn new(settings: Settings, start: Vec<f64>, first_norm: Option<f64>) -> Self {
        Self {
            settings,
            value: f64::INFINITY,
            gradient: Vec::new(),
            first_norm,
            history: History::default(),
            direction: Vec::new(),
            search: None,
            step: 0.0,
            trial: start.clone(),
            point: start,
            iterations: 0,
            evaluations: 0,
            mark: None,
            stop: None,
        }
    }

    /// The parameters to evaluate.
    #[must_use]
    pub fn trial(&self) -> &[f64] {
        &self.trial
    }

    /// The best parameters so far.
    #[must_use]
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// The objective there, the L1 penalty included.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Norm of the gradient there, over that of the start; 1 before anything was told.
    #[must_use]
    pub fn relative_gradient(&self) -> f64 {
        let first = self.first_norm.unwrap_or(0.0);
        if self.gradient.is_empty() || first == 0.0 { 1.0 } else { norm(&self.steepest()) / first }
    }

    /// Norm of the gradient that others are measured by.
    #[must_use]
    pub fn first_norm(&self) -> Option<f64> {
        self.first_norm
    }

    /// Steps that were taken.
    #[must_use]
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Points that were told.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// Why it stopped; none while it goes on.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.stop
    }

    /// What the smooth objective and its gradient are at [`trial`](Self::trial). Whether a step was taken: then
    /// [`point`](Self::point) is new.
    ///
    /// # Errors
    /// The first value is not finite.
    pub fn tell(
        &mut self,
        value: f64,
        gradient: &[f64],
        metric: Option<&Metric>,
    ) -> Result<bool, LearnError> {
        self.evaluations += 1;
        let value = value + self.l1_of(&self.trial);
        let Some(search) = &mut self.search else {
            if !value.is_finite() || !norm(gradient).is_finite() {
                return Err(LearnError::NotFinite { value });
            }
            self.arrive(value, gradient, metric);
            return Ok(true);
        };
        let verdict = if self.settings.l1 > 0.0 {
            // Along a path that bends at the sides of an orthant there is no derivative; sufficient decrease is asked for.
            let moved: Vec<f64> = self.trial.iter().zip(&self.point).map(|(t, p)| t - p).collect();
            let promised = -dot(&moved, &steepest(self.settings, &self.point, &self.gradient));
            // As in `search`: close to the optimum, values differ by less than their rounding.
            let noise = 2e-7 * self.value.abs();
            if value <= self.value + 1e-4 * promised + noise && promised < 0.0 {
                Verdict::Take
            } else if self.step < 1e-10 {
                Verdict::GiveUp
            } else {
                Verdict::Try(0.5 * self.step)
            }
        } else {
            search.tell(self.step, value, dot(gradient, &self.direction))
        };
        match verdict {
            Verdict::Take => {
                self.remember(gradient);
                self.point.clone_from(&self.trial);
                self.iterations += 1;
                self.arrive(value, gradient, metric);
                Ok(true)
            }
            Verdict::Try(step) => {
                self.try_step(step);
                Ok(false)
            }
            // A direction that leads nowhere may be the history's fault; the gradient's own is the last to be tried.
            Verdict::GiveUp if !self.history.pairs.is_empty() => {
                self.history.pairs.clear();
                self.aim(metric);
                Ok(false)
            }
            Verdict::GiveUp => {
                self.stop = Some(Stop::Precision);
                Ok(false)
            }
        }
    }

    /// Stops here, or chooses where to go on.
    fn arrive(&mut self, value: f64, gradient: &[f64], metric: Option<&Metric>) {
        self.value = value;
        self.gradient.clear();
        self.gradient.extend_from_slice(gradient);
        let length = norm(&self.steepest());
        let first = *self.first_norm.get_or_insert(length);
        let Settings { tolerance, gap, most, .. } = self.settings;
        if length <= tolerance * first {
            self.stop = Some(Stop::Gradient { relative: if first > 0.0 { length / first } else { 0.0 } });
        } else if self.stalls(length) {
            self.stop = Some(Stop::Precision);
        } else if self.iterations >= most {
            self.stop = Some(Stop::MaxIter);
        } else {
            let slope = self.aim(metric);
            // Of a quadratic, a step of Newton's falls by half of what its slope promises.
            if (metric.is_some() || !self.history.pairs.is_empty()) && -0.5 * slope <= gap * value.abs() {
                self.stop = Some(Stop::Gap);
            }
        }
    }

    /// Whether a whole window of iterations made neither the objective smaller by more than rounding nor the gradient, of norm
    /// `length`, much smaller: then more of them only walk about in what f32 can tell.
    fn stalls(&mut self, length: f64) -> bool {
        let here = Mark { iteration: self.iterations, value: self.value, length };
        let mark = *self.mark.get_or_insert(here);
        if here.iteration < mark.iteration + WINDOW {
            return false;
        }
        self.mark = Some(here);
        mark.value - here.value < PROGRESS * here.value.abs() && here.length > 0.5 * mark.length
    }

    /// Chooses a direction and the first step along it; the slope there.
    fn aim(&mut self, metric: Option<&Metric>) -> f64 {
        let towards = self.steepest();
        let mut direction = self.history.newton(&towards, metric);
        if self.settings.l1 > 0.0 {
            // Where the direction disagrees with the steepest descent, the penalty's kink is in between (Andrew & Gao 2007).
            let pairs = direction.iter_mut().zip(&towards);
            pairs.filter(|(d, t)| **d * **t <= 0.0).for_each(|(d, _)| *d = 0.0);
        }
        let mut slope = -dot(&towards, &direction);
        if !(slope < 0.0 && slope.is_finite()) {
            self.history.pairs.clear();
            direction.clone_from(&towards);
            slope = -dot(&towards, &towards);
        }
        self.direction = direction;
        self.search = Some(Search::new(self.value, slope));
        // Without any idea of the curvature, a step of length 1 at most.
        let blind = self.history.pairs.is_empty() && metric.is_none();
        self.try_step(if blind { (1.0 / norm(&self.direction)).min(1.0) } else { 1.0 });
        slope
    }

    /// Makes `point + step·direction` the trial, cut at the sides of the orthant where there is an L1 penalty.
    fn try_step(&mut self, step: f64) {
        self.step = step;
        self.trial.clone_from(&self.point);
        add(&mut self.trial, step, &self.direction);
        if self.settings.l1 > 0.0 {
            let towards = self.steepest();
            let weights = self.settings.weights;
            for ((trial, point), towards) in self.trial[..weights].iter_mut().zip(&self.point).zip(&towards) {
                let side = if *point == 0.0 { *towards } else { *point };
                if *trial * side <= 0.0 {
                    *trial = 0.0;
                }
            }
        }
        // Devices compute in f32. What is evaluated, remembered and kept in the end is one and the same point.
        self.trial.iter_mut().for_each(|t| *t = f64::from(*t as f32));
    }

    /// Keeps the step to the trial, unless the gradient's change along it is lost in rounding.
    fn remember(&mut self, gradient: &[f64]) {
        let step: Vec<f64> = self.trial.iter().zip(&self.point).map(|(t, p)| t - p).collect();
        let change: Vec<f64> = gradient.iter().zip(&self.gradient).map(|(n, o)| n - o).collect();
        if let Some(pair) = Pair::new(step, change) {
            self.history.remember(pair, self.settings.history);
        }
    }

    /// Minus the gradient; with an L1 penalty, minus the subgradient of least length.
    fn steepest(&self) -> Vec<f64> {
        steepest(self.settings, &self.point, &self.gradient)
    }

    fn l1_of(&self, parameters: &[f64]) -> f64 {
        if self.settings.l1 == 0.0 {
            return 0.0;
        }
        self.settings.l1 * parameters[..self.settings.weights].iter().map(|w| w.abs()).sum::<f64>()
    }

    /// What to remember to go on from [`point`](Self::point); to be asked for when [`tell`](Self::tell) said that a step was taken.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::new("lbfgs");
        let numbers = [
            ("value", json!(self.value)),
            ("first_norm", json!(self.first_norm)),
            ("iterations", json!(self.iterations)),
            ("evaluations", json!(self.evaluations)),
            ("mark", json!(self.mark.map(|m| m.iteration))),
            ("mark_value", json!(self.mark.map(|m| m.value))),
            ("mark_length", json!(self.mark.map(|m| m.length))),
        ];
        state.numbers.extend(numbers.map(|(name, value)| (name.to_owned(), value)));
        state.arrays.insert("point".into(), self.point.clone());
        state.arrays.insert("gradient".into(), self.gradient.clone());
        self.history.save(&mut state);
        state
    }

    /// Goes on from `state`, of `len` parameters, as if it had never stopped.
    ///
    /// # Errors
    /// The state is of another solver, or not complete.
    pub fn resume(
        settings: Settings,
        len: usize,
        state: &State,
        metric: Option<&Metric>,
    ) -> Result<Self, LearnError> {
        state.of("lbfgs")?;
        let mut solver = Self::new(settings, state.array("point", len)?, Some(state.number("first_norm")?));
        (solver.iterations, solver.evaluations) = (state.count("iterations")?, state.count("evaluations")?);
        solver.history = History::load(state, len, settings.history)?;
        if !state.numbers.get("mark").is_none_or(serde_json::Value::is_null) {
            let (value, length) = (state.number("mark_value")?, state.number("mark_length")?);
            solver.mark = Some(Mark { iteration: state.count("mark")?, value, length });
        }
        solver.arrive(state.number("value")?, &state.array("gradient", len)?, metric);
        Ok(solver)
    }
}

/// Minus the gradient; with an L1 penalty on the weights, minus the subgradient of least length.
fn steepest(settings: Settings, point: &[f64], gradient: &[f64]) -> Vec<f64> {
    let Settings { l1, weights, .. } = settings;
    let mut towards = scaled(gradient, -1.0);
    if l1 > 0.0 {
        for (towards, &w) in towards[..weights].iter_mut().zip(point) {
            *towards = if w == 0.0 {
                towards.signum() * (towards.abs() - l1).max(0.0)
            } else {
                *towards - l1 * w.signum()
            };
        }
    }
    towards
}

/// Norm of the gradient at `point`; with an L1 penalty, of the subgradient of least length.
pub(super) fn length(settings: Settings, point: &[f64], gradient: &[f64]) -> f64 {
    norm(&steepest(settings, point, gradient))
}

#[cfg(test)]
mod tests;
