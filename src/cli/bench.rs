//! `huemax bench`

use std::path::{Path, PathBuf};

use crate::backend::{Choice, Device};
use crate::bench::{self, Options, Run, Shape};
use crate::cli::common::say_choice;
use crate::cli::{output, progress::Terminal};
use crate::dataset::{Dataset, LabelOptions};
use crate::error::{Error, Result};
use crate::files::can_write_beside;

/// Time every stage and the whole way from files to a model, GPU against CPU
///
/// Each stage is first verified on the very arrays that are timed. Times are set against what the device reaches at most,
/// measured in the same run, and against the CPU with all threads and with one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of labelled pictures, laid out as for `train` [default: drawn pictures]
    data: Option<PathBuf>,

    /// Where to compute: auto, cpu, gpu, gpu:N, or part of a GPU's name (see `huemax devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Choice,

    /// Rows, columns and outputs of the learning stages [default: 20250,512,10, and the objective at 4096,512,1000]
    #[arg(long, value_name = "N,D,K", value_parser = shape, allow_hyphen_values = true)]
    size: Option<Shape>,

    /// Only this stage: describe, describe/flat, scores, objective, … or end-to-end; may be given several times
    #[arg(long = "stage", value_name = "NAME", value_parser = stage)]
    stages: Vec<String>,

    /// Samples of everything, 5 to 1000; slow stages get fewer
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = samples, allow_negative_numbers = true)]
    samples: u16,

    /// Smaller sizes and less time: to see whether it works
    #[arg(long)]
    quick: bool,

    /// Write the run with all its samples as JSON; - is standard output, in place of the report
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write over the file that --json names
    #[arg(long, requires = "json")]
    force: bool,

    /// A run that --json wrote: say what changed since, beyond noise
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Compare this run with the baseline and measure nothing
    #[arg(long, value_name = "FILE", requires = "baseline", conflicts_with_all = ["data", "device", "json", "samples", "size", "stages", "quick"])]
    against: Option<PathBuf>,

    /// Say nothing but the result and errors
    #[arg(long, short)]
    quiet: bool,
}

/// `20250,512,10` or `20250x512x10`.
fn shape(text: &str) -> Result<Shape, String> {
    let numbers: Option<Vec<usize>> =
        text.split([',', 'x', '×']).map(|part| part.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[rows, columns, outputs]) if rows > 0 && columns > 0 && outputs > 0 => {
            Ok(Shape { rows, columns, outputs })
        }
        Some([_, _, _]) => Err("rows, columns and outputs are 1 or more each".into()),
        _ => Err("three numbers, for rows, columns and outputs, such as 20250,512,10".into()),
    }
}

fn samples(text: &str) -> Result<u16, String> {
    match text.trim().parse() {
        Ok(samples @ 5..=1000) => Ok(samples),
        _ => Err("a number from 5 to 1000".into()),
    }
}

fn stage(text: &str) -> Result<String, String> {
    if Options::takes(text) {
        Ok(text.into())
    } else {
        Err(format!("one of {}", Options::all_names().join(", ")))
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = Terminal::new(args.quiet);
    // Everything that can be wrong with the command is found before any work is done.
    let baseline =
        args.baseline.as_deref().map(|path| Ok::<_, Error>((path, Run::load(path)?))).transpose()?;
    if let (Some((path, before)), Some(against)) = (&baseline, &args.against) {
        return compare(path, before, &Run::load(against)?);
    }
    let json = args.json.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = json {
        writable(path, args.force)?;
    }
    let dataset =
        args.data.as_deref().map(|data| Dataset::open(data, &LabelOptions::default())).transpose()?;
    let (device, notes) = Device::open(&args.device)?;
    say_choice(&args.device, &notes, &progress);
    let options = Options {
        choice: args.device.clone(),
        shape: args.size,
        stages: args.stages.clone(),
        samples: args.samples.into(),
        quick: args.quick,
    };
    let run = bench::bench(&options, &device, dataset.as_ref(), &progress)?;
    match json {
        Some(path) => run.save(path).inspect_err(|_| {
            // What was measured is told all the same.
            let _ = output::print(&bench::text(&run));
        })?,
        None if args.json.is_some() => {
            // Standard output is one document; what changed is said beside it.
            if let Some((path, before)) = &baseline {
                let changes = bench::changes(&bench::compare(before, &run), &path.display().to_string());
                output::tell(changes.trim_end());
            }
            return output::print_json(&run);
        }
        None => {}
    }
    output::print(&bench::text(&run))?;
    if let Some(path) = json {
        output::print(&format!("\nwrote {}\n", path.display()))?;
    }
    match &baseline {
        Some((path, before)) => compare(path, before, &run),
        None => Ok(()),
    }
}

fn compare(path: &Path, before: &Run, now: &Run) -> Result<()> {
    output::print(&bench::changes(&bench::compare(before, now), &path.display().to_string()))
}

/// Better now than after the measurement.
fn writable(path: &Path, force: bool) -> Result<()> {
    if path.is_dir() {
        return Err(Error::option("--json", format!("{} is a folder; name a file", path.display())));
    }
    // What is no file, such as a pipe or /dev/null, is written to and stays what it is.
    let through = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
    if !force && !through && std::fs::symlink_metadata(path).is_ok() {
        let problem = format!("{} is there already; name another file, or add --force", path.display());
        return Err(Error::option("--json", problem));
    }
    Ok(can_write_beside(path)?)
}
