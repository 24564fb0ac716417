//! The model file: safetensors with `weight` (K×D, f32) and `bias` (K, f32), and one metadata entry, `huemax`, that
//! holds everything else as JSON. One entry, because safetensors keeps entries in no order, and the same training is
//! to give the same bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata as Header, SafeTensors, TensorView};

use super::{Activation, Model, ModelError, Trained};
use crate::features::Descriptor;
use crate::files::{FileError, Staged, stage};

/// Version of the format, raised when an older reader would misread a file. Version 1 knew softmax without a temperature, and
/// is read.
pub const VERSION: u64 = 2;
/// The key of the metadata.
const KEY: &str = "huemax";
/// safetensors' own limit on the header.
const MAX_HEADER: u64 = 100_000_000;

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

    /// Writes the model beside `path`, to take its place later.
    pub(crate) fn stage(&self, path: &Path) -> Result<Staged, FileError> {
        let metadata = Metadata {
            format: VERSION,
            activation: self.activation.name().into(),
            thresholds: match &self.activation {
                Activation::Sigmoid { thresholds } => Some(thresholds.clone()),
                _ => None,
            },
            temperature: self.temperature,
            classes: self.classes.clone(),
            descriptor: self.descriptor,
            trained: self.trained.clone(),
        };
        let bytes = || {
            let shape = vec![self.classes.len(), self.descriptor.len()];
            let (weight, bias) = (little_endian(&self.weight), little_endian(&self.bias));
            let tensors = [
                ("weight", TensorView::new(Dtype::F32, shape, &weight).map_err(std::io::Error::other)?),
                (
                    "bias",
                    TensorView::new(Dtype::F32, vec![self.bias.len()], &bias)
                        .map_err(std::io::Error::other)?,
                ),
            ];
            let about = HashMap::from([(KEY.to_owned(), serde_json::to_string(&metadata)?)]);
            safetensors::serialize(tensors, Some(about)).map_err(std::io::Error::other)
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
        let (mut file, len, mut bytes) = open(path)?;
        let header: Header = serde_json::from_slice(&bytes[8..]).map_err(|e| not_a_model(e.to_string()))?;
        let about = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let about = about.ok_or_else(|| not_a_model(format!("it has no metadata entry \"{KEY}\"")))?;
        let json: serde_json::Value = serde_json::from_str(about).map_err(|e| damaged(e.to_string()))?;
        let found = json["format"].as_u64().ok_or_else(|| damaged("it states no format".into()))?;
        if !(1..=VERSION).contains(&found) {
            let written_by = json["trained"]["huemax"].as_str().unwrap_or("unknown").to_owned();
            return Err(ModelError::Version { path: path.into(), found, reads: VERSION, written_by });
        }
        let mut metadata: Metadata = serde_json::from_value(json).map_err(|e| damaged(e.to_string()))?;
        let activation = metadata.activation().map_err(damaged)?;
        metadata.descriptor.checked().map_err(|e| damaged(e.to_string()))?;
        let (classes, features) = (metadata.classes.len(), metadata.descriptor.len());
        let least = if matches!(activation, Activation::Sigmoid { .. }) { 1 } else { 2 };
        if classes < least {
            return Err(damaged(format!("it has {classes} classes")));
        }
        let different: std::collections::HashSet<_> = metadata.classes.iter().collect();
        if different.len() < classes || metadata.classes.iter().any(String::is_empty) {
            return Err(damaged("its classes are not all different names".into()));
        }
        // Only now is the rest read, and no more than the layer has numbers.
        let expected = (bytes.len() + 4 * classes * (features + 1)) as u64;
        if len != expected {
            return Err(damaged(format!("it has {len} bytes and should have {expected}")));
        }
        file.read_to_end(&mut bytes).map_err(FileError::on("read", path))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
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
        Ok(Self {
            weight: tensor("weight", &[classes, features])?,
            bias: tensor("bias", &[classes])?,
            classes: metadata.classes,
            activation,
            temperature: metadata.temperature,
            descriptor: metadata.descriptor,
            trained: metadata.trained,
        })
    }
}

/// Opens a file that may be a model: the file, its length, and its first bytes up to the end of the header. Nothing
/// more is read, so that a film is not taken into memory to find out what it is.
fn open(path: &Path) -> Result<(File, u64, Vec<u8>), ModelError> {
    let on_read = || FileError::on("read", path);
    let not_a_model = |reason: &str| ModelError::NotAModel { path: path.into(), reason: reason.into() };
    let mut file = File::open(path).map_err(on_read())?;
    let about = file.metadata().map_err(on_read())?;
    if about.is_dir() {
        return Err(not_a_model("it is a folder; give the model.safetensors in it"));
    }
    if !about.is_file() {
        return Err(not_a_model("it is no ordinary file; models are read from files"));
    }
    let mut bytes = vec![0; 9];
    if file.read_exact(&mut bytes).is_err() {
        return Err(not_a_model("it is too short"));
    }
    let header = u64::from_le_bytes(std::array::from_fn(|i| bytes[i]));
    if header == 0 || header > MAX_HEADER || bytes[8] != b'{' {
        return Err(not_a_model("it does not begin as safetensors files do"));
    }
    (&mut file).take(header - 1).read_to_end(&mut bytes).map_err(on_read())?;
    if bytes.len() as u64 != 8 + header {
        let reason = format!("it has {} bytes, and its header alone should have {header}", about.len());
        return Err(ModelError::Damaged { path: path.into(), reason });
    }
    Ok((file, about.len(), bytes))
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{SgdOptions, Targets};

    fn model() -> Model {
        Model {
            classes: vec!["cat".into(), "dog, \"big\"".into(), "鳥".into()],
            descriptor: Descriptor { bins: [2, 1, 2] },
            activation: Activation::Softmax,
            temperature: 1.0,
            weight: (0..12).map(|i| (i as f32 * 0.37).sin()).collect(),
            bias: vec![f32::MIN_POSITIVE, -0.0, 1e30],
            trained: Trained {
                huemax: "0.1.0".into(),
                device: "CPU".into(),
                data_sha256: "00".into(),
                label_counts: vec![50, 50, 10],
                test_size: Some(0.25),
                split_seed: 42,
                plan: SgdOptions::default().plan(100, 1.0, &Targets::classes(3, &[])).unwrap(),
                objective: 0.1 + 0.2,
            },
        }
    }

    fn saved(model: &Model) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        model.save(&path).unwrap();
        (folder, path)
    }

    #[test]
    fn a_model_reloads_exactly_and_saves_to_the_same_bytes() {
        let mut model = model();
        let (_folder, path) = saved(&model);
        assert_eq!(Model::load(&path).unwrap(), model);
        for activation in [
            Activation::OneVsRest,
            Activation::Margins,
            Activation::Sigmoid { thresholds: vec![0.0, 0.1 + 0.2, 1.0] },
        ] {
            (model.activation, model.temperature) = (activation, 1.7);
            model.save(&path).unwrap();
            assert_eq!(Model::load(&path).unwrap(), model);
        }
        let first = std::fs::read(&path).unwrap();
        for _ in 0..10 {
            model.save(&path).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), first);
        }
    }

    #[test]
    fn every_cut_is_an_error_that_names_the_file() {
        let (_folder, path) = saved(&model());
        let bytes = std::fs::read(&path).unwrap();
        let header = 8 + usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        for len in 0..bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let error = Model::load(&path).unwrap_err();
            assert!(error.to_string().contains("model.safetensors"), "{len}: {error}");
            assert!(len < header || matches!(error, ModelError::Damaged { .. }), "{len}: {error}");
        }
        std::fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
        assert!(matches!(Model::load(&path), Err(ModelError::Damaged { .. })));
    }

    #[test]
    fn flipped_bytes_never_panic() {
        let (_folder, path) = saved(&model());
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut broken = bytes.clone();
                broken[at] ^= flip;
                std::fs::write(&path, &broken).unwrap();
                let _ = Model::load(&path);
            }
        }
    }

    #[test]
    fn other_files_and_other_versions_are_told_apart() {
        let (folder, path) = saved(&model());
        let load = |bytes: &[u8]| {
            let path = folder.path().join("other");
            std::fs::write(&path, bytes).unwrap();
            Model::load(&path).unwrap_err()
        };
        assert!(matches!(load(b""), ModelError::NotAModel { .. }));
        assert!(matches!(load(b"\xff\xd8\xff\xe0 a JPEG, surely"), ModelError::NotAModel { .. }));
        assert!(matches!(Model::load(folder.path()), Err(ModelError::NotAModel { .. })));
        assert!(matches!(Model::load(&folder.path().join("none")), Err(ModelError::File(_))));
        let tensors: [(&str, TensorView<'_>); 0] = [];
        assert!(matches!(
            load(&safetensors::serialize(tensors, None).unwrap()),
            ModelError::NotAModel { .. }
        ));

        let text = std::fs::read(&path).unwrap();
        let at = text.windows(10).position(|w| w == b"format\\\":2").unwrap();
        let mut newer = text.clone();
        newer[at + 9] = b'7';
        assert!(matches!(load(&newer), ModelError::Version { found: 7, reads: 2, .. }));
    }

    #[test]
    fn a_model_of_the_first_format_is_read() {
        let model = model();
        let (_folder, path) = saved(&model);
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(text.contains("\\\"temperature\\\":1.0,"), "{text}");
        // What the first format did not have, as many spaces in its place.
        let mut bytes = std::fs::read(&path).unwrap();
        let blank = |bytes: &mut Vec<u8>, what: &[u8], with: &[u8]| {
            let at = bytes.windows(what.len()).position(|w| w == what).unwrap();
            bytes[at..at + what.len()].copy_from_slice(with);
        };
        blank(&mut bytes, b"\\\"temperature\\\":1.0,", &[b' '; 20]);
        blank(&mut bytes, b"format\\\":2", b"format\\\":1");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Model::load(&path).unwrap(), model);
    }

    #[test]
    fn thresholds_and_temperatures_that_are_none_are_refused() {
        let refused = |change: fn(&mut Model)| {
            let mut model = model();
            change(&mut model);
            let (_folder, path) = saved(&model);
            assert!(matches!(Model::load(&path), Err(ModelError::Damaged { .. })));
        };
        refused(|m| m.activation = Activation::Sigmoid { thresholds: vec![0.5; 2] });
        refused(|m| m.activation = Activation::Sigmoid { thresholds: vec![0.5, 0.5, 1.5] });
        refused(|m| m.temperature = 0.0);
        refused(|m| m.temperature = -1.0);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let mut model = model();
        model.weight[5] = f32::NAN;
        let (_folder, path) = saved(&model);
        assert!(matches!(Model::load(&path), Err(ModelError::Damaged { .. })));
    }
}
