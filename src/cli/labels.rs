//! Arguments that say where labels are, for all commands that read labelled pictures.

use std::path::{Path, PathBuf};

use crate::dataset::{LabelChoice, LabelOptions, Separator, Task};
use crate::error::{Error, Result};

/// What these arguments stand under in the help.
const HEADING: &str = "Labels";

/// Where labels are.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LabelArgs {
    /// Where labels come from: `folder`, `prefix`, `sidecar` (1.txt beside 1.jpg, a label a line; 1.cls, a class; 1.json, a field `label`),
    /// or a CSV, TSV or JSON lines file that names pictures and their labels; of --features a .npy, or a table, row for row; `none` to
    /// extract pictures without labels [default: detected]
    #[arg(long, help_heading = HEADING, value_name = "WHAT|FILE")]
    labels: Option<PathBuf>,

    /// Column of the file that names the pictures [default: detected]
    #[arg(long, help_heading = HEADING, value_name = "NAME")]
    name_column: Option<String>,

    /// Column of the file that holds the labels; given several times, columns of 0 and 1 [default: detected]
    #[arg(long, help_heading = HEADING, value_name = "NAME")]
    label_column: Vec<String>,

    /// What divides the labels of a column: a text, or space, tab, comma, none [default: detected]
    #[arg(long, help_heading = HEADING, value_name = "TEXT", allow_hyphen_values = true)]
    separator: Option<Separator>,

    /// Whether a picture has one label or any number [default: what the labels show]
    #[arg(long, help_heading = HEADING, value_enum, default_value_t = TaskArg::Auto, hide_default_value = true)]
    task: TaskArg,

    /// Fail where rows and pictures do not fit together, rather than list what is left out
    #[arg(long, help_heading = HEADING)]
    strict: bool,
}

/// Values of `--task`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TaskArg {
    /// Multilabel if any picture has several labels
    Auto,
    /// One label a picture
    Multiclass,
    /// Any number of labels a picture
    Multilabel,
}

impl LabelArgs {
    /// The same, typed in `folder`: a file that is there is named from everywhere.
    pub(super) fn seen_from(mut self, folder: &Path) -> Self {
        self.labels = self.labels.map(|labels| {
            let whole = folder.join(&labels);
            if whole.is_file() { whole } else { labels }
        });
        self
    }

    /// What the arguments say of the pictures in `data`. A file is looked for as it is named, then in `data`.
    ///
    /// # Errors
    /// `--labels` is none of its words and no file.
    pub(super) fn options(&self, data: &Path) -> Result<LabelOptions> {
        Ok(LabelOptions {
            source: self.labels.as_deref().map(|labels| choice(labels, data)).transpose()?,
            name_column: self.name_column.clone(),
            label_columns: self.label_column.clone(),
            separator: self.separator.clone(),
            task: match self.task {
                TaskArg::Auto => None,
                TaskArg::Multiclass => Some(Task::Multiclass),
                TaskArg::Multilabel => Some(Task::Multilabel),
            },
            strict: self.strict,
        })
    }
}

fn choice(labels: &Path, data: &Path) -> Result<LabelChoice> {
    match labels.to_str() {
        Some("folder") => return Ok(LabelChoice::Folder),
        Some("prefix") => return Ok(LabelChoice::Prefix),
        Some("sidecar") => return Ok(LabelChoice::Sidecar),
        Some("none") => return Ok(LabelChoice::Nothing),
        _ => {}
    }
    let candidates = [labels.to_owned(), data.join(labels)];
    // Whatever is there: whoever reads it says what is wrong with a pipe, or with a link that leads nowhere.
    let file = |path: &&PathBuf| !path.is_dir() && std::fs::symlink_metadata(path).is_ok();
    candidates.iter().find(file).cloned().map(LabelChoice::Manifest).ok_or_else(|| {
        Error::option(
            "--labels",
            format!(
                "{:?} is none of folder, prefix, sidecar, none, and no file here or in {}; name a CSV, TSV or JSON lines file \
                 (of --features also an .npy array), or leave it out to have the labels of pictures detected",
                labels.display().to_string(),
                data.display()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        labels: LabelArgs,
    }

    fn options(arguments: &[&str], data: &Path) -> Result<LabelOptions> {
        Cli::try_parse_from([&["test"], arguments].concat()).unwrap().labels.options(data)
    }

    #[test]
    fn words_and_files() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("t.csv"), "").unwrap();
        let source =
            |word: &str| options(&["--labels", word], data.path()).map(|options| options.source.unwrap());
        assert_eq!(source("folder").unwrap(), LabelChoice::Folder);
        assert_eq!(source("prefix").unwrap(), LabelChoice::Prefix);
        assert_eq!(source("sidecar").unwrap(), LabelChoice::Sidecar);
        assert_eq!(source("none").unwrap(), LabelChoice::Nothing);
        assert_eq!(source("t.csv").unwrap(), LabelChoice::Manifest(data.path().join("t.csv")));
        for wrong in ["names", "Folder", "."] {
            let error = source(wrong).unwrap_err().to_string();
            assert!(error.starts_with("--labels: ") && error.contains("folder, prefix, sidecar"), "{error}");
        }
    }

    #[test]
    fn everything_else() {
        let data = Path::new(".");
        assert_eq!(options(&[], data).unwrap(), LabelOptions::default());
        let all =
            "--name-column n --label-column a --label-column b --separator -- --task multilabel --strict";
        let all: Vec<&str> = all.split(' ').collect();
        let expected = LabelOptions {
            source: None,
            name_column: Some("n".into()),
            label_columns: vec!["a".into(), "b".into()],
            separator: Some(Separator::Text("--".into())),
            task: Some(Task::Multilabel),
            strict: true,
        };
        assert_eq!(options(&all, data).unwrap(), expected);
        for (text, expected) in
            [("none", Separator::Whole), ("space", Separator::Space), (" ", Separator::Space)]
        {
            assert_eq!(options(&["--separator", text], data).unwrap().separator, Some(expected));
        }
        let tab = Some(Separator::Text("\t".into()));
        assert_eq!(options(&["--separator", "tab"], data).unwrap().separator, tab);
        assert_eq!(options(&["--separator", "\t"], data).unwrap().separator, tab);
    }
}
