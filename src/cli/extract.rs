//! `huemax extract`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::common::{BudgetArgs, CheckArgs, Common, ErrorArgs, HistogramArgs};
use crate::cli::data::Opened;
use crate::cli::interrupt::{self, Savable};
use crate::cli::labels::LabelArgs;
use crate::cli::output;
use crate::cli::run_folder::{apart_from_results, list_of_refused, no_file, no_folders};
use crate::cli::train::seconds;
use crate::dataset::{Dataset, DatasetError};
use crate::error::{Error, FileError, Result};
use crate::features::store::is_store;
use crate::features::{Descriptor, FeaturesError, Skipped};
use crate::names;
use crate::pipeline::{
    Extraction, SkippedPicture, StoreOptions, cut_off_note, extract_to, other_list, passed_over, save_skipped,
};
use crate::progress::Progress;
use crate::report::grouped;
use crate::verify::Use;

/// Describe pictures and keep their features in a store, for `train` and `evaluate`, NumPy and pandas
///
/// Writes features.npy (a row a picture), samples.csv (its path, labels, part, size, time and hash) and features.json. Pictures that could
/// not be read have a row of zeros, and samples.csv and skipped.csv say why. Done again, pictures of the same size and time keep their rows, and those
/// that are gone are dropped. Interrupted, by Ctrl-C, a kill or a full disk, the same command goes on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of pictures, laid out as for `train`
    data: PathBuf,

    /// Folder for the features
    #[arg(long, value_name = "STORE")]
    out: PathBuf,

    #[command(flatten)]
    histogram: HistogramArgs,

    /// Read every file to see whether it has changed, rather than look at its size and time; what has not is not decoded again
    #[arg(long)]
    rehash: bool,

    /// Make everything anew, also in place of other features
    #[arg(long)]
    force: bool,

    /// Bring what has been done to the disk this often, so that it is not lost; 0 for only at the end, at Ctrl-C and after an error
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    checkpoint_every: f64,

    #[command(flatten)]
    labels: LabelArgs,

    #[command(flatten)]
    errors: ErrorArgs,

    #[command(flatten)]
    budget: BudgetArgs,

    #[command(flatten)]
    check: CheckArgs,

    #[command(flatten)]
    common: Common,
}

/// The result as JSON.
#[derive(Serialize)]
struct Extracted {
    huemax: &'static str,
    command: &'static str,
    store: String,
    data: String,
    descriptor: Descriptor,
    rows: usize,
    columns: usize,
    kept: usize,
    read: usize,
    dropped: usize,
    skipped: Vec<SkippedPicture>,
    skipped_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut_off: Vec<String>,
    changed: bool,
    seconds: f64,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    if is_store(&args.data) {
        let problem =
            format!("{} is a store of features already; give the folder of pictures", args.data.display());
        return Err(Error::option("DATA", problem));
    }
    Opened::apart("--out", &args.data, &args.out)?;
    no_file("--out", &args.out)?;
    no_folders("--out", &args.out, &[])?;
    apart_from_results("--out", &args.out)?;
    let dataset = Dataset::open(&args.data, &args.labels.options(&args.data)?);
    if let Err(DatasetError::Undetected { .. } | DatasetError::NoLabels { .. }) = &dataset {
        output::tell("to extract the pictures without labels: --labels none");
    }
    let dataset = dataset?;
    let device = args.common.open(&progress)?;
    let used = || Ok(Use { bins: Some(args.histogram.histogram().bins), ..Use::default() });
    args.check.before((&device, &args.common.device), used, &progress)?;
    let options = StoreOptions {
        rehash: args.rehash,
        force: args.force,
        replace: args.force,
        numbers_will_do: false,
        every: match args.checkpoint_every {
            0.0 => Duration::MAX,
            seconds => Duration::from_secs_f64(seconds),
        },
        stop: interrupt::asked,
        tolerance: args.errors.tolerance(),
    };
    if let Some(list) = other_list(&args.out).filter(|_| !args.force) {
        let out = args.out.display();
        let problem =
            format!("{out} holds a {list} that huemax did not write; name another folder, or add --force");
        return Err(Error::option("--out", problem));
    }
    dataset.mismatches.describe().iter().for_each(|note| progress.say(&format!("note: {note}")));
    let clock = Instant::now();
    let outcome = {
        let _savable = Savable::begin();
        let budget = args.budget.budget();
        extract_to(
            &dataset,
            &args.out,
            args.histogram.histogram().into(),
            &device,
            &budget,
            &options,
            &progress,
        )
    };
    if let Err(Error::Features(error @ FeaturesError::Interrupted { .. })) = &outcome {
        output::tell(&error.to_string());
        output::tell("go on with the same command");
    }
    let extraction = outcome.map_err(|error| {
        if let Error::Unreadable(unreadable) = &error {
            output::tell_kept(unreadable, &args.out);
        }
        output::list_unreadable(error, || {
            // It may have been refused before there was anything to keep.
            std::fs::create_dir_all(&args.out).map_err(FileError::on("create", &args.out))?;
            Ok(list_of_refused(&args.out))
        })
    })?;
    report(args, &dataset, &extraction, clock.elapsed().as_secs_f64())?;
    match extraction.skipped.as_slice() {
        [first, ..] if extraction.skipped.len() == dataset.samples.len() => {
            let problem = format!(
                "none of the pictures could be read, for example {}: {}",
                dataset.relative_path_string(first.index),
                first.reason
            );
            Err(FeaturesError::Format { path: args.data.clone(), problem }.into())
        }
        _ => Ok(()),
    }
}

fn report(args: &Args, dataset: &Dataset, extraction: &Extraction, seconds: f64) -> Result<()> {
    let Extraction { kept, read, dropped, changed, .. } = *extraction;
    let (rows, columns) = (dataset.samples.len(), extraction.descriptor.len());
    let named = |s: &Skipped| SkippedPicture {
        path: dataset.relative_path_string(s.index),
        reason: s.reason.clone(),
    };
    let unread = dataset.unread.iter().map(SkippedPicture::from);
    let skipped: Vec<SkippedPicture> = unread.chain(extraction.skipped.iter().map(named)).collect();
    let cut_off: Vec<String> =
        extraction.cut_off.iter().map(|&row| dataset.relative_path_string(row)).collect();
    let list = save_skipped(&args.out, &[&skipped[..], &passed_over(&dataset.mismatches)].concat())?;
    let counts = format!(
        "kept {}, read {}, dropped {}, skipped {}",
        grouped(kept),
        grouped(read),
        grouped(dropped),
        grouped(skipped.len())
    );
    output::tell_left_out(
        &skipped,
        dataset.unit,
        dataset.unlabelled.len(),
        dataset.unlabelled.first().map(PathBuf::as_path),
        list.as_deref(),
    );
    cut_off_note(&cut_off).iter().for_each(|note| output::tell(note));
    if args.common.json {
        return output::print_json(&Extracted {
            huemax: env!("CARGO_PKG_VERSION"),
            command: "extract",
            store: names::text(&args.out),
            data: names::text(&args.data),
            descriptor: extraction.descriptor,
            rows,
            columns,
            kept,
            read,
            dropped,
            skipped_count: skipped.len(),
            skipped,
            cut_off,
            changed,
            seconds,
        });
    }
    let out = args.out.display();
    let what = match changed {
        true => format!("wrote {} × {columns} features into {out}", grouped(rows)),
        false => format!("{out} has the features of all {} pictures already", grouped(rows)),
    };
    output::print(&format!("{what}: {counts}\n"))
}
