//! `huemax explain`

use crate::cli::output;
use crate::error::{Error, Result};
use crate::explain::{Explanation, text};

/// See how scores become probabilities and losses: softmax beside sigmoid
///
/// Without arguments the worked example of a softmax classifier: four classes, and an airplane.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Score of each label, for example --scores=-3.44,1.16
    #[arg(
        long,
        value_name = "S,S,…",
        value_delimiter = ',',
        allow_hyphen_values = true,
        default_value = "-3.44,1.16,-0.81,3.91"
    )]
    scores: Vec<String>,

    /// The labels, in the order of their scores
    #[arg(long, value_name = "L,L,…", value_delimiter = ',', default_value = "dog,cat,boat,airplane")]
    labels: Vec<String>,

    /// What is true: a label, several, or '' for none
    #[arg(long, value_name = "L,…", value_delimiter = ',', default_value = "airplane")]
    truth: Vec<String>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let scores = scores(&args.scores)?;
    let truth = match trimmed(&args.truth) {
        empty if empty == [""] => Vec::new(),
        named => named,
    };
    let explanation = Explanation::new(&scores, &trimmed(&args.labels), &truth)?;
    if args.json { output::print_json(&explanation) } else { output::print(&text(&explanation)) }
}

/// What was typed, as numbers. Here and not by clap, so that "nothing at all" is said as what it is.
fn scores(typed: &[String]) -> Result<Vec<f64>> {
    let number = |text: &String| match text.trim() {
        "" => Err(Error::option("--scores", "a score is empty: give numbers with commas between them")),
        text => text.parse().map_err(|_| Error::option("--scores", format!("{text:?} is not a number"))),
    };
    typed.iter().map(number).collect()
}

fn trimmed(typed: &[String]) -> Vec<String> {
    typed.iter().map(|text| text.trim().to_owned()).collect()
}
