//! A verification as text: a head, a line a stage, and the words about what failed.

use crate::cli::devices::Entry;
use crate::cli::output;
use crate::error::Result;
use crate::names::for_shell;
use crate::report::grouped;
use crate::verify::used::repeat;
use crate::verify::{Failure, MixedReport, Options, Report, Stage, StageReport, bounds, cases};

/// Prints a verification while it runs.
pub(super) struct Printer {
    seed: u64,
    about: String,
    loud: bool,
    tolerances: Option<String>,
}

/// Failures of a stage that are printed in full, and named.
const SHOWN: usize = 3;
const NAMED: usize = 10;

impl Printer {
    /// Prints nothing unless `loud`.
    pub(super) fn new(options: &Options, loud: bool) -> Self {
        let cases = cases(options);
        let set = match &options.only {
            Some(name) => format!("what begins with {name}"),
            None if options.quick => "quick set".into(),
            None => "full set".into(),
        };
        let noun = if cases.len() == 1 { "case" } else { "cases" };
        let about = format!("{set}, {} {noun}, seed {}", cases.len(), options.seed);
        let stages = Stage::ALL.into_iter().filter(|s| cases.iter().any(|id| id.starts_with(s.name())));
        let mut tolerances =
            "tolerances, with u = 2⁻²⁴ and γₙ = n·u/(1 − n·u) for n roundings of f32:\n".to_owned();
        stages.for_each(|s| tolerances += &format!("  {s:<16} {}\n", bounds::derivation(s)));
        tolerances += "largest error: the largest difference from the reference, as it is; tolerance used: the largest share that \
                       a difference\ntook of the tolerance of its own number, which grows with what that was computed from\n";
        Self { seed: options.seed, about, loud, tolerances: Some(tolerances) }
    }

    fn print(&self, text: &str) -> Result<()> {
        if self.loud { output::print(text) } else { Ok(()) }
    }

    /// The device, and once the tolerances; then the head of the table.
    pub(super) fn head(&mut self, entry: &Entry) -> Result<()> {
        let tolerances = self.tolerances.take().map_or(String::new(), |t| format!("{t}\n"));
        self.print(&format!("{tolerances}{}       {}\n\n{}", entry.text(), self.about, columns("cases")))
    }

    /// A line for a stage that ended, and the words about its failures.
    pub(super) fn stage(&self, device: &str, stage: &StageReport) -> Result<()> {
        self.print(&self.stage_text(device, stage))
    }

    fn stage_text(&self, device: &str, stage: &StageReport) -> String {
        let mut text = line(stage, "no case applies");
        for skipped in &stage.skipped {
            text += &format!("  {:<16} {:>6} skipped: {}\n", "", skipped.cases, skipped.reason);
        }
        for failure in stage.failures.iter().take(SHOWN) {
            text += &about(failure);
            text += &format!("       repeat: {}\n", repeat(device, self.seed, &failure.case));
            if failure.case.starts_with(Stage::Training.name()) && failure.stage != Stage::Training {
                text += &format!(
                    "       with the CPU before it: huemax verify --device {} --seed {} --cpu-until {}\n",
                    for_shell(device),
                    self.seed,
                    failure.stage
                );
            }
        }
        if stage.failures.len() > SHOWN {
            let more = &stage.failures[SHOWN..];
            let names: Vec<&str> = more.iter().take(NAMED).map(|f| f.case.as_str()).collect();
            let dots = if more.len() > NAMED { ", …" } else { "" };
            text += &format!("  FAIL {} more: {}{dots}\n", more.len(), names.join(", "));
        }
        text
    }

    /// The last line.
    pub(super) fn end(&self, report: &Report) -> Result<()> {
        let elements: usize = report.stages.iter().map(|s| s.elements).sum();
        let cases: usize = report.stages.iter().map(|s| s.cases).sum();
        let skipped: usize = report.stages.iter().flat_map(|s| &s.skipped).map(|s| s.cases).sum();
        let mut text = String::new();
        if let Some(error) = &report.stopped {
            text += &format!("  stopped: {error}\n");
        }
        let passed = if report.pass() { "PASS" } else { "FAIL" };
        let time = format!("{:.1} s", report.seconds);
        text += &format!(
            "  {:<16} {cases:>6} {:>13} {:>14} {:>17} {time:>9}  {passed}\n\n",
            "all",
            grouped(elements),
            "",
            ""
        );
        if skipped > 0 {
            text.insert_str(
                text.len() - 1,
                &format!("  {:<16} {skipped:>6} skipped on this device, as said above\n", ""),
            );
        }
        self.print(&text)
    }
}

/// The head of the table, over lines of [`line`].
fn columns(cases: &str) -> String {
    format!(
        "  {:<16} {cases:>6} {:>13} {:>14} {:>17} {:>9}\n",
        "stage", "elements", "largest error", "tolerance used", "time"
    )
}

/// `  scores         75       123,456        1.2e-5            34.1 %     2.1 s  PASS`
///
/// `none` is the word for a stage without a case.
fn line(report: &StageReport, none: &str) -> String {
    let StageReport { stage, cases, elements, used, .. } = report;
    let error = match report.largest_error {
        _ if *elements == 0 => "–".into(),
        None => "no number".into(),
        Some(0.0) => "0".into(),
        Some(error) => format!("{error:.1e}"),
    };
    let used = match used {
        _ if !report.pass() => "exceeded".into(),
        Some(used) if *stage != Stage::Describe && *elements > 0 => format!("{:.1} %", 100.0 * used),
        _ => "–".into(),
    };
    let outcome = match () {
        () if !report.pass() => "FAIL",
        () if *cases == 0 => none,
        () => "PASS",
    };
    let (elements, time) = (grouped(*elements), format!("{:.1} s", report.seconds));
    format!("  {stage:<16} {cases:>6} {elements:>13} {error:>14} {used:>17} {time:>9}  {outcome}\n")
}

fn about(failure: &Failure) -> String {
    let Failure { case, stage, message, input, .. } = failure;
    let blamed =
        if case.starts_with(stage.name()) { String::new() } else { format!("; the fault is in {stage}") };
    let place = if input.is_empty() { String::new() } else { format!("       at {input}\n") };
    format!("  FAIL {case}{blamed}\n       {message}\n{place}")
}

/// Trainings on two devices: the device and the seed, who computed what, what differed, and where the parameters ended.
pub(super) fn mixed(entry: &Entry, seed: u64, trainings: &[MixedReport]) -> String {
    let mut text = format!("{}       seed {seed}\n\n", entry.text());
    for training in trainings {
        text += &format!("{} with {}\n\n", training.case, training.device);
        text += &format!("  {:<7}{}", "where", columns("times"));
        for stage in &training.stages {
            let on = if stage.on_device { "device" } else { "CPU" };
            text += &format!("  {on:<7}{}", line(&stage.report, "not compared"));
        }
        if let Some(failure) = training.failure() {
            text += &about(failure);
            text += "       stages after it were not compared: their inputs were wrong\n";
        } else {
            text += "\n  PASS: every stage, each time, is what the reference makes of the inputs that the stage had\n";
        }
        let p = &training.parameters;
        let of_rounding = if training.failure().is_none() { "; that is rounding" } else { "" };
        text += &match p.first_step {
            None => {
                format!("\n  all {} parameters are those of the CPU alone, bit for bit\n\n", p.parameters)
            }
            Some(step) => format!(
                "\n  {} of {} parameters differ from those of the CPU alone, from step {step} on{of_rounding}; most (by {}):\n  \
                 {}\n\n",
                p.differ,
                p.parameters,
                p.largest.map_or("what is no number".into(), |l| format!("{l:.1e}")),
                p.at
            ),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_place_and_what_repeats_it() {
        let failure = |n: usize| Failure {
            case: format!("training/stage-by-stage/{n}"),
            stage: Stage::Softmax,
            message: "step 2 of 12: losses: element 3 is NaN, not 1 ± 1e-7; 1 of 37 elements are wrong"
                .into(),
            input: "row 3 of 37".into(),
            difference: None,
        };
        let report = StageReport {
            stage: Stage::Training,
            cases: 20,
            elements: 1234,
            largest_error: None,
            used: None,
            used_at: None,
            tolerance: bounds::derivation(Stage::Training),
            seconds: 0.25,
            skipped: vec![crate::verify::Skipped { cases: 2, reason: "it is too small".into() }],
            failures: (0..17).map(failure).collect(),
        };
        assert!(!report.pass());
        let text =
            Printer::new(&Options { seed: 5, ..Options::default() }, true).stage_text("gpu:1", &report);
        for part in [
            "1,234      no number          exceeded     0.2 s  FAIL",
            "2 skipped: it is too small",
            "FAIL training/stage-by-stage/0; the fault is in softmax",
            "step 2 of 12: losses: element 3 is NaN",
            "at row 3 of 37",
            "repeat: huemax verify --device gpu:1 --seed 5 --case training/stage-by-stage/0",
            "huemax verify --device gpu:1 --seed 5 --cpu-until softmax",
            "FAIL 14 more: training/stage-by-stage/3, ",
            "training/stage-by-stage/12, …",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert_eq!(text.matches("repeat:").count(), SHOWN);
    }

    #[test]
    fn numbers_are_grouped_and_names_quoted() {
        assert_eq!([0, 999, 1000, 16_777_216].map(grouped), ["0", "999", "1,000", "16,777,216"]);
        assert_eq!(for_shell("gpu:1"), "gpu:1");
        assert_eq!(for_shell("Voodoo 2"), "'Voodoo 2'");
        assert_eq!(for_shell("it's $5;"), r"'it'\''s $5;'");
        assert_eq!(for_shell(""), "''");
    }
}
