//! The model file: safetensors with `weight` (K×D, f32) and `bias` (K, f32), where features are standardized `mean` and `scale` (D, f32), and one metadata entry, `huemax`, that
//! holds everything else as JSON, and at its end a digest of that and of the tensors. One entry, because safetensors keeps entries in no
//! order, and the same training is to give the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata as Header, SafeTensors, TensorView};

use super::seal::{self, Tensor};
use super::{Activation, Model, ModelError, Trained};
use crate::features::{Descriptor, Standard, Transform, TransformOptions};
use crate::files::{FileError, Staged, stage};
use crate::tensors::{self, Closed, Opened};

/// Version of the format, raised when an older reader would misread a file. Version 1 knew softmax without a temperature, and 2 neither
/// features that something is done to nor pictures decoded at a fraction of their size; both are read, and 2 is written where it will do.
pub const VERSION: u64 = 3;
/// The key of the metadata.
const KEY: &str = "huemax";

/// Everything that is not a number of the layer.
#[derive(serde::Serialize, serde::Deserialize)]
struct Metadata {
    format: u64,
    activation: String,
    /// Of a sigmoid a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<f32>>,
    #[serde(default = "one")]
    temperature: f32,
    classes: Vec<String>,
    descriptor: Descriptor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transform: Option<TransformOptions>,
    trained: Trained,
}

fn one() -> f32 {
    1.0
}

impl Metadata {
    /// The activation that is stated, or what is wrong with it.
    fn activation(&mut self) -> Result<Activation, String> {
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(format!("its temperature is {}", self.temperature));
        }
        match (self.activation.as_str(), self.thresholds.take()) {
            ("softmax", None) => Ok(Activation::Softmax),
            ("one-vs-rest", None) => Ok(Activation::OneVsRest),
            ("margins", None) => Ok(Activation::Margins),
            ("sigmoid", Some(thresholds)) => {
                let inside = thresholds.iter().all(|t| (0.0..=1.0).contains(t));
                if thresholds.len() != self.classes.len() || !inside {
                    return Err(format!(
                        "it has not a threshold within 0…1 for each of {} labels",
                        self.classes.len()
                    ));
                }
                Ok(Activation::Sigmoid { thresholds })
            }
            (name, thresholds) => {
                let with = if thresholds.is_some() { "with" } else { "without" };
                Err(format!("its activation is {name:?} {with} thresholds, which is none that is known"))
            }
        }
    }
}

impl Model {
    /// Writes the model to `path`, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        self.stage(path)?.persist()
    }

    /// Whether a reader of version 2 reads it rightly: features are made of whole pictures, and nothing is done to them.
    fn is_plain(&self) -> bool {
        self.transform.is_none() && self.descriptor.histogram().is_some_and(|h| h.decode_scale <= 1)
    }

    /// Writes the model beside `path`, to take its place later.
    pub(crate) fn stage(&self, path: &Path) -> Result<Staged, FileError> {
        let metadata = Metadata {
            format: if self.is_plain() { 2 } else { VERSION },
            activation: self.activation.name().into(),
            thresholds: match &self.activation {
                Activation::Sigmoid { thresholds } => Some(thresholds.clone()),
                _ => None,
            },
            temperature: self.temperature,
            classes: self.classes.clone(),
            descriptor: self.descriptor,
            columns: self.columns.clone(),
            transform: self.transform.as_ref().map(Transform::options),
            trained: self.trained.clone(),
        };
        let bytes = || {
            let shape = vec![self.classes.len(), self.descriptor.len()];
            let (weight, bias) = (little_endian(&self.weight), little_endian(&self.bias));
            let standard = self.transform.as_ref().and_then(|transform| transform.standard.as_ref());
            let standard = standard.map(|s| (little_endian(&s.mean), little_endian(&s.scale)));
            let columns = vec![self.descriptor.len()];
            let mut tensors = vec![("bias", vec![self.bias.len()], bias.as_slice())];
            if let Some((mean, scale)) = &standard {
                tensors.extend([("mean", columns.clone(), mean.as_slice()), ("scale", columns, scale)]);
            }
            tensors.push(("weight", shape, &weight));
            let digested: Vec<Tensor<'_>> = tensors.iter().map(|(name, _, bytes)| (*name, *bytes)).collect();
            let about = seal::sealed(&serde_json::to_string(&metadata)?, &digested);
            let about = HashMap::from([(KEY.to_owned(), about)]);
            let views = tensors.into_iter().map(|(name, shape, bytes)| {
                TensorView::new(Dtype::F32, shape, bytes).map(|view| (name, view))
            });
            let views = views.collect::<Result<Vec<_>, _>>().map_err(std::io::Error::other)?;
            safetensors::serialize(views, Some(about)).map_err(std::io::Error::other)
        };
        stage(path, true, |writer| writer.write_all(&bytes()?))
    }

    /// Reads a model.
    ///
    /// # Errors
    /// The file cannot be read, is no model, is damaged, or is of another version.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let not_a_model = |reason: String| ModelError::NotAModel { path: path.into(), reason };
        let damaged = |reason: String| ModelError::Damaged { path: path.into(), reason };
        let Opened { mut file, len, mut bytes } = tensors::open(path).map_err(|closed| match closed {
            Closed::File(error) => error.into(),
            Closed::Folder => not_a_model("it is a folder; give the model.safetensors in it".into()),
            Closed::Foreign(reason) => not_a_model(reason.into()),
            Closed::Cut(reason) => damaged(reason),
        })?;
        let header: Header = serde_json::from_slice(&bytes[8..]).map_err(|e| not_a_model(e.to_string()))?;
        let about = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let about = about.ok_or_else(|| not_a_model(format!("it has no metadata entry \"{KEY}\"")))?;
        let json: serde_json::Value = serde_json::from_str(about).map_err(|e| damaged(e.to_string()))?;
        let found = json["format"].as_u64().ok_or_else(|| damaged("it states no format".into()))?;
        if !(1..=VERSION).contains(&found) {
            let written_by = json["trained"]["huemax"].as_str().unwrap_or("unknown").to_owned();
            return Err(ModelError::Version { path: path.into(), found, reads: VERSION, written_by });
        }
        let is_sealed = seal::is_in(&json);
        let mut metadata: Metadata = serde_json::from_value(json).map_err(|e| damaged(e.to_string()))?;
        let activation = metadata.activation().map_err(damaged)?;
        metadata.descriptor.check().map_err(damaged)?;
        let (classes, features) = (metadata.classes.len(), metadata.descriptor.len());
        if let Some(columns) = &metadata.columns
            && columns.len() != features
        {
            return Err(damaged(format!("it has names for {} of {features} features", columns.len())));
        }
        let least = if matches!(activation, Activation::Sigmoid { .. }) { 1 } else { 2 };
        if classes < least {
            return Err(damaged(format!("it has {classes} classes")));
        }
        let different: std::collections::HashSet<_> = metadata.classes.iter().collect();
        if different.len() < classes || metadata.classes.iter().any(String::is_empty) {
            return Err(damaged("its classes are not all different names".into()));
        }
        // Only now is the rest read, and no more than the layer has numbers.
        let transform = metadata.transform.filter(|transform| transform.any());
        let standardized = transform.is_some_and(|transform| transform.standardize);
        let expected = length(bytes.len(), (classes, features), standardized)
            .ok_or_else(|| damaged(format!("{classes} × {features} weights are more than can be counted")))?;
        if len != expected {
            return Err(damaged(format!("it has {len} bytes and should have {expected}")));
        }
        file.read_to_end(&mut bytes).map_err(FileError::on("read", path))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let views: BTreeMap<&str, TensorView<'_>> = tensors.iter().collect();
        let digested: Vec<Tensor<'_>> = views.iter().map(|(name, view)| (*name, view.data())).collect();
        if is_sealed && !seal::holds(about, &digested) {
            return Err(damaged("its digest says that it was changed after it was written".into()));
        }
        let tensor = |name: &str, shape: &[usize]| {
            let view = tensors.tensor(name).map_err(|e| damaged(e.to_string()))?;
            if view.dtype() != Dtype::F32 || view.shape() != shape {
                let (dtype, has) = (view.dtype(), view.shape());
                return Err(damaged(format!(
                    "{name} is {dtype:?} of shape {has:?}, not F32 of shape {shape:?}"
                )));
            }
            let values: Vec<f32> =
                (view.data().chunks_exact(4)).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            match values.iter().position(|v| !v.is_finite()) {
                Some(at) => Err(damaged(format!("element {at} of {name} is {}", values[at]))),
                None => Ok(values),
            }
        };
        let standard = match standardized {
            true => {
                Some(Standard { mean: tensor("mean", &[features])?, scale: tensor("scale", &[features])? })
            }
            false => None,
        };
        let transform = transform.map(|transform| Transform { l2: transform.l2_normalize, standard });
        transform.as_ref().map_or(Ok(()), |transform| transform.check(features)).map_err(damaged)?;
        Ok(Self {
            transform,
            weight: tensor("weight", &[classes, features])?,
            bias: tensor("bias", &[classes])?,
            classes: metadata.classes,
            activation,
            temperature: metadata.temperature,
            descriptor: metadata.descriptor,
            columns: metadata.columns,
            trained: metadata.trained,
        })
    }
}

/// Bytes of a model file whose header has `header`, if they can be counted: a header may claim any number of features.
fn length(header: usize, (classes, features): (usize, usize), standardized: bool) -> Option<u64> {
    let [header, classes, features] = [header, classes, features].map(|n| n as u64);
    let weights = classes.checked_mul(features.checked_add(1)?)?;
    let numbers = weights.checked_add(if standardized { features.checked_mul(2)? } else { 0 })?;
    numbers.checked_mul(4)?.checked_add(header)
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
