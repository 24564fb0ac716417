//! What changed since an earlier run, beyond noise.

use super::conditions::Fingerprint;
use super::run::{On, Run};
use super::sample::{Ratio, median, ratio};
use crate::backend::DeviceKind;

/// Two runs of the same program differ by about this much for reasons that no sample within one of them shows: where memory
/// happens to lie, how warm the machine is. A change must be larger, with the whole of its interval.
const LEAST_NOISE: f64 = 0.03;
/// A change of less than this many seconds may be luck: which cache lines two short arrays share.
const LUCK: f64 = 1e-6;
/// Fewer samples than this say nothing of noise.
const FEW: usize = 3;

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
    /// Beyond noise, and by less than a microsecond: that may be luck.
    TooShort,
    /// There are fewer than three samples in one of the runs.
    TooFew,
}

/// One series of times in both runs.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Change {
    /// Stage, sizes and where it ran.
    pub what: String,
    /// Time before over time now: above 1 is faster.
    pub speed: Ratio,
    /// What that means.
    pub verdict: Verdict,
}

/// How steady the GPU or the CPU was, in both runs and from one to the other: no change of huemax makes a copy or a
/// multiply-add faster or slower.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Steadiness {
    /// `GPU` or `CPU`.
    pub place: String,
    /// By how much times there differ for reasons that are not huemax's: 0.03 is 3 %. See [`Pulse::wander`](super::Pulse).
    pub noise: f64,
    /// Time before over time now of the same copy and of the same multiply-adds; none where the two are different machines.
    pub speeds: Vec<f64>,
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// What differs between the machines, programs or data, so that times need not be comparable.
    pub warnings: Vec<String>,
    /// How steady they were.
    pub steadiness: Vec<Steadiness>,
    /// Times that are in both.
    pub changes: Vec<Change>,
    /// Times that are in one of them only, or of other pictures.
    pub unmatched: Vec<String>,
}

/// Compares `now` with `before`: times of the same stage, sizes and place, on the same pictures.
#[must_use]
pub fn compare(before: &Run, now: &Run) -> Comparison {
    let (then_times, now_times) = (times(before), times(now));
    let steadiness: Vec<_> =
        [Place::Gpu, Place::Cpu].into_iter().filter_map(|place| steady(before, now, place)).collect();
    let mut changes = Vec::new();
    let mut unmatched = Vec::new();
    for times in &now_times {
        match then_times.iter().find(|other| other.what == times.what) {
            Some(earlier) if !same_pictures(earlier.pictures, times.pictures) => {
                unmatched.push(format!("{}: other pictures", times.what));
            }
            Some(earlier) => {
                let steady = steadiness.iter().find(|s| s.place == times.place.name());
                let speed = ratio(earlier.seconds, times.seconds);
                let verdict = verdict(speed, [earlier.seconds, times.seconds], steady);
                changes.push(Change { what: times.what.clone(), speed, verdict });
            }
            None => unmatched.push(format!("{}: only now", times.what)),
        }
    }
    let gone = then_times.iter().filter(|times| now_times.iter().all(|other| other.what != times.what));
    unmatched.extend(gone.map(|times| format!("{}: only in the baseline", times.what)));
    let mut warnings = warnings(before, now);
    for Steadiness { place, noise, speeds } in &steadiness {
        let furthest = speeds.iter().copied().max_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()));
        if let Some(speed) = furthest.filter(|speed| speed.ln().abs() > noise.ln_1p()) {
            let faster = if speed > 1.0 { "faster" } else { "slower" };
            warnings.push(format!(
                "the machine itself was {faster} (×{speed:.2} on the {place}, by the same copies and multiply-adds): other \
                 work, another clock; a change must be beyond that"
            ));
        }
    }
    Comparison { warnings, steadiness, changes, unmatched }
}

/// What computed, so that the CPU of a run on it is compared with the CPU beside a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Gpu,
    Cpu,
}

impl Place {
    fn of(run: &Run, on: On) -> Self {
        match on {
            On::Device if run.device.kind != DeviceKind::Cpu => Self::Gpu,
            _ => Self::Cpu,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gpu => "GPU",
            Self::Cpu => "CPU",
        }
    }
}

/// How steady `place` was; `None` where one of the runs does not have it.
fn steady(before: &Run, now: &Run, place: Place) -> Option<Steadiness> {
    let pulses = |run: &Run| -> Vec<_> {
        run.pulses.iter().filter(|pulse| Place::of(run, pulse.on) == place).cloned().collect()
    };
    let (earlier, later) = (pulses(before), pulses(now));
    if earlier.is_empty() || later.is_empty() {
        return None;
    }
    let noise = earlier.iter().chain(&later).map(super::Pulse::wander).fold(LEAST_NOISE, f64::max);
    let same = match place {
        Place::Gpu => before.device.id() == now.device.id(),
        Place::Cpu => before.host.processor == now.host.processor && before.host.threads == now.host.threads,
    };
    let pairs = earlier.iter().filter_map(|x| Some((x, later.iter().find(|y| y.what == x.what)?)));
    let speeds = pairs.map(|(x, y)| median(&x.seconds) / median(&y.seconds)).filter(|_| same).collect();
    Some(Steadiness { place: place.name().into(), noise, speeds })
}

fn verdict(speed: Ratio, seconds: [&[f64]; 2], steady: Option<&Steadiness>) -> Verdict {
    let [before, now] = seconds;
    if before.len().min(now.len()) < FEW {
        return Verdict::TooFew;
    }
    let noise = 1.0 + steady.map_or(LEAST_NOISE, |s| s.noise);
    // What the machine alone may have done, with or without a change of the program.
    let machine = steady.map_or(&[][..], |s| &s.speeds);
    let (least, most) = machine.iter().fold((1.0f64, 1.0f64), |(low, high), &s| (low.min(s), high.max(s)));
    let verdict = if speed.low > most * noise {
        Verdict::Faster
    } else if speed.high < least / noise {
        Verdict::Slower
    } else {
        return Verdict::NoChange;
    };
    if (median(before) - median(now)).abs() < LUCK { Verdict::TooShort } else { verdict }
}

/// A series of a run.
struct Times<'a> {
    /// What it is. Wall and device times are not compared with each other.
    what: String,
    place: Place,
    seconds: &'a [f64],
    /// The pictures that it depends on.
    pictures: Option<&'a Fingerprint>,
}

/// Pictures that are not known, as of numbers, are no reason against comparing.
fn same_pictures(before: Option<&Fingerprint>, now: Option<&Fingerprint>) -> bool {
    before.is_none() || now.is_none() || before == now
}

/// Every series of a run.
fn times(run: &Run) -> Vec<Times<'_>> {
    let ceilings = [("copy", &run.ceilings.copy), ("multiply-add", &run.ceilings.multiply_add)];
    let device = Place::of(run, On::Device);
    let ceilings = ceilings.into_iter().map(|(name, ceiling)| Times {
        what: format!("most it reaches: {name} ({})", device.name()),
        place: device,
        seconds: ceiling.series.seconds(),
        pictures: None,
    });
    let stages = run.stages.iter().flat_map(|stage| {
        stage.series.iter().map(move |series| {
            let place = Place::of(run, series.on);
            let clock = if series.device.is_empty() { "" } else { ", device time" };
            let one = if series.on == On::OneThread { ", one thread" } else { "" };
            let described = run.pictures.described.as_ref();
            Times {
                what: format!("{} {} ({}{one}{clock})", stage.stage, stage.size, place.name()),
                place,
                seconds: series.seconds(),
                pictures: described.filter(|_| stage.stage.starts_with("describe/")),
            }
        })
    });
    let ways = run.end_to_end.iter().flat_map(|way| {
        let place = Place::of(run, way.on);
        let parts = way.parts.iter().map(|part| (&*part.name, &*part.samples));
        parts.chain([("as `train` does it", &*way.overlapped)]).map(move |(name, seconds)| Times {
            what: format!("{} pictures, the whole way: {name} ({})", way.pictures, place.name()),
            place,
            seconds,
            pictures: run.pictures.whole.as_ref(),
        })
    });
    let lines = run.break_even.iter().flat_map(|from| from.lines()).flat_map(|line| {
        let gpu = line.gpu_samples.iter().map(|x| (x, Place::Gpu));
        gpu.chain(line.cpu_samples.iter().map(|x| (x, Place::Cpu))).map(|(measured, place)| Times {
            what: format!("break-even, {}: {} ({})", line.what, measured.n, place.name()),
            place,
            seconds: &measured.seconds,
            pictures: run.pictures.whole.as_ref().filter(|_| line.of_pictures),
        })
    });
    ceilings.chain(stages).chain(ways).chain(lines).collect()
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
    let shapes = |run: &Run| run.shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    differs("--size", &shapes(before), &shapes(now));
    let build = |run: &Run| if run.optimised { "release" } else { "debug" };
    differs("the build", &build(before), &build(now));
    let pictures = [
        (&before.pictures.described, &now.pictures.described, "that are described"),
        (&before.pictures.whole, &now.pictures.whole, "of the whole way"),
    ];
    for (earlier, later, which) in pictures {
        if !same_pictures(earlier.as_ref(), later.as_ref()) {
            let (from, to) = (&before.pictures.about, &now.pictures.about);
            warnings.push(format!("the pictures {which} differ: {from} before, {to} now"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::super::break_even::{BreakEven, Cost, Line, Measured, Wins};
    use super::super::run::tests::example;
    use super::*;

    /// Series of [`example`].
    const SERIES: usize = 6;

    fn verdicts(before: &Run, now: &Run) -> Vec<Verdict> {
        compare(before, now).changes.iter().map(|c| c.verdict).collect()
    }

    fn slower(seconds: &mut [f64], factor: f64) {
        seconds.iter_mut().for_each(|s| *s *= factor);
    }

    #[test]
    fn a_run_has_not_changed_against_itself() {
        let run = example();
        let comparison = compare(&run, &run);
        assert!(comparison.warnings.is_empty() && comparison.unmatched.is_empty(), "{comparison:?}");
        assert_eq!(comparison.changes.len(), SERIES);
        assert!(comparison.changes.iter().all(|c| c.verdict == Verdict::NoChange), "{comparison:?}");
    }

    #[test]
    fn twice_the_time_is_slower_and_half_of_it_faster() {
        use Verdict::{Faster, NoChange, Slower};
        let (before, mut now) = (example(), example());
        slower(&mut now.stages[0].series[0].wall, 2.0);
        slower(&mut now.stages[0].series[1].wall, 0.5);
        slower(&mut now.end_to_end[0].parts[0].samples, 1.5);
        slower(&mut now.end_to_end[0].overlapped, 0.7);
        assert_eq!(verdicts(&before, &now), [NoChange, NoChange, Slower, Faster, Slower, Faster]);
    }

    #[test]
    fn a_slower_machine_is_told_from_a_slower_program() {
        let (before, mut now) = (example(), example());
        now.pulses.iter_mut().for_each(|pulse| slower(&mut pulse.seconds, 2.0));
        slower(&mut now.stages[0].series[0].wall, 2.05);
        let comparison = compare(&before, &now);
        assert!(comparison.warnings[0].contains("the machine itself was slower (×0.50"), "{comparison:?}");
        assert!(comparison.changes.iter().all(|c| c.verdict == Verdict::NoChange), "{comparison:?}");
        // Far beyond what the machine did.
        slower(&mut now.stages[0].series[0].wall, 2.0);
        assert_eq!(verdicts(&before, &now)[2], Verdict::Slower);
    }

    #[test]
    fn a_machine_that_wanders_hides_small_changes() {
        let (before, mut now) = (example(), example());
        slower(&mut now.stages[0].series[0].wall, 1.2);
        assert_eq!(verdicts(&before, &now)[2], Verdict::Slower);
        now.pulses[0].seconds.iter_mut().step_by(3).for_each(|s| *s *= 1.3);
        let comparison = compare(&before, &now);
        assert_eq!(comparison.changes[2].verdict, Verdict::NoChange);
        assert!((comparison.steadiness[0].noise - 0.3).abs() < 1e-9, "{:?}", comparison.steadiness);
    }

    #[test]
    fn what_is_too_short_or_was_seen_once_is_not_called_unchanged() {
        let (mut before, mut now) = (example(), example());
        slower(&mut before.stages[0].series[0].wall, 2e-5);
        slower(&mut now.stages[0].series[0].wall, 1e-5);
        now.end_to_end[0].parts[0].samples.truncate(2);
        let verdicts = verdicts(&before, &now);
        assert_eq!((verdicts[2], verdicts[4]), (Verdict::TooShort, Verdict::TooFew));
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let (before, mut now) = (example(), example());
        now.device.name = "another".into();
        now.stages[0].size = "1×2×3".into();
        let print = |sha256: &str| Fingerprint { pictures: 10, pixels: 100, sha256: sha256.into() };
        now.pictures.whole = Some(print("a"));
        let comparison = compare(&before, &now);
        assert!(comparison.warnings[0].contains("the device differs"), "{comparison:?}");
        assert_eq!(comparison.unmatched.len(), 4);
        let mut others = now.clone();
        others.pictures.whole = Some(print("b"));
        let comparison = compare(&now, &others);
        assert!(comparison.warnings[0].contains("the pictures of the whole way differ"), "{comparison:?}");
        assert!(comparison.unmatched.iter().all(|what| what.contains("other pictures")), "{comparison:?}");
        assert_eq!(comparison.unmatched.len(), 2);
    }

    #[test]
    fn the_cpu_beside_a_gpu_is_compared_with_the_cpu_alone() {
        let (cpu, mut gpu) = (example(), example());
        gpu.device.kind = DeviceKind::Hardware;
        gpu.device.name = "a GPU".into();
        let mut beside = gpu.stages[0].series[0].clone();
        beside.on = On::Cpu;
        slower(&mut beside.wall, 1.5);
        gpu.stages[0].series.push(beside);
        gpu.pulses
            .extend(gpu.pulses.clone().into_iter().map(|pulse| super::super::Pulse { on: On::Cpu, ..pulse }));
        let cost = Cost { fixed: 0.0, each: 1.0 };
        let measured = |n| Measured { n, seconds: vec![0.1; 5] };
        let line = |what: &str| Line {
            what: what.into(),
            of_pictures: true,
            gpu: cost,
            cpu: cost,
            wins: Wins::Never,
            gpu_samples: vec![measured(1), measured(8)],
            cpu_samples: vec![measured(1), measured(8)],
        };
        gpu.break_even = Some(BreakEven { pictures: line("pictures"), cold: line("cold"), rows: None });
        let comparison = compare(&cpu, &gpu);
        // All threads of the CPU: the device of one, beside the device of the other.
        let compared: Vec<_> = comparison.changes.iter().map(|c| &*c.what).collect();
        assert_eq!(compared, ["scores 100×8×3 (CPU, one thread)", "scores 100×8×3 (CPU)"]);
        assert_eq!(comparison.changes[1].verdict, Verdict::Slower);
        assert!(comparison.steadiness.iter().all(|s| s.place == "CPU"), "{comparison:?}");
        assert_eq!(compare(&gpu, &gpu).changes.len(), SERIES + 1 + 8);
    }
}
