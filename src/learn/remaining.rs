//! How long a solver will probably still take.

use std::collections::VecDeque;

use super::Seen;

/// Estimates it from what the solver has said so far.
///
/// Epochs are counted. L-BFGS ends where the gradient is small enough; near the optimum its logarithm falls along a line but
/// for its ups and downs, so a line is fitted to the latest half of the iterations. Where there are too few of them, or the
/// line does not fall, nothing is said.
#[derive(Debug, Default)]
pub struct Remaining {
    /// Iteration, seconds, and the logarithm of the gradient if there is one.
    seen: VecDeque<(f64, f64, Option<f64>)>,
}

/// Fewer points than this are no line.
const LEAST: usize = 12;
/// Points that are kept.
const MOST: usize = 300;

impl Remaining {
    /// Seconds that are left at `seen`, which is later than all before it; none if it cannot be said.
    pub fn after(&mut self, seen: &Seen) -> Option<f64> {
        if self.seen.len() == MOST {
            self.seen.pop_front();
        }
        let logarithm = seen.gradient.filter(|g| *g > 0.0).map(f64::ln);
        self.seen.push_back((seen.iteration as f64, seen.seconds, logarithm));
        let left = seen.most.saturating_sub(seen.iteration) as f64;
        let iterations = match (seen.tolerance, logarithm) {
            (Some(tolerance), Some(now)) => self.until(tolerance.ln(), now)?.min(left),
            _ => left,
        };
        let &(first, began, _) = self.recent().next()?;
        let (done, seconds) = (seen.iteration as f64 - first, seen.seconds - began);
        (done > 0.0).then(|| iterations * seconds / done)
    }

    /// The latest half, or the least that is worth a line.
    fn recent(&self) -> impl Iterator<Item = &(f64, f64, Option<f64>)> {
        let count = (self.seen.len() / 2).max(LEAST).min(self.seen.len());
        self.seen.range(self.seen.len() - count..)
    }

    /// Iterations until the logarithm of the gradient, which is `now`, has fallen to `end`.
    fn until(&self, end: f64, now: f64) -> Option<f64> {
        if self.seen.len() < LEAST {
            return None;
        }
        let points: Vec<(f64, f64)> = self.recent().filter_map(|&(x, _, y)| Some((x, y?))).collect();
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.0), mean(|p| p.1));
        let across: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        let along: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
        let slope = across / along;
        (slope < 0.0).then(|| ((end - now) / slope).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(iteration: usize, most: usize, gradient: Option<f64>) -> Seen {
        let seconds = 0.5 * iteration as f64;
        let tolerance = gradient.map(|_| 1e-5);
        Seen { iteration, most, gradient, tolerance, seconds, ..Seen::default() }
    }

    #[test]
    fn epochs_are_counted() {
        let mut remaining = Remaining::default();
        assert_eq!(remaining.after(&seen(4, 200, None)), None);
        let left = remaining.after(&seen(8, 200, None)).unwrap();
        assert!((left - 96.0).abs() < 1e-9, "{left}");
    }

    #[test]
    fn a_falling_gradient_says_when_it_will_be_small() {
        let mut remaining = Remaining::default();
        let mut left = None;
        for i in 0..60 {
            // Ten iterations a power of ten, up and down by a third.
            let bumps = if i % 2 == 0 { 1.3 } else { 0.75 };
            left = remaining.after(&seen(i, 2000, Some(bumps * 10f64.powf(-(i as f64) / 20.0))));
            assert!(i + 1 >= LEAST || left.is_none(), "{i}: {left:?}");
        }
        // 10^-2.95 after 59 iterations; 41 are left, half a second each.
        let left = left.unwrap();
        assert!((left - 20.5).abs() < 3.0, "{left}");
    }

    #[test]
    fn nothing_is_said_of_a_gradient_that_does_not_fall() {
        let mut remaining = Remaining::default();
        let last = (0..40).map(|i| remaining.after(&seen(i, 2000, Some(0.1 + 0.001 * i as f64)))).last();
        assert_eq!(last, Some(None));
        let mut remaining = Remaining::default();
        let last = (0..40).map(|i| remaining.after(&seen(i, 41, Some(0.9f64.powi(i as i32))))).last();
        assert_eq!(last, Some(Some(1.0)), "never more iterations than are allowed");
    }
}
