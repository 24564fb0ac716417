//! `huemax train`

mod args;
mod report;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;

pub(super) use self::args::{Args, seconds};
pub(super) use self::report::report_run;
use self::report::{
    keep_features, of_device, quoted, tell_finished, tell_how_to_go_on, tell_interrupted, tell_moved,
};
use crate::backend::DeviceKind;
use crate::cli::common::load_model;
use crate::cli::data::Opened;
use crate::cli::interrupt::Savable;
use crate::cli::output;
use crate::cli::resume::{Kept, check_beside};
use crate::cli::run_folder::{RunFolder, apart_from, list_of_refused};
use crate::cli::watching::Watching;
use crate::error::{Error, Result};
use crate::features::store::remove_begun;
use crate::files::{Writing, folder_of};
use crate::learn::checkpoint::{CURRENT, CheckpointError, Loaded, Lock, PREVIOUS, Store, load};
use crate::learn::{LearnError, SolverOptions, Targets};
use crate::pipeline::{Begin, Session, other_list, train_watched};

/// The file of a run that holds its model.
const MODEL: &str = "model.safetensors";
/// The folder in that of the results that features are kept in.
pub(super) const CACHE: &str = "features";
/// A training that fails after this long leaves the features that it has made.
const WORTH_KEEPING: Duration = Duration::from_secs(60);

pub(super) fn run(args: &Args, matches: Option<&ArgMatches>) -> Result<()> {
    let (Some(run), Some(typed)) = (&args.resume, matches) else {
        let init = args.init.as_deref().map(load_model).transpose()?;
        let begin = match &init {
            Some(model) => Begin::Warm { model, grow: args.grow },
            None => Begin::Zero,
        };
        let folder = || RunFolder::new(args.out.as_deref(), args.force);
        return go((args, histogram_typed(matches)), &Kept::new(), begin, folder, None);
    };
    check_beside(typed)?;
    let home = if run.is_dir() { run } else { folder_of(run) };
    // Before it is read: whoever else is training there may be about to write another.
    let there = [CURRENT, PREVIOUS].iter().any(|name| home.join(name).exists());
    let lock = if there { Some(Lock::take(home)?) } else { None };
    let loaded = match load(run) {
        Err(CheckpointError::None { folder }) if folder.join(MODEL).is_file() => {
            return tell_finished(&folder, args.common.json);
        }
        loaded => loaded.inspect_err(|error| {
            if matches!(error, CheckpointError::Damaged { .. } | CheckpointError::Both { .. }) {
                let out = quoted(home);
                output::tell(&format!(
                    "to begin anew in the same folder: huemax train DATA --out {out} --force"
                ));
            }
        })?,
    };
    if let Some(problem) = &loaded.passed_over {
        output::tell(&format!("note: {problem}; going on from the one before it"));
    }
    let Loaded { checkpoint, path, store, .. } = loaded;
    if let Some(list) = other_list(store.folder()) {
        let folder = store.folder().display();
        let problem = format!(
            "{folder} holds a {list} that huemax did not write; move it elsewhere, or it would be written over"
        );
        return Err(Error::option("--resume", problem));
    }
    let kept = Kept::read(&checkpoint.keep, &path)?;
    let whole = kept.arguments(&path, (args, typed))?;
    let folder = || Ok(RunFolder::of(store.folder(), lock.map_or_else(|| Lock::take(store.folder()), Ok)?));
    let begin = Begin::Resume { checkpoint: &checkpoint, path: &path };
    // What was typed the first time was looked at then.
    go((&whole, false), &kept.and_now(typed), begin, folder, Some(store.clone()))
}

/// Whether the command says how pictures are described.
fn histogram_typed(matches: Option<&ArgMatches>) -> bool {
    let typed =
        |id| matches.is_some_and(|matches| matches.value_source(id) == Some(ValueSource::CommandLine));
    typed("bins") || typed("decode_scale")
}

/// Trains as `args` say, from where it begins.
fn go(
    (args, histogram_typed): (&Args, bool),
    kept: &Kept,
    begin: Begin<'_>,
    folder: impl FnOnce() -> Result<RunFolder>,
    store: Option<Store>,
) -> Result<()> {
    let options = args.options();
    // Everything that can be wrong with the command is found before any work is done.
    let loss = options.loss.unwrap_or_default();
    for c in options.values_of_c() {
        SolverOptions { c, ..options.solver.clone() }.plan(1, 1.0, &Targets::none(loss, 2, 1))?;
    }
    options.class_weight.check(true)?;
    options.pos_weight.check(false)?;
    let data = args.data.as_deref().unwrap_or(Path::new("."));
    let progress = args.common.progress();
    let budget = args.budget.budget();
    let opened = match args.features.file()? {
        Some(_) if histogram_typed => {
            let problem =
                "how pictures are described cannot be used with --features, which are there; leave it out";
            return Err(Error::option("--bins and --decode-scale", problem));
        }
        Some(file) => Opened::rows(file, &args.features, &args.labels, None, budget),
        None => Opened::open(data, &args.labels),
    };
    if let (Err(error), Some(store)) = (&opened, &store) {
        tell_moved(error, args, store.folder());
    }
    let opened = opened?;
    let differs = histogram_typed
        && opened.descriptor().is_some_and(|found| found != args.histogram.histogram().into());
    let found = opened.descriptor().and_then(|found| found.histogram().map(|histogram| histogram.bins));
    let option = if found == Some(args.histogram.histogram().bins) { "--decode-scale" } else { "--bins" };
    opened.only_pictures(option, differs, "and have theirs; leave it out, or give the pictures")?;
    opened.only_pictures("--cache", args.cache.is_some(), "and need none; leave it out")?;
    args.budget.no_pictures(opened.descriptor())?;
    if let Some(cache) = &args.cache {
        Opened::apart("--cache", data, cache)?;
        apart_from(cache, args.out.as_deref())?;
    }
    let folder = Arc::new(folder()?);
    let begun = args.out.as_ref().map(|out| out.join(CACHE)).filter(|_| args.no_cache && store.is_none());
    if let Some(begun) = begun
        && remove_begun(&begun)?
    {
        // It may be what fills the disk.
        output::tell(&format!(
            "note: the features begun in {} are removed, as --no-cache keeps none",
            begun.display()
        ));
    }
    let opened = if args.no_cache { opened } else { opened.cached(args.cache(&folder, store.is_some())) };
    let device = args.common.open(&progress)?;
    let used = || options.used(&opened.input(budget, args.errors.tolerance(), args.near_duplicates));
    args.check.before((&device, &args.common.device), used, &progress)?;
    let keep = serde_json::to_value(kept).map_err(|e| output::failed(e.into()))?;
    let store_is_there = store.is_some();
    let every = (args.checkpoint_every > 0.0).then(|| Duration::from_secs_f64(args.checkpoint_every));
    let mut watching = Watching::new((&progress, &folder), args.common.json, every, keep, store);
    if let Some(events) = &args.tensorboard {
        watching = watching.with_tensorboard(events)?;
    }
    let session = Session { begin, onlooker: &watching };
    let outcome = {
        // Features are kept as they are made, until the solver has something of its own to keep.
        let _savable = opened.keeps().then(Savable::begin);
        let input = opened.input(budget, args.errors.tolerance(), args.near_duplicates);
        let outcome = train_watched(input, &options, &device, &session, &progress);
        // Before what a training leaves behind that has failed: the list stays.
        outcome.map_err(|error| output::list_unreadable(error, || Ok(list_of_refused(&folder.path()?))))
    };
    match (&outcome, watching.checkpoint()) {
        (Err(Error::Learn(error @ LearnError::Interrupted { .. })), Some(path)) => {
            tell_interrupted(&error.to_string(), &path, args.common.json)?;
        }
        // What was saved before is still there, and what the solver knew when the device was lost.
        (Err(error), Some(path))
            if matches!(error, Error::Learn(LearnError::Save(_) | LearnError::Device(_)))
                || of_device(error) =>
        {
            if let Ok(loaded) = load(folder_of(&path)) {
                output::tell(&format!("the last checkpoint that was saved is {}", loaded.path.display()));
                tell_how_to_go_on(&path, device.info().kind != DeviceKind::Cpu && of_device(error));
            }
        }
        (Err(error), None) if opened.keeps() => {
            let same = args.cache.is_some() || args.out.is_some() || store_is_there;
            keep_features(error, &folder, same);
            if let (Error::Unreadable(unreadable), Some(cache)) = (error, &args.cache) {
                output::tell_kept(unreadable, cache);
            }
        }
        _ => {}
    }
    let mut run = outcome?;
    {
        let _writing = Writing::begin();
        let folder = folder.path()?;
        run.save(&folder)?;
        watching.remove_checkpoints(&folder)?;
    }
    report_run(&run, &opened.dataset, args.common.json, &progress)
}
