//! `--resume`: the command that was typed is kept in the checkpoint and read again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use serde::{Deserialize, Serialize};

use super::train::Args;
use super::{Cli, Command};
use crate::error::{Error, Result};
use crate::learn::checkpoint::CheckpointError;

/// What may stand beside `--resume`, by the names of clap; everything else is as it was typed the first time.
const BESIDE: [&str; 13] = [
    "resume",
    "data",
    "features",
    "device",
    "check",
    "memory",
    "device_memory",
    "on_error",
    "max_errors",
    "json",
    "quiet",
    "tensorboard",
    "checkpoint_every",
];

/// A command that was typed, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Typed {
    /// The folder that relative paths are relative to.
    folder: Word,
    /// The program and its arguments.
    words: Vec<Word>,
}

/// A word of a command: text, if it is any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Other(OsString),
}

impl From<OsString> for Word {
    fn from(word: OsString) -> Self {
        word.into_string().map_or_else(Self::Other, Self::Text)
    }
}

impl From<Word> for OsString {
    fn from(word: Word) -> Self {
        match word {
            Word::Text(text) => text.into(),
            Word::Other(word) => word,
        }
    }
}

impl Typed {
    /// The command of this process.
    pub(super) fn now() -> Self {
        let folder = std::env::current_dir().unwrap_or_default().into_os_string().into();
        Self { folder, words: std::env::args_os().map(Word::from).collect() }
    }

    fn folder(&self) -> PathBuf {
        OsString::from(self.folder.clone()).into()
    }

    /// The arguments of `train`, with what was typed told from what is a default.
    fn read(&self) -> Result<(Args, ArgMatches), clap::Error> {
        let words = self.words.iter().cloned().map(OsString::from);
        let matches = Cli::command().try_get_matches_from(words)?;
        let cli = Cli::from_arg_matches(&matches)?;
        match (cli.command, matches.subcommand_matches("train")) {
            (Command::Train(args), Some(matches)) => Ok((*args, matches.clone())),
            _ => Err(clap::Error::raw(clap::error::ErrorKind::InvalidSubcommand, "it is no `train`")),
        }
    }
}

/// Fails where something stands beside `--resume` that cannot.
pub(super) fn check_beside(matches: &ArgMatches) -> Result<()> {
    let command = Cli::command();
    let train = command.find_subcommand("train");
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    for argument in train.into_iter().flat_map(|train| train.get_arguments()) {
        let id = argument.get_id().as_str();
        if matches.try_contains_id(id).is_ok() && typed(id) && !BESIDE.contains(&id) {
            let name = argument.get_long().map_or_else(|| id.to_owned(), |long| format!("--{long}"));
            let problem = format!(
                "{name} is kept in the checkpoint as it was first typed and cannot be given again; DATA or --features (if they moved), --device, --check, \
                 --memory, --device-memory, --on-error, --max-errors, --json, --quiet, --tensorboard and --checkpoint-every can"
            );
            return Err(Error::option("--resume", problem));
        }
    }
    Ok(())
}

/// What a checkpoint keeps: the first command, and those that went on with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    commands: Vec<Typed>,
}

impl Kept {
    /// Of a training that begins with this process.
    pub(super) fn new() -> Self {
        Self { commands: vec![Typed::now()] }
    }

    /// What the checkpoint at `path` keeps.
    pub(super) fn read(keep: &serde_json::Value, path: &Path) -> Result<Self, CheckpointError> {
        let damaged = |reason| CheckpointError::Damaged { path: path.into(), reason };
        let kept: Self = serde_json::from_value(keep.clone())
            .map_err(|e| damaged(format!("the command in it cannot be read ({e})")))?;
        if kept.commands.is_empty() {
            return Err(damaged("the command is missing".into()));
        }
        Ok(kept)
    }

    /// The arguments to go on with: those of the first command, with what later ones gave anew, and at last `now`.
    pub(super) fn arguments(&self, path: &Path, now: (&Args, &ArgMatches)) -> Result<Args> {
        let here = std::env::current_dir().unwrap_or_default();
        let mut all = None;
        for typed in &self.commands {
            let (args, matches) = typed.read().map_err(|e| CheckpointError::Damaged {
                path: path.into(),
                reason: format!("the command in it is not understood: {}", e.to_string().trim_end()),
            })?;
            let from = (typed.folder() != here).then(|| typed.folder());
            let args = args.seen_from(from.as_deref());
            match &mut all {
                None => all = Some(args),
                Some(all) => all.renew(&args, &matches),
            }
        }
        let mut all = all.unwrap_or_else(|| now.0.clone());
        all.renew(now.0, now.1);
        Ok(all)
    }

    /// The same with the command of this process, if that gave anything anew.
    pub(super) fn and_now(mut self, matches: &ArgMatches) -> Self {
        let anew = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        if BESIDE.iter().filter(|id| **id != "resume").any(anew) {
            self.commands.push(Typed::now());
        }
        self
    }
}
