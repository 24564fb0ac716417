//! From one penalty to the next: what was learned of the curvature stays true, but for a known part.

use super::super::vector::add;
use super::super::{LearnError, State};
use super::history::{History, Pair};
use super::{Lbfgs, Settings};

impl Lbfgs {
    /// A solver of the same objective with `more` added to its L2 penalty (less where that is negative), from the parameters
    /// `start`.
    ///
    /// It keeps the pairs. The penalty adds `more·s` to the change of the gradient along a step s, exactly; a pair that
    /// then has no positive curvature left is dropped.
    #[must_use]
    pub fn carried(&self, settings: Settings, start: Vec<f64>, more: f64) -> Self {
        let mut next = Self::new(settings, start, self.first_norm);
        let moved = |pair: &Pair| {
            let (step, mut change) = (pair.step.clone(), pair.change.clone());
            add(&mut change[..settings.weights], more, &step[..settings.weights]);
            Pair::new(step, change)
        };
        next.history.pairs = self.history.pairs.iter().filter_map(moved).collect();
        next
    }

    /// A solver as it was when it had ended and gave `state`, to be [`carried`](Self::carried).
    ///
    /// # Errors
    /// The state is not complete.
    pub(in crate::learn) fn ended(settings: Settings, len: usize, state: &State) -> Result<Self, LearnError> {
        let mut solver = Self::new(settings, state.array("point", len)?, Some(state.number("first_norm")?));
        (solver.value, solver.gradient) = (state.number("value")?, state.array("gradient", len)?);
        (solver.iterations, solver.evaluations) = (state.count("iterations")?, state.count("evaluations")?);
        solver.history = History::load(state, len, usize::MAX)?;
        Ok(solver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quadratic with curvatures 1 to 6, penalised on all but the last parameter.
    fn value(point: &[f64], l2: f64) -> (f64, Vec<f64>) {
        let mut gradient: Vec<f64> =
            point.iter().enumerate().map(|(i, p)| (i + 1) as f64 * (p - 1.0)).collect();
        let mut sum: f64 = point.iter().zip(&gradient).map(|(p, g)| 0.5 * (p - 1.0) * g).sum();
        for (g, p) in gradient.iter_mut().zip(&point[..5]) {
            *g += l2 * p;
            sum += 0.5 * l2 * p * p;
        }
        (sum, gradient)
    }

    fn run(mut solver: Lbfgs, l2: f64) -> Lbfgs {
        while solver.stopped().is_none() {
            let (value, gradient) = value(solver.trial(), l2);
            solver.tell(value, &gradient, None).unwrap();
        }
        solver
    }

    #[test]
    fn pairs_are_those_of_the_new_penalty() {
        let settings = Settings { weights: 5, l1: 0.0, tolerance: 1e-6, gap: 0.0, most: 100, history: 10 };
        let first = run(Lbfgs::new(settings, vec![0.0; 6], None), 0.5);
        assert!(first.history.pairs.len() >= 5);
        for l2 in [0.1, 2.0] {
            let carried = first.carried(settings, first.point().to_vec(), l2 - 0.5);
            for pair in &carried.history.pairs {
                let at = |point: &[f64]| value(point, l2).1;
                let (from, to) = (at(&[0.0; 6]), at(&pair.step));
                for ((a, b), change) in from.iter().zip(&to).zip(&pair.change) {
                    assert!((b - a - change).abs() < 1e-5, "{b} − {a}, not {change}");
                }
            }
            let again = run(carried, l2);
            let afresh = run(Lbfgs::new(settings, vec![0.0; 6], None), l2);
            assert!(
                again.evaluations() < afresh.evaluations(),
                "{} {}",
                again.evaluations(),
                afresh.evaluations()
            );
            assert!((again.value() - afresh.value()).abs() < 1e-9);
        }
    }

    #[test]
    fn pairs_that_lose_their_curvature_are_dropped() {
        let settings = Settings { weights: 5, l1: 0.0, tolerance: 1e-6, gap: 0.0, most: 100, history: 10 };
        let first = run(Lbfgs::new(settings, vec![0.0; 6], None), 0.5);
        assert!(
            first.carried(settings, vec![0.0; 6], -100.0).history.pairs.len() < first.history.pairs.len()
        );
    }
}
