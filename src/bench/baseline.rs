//! What changed since an earlier run, beyond noise.

use super::run::{On, Run};
use super::sample::{Ratio, median, ratio};

/// Two runs of the same program differ by about this much for reasons that no sample within one of them shows: where memory
/// happens to lie, how warm the machine is. A change must be larger, with the whole of its interval.
pub(super) const NOISE: f64 = 0.03;
/// Less than this many seconds is no change either: which cache lines two short arrays share is luck.
const LUCK: f64 = 1e-6;

/// What became of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Less time than before.
    Faster,
    /// More time than before.
    Slower,
    /// Not beyond noise.
    NoChange,
}

/// One stage in both runs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Change {
    /// Stage, sizes and where it ran.
    pub what: String,
    /// Time before over time now: above 1 is faster.
    pub speed: Ratio,
    /// What that means.
    pub verdict: Verdict,
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// What differs between the machines, programs or data, so that times need not be comparable.
    pub warnings: Vec<String>,
    /// Stages that are in both.
    pub changes: Vec<Change>,
    /// Stages that are in one of them only.
    pub unmatched: Vec<String>,
}

/// Compares `now` with `before`: stages of the same name, sizes and place.
#[must_use]
pub fn compare(before: &Run, now: &Run) -> Comparison {
    let (then_times, now_times) = (times(before), times(now));
    let mut changes = Vec::new();
    let mut unmatched = Vec::new();
    for (what, seconds) in &now_times {
        match then_times.iter().find(|(other, _)| other == what) {
            Some((_, earlier)) => {
                let speed = ratio(earlier, seconds);
                let luck = (median(earlier) - median(seconds)).abs() < LUCK;
                let verdict = if luck { Verdict::NoChange } else { verdict(speed) };
                changes.push(Change { what: what.clone(), speed, verdict });
            }
            None => unmatched.push(format!("{what}: only now")),
        }
    }
    let gone = then_times.iter().filter(|(what, _)| now_times.iter().all(|(other, _)| other != what));
    unmatched.extend(gone.map(|(what, _)| format!("{what}: only in the baseline")));
    let mut warnings = warnings(before, now);
    // No change of huemax makes a copy or a multiply-add faster or slower.
    for change in changes.iter().filter(|c| c.what.starts_with(CEILING) && c.verdict != Verdict::NoChange) {
        warnings.push(format!(
            "the machine itself was {} ({}: ×{:.2}): other work, another clock; times that changed about as much say nothing \
             of huemax",
            if change.verdict == Verdict::Faster { "faster" } else { "slower" },
            change.what,
            change.speed.value,
        ));
    }
    Comparison { warnings, changes, unmatched }
}

/// How the device's ceilings are named among the times.
const CEILING: &str = "most it reaches";

fn verdict(speed: Ratio) -> Verdict {
    if speed.low > 1.0 + NOISE {
        Verdict::Faster
    } else if speed.high < 1.0 / (1.0 + NOISE) {
        Verdict::Slower
    } else {
        Verdict::NoChange
    }
}

/// Every series of a run by what it is. Wall and device times are not compared with each other.
fn times(run: &Run) -> Vec<(String, &[f64])> {
    let place = |on: On, clock: bool| {
        let clock = if clock { ", device time" } else { "" };
        match on {
            On::Device => format!("device{clock}"),
            On::Cpu => "CPU".into(),
            On::OneThread => "CPU, one thread".into(),
        }
    };
    let ceilings = [("copy", &run.ceilings.copy), ("multiply-add", &run.ceilings.multiply_add)];
    let ceilings =
        ceilings.into_iter().map(|(name, ceiling)| (format!("{CEILING}: {name}"), ceiling.series.seconds()));
    let stages = run.stages.iter().flat_map(|stage| {
        stage.series.iter().map(move |series| {
            let place = place(series.on, !series.device.is_empty());
            (format!("{} {} ({place})", stage.stage, stage.size), series.seconds())
        })
    });
    ceilings.chain(stages).collect()
}

fn warnings(before: &Run, now: &Run) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differs = |what: &str, before: &dyn std::fmt::Display, now: &dyn std::fmt::Display| {
        let (before, now) = (before.to_string(), now.to_string());
        if before != now {
            warnings.push(format!("{what} differs: {before} before, {now} now"));
        }
    };
    differs("the device", &before.device.id(), &now.device.id());
    differs("the processor", &before.host.processor, &now.host.processor);
    differs("the number of threads", &before.host.threads, &now.host.threads);
    differs("what the pictures are", &before.pictures, &now.pictures);
    let shapes = |run: &Run| run.shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    differs("--size", &shapes(before), &shapes(now));
    let build = |run: &Run| if run.optimised { "release" } else { "debug" };
    differs("the build", &build(before), &build(now));
    warnings
}

#[cfg(test)]
mod tests {
    use super::super::run::tests::example;
    use super::*;

    #[test]
    fn a_run_has_not_changed_against_itself() {
        let run = example();
        let comparison = compare(&run, &run);
        assert!(comparison.warnings.is_empty() && comparison.unmatched.is_empty(), "{comparison:?}");
        assert_eq!(comparison.changes.len(), 5);
        assert!(comparison.changes.iter().all(|c| c.verdict == Verdict::NoChange), "{comparison:?}");
    }

    #[test]
    fn twice_the_time_is_slower_and_half_of_it_faster() {
        let (before, mut now) = (example(), example());
        now.stages[0].series[0].wall.iter_mut().for_each(|s| *s *= 2.0);
        now.stages[0].series[1].wall.iter_mut().for_each(|s| *s *= 0.5);
        let verdicts: Vec<_> = compare(&before, &now).changes.iter().map(|c| c.verdict).collect();
        use Verdict::{Faster, NoChange, Slower};
        assert_eq!(verdicts, [NoChange, NoChange, Slower, Faster, NoChange]);
    }

    #[test]
    fn a_slower_machine_is_told_from_a_slower_program() {
        let (before, mut now) = (example(), example());
        now.ceilings.copy.series.wall.iter_mut().for_each(|s| *s *= 2.0);
        let comparison = compare(&before, &now);
        assert!(comparison.warnings[0].contains("the machine itself was slower"), "{comparison:?}");
        now.stages[0].series[0].wall.iter_mut().for_each(|s| *s *= 1e-6);
        let mut before = now.clone();
        before.stages[0].series[0].wall.iter_mut().for_each(|s| *s *= 2.0);
        assert!(compare(&before, &now).changes.iter().all(|c| c.verdict == Verdict::NoChange));
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let (before, mut now) = (example(), example());
        now.device.name = "another".into();
        now.stages[0].size = "1×2×3".into();
        let comparison = compare(&before, &now);
        assert!(comparison.warnings[0].contains("the device differs"), "{comparison:?}");
        assert_eq!(comparison.unmatched.len(), 6);
    }
}
