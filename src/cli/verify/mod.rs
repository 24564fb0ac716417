//! `huemax verify`

mod text;

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

use self::text::Printer;
use super::common::{Common, say_choice};
use super::devices::Entry;
use super::output;
use super::progress::Terminal;
use crate::backend::{Backend, Cpu, Found, list};
use crate::error::{Error, Result};
use crate::verify::used::repeat;
use crate::verify::{self, Devices, Mixed, MixedReport, Options, Report, Stage};

/// Hold a device against the reference: every stage, on data that are hard for it
///
/// Runs every stage on the device, and on the CPU too, and compares with the same stage in plain f64: exactly where it is
/// integer arithmetic, within a derived tolerance where it is not. A line a stage; the first element that differs, with
/// its input, both values and the command that repeats that case. Exit code 1 when anything differs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,

    /// Seed of all random data
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,

    /// Leave out the cases that take seconds
    #[arg(long)]
    quick: bool,

    /// Only this case, or all whose names begin so: a stage (scores), or the name that a failure printed
    #[arg(long, value_name = "NAME", conflicts_with = "quick", value_parser = NonEmptyStringValueParser::new())]
    case: Option<String>,

    /// To find a fault: a training of which the CPU computes every stage before STAGE, and the device the rest
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["device_until", "case", "quick"], value_parser = part)]
    cpu_until: Option<Stage>,

    /// The reverse: the device computes every stage before STAGE, and the CPU the rest
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["case", "quick"], value_parser = part)]
    device_until: Option<Stage>,
}

/// A stage that is part of a training.
fn part(text: &str) -> Result<Stage, String> {
    match text.parse()? {
        Stage::Training => Err("training is all stages in a row; name one of them".into()),
        Stage::ObjectiveSparse => {
            Err("these trainings keep the zeros of their features; name objective".into())
        }
        stage => Ok(stage),
    }
}

/// What verified.
#[derive(Debug, Serialize)]
struct Build {
    /// Version of huemax.
    huemax: &'static str,
    /// Commit that it was built from; `+changes` where sources differ from it.
    commit: &'static str,
}

const BUILD: Build = Build { huemax: env!("CARGO_PKG_VERSION"), commit: env!("HUEMAX_COMMIT") };

/// Everything that was found, as JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    build: Build,
    seed: u64,
    quick: bool,
    case: Option<&'a str>,
    pass: bool,
    reports: Vec<Verified>,
}

/// What was found on one device.
#[derive(Debug, Serialize)]
struct Verified {
    /// The device, its driver and its limits.
    about: Entry,
    pass: bool,
    #[serde(flatten)]
    report: Report,
    /// What repeats each case that failed.
    repeat: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let options = Options { seed: args.seed, quick: args.quick, only: args.case.clone() };
    if verify::cases(&options).is_empty() {
        let name = options.only.unwrap_or_default();
        let stages = Stage::ALL.map(Stage::name).join(", ");
        let problem = format!("no case is named {name:?} or begins so; a name begins with one of {stages}");
        return Err(Error::option("--case", problem));
    }
    let progress = args.common.progress();
    let listing = list();
    let Found { adapter, notes, .. } = listing.find(&args.common.device)?;
    say_choice(&args.common.device, &notes, &progress);
    let cpu = Cpu::new();
    let mixed = (args.cpu_until.map(Mixed::CpuUntil)).or(args.device_until.map(Mixed::DeviceUntil));
    if let Some(mixed) = mixed {
        return match adapter {
            Some(adapter) => {
                let about = Entry::gpu(args.common.device.to_string(), adapter);
                find_fault(args, about, &options, (&adapter.open()?, &cpu), mixed)
            }
            None => Err(Error::option(
                until(args),
                "the device is the CPU, and a training is divided between the CPU and another one; name a GPU with --device \
                 (see `huemax devices`)",
            )),
        };
    }

    let mut printer = Printer::new(&options, !args.common.json);
    let mut reports = Vec::new();
    if let Some(adapter) = adapter {
        let about = Entry::gpu(args.common.device.to_string(), adapter);
        let gpu = adapter.open()?;
        let small = adapter.open_within(SMALL);
        // A device below the limits that WebGPU guarantees can still be enough for the kernels.
        let devices = Devices { device: &gpu, small: small.as_ref().map_err(ToString::to_string) };
        reports.push(one(about, &devices, &options, &progress, &mut printer)?);
    }
    let about = Entry::cpu(cpu.info());
    reports.push(one(about, &Devices::of(&cpu), &options, &progress, &mut printer)?);

    let failed: Vec<&Verified> = reports.iter().filter(|r| !r.pass).collect();
    let outcome = if failed.is_empty() {
        Ok(())
    } else {
        let stages = || failed.iter().flat_map(|v| &v.report.stages);
        Err(Error::Verify {
            failed: stages().map(|s| s.failures.len()).sum(),
            cases: stages().map(|s| s.cases).sum(),
            devices: failed.iter().map(|v| v.report.device.name.clone()).collect(),
        })
    };
    if args.common.json {
        let pass = outcome.is_ok();
        let case = args.case.as_deref();
        let (seed, quick) = (args.seed, args.quick);
        output::print_json(&Document { build: BUILD, seed, quick, case, pass, reports })?;
    }
    outcome
}

/// Bytes of an array on the device that stands for small ones: less than one picture of a few megapixels.
const SMALL: u64 = 1 << 20;

fn one<B: Backend + 'static>(
    about: Entry,
    devices: &Devices<'_, B>,
    options: &Options,
    progress: &Terminal,
    printer: &mut Printer,
) -> Result<Verified> {
    let mut printed = printer.head(&about);
    let report = verify::verify(devices, options, progress, &mut |stage| {
        if printed.is_ok() {
            printed = progress.aside(|| printer.stage(&about.device, stage));
        }
    });
    printed?;
    printer.end(&report)?;
    let failures = report.stages.iter().flat_map(|s| &s.failures);
    let repeat = failures.map(|f| repeat(&about.device, options.seed, &f.case)).collect();
    Ok(Verified { about, pass: report.pass(), report, repeat })
}

/// A mixed training, as JSON.
#[derive(Debug, Serialize)]
struct MixedDocument {
    #[serde(flatten)]
    build: Build,
    /// The stage before which the CPU computed, and the device from there on.
    cpu_until: Option<Stage>,
    /// The reverse; one of the two is there.
    device_until: Option<Stage>,
    /// The device, its driver and its limits.
    about: Entry,
    seed: u64,
    pass: bool,
    trainings: Vec<MixedReport>,
}

/// The option that divides a training.
fn until(args: &Args) -> &'static str {
    if args.cpu_until.is_some() { "--cpu-until" } else { "--device-until" }
}

fn find_fault<B: Backend>(
    args: &Args,
    about: Entry,
    options: &Options,
    (device, cpu): (&B, &Cpu),
    mixed: Mixed,
) -> Result<()> {
    let trainings = verify::mixed(device, cpu, mixed, options)?;
    if trainings.is_empty() {
        let problem = "objective does not run on this device; name scores, softmax or gradient";
        return Err(Error::option(until(args), problem));
    }
    let failed: Vec<&MixedReport> = trainings.iter().filter(|t| t.failure().is_some()).collect();
    let outcome = if failed.is_empty() {
        Ok(())
    } else {
        let (failed, cases) = (failed.len(), trainings.len());
        Err(Error::Verify { failed, cases, devices: vec![device.info().name.clone()] })
    };
    if args.common.json {
        output::print_json(&MixedDocument {
            build: BUILD,
            cpu_until: args.cpu_until,
            device_until: args.device_until,
            about,
            seed: args.seed,
            pass: outcome.is_ok(),
            trainings,
        })?;
    } else {
        output::print(&text::mixed(&about, args.seed, &trainings))?;
    }
    outcome
}
