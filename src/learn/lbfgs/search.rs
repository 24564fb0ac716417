//! The line search: how far to go along a direction.
//!
//! A step is taken where it satisfies the strong Wolfe conditions (Nocedal & Wright, Numerical Optimization, 2006, algorithm
//! 3.5), or, where the objective can no longer be told from its rounding, the approximate ones of Hager & Zhang (SIAM J.
//! Optim. 16, 2005), which trust the derivative instead: a device adds up in f32, and close to the optimum the values of an
//! objective stop falling long before its gradient is small.

/// Sufficient decrease: of what the derivative promises, this share.
const DECREASE: f64 = 1e-4;
/// The derivative must fall to this share of what it was, in size.
const CURVATURE: f64 = 0.9;
/// How far values of the objective may be off, relative to it: sums of f32.
const NOISE: f64 = 1e-6;
/// Trials of a search, at most.
const TRIALS: usize = 25;

/// The objective along a direction, at one step length.
#[derive(Debug, Clone, Copy)]
struct Sample {
    step: f64,
    value: f64,
    /// Derivative by the step.
    slope: f64,
}

/// What follows from a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Take this step.
    Take,
    /// Try this step length.
    Try(f64),
    /// No step can be found that is better than none.
    GiveUp,
}

/// A search along one direction.
#[derive(Debug, Clone)]
pub(super) struct Search {
    start: Sample,
    low: Sample,
    high: Option<Sample>,
    trials: usize,
}

impl Search {
    /// Along a direction in which the objective is `value`, and falls: `slope` < 0.
    pub(super) fn new(value: f64, slope: f64) -> Self {
        let start = Sample { step: 0.0, value, slope };
        Self { start, low: start, high: None, trials: 0 }
    }

    /// What to do, with this `value` and derivative at `step`.
    pub(super) fn tell(&mut self, step: f64, value: f64, slope: f64) -> Verdict {
        self.trials += 1;
        let Self { start, .. } = *self;
        let here = Sample { step, value, slope };
        let finite = value.is_finite() && slope.is_finite();
        let decreases = value <= start.value + DECREASE * step * start.slope;
        let noise = NOISE * start.value.abs();
        let as_good = value <= start.value + noise && slope <= (2.0 * DECREASE - 1.0) * start.slope;
        if !finite || !(decreases || as_good) {
            self.high = Some(here);
        } else if slope < CURVATURE * start.slope {
            self.low = here;
        } else if slope > -CURVATURE * start.slope {
            self.high = Some(here);
        } else {
            return Verdict::Take;
        }
        if self.trials == TRIALS {
            // A point that lies lower is a step, whatever its derivative; what is not above the rounding is none.
            return if decreases && start.value - value > noise { Verdict::Take } else { Verdict::GiveUp };
        }
        let next = self.next();
        // Steps that no longer differ will not come to differ.
        if (next - step).abs() <= 1e-12 * step.abs() { Verdict::GiveUp } else { Verdict::Try(next) }
    }

    /// The next length: inside the bracket where the cubic through its ends is least, beyond the last one without a bracket.
    fn next(&self) -> f64 {
        let Self { start, low, high, .. } = *self;
        let Some(high) = high else {
            // By the secant of the derivatives, two to ten times as far.
            let secant = if low.slope > start.slope && low.step > 0.0 {
                low.step - low.slope * (low.step - start.step) / (low.slope - start.slope)
            } else {
                f64::INFINITY
            };
            return if low.step > 0.0 { secant.clamp(2.0 * low.step, 10.0 * low.step) } else { 1.0 };
        };
        let width = high.step - low.step;
        let (least, most) = (low.step + 0.1 * width, low.step + 0.9 * width);
        let found = cubic(low, high);
        if found.is_finite() {
            found.clamp(least.min(most), least.max(most))
        } else {
            low.step + 0.25 * width
        }
    }
}

/// Where the cubic with the values and derivatives of two samples is least; not finite where there is no such point.
fn cubic(a: Sample, b: Sample) -> f64 {
    let width = b.step - a.step;
    let d1 = a.slope + b.slope - 3.0 * (b.value - a.value) / width;
    let d2 = width.signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along `f` with derivative `g` from 0, first at `step`; where it ends and after how many trials.
    fn search(f: impl Fn(f64) -> f64, g: impl Fn(f64) -> f64, mut step: f64) -> (Option<f64>, usize) {
        let mut search = Search::new(f(0.0), g(0.0));
        loop {
            match search.tell(step, f(step), g(step)) {
                Verdict::Take => return (Some(step), search.trials),
                Verdict::Try(next) => step = next,
                Verdict::GiveUp => return (None, search.trials),
            }
        }
    }

    #[test]
    fn from_far_too_short_and_far_too_long() {
        for first in [1e-6, 1e-3, 1.0, 1e3, 1e6] {
            let (found, trials) = search(|t| (t - 3.0).powi(2), |t| 2.0 * (t - 3.0), first);
            let t = found.expect("a step");
            assert!(t > 0.1 && t < 5.8 && trials <= 12, "{first}: {t} after {trials}");
        }
        // Infinite beyond 1, as of an objective that overflows.
        let f = |t: f64| if t < 1.0 { -(1.0 - t).ln() - 4.0 * t } else { f64::INFINITY };
        let g = |t: f64| if t < 1.0 { 1.0 / (1.0 - t) - 4.0 } else { f64::NAN };
        let t = search(f, g, 10.0).0.expect("a step");
        assert!(f(t) < f(0.0), "{t}");
    }

    #[test]
    fn rounding_hides_the_decrease_and_the_derivative_is_trusted() {
        // A parabola 1e-9 deep upon 1, seen through f32.
        let f = |t: f64| f64::from((1.0 + 1e-9 * (t - 1.0).powi(2)) as f32);
        let g = |t: f64| 2e-9 * (t - 1.0);
        assert!(search(f, g, 1.0).0.is_some());
    }

    #[test]
    fn what_only_rises_is_given_up_in_bounded_time() {
        let (found, trials) = search(|t| 1.0 + t, |_| -1.0, 1.0);
        assert!(found.is_none() && trials <= TRIALS);
        let (found, trials) = search(|_| f64::NAN, |_| -1.0, 1.0);
        assert!(found.is_none() && trials <= TRIALS);
    }
}
