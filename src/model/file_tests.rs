//! The model file: exact, and hard to fool.

use super::*;
use crate::features::Histogram;
use crate::learn::{SolverOptions, Targets};

fn model() -> Model {
    Model {
        classes: vec!["cat".into(), "dog, \"big\"".into(), "鳥".into()],
        descriptor: Descriptor::Histogram(Histogram { bins: [2, 1, 2], decode_scale: 1 }),
        columns: None,
        transform: None,
        activation: Activation::Softmax,
        temperature: 1.0,
        weight: (0..12).map(|i| (i as f32 * 0.37).sin()).collect(),
        bias: vec![f32::MIN_POSITIVE, -0.0, 1e30],
        trained: Trained {
            huemax: "0.1.0".into(),
            device: "CPU".into(),
            data_sha256: "00".into(),
            label_counts: vec![50, 50, 10],
            weights: None,
            init: None,
            val_size: None,
            test_size: Some(0.25),
            split_seed: 42,
            plan: SolverOptions::default().plan(100, 1.0, &Targets::classes(3, &[])).unwrap(),
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
fn flipped_bytes_are_found_out() {
    let standard = Standard { mean: vec![0.1, -2.0, 3.0, 7.0], scale: vec![1.0, 0.3, 2.0, 4.0] };
    let model = Model { transform: Some(Transform { l2: true, standard: Some(standard) }), ..model() };
    let (_folder, path) = saved(&model);
    let bytes = std::fs::read(&path).unwrap();
    let numbers = bytes.len() - 4 * (12 + 3 + 8);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut broken = bytes.clone();
            broken[at] ^= flip;
            std::fs::write(&path, &broken).unwrap();
            match Model::load(&path) {
                // Blanks, and the name of the digest, say nothing of what the model is.
                Ok(loaded) => {
                    assert!(loaded == model && at < numbers, "byte {at} ^ {flip:#x} is not noticed");
                }
                Err(error) => assert!(error.to_string().contains("model.safetensors"), "{at}: {error}"),
            }
        }
    }
    let mut broken = bytes.clone();
    broken[numbers] ^= 1;
    std::fs::write(&path, &broken).unwrap();
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("is damaged: its digest says") && error.contains("copy it again"), "{error}");
}

#[test]
fn models_without_a_digest_are_read() {
    let model = model();
    let (_folder, path) = saved(&model);
    let mut bytes = std::fs::read(&path).unwrap();
    without_digest(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(Model::load(&path).unwrap(), model);
}

/// As many blanks in its place.
fn without_digest(bytes: &mut [u8]) {
    let seal = br#",\"xxh3\":\""#;
    let at = bytes.windows(seal.len()).position(|w| w == seal).expect("a digest");
    bytes[at..at + seal.len() + 32 + 2].fill(b' ');
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
    assert!(matches!(load(&safetensors::serialize(tensors, None).unwrap()), ModelError::NotAModel { .. }));

    let text = std::fs::read(&path).unwrap();
    let at = text.windows(10).position(|w| w == b"format\\\":2").unwrap();
    let mut newer = text.clone();
    newer[at + 9] = b'7';
    assert!(matches!(load(&newer), ModelError::Version { found: 7, reads: 3, .. }));
}

#[test]
fn models_of_the_first_formats_are_read() {
    let model = model();
    let (_folder, path) = saved(&model);
    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
    assert!(text.contains("\\\"temperature\\\":1.0,"), "{text}");
    // What the first format did not have, as many spaces in its place.
    let mut bytes = std::fs::read(&path).unwrap();
    without_digest(&mut bytes);
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

#[test]
fn what_is_done_to_features_is_kept_and_checked() {
    let standard =
        Standard { mean: vec![0.1, -2.0, f32::MIN_POSITIVE, 7.0], scale: vec![1.0, 0.3, 1e-30, 4.0] };
    let mut model = model();
    let without = model.fingerprint();
    let mut seen = std::collections::HashSet::from([without]);
    for transform in [
        Transform { l2: true, standard: None },
        Transform { l2: false, standard: Some(standard.clone()) },
        Transform { l2: true, standard: Some(standard.clone()) },
    ] {
        model.transform = Some(transform);
        let (_folder, path) = saved(&model);
        assert_eq!(Model::load(&path).unwrap(), model);
        assert!(seen.insert(model.fingerprint()));
        let bytes = std::fs::read(&path).unwrap();
        for len in bytes.len() - 32..bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            assert!(matches!(Model::load(&path), Err(ModelError::Damaged { .. })), "{len}");
        }
    }
    for (mean, scale) in [(0.0, 0.0), (0.0, -1.0), (0.0, f32::NAN), (f32::INFINITY, 1.0)] {
        let mut standard = standard.clone();
        (standard.mean[1], standard.scale[2]) = (mean, scale);
        model.transform = Some(Transform { l2: false, standard: Some(standard) });
        let (_folder, path) = saved(&model);
        assert!(matches!(Model::load(&path), Err(ModelError::Damaged { .. })), "{mean} {scale}");
    }
}

#[test]
fn a_fraction_of_the_size_is_kept_and_older_readers_refuse_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let format = |decode_scale: u32| {
        let histogram = Histogram { bins: [2, 1, 2], decode_scale };
        let model = Model { descriptor: histogram.into(), ..model() };
        model.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (Model::load(&path).map(|loaded| assert_eq!(loaded.descriptor, model.descriptor)), text)
    };
    let (whole, text) = format(1);
    assert!(whole.is_ok() && text.contains(r#"\"format\":2"#) && !text.contains("decode_scale"));
    let (scaled, text) = format(4);
    assert!(scaled.is_ok() && text.contains(r#"\"format\":3"#) && text.contains(r#"\"decode_scale\":4"#));
    let wrong = format(3).0.unwrap_err().to_string();
    assert!(wrong.contains("not at 1/3"), "{wrong}");
}

#[test]
fn more_features_than_can_be_counted_are_damage() {
    let (_folder, path) = saved(&model());
    let bytes = std::fs::read(&path).unwrap();
    for columns in [usize::MAX, usize::MAX / 3, usize::MAX / 12 + 1] {
        let (was, now) = (r#"{\"bins\":[2,1,2]}"#, format!(r#"{{\"columns\":{columns}}}"#));
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        assert!(text.contains(was));
        let text = text.replace(was, &now);
        let mut bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let header = (bytes.len() - 8 - 4 * 15) as u64;
        bytes[..8].copy_from_slice(&header.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let error = Model::load(&path).unwrap_err();
        assert!(matches!(error, ModelError::Damaged { .. }), "{columns}: {error}");
    }
}

#[test]
fn names_of_columns_are_kept_and_as_many_as_there_are_features() {
    let named = |names: &[&str]| {
        let descriptor = Descriptor::Given(crate::features::Given { columns: 4 });
        let columns = Some(names.iter().map(|&name| name.to_owned()).collect());
        Model { descriptor, columns, ..model() }
    };
    let model = named(&["a", "b \"c\"", "", "鳥"]);
    let (_folder, path) = saved(&model);
    assert_eq!(Model::load(&path).unwrap(), model);
    for names in [&["a", "b", "c"][..], &[], &["a"; 5]] {
        let (_folder, path) = saved(&named(names));
        let error = Model::load(&path).unwrap_err().to_string();
        assert!(error.contains("of 4 features") && error.contains("damaged"), "{error}");
    }
}
