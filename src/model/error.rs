//! What can be wrong with a model file, or between a model and data.

use std::path::PathBuf;

use crate::features::{Descriptor, TransformOptions};
use crate::files::FileError;
use crate::names::listed;

/// A model file that is not one, or does not fit the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Could not be read.
    #[error("{0}; a model is the file model.safetensors that `huemax train` writes")]
    File(#[from] FileError),
    /// Not a huemax model at all.
    #[error("{} is not a huemax model ({reason}); `huemax train` writes one as model.safetensors", path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A huemax model that is cut off or contradicts itself.
    #[error("{} is damaged: {reason}; copy it again, or train it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Another version of the format.
    #[error(
        "{} has model format {found}, and this huemax reads formats up to {reads}; use the huemax that wrote it \
         (version {written_by}), or train it again",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: u64,
        /// The latest format that is read.
        reads: u64,
        /// Version of huemax that wrote the file.
        written_by: String,
    },
    /// Pictures have any number of labels, and the model answers with one.
    #[error(
        "these pictures have any number of labels, and the model answers with one; train another on such pictures, with --loss sigmoid"
    )]
    OneLabel,
    /// Pictures carry labels that the model has never seen.
    #[error(
        "the model does not know {}: {}; it knows {}",
        if unknown.len() == 1 { "this label" } else { "these labels" },
        listed(unknown),
        listed(known)
    )]
    UnknownLabels {
        /// Labels of the data that the model lacks.
        unknown: Vec<String>,
        /// Labels of the model.
        known: Vec<String>,
    },
    /// The data that the model was to be measured on is described in another way.
    #[error("the model is for {model}, and this data is {data}")]
    OtherFeatures {
        /// What the model takes.
        model: Descriptor,
        /// What the data has.
        data: Descriptor,
    },
    /// A training that was to begin with the model describes pictures in another way.
    #[error("--init: the model is for {model}, and this training is for {data}{}", options_of(model, data))]
    OtherDescriptor {
        /// What the model takes.
        model: Descriptor,
        /// What the training makes.
        data: Descriptor,
    },
    /// A training that was to begin with the model transforms its features in another way.
    #[error(
        "--init: the model takes features {model}, and this training {data}; give the options that the model was trained with"
    )]
    OtherTransform {
        /// What the model does.
        model: TransformOptions,
        /// What the training does.
        data: TransformOptions,
    },
    /// A training that was to begin with the model has labels that it lacks.
    #[error(
        "--init: the model does not know {}: {}; with --grow they begin at zero; it knows {}",
        if new.len() == 1 { "this label" } else { "these labels" },
        listed(new),
        listed(known)
    )]
    NewLabels {
        /// Labels of the data that the model lacks.
        new: Vec<String>,
        /// Labels of the model.
        known: Vec<String>,
    },
}

/// How pictures are described as a model wants them, where `data` are described in another way.
fn options_of(model: &Descriptor, data: &Descriptor) -> String {
    let (Some(model), Some(data)) = (model.histogram(), data.histogram()) else { return String::new() };
    let mut options = String::new();
    if model.bins != data.bins {
        options += &format!(" --bins {}", model.bins.map(|b| b.to_string()).join(","));
    }
    if model.decode_scale != data.decode_scale {
        options += &format!(" --decode-scale 1/{}", model.decode_scale);
    }
    format!("; give{options}, or make the store of features so, where it is one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Histogram;

    #[test]
    fn the_options_that_differ_are_named() {
        let of = |bins, decode_scale| Descriptor::Histogram(Histogram { bins, decode_scale });
        let said = |model, data| ModelError::OtherDescriptor { model, data }.to_string();
        let (whole, half) = (of([8, 8, 8], 1), of([8, 8, 8], 2));
        assert!(said(half, whole).contains("; give --decode-scale 1/2,"), "{}", said(half, whole));
        assert!(said(whole, half).contains("; give --decode-scale 1/1,"), "{}", said(whole, half));
        let other = of([4, 2, 1], 2);
        assert!(said(other, half).contains("; give --bins 4,2,1,"), "{}", said(other, half));
        assert!(said(other, whole).contains("; give --bins 4,2,1 --decode-scale 1/2,"));
    }

    #[test]
    fn of_many_labels_a_dozen_is_named() {
        let labels = |count: usize| (0..count).map(|k| format!("label {k}")).collect::<Vec<_>>();
        let said = ModelError::NewLabels { new: labels(1), known: labels(3000) }.to_string();
        assert!(said.contains("label 11, … (3000 in all)") && !said.contains("label 12"), "{said}");
        let said = ModelError::UnknownLabels { unknown: labels(40), known: labels(12) }.to_string();
        assert!(said.contains("(40 in all)") && said.ends_with("label 10, label 11"), "{said}");
    }
}
