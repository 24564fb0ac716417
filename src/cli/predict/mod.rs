//! `huemax predict`

mod named;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use crate::cli::common::{BudgetArgs, CheckArgs, Common, ErrorArgs, load_model};
use crate::cli::data::unfinished;
use crate::cli::features::FeatureArgs;
use crate::cli::output;
use crate::dataset::{Lying, Unread};
use crate::error::{Error, Result};
use crate::features::Skipped;
use crate::features::store::{is_store, is_unfinished};
use crate::files::can_write_beside;
use crate::names;
use crate::pipeline::{
    Kept, LINK_BACK, MaxErrors, OnError, Predicted, Rows, SkippedPicture, Tolerance, cut_off_note,
    is_somebodys, predict_rows, predict_within, rows_of_store, save_skipped_as,
};
use crate::progress::Progress;
use crate::report::{Format, PredictionWriter, display_width};
use crate::verify::Use;

/// Say which class each picture, or row of features, is most probably of
///
/// Pictures that cannot be read are told on standard error, with their reasons. Where they are more than the share that --max-errors gives, the
/// others are predicted all the same, and the exit code is 1; a number of them that is passed ends the run there, as --on-error fail does at the
/// first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A model that `huemax train` wrote
    model: PathBuf,

    /// Pictures, folders of pictures, tar files with pictures, a store of features, or - for paths on standard input, one a line
    #[arg(required_unless_present = "features", conflicts_with = "features", value_name = "PICTURE|DIR|-")]
    pictures: Vec<PathBuf>,

    /// How many labels to show for each picture: those of the answer first, then the most probable others
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,

    /// How to print
    #[arg(long, value_enum, default_value = "table", conflicts_with = "json")]
    format: FormatArg,

    #[command(flatten)]
    features: FeatureArgs,

    #[command(flatten)]
    errors: ErrorArgs,

    /// Write the pictures that could not be read, and why, to this file (CSV); without any, one of an earlier run is removed
    #[arg(long, value_name = "FILE", help_heading = "Pictures that cannot be read")]
    skipped: Option<PathBuf>,

    #[command(flatten)]
    budget: BudgetArgs,

    #[command(flatten)]
    check: CheckArgs,

    #[command(flatten)]
    common: Common,
}

/// Values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatArg {
    /// A line a picture or row
    Table,
    /// path,rank,label,probability (or margin); with any number of labels also whether it is part of the answer
    Csv,
    /// A JSON object a line
    Jsonl,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Table => Self::Table,
            FormatArg::Csv => Self::Csv,
            FormatArg::Jsonl => Self::Jsonl,
        }
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let progress = args.common.progress();
    let model = load_model(&args.model)?;
    if let Some(list) = args.skipped.as_deref().filter(|list| is_somebodys(list)) {
        let problem = format!(
            "{} is there and no list of skipped pictures; give it another name, or remove it",
            list.display()
        );
        return Err(Error::option("--skipped", problem));
    }
    if let Some(list) = &args.skipped {
        can_write_beside(list)?;
    }
    let mut links_back = Vec::new();
    let what = match args.features.file()? {
        Some(file) => What::Rows(args.features.open(file, &[], args.budget.budget())?),
        None => match args.pictures.as_slice() {
            [store] if is_store(store) => What::Kept(rows_of_store(store)?),
            [store] if is_unfinished(store) => return Err(unfinished(store)),
            pictures => {
                let named = named::pictures(pictures)?;
                links_back = named.links_back;
                named.not_pictures.said().iter().for_each(|note| progress.say(&format!("note: {note}")));
                if let Some(first) = named.shards.first() {
                    let (count, first) = (named.shards.len(), first.display());
                    let note = "tar files beside pictures are not read, for example";
                    progress.say(&format!("note: {count} {note} {first}; name them"));
                }
                What::Pictures(named.pictures)
            }
        },
    };
    let links_back = links_back.iter().map(|path| {
        output::tell(&format!("passed over {}: {LINK_BACK}", path.display()));
        SkippedPicture { path: names::text(path), reason: LINK_BACK.into() }
    });
    let links_back: Vec<SkippedPicture> = links_back.collect();
    args.budget.no_pictures(match &what {
        What::Pictures(_) => None,
        What::Rows(rows) | What::Kept(Kept { rows, .. }) => Some(rows.descriptor),
    })?;
    let device = args.common.open(&progress)?;
    let used = || Ok(Use::of_model(&model, !matches!(what, What::Pictures(_))));
    args.check.before((&device, &args.common.device), used, &progress)?;
    let count = what.len();
    let width = match &what {
        What::Rows(_) => what.name(count - 1).len(),
        What::Pictures(_) | What::Kept(_) => {
            (0..count).map(|i| display_width(&what.name(i))).max().unwrap_or(0)
        }
    };
    let format = if args.common.json { Format::Jsonl } else { args.format.into() };
    let stdout = BufWriter::new(std::io::stdout().lock());
    let mut writer =
        PredictionWriter::new(format, stdout, &model.classes, &model.output(), args.top as usize, width)
            .map_err(output::failed)?;
    let (mut skipped, mut cut_off): (Vec<(usize, String)>, Vec<String>) = Default::default();
    let mut sink = |i: usize, predicted: Predicted<'_>| {
        match predicted {
            Predicted::Values(row) => writer.write(&what.name(i), row).map_err(output::failed)?,
            Predicted::CutOff(row) => {
                cut_off.push(what.name(i));
                writer.write_as(&what.name(i), row, true).map_err(output::failed)?;
            }
            Predicted::Skipped(reason) => {
                writer.skip(&what.name(i), reason).map_err(output::failed)?;
                skipped.push((i, reason.to_owned()));
            }
        }
        Ok(())
    };
    let outcome = match &what {
        What::Pictures(pictures) => {
            let within = (&device, &args.budget.budget(), args.errors.tolerance());
            predict_within(&model, pictures, within, &progress, &mut sink)
        }
        What::Rows(rows) => predict_rows(&model, rows, &device, &progress, &mut sink),
        What::Kept(kept) => match (kept_well(kept, args), args.errors.tolerance()) {
            // Of pictures too, a share is told when all have been predicted.
            (Err(error), Tolerance { on_error: OnError::Skip, max_errors: MaxErrors::Percent(_) }) => {
                predict_rows(&model, &kept.rows, &device, &progress, &mut sink).and(Err(error))
            }
            (well, _) => well.and_then(|()| predict_rows(&model, &kept.rows, &device, &progress, &mut sink)),
        },
    };
    if matches!(outcome, Ok(()) | Err(Error::Unreadable(_))) {
        for unread in what.unread().iter().map(SkippedPicture::from) {
            writer.skip(&unread.path, &unread.reason).map_err(output::failed)?;
        }
        // What was predicted before there were too many that cannot be read is whole.
        writer.finish().map_err(output::failed)?;
        std::io::stdout().flush().map_err(output::failed)?;
    }
    cut_off_note(&cut_off).iter().for_each(|note| output::tell(note));
    if let Err(error) = outcome {
        if let Error::Unreadable(unreadable) = &error
            && unreadable.tolerance.on_error == OnError::Skip
        {
            unreadable.skipped.iter().for_each(|s| output::tell(&format!("skipped {s}")));
        }
        let error = match error {
            Error::Unreadable(mut unreadable) => {
                unreadable.passed_over.extend(links_back);
                Error::Unreadable(unreadable)
            }
            error => error,
        };
        return Err(match &args.skipped {
            Some(list) => output::list_unreadable(error, || Ok(list.clone())),
            None => error,
        });
    }
    let named = |(i, reason): (usize, String)| SkippedPicture { path: what.name(i), reason };
    let unread = what.unread().iter().map(SkippedPicture::from);
    let skipped: Vec<SkippedPicture> = unread.chain(skipped.into_iter().map(named)).collect();
    skipped.iter().for_each(|s| output::tell(&format!("skipped {s}")));
    let all = count + what.unread().len();
    let unusable = skipped.len();
    if let Some(list) = &args.skipped {
        save_skipped_as(list, &skipped.into_iter().chain(links_back).collect::<Vec<_>>())?;
    }
    match unusable {
        n if n == all => Err(Error::NothingPredicted(n)),
        0 => Ok(()),
        n => {
            progress.say(&format!("{n} of {all} pictures could not be read"));
            Ok(())
        }
    }
}

/// Fails where too many pictures could not be read when the features were made. Of features that others made, they have said which to leave
/// out.
fn kept_well(kept: &Kept, args: &Args) -> Result<()> {
    let Kept { rows, names, unread } = kept;
    if rows.descriptor.histogram().is_none() {
        return Ok(());
    }
    let named = |s: &Skipped| SkippedPicture { path: names[s.index].clone(), reason: s.reason.clone() };
    let skipped: Vec<SkippedPicture> = rows.skipped.iter().map(named).collect();
    args.errors.tolerance().check(&skipped, unread, names.len())
}

/// What is predicted.
enum What {
    Pictures(Vec<Lying>),
    Rows(Rows),
    Kept(Kept),
}

impl What {
    /// Of how many.
    fn len(&self) -> usize {
        match self {
            Self::Pictures(pictures) => pictures.len(),
            Self::Rows(rows) | Self::Kept(Kept { rows, .. }) => rows.source.rows(),
        }
    }

    /// What could not be looked into when it was made; of pictures that is among them.
    fn unread(&self) -> &[Unread] {
        match self {
            Self::Pictures(_) | Self::Rows(_) => &[],
            Self::Kept(kept) => &kept.unread,
        }
    }

    /// What one of them is called.
    fn name(&self, i: usize) -> String {
        match self {
            Self::Pictures(pictures) => pictures[i].name(),
            Self::Kept(kept) => kept.names[i].clone(),
            Self::Rows(_) => format!("row {i}"),
        }
    }
}
