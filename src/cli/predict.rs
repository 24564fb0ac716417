//! `huemax predict`

use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::common::{BudgetArgs, CheckArgs, Common};
use crate::cli::data::unfinished;
use crate::cli::features::FeatureArgs;
use crate::cli::output;
use crate::dataset::Lying;
use crate::error::{Error, FileError, Result};
use crate::features::store::{is_store, is_unfinished};
use crate::model::Model;
use crate::pipeline::{Predicted, Rows, predict_rows, predict_within, rows_of_store};
use crate::progress::Progress;
use crate::report::{Format, PredictionWriter, display_width};
use crate::verify::Use;

/// Say which class each picture, or row of features, is most probably of
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
    let model = Model::load(&args.model)?;
    let what = match args.features.file()? {
        Some(file) => What::Rows(args.features.open(file, &[], args.budget.budget())?),
        None => match args.pictures.as_slice() {
            [store] if is_store(store) => {
                let (rows, names) = rows_of_store(store)?;
                What::Kept(rows, names)
            }
            [store] if is_unfinished(store) => return Err(unfinished(store)),
            pictures => What::Pictures(self::pictures(pictures)?),
        },
    };
    let device = args.common.open(&progress)?;
    let used = || Ok(Use::of_model(&model, !matches!(what, What::Pictures(_))));
    args.check.before((&device, &args.common.device), used, &progress)?;
    let count = what.len();
    let width = match &what {
        What::Rows(_) => what.name(count - 1).len(),
        What::Pictures(_) | What::Kept(..) => {
            (0..count).map(|i| display_width(&what.name(i))).max().unwrap_or(0)
        }
    };
    let format = if args.common.json { Format::Jsonl } else { args.format.into() };
    let stdout = BufWriter::new(std::io::stdout().lock());
    let mut writer =
        PredictionWriter::new(format, stdout, &model.classes, &model.output(), args.top as usize, width)
            .map_err(output::failed)?;
    let mut skipped: Vec<(usize, String)> = Vec::new();
    let mut sink = |i: usize, predicted: Predicted<'_>| {
        match predicted {
            Predicted::Values(row) => writer.write(&what.name(i), row).map_err(output::failed)?,
            Predicted::Skipped(reason) => skipped.push((i, reason.to_owned())),
        }
        Ok(())
    };
    match &what {
        What::Pictures(pictures) => {
            predict_within(&model, pictures, (&device, &args.budget.budget()), &progress, &mut sink)?
        }
        What::Rows(rows) | What::Kept(rows, _) => predict_rows(&model, rows, &device, &progress, &mut sink)?,
    }
    writer.finish().map_err(output::failed)?;
    std::io::stdout().flush().map_err(output::failed)?;
    for (i, reason) in &skipped {
        output::tell(&format!("skipped {}: {reason}", what.name(*i)));
    }
    match skipped.len() {
        n if n == count => Err(Error::NothingPredicted(n)),
        0 => Ok(()),
        n => {
            progress.say(&format!("{n} of {count} pictures could not be read"));
            Ok(())
        }
    }
}

/// What is predicted.
enum What {
    Pictures(Vec<Lying>),
    Rows(Rows),
    /// Of a store, with the names of its samples.
    Kept(Rows, Vec<String>),
}

impl What {
    /// Of how many.
    fn len(&self) -> usize {
        match self {
            Self::Pictures(pictures) => pictures.len(),
            Self::Rows(rows) | Self::Kept(rows, _) => rows.source.rows(),
        }
    }

    /// What one of them is called.
    fn name(&self, i: usize) -> String {
        match self {
            Self::Pictures(pictures) => pictures[i].name(),
            Self::Kept(_, names) => names[i].clone(),
            Self::Rows(_) => format!("row {i}"),
        }
    }
}

/// Every picture that the arguments name, in their order.
fn pictures(arguments: &[PathBuf]) -> Result<Vec<Lying>> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument == Path::new("-") {
            for line in std::io::stdin().lock().lines() {
                let line = line.map_err(FileError::on("read", Path::new("standard input")))?;
                if !line.trim().is_empty() {
                    found.extend(Lying::under(Path::new(line.trim_end_matches('\r')))?);
                }
            }
        } else {
            found.extend(Lying::under(argument)?);
        }
    }
    if found.is_empty() {
        return Err(Error::option("-", "standard input names no pictures"));
    }
    Ok(found)
}
