//! How the learning rate rises and falls.

use super::plan::{MiniBatch, Schedule};

impl MiniBatch {
    /// Learning rate of `step` (from 0), where an epoch has `each` steps.
    ///
    /// Through warm-up it rises by equal steps to the full rate η (Goyal and others 2017). From there on, with t steps since then
    /// and T until the end, it is η, `η·½·(1 + cos(π·t/T))`, which ends just above zero, or `η/√(t + 1)`.
    #[must_use]
    pub fn rate(&self, step: usize, each: usize) -> f64 {
        let (step, rise) = (step as f64, self.warmup * each as f64);
        if step < rise {
            return self.learning_rate * ((step + 1.0) / rise).min(1.0);
        }
        let since = step - rise;
        let share = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                let until = (self.epochs * each) as f64 - rise;
                0.5 * (1.0 + (std::f64::consts::PI * since / until).cos())
            }
            Schedule::InverseScaling => 1.0 / (since + 1.0).sqrt(),
        };
        self.learning_rate * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: Schedule, warmup: f64) -> Vec<f64> {
        let mini = MiniBatch {
            batch_size: 32,
            epochs: 5,
            learning_rate: 0.8,
            momentum: 0.9,
            nesterov: false,
            warmup,
            schedule,
            patience: None,
        };
        (0..20).map(|step| mini.rate(step, 4)).collect()
    }

    fn near(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        let same = got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-12);
        assert!(same, "{got:?} {expected:?}");
    }

    #[test]
    fn a_constant_rate_stays() {
        near(&rates(Schedule::Constant, 0.0), &[0.8; 20]);
    }

    #[test]
    fn a_cosine_falls_from_the_rate_to_almost_nothing() {
        let rates = rates(Schedule::Cosine, 0.0);
        near(
            &[rates[0], rates[5], rates[10], rates[15]],
            &[0.8, 0.682_842_712_474_619, 0.4, 0.117_157_287_525_381],
        );
        assert!(rates.windows(2).all(|w| w[1] < w[0]) && rates[19] > 0.0 && rates[19] < 0.005, "{rates:?}");
    }

    #[test]
    fn inverse_scaling_falls_with_the_root_of_the_step() {
        let rates = rates(Schedule::InverseScaling, 0.0);
        near(&[rates[0], rates[3], rates[8], rates[15]], &[0.8, 0.4, 0.8 / 3.0, 0.2]);
    }

    /// One and a half epochs are six steps: from a sixth of the rate to all of it, and then as without, but later.
    #[test]
    fn warm_up_rises_by_equal_steps() {
        for schedule in [Schedule::Constant, Schedule::Cosine, Schedule::InverseScaling] {
            let rates = rates(schedule, 1.5);
            let rise: Vec<f64> = (1..=6).map(|i| 0.8 * f64::from(i) / 6.0).collect();
            near(&rates[..6], &rise);
            near(&rates[6..7], &[0.8]);
        }
        near(&rates(Schedule::InverseScaling, 1.5)[6..10], &[0.8, 0.8 / 2f64.sqrt(), 0.8 / 3f64.sqrt(), 0.4]);
        let cosine = rates(Schedule::Cosine, 1.5);
        near(&cosine[13..14], &[0.4]);
        // Less than a step is none.
        near(&rates(Schedule::Constant, 0.2), &[0.8; 20]);
        // All of the run.
        let rates = rates(Schedule::Cosine, 5.0);
        near(&[rates[0], rates[19]], &[0.04, 0.8]);
    }
}
