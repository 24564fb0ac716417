//! What a checkpoint belongs to: the training that it is the middle of.

use serde::{Deserialize, Serialize};

use crate::features::{Descriptor, Transform};
use crate::learn::Plan;

/// A training, as far as going on with it asks for the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Belongs {
    /// Version of huemax.
    pub huemax: String,
    /// The device.
    pub device: String,
    /// Digest over paths, labels and sizes of all pictures.
    pub data_sha256: String,
    /// Digest over the numbers of the pictures that are trained on and those that are validated on.
    pub rows_sha256: String,
    /// Digest over the features of all pictures, as [`Survey::sha256`](crate::features::Survey::sha256) has it. Devices and versions
    /// may differ in the last bits of a feature.
    pub features_sha256: String,
    /// Label names, in the order of the outputs.
    pub labels: Vec<String>,
    /// What pictures are described by.
    pub descriptor: Descriptor,
    /// What is done to features before they are scored; none where that is nothing.
    pub transform: Option<Transform>,
    /// What the solver does.
    pub plan: Plan,
    /// Weights of the labels, as they were typed and as they are; none where all count alike.
    pub weights: Option<(String, String, Vec<f32>)>,
    /// What it began with, if not with zeros: a digest of the model.
    pub init: Option<String>,
}

impl Belongs {
    /// What differs in `now` from what the checkpoint was made with, a phrase each; where something does, the numbers of the
    /// checkpoint mean nothing. Device and version are not among it: see [`Belongs::other_bits`].
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let lacks = |all: &[String], of: &[String]| {
            let missing: Vec<&str> = of.iter().filter(|l| !all.contains(l)).map(String::as_str).collect();
            (!missing.is_empty()).then(|| missing.join(", "))
        };
        if self.labels != now.labels {
            let mut parts = Vec::new();
            parts.extend(lacks(&self.labels, &now.labels).map(|new| format!("new are {new}")));
            parts.extend(lacks(&now.labels, &self.labels).map(|gone| format!("gone are {gone}")));
            if parts.is_empty() {
                parts.push("they are in another order".into());
            }
            differences.push(format!("other labels ({})", parts.join(", ")));
        }
        if self.descriptor != now.descriptor {
            differences.push(format!("another descriptor ({}, and now {})", self.descriptor, now.descriptor));
        }
        if self.transform != now.transform {
            differences.push("another transform of the features (--l2-normalize, --standardize)".into());
        }
        if self.data_sha256 != now.data_sha256 {
            differences.push("other data (names, labels or sizes)".into());
        } else if self.rows_sha256 != now.rows_sha256 {
            differences.push("another part of the same data to train on or validate on".into());
        } else if self.features_sha256 != now.features_sha256
            && differences.is_empty()
            && self.other_bits(now).is_none()
        {
            let content = "its features are others than then, under the same names and with the same sizes";
            differences.push(content.into());
        }
        let weights = |of: &Self| of.weights.as_ref().map(|(_, _, weights)| weights.clone());
        if weights(self) != weights(now) {
            differences.push("other weights of the labels".into());
        }
        if self.plan != now.plan && differences.is_empty() {
            differences.push(format!("another plan ({}, and now {})", self.plan, now.plan));
        }
        differences
    }

    /// What makes the numbers come out a little differently from here on, though nothing is wrong with that.
    #[must_use]
    pub fn other_bits(&self, now: &Self) -> Option<String> {
        let mut parts = Vec::new();
        if self.device != now.device {
            parts.push(format!("it began on {}, and this is {}", self.device, now.device));
        }
        if self.huemax != now.huemax {
            parts.push(format!("it began with huemax {}, and this is {}", self.huemax, now.huemax));
        }
        let why = parts.join("; ");
        (!parts.is_empty())
            .then(|| format!("{why}: the model will not have the bits that an uninterrupted training gives"))
    }
}
