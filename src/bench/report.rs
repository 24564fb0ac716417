//! A run and a comparison as text that needs no manual.

use super::baseline::{Comparison, Verdict};
use super::break_even::{BreakEven, Line, Wins};
use super::end_to_end::{COMPILATION, EndToEnd, Part};
use super::format::{number, percent, si, table, time, times, wrap};
use super::measure::software;
use super::run::{On, Run};
use super::sample::{median, spread};
use crate::backend::DeviceKind;

/// A bar of a whole, in characters.
const BAR: usize = 30;
/// Share of the processor that other programs may have before it is told.
const BUSY: f64 = 0.2;
/// How far the machine's own speed may wander before it is told; see [`Pulse::wander`](super::Pulse::wander).
const WANDER: f64 = 0.1;
/// All threads that are less than this many times as fast as one are hardly of use.
const OF_USE: f64 = 1.15;
/// Stages that take less say nothing of threads: to hand work over takes some of that.
const LONG: f64 = 1e-3;

/// The report of a run.
#[must_use]
pub fn text(run: &Run) -> String {
    let mut text = heading(run);
    if !run.stages.is_empty() {
        text += &stages(run);
        text += &against(run);
    }
    for way in &run.end_to_end {
        text += &end_to_end(run, way);
    }
    if let Some(break_even) = &run.break_even {
        text += &wins(break_even, run.end_to_end.first());
    }
    text
}

fn heading(run: &Run) -> String {
    let host = &run.host;
    let mut text = format!(
        "huemax {} ({}), {}\ndevice     {}\nprocessor  {}, {}, {} threads, {} GiB, {}\npictures   {}\n",
        run.huemax,
        run.commit,
        run.date,
        run.device,
        host.processor,
        host.vectors,
        host.threads,
        host.memory >> 30,
        host.system,
        run.pictures,
    );
    if software(run) {
        text += "A software driver computes on the processor: these figures say nothing of any GPU.\n";
    }
    if !run.optimised {
        text += "This is a debug build: build with --release for figures that mean something.\n";
    }
    cautions(run).iter().for_each(|caution| text += &wrap(&format!("Careful: {caution}.")));
    let ceiling = |ceiling: &super::Ceiling, unit: &str| {
        format!("{}{unit} ±{}", si(ceiling.rate()), percent(spread(ceiling.series.seconds())))
    };
    text += "\nThe most this device reaches, measured now\n";
    text += &format!("  copy          {}\n", ceiling(&run.ceilings.copy, "B/s, read and written"));
    text += &format!("  multiply-add  {}\n", ceiling(&run.ceilings.multiply_add, "FLOP/s, in registers"));
    text
}

/// What makes these figures worth less than they look.
fn cautions(run: &Run) -> Vec<String> {
    let mut cautions = Vec::new();
    if run.host.others > BUSY {
        let share = percent(run.host.others);
        cautions.push(format!(
            "other programs had {share} of the processor before this began, and what they have is missing here; end them and \
             measure again"
        ));
    }
    let wander = |pulse: &&super::Pulse| pulse.wander() > WANDER;
    let most = run.pulses.iter().filter(wander).max_by(|a, b| a.wander().total_cmp(&b.wander()));
    if let Some(pulse) = most {
        let place = if pulse.on == On::Device { "the device" } else { "the CPU" };
        cautions.push(format!(
            "this machine's speed wanders, by other work or its clock: between stages, the same {} on {place} was up to {} \
             off its median in four of five samples, and {} at most; times are no surer than that",
            pulse.what,
            percent(pulse.wander()),
            percent(pulse.furthest())
        ));
    }
    let all = if run.device.kind == DeviceKind::Cpu { On::Device } else { On::Cpu };
    let of_use: Vec<f64> = run
        .stages
        .iter()
        .filter_map(|stage| {
            Some((median(stage.on(On::OneThread)?.seconds()), median(stage.on(all)?.seconds())))
        })
        .filter(|&(one, _)| one > LONG)
        .map(|(one, all)| one / all)
        .collect();
    if median(&of_use) < OF_USE {
        cautions.push(format!(
            "all {} threads are hardly faster than one (×{:.2}): other programs have the rest of the processor, or this \
             machine has less of it than it says",
            run.host.threads,
            median(&of_use)
        ));
    }
    cautions
}

fn stages(run: &Run) -> String {
    let mut rows = vec![
        ["stage", "size", "", "time", "spread", "rate", "GB/s", "GFLOP/s", "of ceiling"]
            .map(String::from)
            .to_vec(),
    ];
    for stage in &run.stages {
        let seconds = stage.seconds();
        let samples = stage.on(On::Device).map_or(f64::NAN, |s| spread(s.seconds()));
        let (share, which) = stage.of_ceiling(&run.ceilings);
        let nothing_binds = stage.stage == "readback";
        let each = |amount: u64| match amount {
            0 => "–".into(),
            amount => number(amount as f64 / seconds / 1e9),
        };
        rows.push(vec![
            stage.stage.clone(),
            stage.size.clone(),
            stage.note.clone(),
            time(seconds),
            format!("±{}", percent(samples)),
            format!("{}{}/s", si(stage.items as f64 / seconds), stage.unit),
            each(stage.bytes),
            each(stage.operations),
            if nothing_binds { "–".into() } else { format!("{} of {which}", percent(share)) },
        ]);
    }
    let clocks = run.stages.iter().filter(|s| s.on(On::Device).is_some_and(|s| !s.device.is_empty())).count();
    let clock = match (run.device.kind, clocks) {
        (DeviceKind::Cpu, _) => "Wall time, all threads.".to_owned(),
        (_, 0) => "Wall time: this device has no clock of its own (timestamp queries). Uploads and waiting are in it.".into(),
        _ => "Time by the device's own clock (timestamp queries), kernels only: without uploads, copies and waiting; \
              readback by the wall clock."
            .into(),
    };
    let about = wrap(&format!(
        "Stages. Each was held against the f64 reference on the arrays that are timed, and was right. {clock} Median of {} \
         samples; spread is half the interquartile range.",
        samples(run)
    ));
    let mut legend = wrap(
        "GB/s and GFLOP/s count what a stage must read, write and compute at least. \"Of ceiling\" is against whichever of \
         copy and multiply-add it cannot be faster than; above 100 % the data lie in a cache, which a large copy cannot use.",
    );
    for left_out in &run.left_out {
        legend += &wrap(&format!("{} {} is not here: {}.", left_out.stage, left_out.size, left_out.reason));
    }
    format!("\n{about}\n{}\n{legend}", table(&rows, 3))
}

fn samples(run: &Run) -> String {
    let counts = run.stages.iter().flat_map(|s| &s.series).map(|s| s.wall.len());
    match (counts.clone().min(), counts.max()) {
        (Some(least), Some(most)) if least != most => format!("{least} to {most}"),
        (Some(least), _) => least.to_string(),
        _ => "no".into(),
    }
}

fn against(run: &Run) -> String {
    let gpu = run.device.kind != DeviceKind::Cpu;
    let columns: &[On] = if gpu { &[On::Cpu, On::OneThread] } else { &[On::OneThread] };
    if run.stages.iter().all(|s| columns.iter().all(|&on| s.on(on).is_none())) {
        return "\nThe CPU backend has one thread only: there is nothing to compare it with.\n".into();
    }
    let mut header = vec!["stage".to_owned(), "size".into(), if gpu { "GPU" } else { "all threads" }.into()];
    for on in columns {
        let name =
            if *on == On::Cpu { format!("CPU, {} threads", run.host.threads) } else { "one thread".into() };
        header.extend([name, if gpu { "GPU is" } else { "all are" }.into()]);
    }
    let mut rows = vec![header];
    for stage in &run.stages {
        let mut row = vec![stage.stage.clone(), stage.size.clone(), time(stage.seconds())];
        for &on in columns {
            match (stage.on(on), stage.against(on)) {
                (Some(series), Some(speed)) => row.extend([time(median(series.seconds())), times(speed)]),
                _ => row.extend(["–".to_owned(), "–".into()]),
            }
        }
        rows.push(row);
    }
    let who = if gpu { "GPU against CPU" } else { "All threads against one" };
    let about = wrap(&format!(
        "{who}: how many times as fast, sampled in turns; in brackets the interval that holds it with 95 % probability \
         (bootstrap of the medians; of three to five samples it is little more than the least and the greatest){}.",
        if gpu {
            ". A GPU's time is that of the table above: uploads are not in it, but in the whole way below"
        } else {
            ""
        }
    ));
    format!("\n{about}\n{}", table(&rows, 2))
}

fn end_to_end(run: &Run, way: &EndToEnd) -> String {
    let place = match way.on {
        On::Device if run.device.kind != DeviceKind::Cpu => run.device.name.clone(),
        _ => format!("the CPU, {} threads", run.host.threads),
    };
    let total: f64 = way.parts.iter().map(Part::seconds).sum();
    let mut rows = Vec::new();
    for part in &way.parts {
        let share = part.seconds() / total.max(f64::MIN_POSITIVE);
        let bar = "█".repeat((share * BAR as f64).round() as usize);
        rows.push(vec![
            part.name.clone(),
            format!("{bar:<BAR$}"),
            part.note.clone(),
            time(part.seconds()),
            percent(share),
        ]);
    }
    // The note comes last: it has no width of its own.
    rows.iter_mut().for_each(|row| row[2..].rotate_left(1));
    let n = way.pictures as f64;
    let overlapped = median(&way.overlapped);
    let compilation = compilation(way);
    let compiled = match compilation > 0.0 {
        true => format!(", {} of it to compile shaders; with these compiled,", time(compilation)),
        false => ";".into(),
    };
    let overlap = if way.overlapped.len() > 1 {
        format!(" ±{}", percent(spread(&way.overlapped)))
    } else {
        String::new()
    };
    let summary = wrap(&format!(
        "Together {}, {} pictures/s{compiled} and as `huemax train` does it, decoding and describing at the same time: \
         {}{overlap}, {} pictures/s.",
        time(total),
        number(n / total),
        time(overlapped),
        number(n / overlapped),
    ));
    let rounds = match way.overlapped.len() {
        1 => "gone once".into(),
        rounds => format!("median of {rounds} times"),
    };
    format!(
        "\nFrom files to a model on {place}: {} pictures, {}pixel, one part after the other, {rounds}\n\n{}\n{summary}",
        way.pictures,
        si(way.pixels as f64),
        lines_with_notes(&rows),
    )
}

/// Seconds to compile shaders.
fn compilation(way: &EndToEnd) -> f64 {
    way.parts.iter().filter(|p| p.name == COMPILATION).map(Part::seconds).sum()
}

/// Name, bar, time, share and a note of any length.
fn lines_with_notes(rows: &[Vec<String>]) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row[..4].to_vec()).collect();
    let lines = table(&cells, 2);
    lines
        .lines()
        .zip(rows)
        .map(|(line, row)| format!("{line}   {}", row[4]).trim_end().to_owned() + "\n")
        .collect()
}

/// `way` is that of the GPU, and says what a cold start is made of.
fn wins(break_even: &BreakEven, way: Option<&EndToEnd>) -> String {
    let mut text =
        "\nFrom how many on the GPU wins here, against all threads of the CPU (cost = fixed + each · n)\n"
            .to_owned();
    text += &won(&break_even.pictures);
    text += &won(&break_even.cold);
    if let Some(way) = way {
        let (open, compilation) = (time(way.open), time(compilation(way)));
        text += &format!("    of that {open} are to open the device, and {compilation} to compile shaders\n");
    }
    text + &break_even.rows.as_ref().map_or(String::new(), won)
}

/// From how many on the GPU wins, and both costs.
fn won(line: &Line) -> String {
    let (things, thing) = if line.of_pictures { ("pictures", "picture") } else { ("rows", "row") };
    let verdict = match line.wins {
        Wins::From(n) => format!("from {n} {things} on"),
        Wins::UpTo(n) => format!("up to {n} {things}, not beyond"),
        Wins::Always => "always".into(),
        Wins::Never => "never on this device".into(),
    };
    format!(
        "  {}: {verdict}\n    GPU {} and {} a {thing}, CPU {} and {}\n",
        line.what,
        time(line.gpu.fixed),
        time(line.gpu.each),
        time(line.cpu.fixed),
        time(line.cpu.each),
    )
}

/// The report of a comparison with the run in `name`.
#[must_use]
pub fn changes(comparison: &Comparison, name: &str) -> String {
    let mut text = "\n".to_owned();
    text += &wrap(&format!(
        "Against {name}: time before over time now, with its 95 % interval. A change is told where the whole of that is \
         beyond noise{}.",
        noise(comparison)
    ));
    comparison.warnings.iter().for_each(|warning| text += &wrap(&format!("Careful: {warning}.")));
    text += "\n";
    let mut rows = Vec::new();
    for change in &comparison.changes {
        let verdict = match change.verdict {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::NoChange => "no change",
            Verdict::TooShort => "too short to tell",
            Verdict::TooFew => "too few samples",
        };
        rows.push(vec![change.what.clone(), verdict.into(), times(change.speed)]);
    }
    text += &table(&rows, 2);
    comparison.unmatched.iter().for_each(|what| text += &format!("  not compared: {what}\n"));
    let count = |verdict| comparison.changes.iter().filter(|c| c.verdict == verdict).count();
    let (faster, slower, same) = (count(Verdict::Faster), count(Verdict::Slower), count(Verdict::NoChange));
    let unknown = match comparison.changes.len() - faster - slower - same {
        0 => String::new(),
        unknown => format!(", {unknown} not to tell"),
    };
    text + &match (comparison.changes.len(), faster, slower) {
        (0, ..) => "\nnothing could be compared\n".to_owned(),
        (_, 0, 0) => format!("\nno change in any of {same}{unknown}\n"),
        _ => format!("\n{faster} faster, {slower} slower, {same} unchanged{unknown}\n"),
    }
}

/// What counts as noise here.
fn noise(comparison: &Comparison) -> String {
    let each = comparison.steadiness.iter().map(|s| format!("{} on the {}", percent(s.noise), s.place));
    let each: Vec<String> = each.collect();
    match each.is_empty() {
        true => String::new(),
        false => format!(
            ": {} (by how much the same copies and multiply-adds were off their median in four of five samples, and 3 % at \
             least)",
            each.join(", ")
        ),
    }
}

/// For tests: stages of a run by name.
#[cfg(test)]
fn names(run: &Run) -> Vec<&str> {
    run.stages.iter().map(|s| s.stage.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::baseline::compare;
    use super::super::run::tests::example;
    use super::*;

    #[test]
    fn a_report_names_every_stage_and_what_it_was_measured_on() {
        let run = example();
        let text = text(&run);
        for part in names(&run).into_iter().chain(["a processor", "2 threads", "×2.00 (", "multiply-add"]) {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        let same = changes(&compare(&run, &run), "run.json");
        assert!(same.contains("no change in any of 6"), "{same}");
    }
}
