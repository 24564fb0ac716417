//! Arguments that several commands share.

use std::path::Path;

use crate::backend::{Choice, Device};
use crate::cli::output;
use crate::cli::progress::Terminal;
use crate::error::Error;
use crate::features::{Budget, Bytes, Descriptor, Histogram, MAX_PIXELS, PictureRules, Truncated};
use crate::model::Model;
use crate::pipeline::{MaxErrors, OnError, Tolerance, half_placed};
use crate::progress::Progress;
use crate::verify::{self, Use};

/// Where to compute and how to talk.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Common {
    /// Where to compute: auto, cpu, gpu, gpu:N, or part of a GPU's name (see `huemax devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(super) device: Choice,

    /// Print the result as JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Say nothing but the result and errors
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl Common {
    pub(super) fn progress(&self) -> Terminal {
        Terminal::new(self.quiet)
    }

    /// Opens the device, and says why it was taken where nobody asked for it.
    pub(super) fn open(&self, progress: &dyn Progress) -> crate::error::Result<Device> {
        let (device, notes) = Device::open(&self.device)?;
        say_choice(&self.device, &notes, progress);
        Ok(device)
    }
}

/// The model in the file `path`, with a word if what lies beside it may be of another run.
pub(super) fn load_model(path: &Path) -> crate::error::Result<Model> {
    let model = Model::load(path)?;
    half_placed(path).iter().for_each(|note| output::tell(&format!("note: {note}")));
    Ok(model)
}

/// Says what there is to say of a choice.
pub(super) fn say_choice(choice: &Choice, notes: &[String], progress: &dyn Progress) {
    notes.iter().for_each(|note| progress.say(&format!("--device {choice}: {note}")));
}

/// Whether the device is looked at first.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct CheckArgs {
    /// First hold the stages that this command uses, in its shapes, against the reference on this device, in a second or two, and refuse
    /// a device that computes anything wrong (`huemax verify` looks at everything)
    #[arg(long)]
    pub(super) check: bool,
}

impl CheckArgs {
    /// Looks at the device, if that was asked for.
    pub(super) fn before(
        self,
        (device, choice): (&Device, &Choice),
        used: impl FnOnce() -> crate::error::Result<Use>,
        progress: &dyn Progress,
    ) -> crate::error::Result<()> {
        if self.check {
            let passed = verify::check(device, &used()?, &choice.to_string())?;
            progress.say(&format!("--check: {} computes right: {passed}", device.info().name));
        }
        Ok(())
    }
}

/// What these arguments stand under in the help.
const HEADING: &str = "Memory";

/// How much memory may be taken.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct BudgetArgs {
    /// Memory of this machine for pictures on their way and for features, such as 256MiB or 4G; features that take more are read
    /// from their file again and again [default: a share of what there is]
    #[arg(long, help_heading = HEADING, value_name = "SIZE")]
    memory: Option<Bytes>,

    /// Memory of the device for features, such as 2G; features that take more pass through it piece by piece [default: what it has]
    #[arg(long, help_heading = HEADING, value_name = "SIZE")]
    device_memory: Option<Bytes>,

    #[command(flatten)]
    pictures: PictureArgs,
}

impl BudgetArgs {
    /// Takes over what was typed anew.
    pub(super) fn renew(&mut self, anew: Self) {
        self.memory = anew.memory.or(self.memory);
        self.device_memory = anew.device_memory.or(self.device_memory);
    }

    /// Fails where an option was typed that says which pictures are read, and there are `features` in their place.
    pub(super) fn no_pictures(&self, features: Option<Descriptor>) -> Result<(), Error> {
        let PictureArgs { max_pixels, truncated } = self.pictures;
        let typed = [("--max-pixels", max_pixels.is_some()), ("--truncated", truncated.is_some())];
        match (features, typed.into_iter().find(|(_, typed)| *typed)) {
            (Some(found), Some((option, _))) => {
                let problem = format!(
                    "the data are features ({found}), made of those pictures that were read then; leave it out, or give the pictures"
                );
                Err(Error::option(option, problem))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn budget(&self) -> Budget {
        Budget { host: self.memory, device: self.device_memory, pictures: self.pictures.rules() }
    }
}

/// Which pictures are read.
#[derive(Debug, Clone, Copy, clap::Args)]
struct PictureArgs {
    /// Leave out pictures that declare more pixels than this, before anything is decoded [default: 200000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pixels: Option<u64>,

    /// Leave out pictures whose files are cut off, or keep what there is of them: the rest is grey in a JPEG and black in a PNG
    /// [default: skip]
    #[arg(long, value_enum)]
    truncated: Option<TruncatedArg>,
}

/// Values of `--truncated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TruncatedArg {
    Skip,
    Keep,
}

impl PictureArgs {
    fn rules(self) -> PictureRules {
        let truncated = match self.truncated {
            None | Some(TruncatedArg::Skip) => Truncated::Skip,
            Some(TruncatedArg::Keep) => Truncated::Keep,
        };
        PictureRules { max_pixels: self.max_pixels.unwrap_or(MAX_PIXELS), truncated }
    }
}

/// What is done about pictures that cannot be read.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ErrorArgs {
    /// What to do about a picture that cannot be read
    #[arg(long, help_heading = UNREADABLE, value_enum, value_name = "skip|fail", default_value = "skip", hide_possible_values = true)]
    on_error: OnErrorArg,

    /// End the run where more pictures than this cannot be read: a number of them, told as soon as it is passed, or a share of all pictures
    /// of the run, told when all have been tried; by a share above 0% one picture is let pass however few there are
    #[arg(long, help_heading = UNREADABLE, value_name = "N|P%", default_value = "10%")]
    max_errors: MaxErrors,
}

/// What these arguments stand under in the help.
const UNREADABLE: &str = "Pictures that cannot be read";

/// Values of `--on-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnErrorArg {
    /// Leave it out, count it, and list it in skipped.csv
    Skip,
    /// End the run, with its name and the reason
    Fail,
}

impl ErrorArgs {
    pub(super) fn tolerance(self) -> Tolerance {
        let on_error = match self.on_error {
            OnErrorArg::Skip => OnError::Skip,
            OnErrorArg::Fail => OnError::Fail,
        };
        Tolerance { on_error, max_errors: self.max_errors }
    }

    /// Takes over what was typed anew, as `typed` knows it by its name.
    pub(super) fn renew(&mut self, anew: Self, typed: impl Fn(&str) -> bool) {
        if typed("on_error") {
            self.on_error = anew.on_error;
        }
        if typed("max_errors") {
            self.max_errors = anew.max_errors;
        }
    }
}

/// How pictures are described.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct HistogramArgs {
    /// Histogram bins of hue, saturation and value
    #[arg(long, value_name = "H,S,V", default_value = "8,8,8")]
    bins: Histogram,

    /// Decode pictures at a fraction of their width and height, which is faster and gives other features: 1/2, 1/4 or 1/8. It is kept in
    /// the model, and new pictures are then decoded so too
    #[arg(long, value_name = "SCALE", default_value = "1", value_parser = decode_scale)]
    decode_scale: u32,
}

impl HistogramArgs {
    pub(super) fn histogram(self) -> Histogram {
        Histogram { decode_scale: self.decode_scale, ..self.bins }
    }
}

fn decode_scale(text: &str) -> Result<u32, String> {
    match text {
        "1" | "1/1" => Ok(1),
        "1/2" => Ok(2),
        "1/4" => Ok(4),
        "1/8" => Ok(8),
        _ => Err("1/2, 1/4 or 1/8, or 1 for the whole picture".into()),
    }
}
