//! Samples and what they say: warm up, repeat in turns, median and spread, ratios with an interval.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::backend::{DeviceError, Timed};

/// How much measuring is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Samples of everything.
    pub samples: usize,
    /// After this long on one stage, [`LEAST`] samples are enough.
    pub budget: Duration,
    /// A sample lasts at least about this long: short work is run many times in one.
    pub sample: Duration,
}

/// Fewer samples have no spread worth the name.
pub const LEAST: usize = 5;
/// Where even those take several times the budget, this many have to do.
const SLOW: usize = 3;
/// Runs in one sample, at most, on a device with a clock of its own, which can hold so many; and on any other.
const REPEATS: [usize; 2] = [200, 10_000];

/// Samples of one piece of work on one device, in seconds a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Series {
    /// Where: see [`On`](super::On).
    pub on: super::On,
    /// Runs in each sample.
    pub repeats: usize,
    /// By the wall clock, from the call to the end of the work.
    pub wall: Vec<f64>,
    /// By the device's own clock; empty where it has none.
    pub device: Vec<f64>,
}

impl Series {
    /// The samples that count: the device's where it has a clock.
    #[must_use]
    pub fn seconds(&self) -> &[f64] {
        if self.device.is_empty() { &self.wall } else { &self.device }
    }
}

/// Work that can be run a number of times in one go.
pub(super) type Run<'a> = Box<dyn FnMut(usize) -> Result<Timed, DeviceError> + 'a>;

/// Samples each of `runs` in turns, so that whatever else the machine does falls on all of them alike.
///
/// # Errors
/// The device was lost or has no memory left.
pub(super) fn in_turns(
    runs: &mut [(super::On, Run<'_>)],
    effort: Effort,
) -> Result<Vec<Series>, DeviceError> {
    let start = Instant::now();
    let mut series = Vec::new();
    for (on, run) in runs.iter_mut() {
        // The first run pays for shaders and page faults; the second tells how long one takes.
        run(1)?;
        let Timed { device, wall } = run(1)?;
        let most = REPEATS[usize::from(device.is_none())];
        let repeats = (effort.sample.as_secs_f64() / wall.as_secs_f64().max(1e-7)).ceil() as usize;
        let repeats = repeats.clamp(1, most);
        if repeats > 1 {
            run(repeats)?;
        }
        series.push((Series { on: *on, repeats, wall: Vec::new(), device: Vec::new() }, true));
    }
    for sample in 0..effort.samples {
        let spent = start.elapsed();
        if sample >= LEAST && spent > effort.budget || sample >= SLOW && spent > 4 * effort.budget {
            break;
        }
        for ((_, run), (series, clock)) in runs.iter_mut().zip(&mut series) {
            let Timed { wall, device } = run(series.repeats)?;
            series.wall.push(wall.as_secs_f64() / series.repeats as f64);
            match device {
                Some(device) => series.device.push(device.as_secs_f64() / series.repeats as f64),
                None => *clock = false,
            }
        }
    }
    let kept = series.into_iter().map(|(mut series, clock)| {
        // A clock that fails once is not to be believed at all.
        if !clock {
            series.device.clear();
        }
        series
    });
    Ok(kept.collect())
}

/// The middle of `values`, and of an even number of them the mean of the two in the middle; NaN of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The `q`-quantile by linear interpolation (type 7 of Hyndman and Fan 1996, NumPy's default); NaN of no values.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    sorted[low] + share * (sorted[(low + 1).min(last)] - sorted[low])
}

/// Spread: half the interquartile range over the median. ±5 % means that half of all samples are within about that.
#[must_use]
pub fn spread(values: &[f64]) -> f64 {
    0.5 * (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
}

/// A ratio of two medians and the interval that holds it with 95 % probability.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ratio {
    /// The ratio.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Resamplings of a bootstrap.
const RESAMPLES: usize = 2000;

/// `median(a) / median(b)` with its bootstrap percentile interval (Efron and Tibshirani, *An Introduction to the
/// Bootstrap*, 1993, ch. 13): both are drawn from again, with replacement, 2,000 times from a fixed seed, and the middle
/// 95 % of the ratios are kept.
#[must_use]
pub fn ratio(a: &[f64], b: &[f64]) -> Ratio {
    let value = median(a) / median(b);
    if a.is_empty() || b.is_empty() {
        return Ratio { value, low: value, high: value };
    }
    let mut random = ChaCha8Rng::seed_from_u64(1993);
    let mut again = |values: &[f64]| {
        let drawn: Vec<f64> = values.iter().map(|_| values[random.random_range(0..values.len())]).collect();
        median(&drawn)
    };
    let ratios: Vec<f64> = (0..RESAMPLES).map(|_| again(a) / again(b)).collect();
    Ratio { value, low: quantile(&ratios, 0.025), high: quantile(&ratios, 0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        let values = [7.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&values), 2.5);
        assert_eq!((quantile(&values, 0.0), quantile(&values, 1.0)), (1.0, 7.0));
        assert_eq!((quantile(&values, 0.25), quantile(&values, 0.75)), (1.75, 4.0));
        assert_eq!(median(&[4.0]), 4.0);
        assert!(median(&[]).is_nan());
        assert_eq!(spread(&[9.0, 10.0, 11.0]), 0.05);
    }

    #[test]
    fn a_ratio_lies_in_its_interval_and_noise_widens_it() {
        let quiet: Vec<f64> = (0..25).map(|i| 1.0 + 0.001 * f64::from(i % 5)).collect();
        let noisy: Vec<f64> = (0..25).map(|i| 1.0 + 0.2 * f64::from(i % 5)).collect();
        let twice: Vec<f64> = quiet.iter().map(|v| 2.0 * v).collect();
        let clear = ratio(&twice, &quiet);
        assert!((clear.value - 2.0).abs() < 1e-12 && clear.low > 1.98 && clear.high < 2.02, "{clear:?}");
        let vague = ratio(&noisy, &quiet);
        assert!(vague.low <= vague.value && vague.value <= vague.high, "{vague:?}");
        assert!(vague.high - vague.low > 10.0 * (clear.high - clear.low), "{vague:?}");
        let same = ratio(&noisy, &noisy);
        assert!(same.value == 1.0 && same.low < 1.0 && same.high > 1.0, "{same:?}");
        assert_eq!(ratio(&twice, &quiet), clear, "the same every time");
    }

    #[test]
    fn samples_are_taken_in_turns_and_a_failing_clock_is_dropped() {
        let order = std::cell::RefCell::new(Vec::new());
        let run = |name: char, clock: bool| -> Run<'_> {
            let order = &order;
            Box::new(move |_| {
                order.borrow_mut().push(name);
                let failed = !clock && order.borrow().len() > 20;
                let device = (!failed).then_some(Duration::from_micros(500));
                Ok(Timed { device, wall: Duration::from_millis(1) })
            })
        };
        let mut runs = [(super::super::On::Device, run('a', true)), (super::super::On::Cpu, run('b', false))];
        let effort = Effort { samples: 9, budget: Duration::from_secs(60), sample: Duration::from_millis(3) };
        let series = in_turns(&mut runs, effort).unwrap();
        assert_eq!((series[0].repeats, series[0].wall.len(), series[0].device.len()), (3, 9, 9));
        assert_eq!((series[1].wall.len(), series[1].device.len()), (9, 0));
        drop(runs);
        assert!(order.into_inner()[6..].chunks(2).all(|pair| pair == ['a', 'b']));
    }

    #[test]
    fn a_spent_budget_leaves_the_least_samples() {
        let mut runs: [(super::super::On, Run<'_>); 1] = [(
            super::super::On::Device,
            Box::new(|_| Ok(Timed { device: None, wall: Duration::from_millis(1) })),
        )];
        let mut samples = |budget| {
            let effort = Effort { samples: 100, budget, sample: Duration::ZERO };
            in_turns(&mut runs, effort).unwrap()[0].wall.len()
        };
        assert_eq!(samples(Duration::ZERO), SLOW);
        assert_eq!(samples(Duration::from_secs(60)), 100);
    }
}
