//! Checkpoints come back exactly or not at all, whatever happened to their files.

use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::*;
use crate::features::{Descriptor, Histogram};
use crate::learn::{SolverOptions, Targets};

fn checkpoint(iteration: u64) -> Checkpoint {
    let targets = Targets::classes(3, &[]);
    let mut state = State { solver: "lbfgs".into(), ..State::default() };
    state.numbers.insert("iteration".into(), json!(iteration));
    state.numbers.insert("objective".into(), json!(0.1 + 0.2 / iteration as f64));
    let values = (0..9).map(|i| (f64::from(i) * 0.37 + iteration as f64).sin()).collect();
    state.arrays.insert("parameters".into(), values);
    let hard = vec![f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE / 2.0, f64::from(0.1f32)];
    state.arrays.insert("s 1".into(), hard);
    state.arrays.insert("none".into(), Vec::new());
    Checkpoint {
        belongs: Belongs {
            huemax: "0.1.0".into(),
            device: "CPU".into(),
            data_sha256: "00".into(),
            rows_sha256: "11".into(),
            features_sha256: "22".into(),
            labels: vec!["cat".into(), "dog, \"big\"\\".into(), "鳥".into()],
            descriptor: Descriptor::Histogram(Histogram { bins: [2, 1, 2], decode_scale: 1 }),
            transform: None,
            plan: SolverOptions::default().plan(100, 1.0, &targets).unwrap(),
            weights: Some(("balanced".into(), "equal".into(), vec![1.0, 0.1, 3.0, 1.0, 1.0, 1.0])),
            init: None,
        },
        keep: json!({"command": ["huemax", "train", "\",\"sha256\":\""]}),
        state,
    }
}

/// NaN is no number equal to itself, but its bits are.
fn same(a: &Checkpoint, b: &Checkpoint) -> bool {
    let bits = |c: &Checkpoint| -> Vec<(String, Vec<u64>)> {
        let bits = |v: &Vec<f64>| v.iter().map(|v| v.to_bits()).collect();
        c.state.arrays.iter().map(|(name, v)| (name.clone(), bits(v))).collect()
    };
    (&a.belongs, &a.keep, &a.state.solver, &a.state.numbers)
        == (&b.belongs, &b.keep, &b.state.solver, &b.state.numbers)
        && bits(a) == bits(b)
}

fn saved(iterations: &[u64]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::new(folder.path());
    for &iteration in iterations {
        store.save(&checkpoint(iteration)).unwrap();
    }
    let path = folder.path().join(CURRENT);
    (folder, path)
}

/// The files of a folder, sorted.
fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let names = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_checkpoint_reloads_exactly_and_saves_to_the_same_bytes() {
    let (folder, path) = saved(&[1, 2]);
    let loaded = load(folder.path()).unwrap();
    assert!(same(&loaded.checkpoint, &checkpoint(2)) && loaded.passed_over.is_none());
    assert!(same(&load(&path).unwrap().checkpoint, &checkpoint(2)));
    assert!(same(&load(&folder.path().join(PREVIOUS)).unwrap().checkpoint, &checkpoint(1)));
    let bytes = std::fs::read(&path).unwrap();
    for _ in 0..5 {
        Store::new(folder.path()).save(&checkpoint(2)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn two_are_kept_and_both_go_at_the_end() {
    let (folder, _) = saved(&[1, 2, 3]);
    assert_eq!(names(&folder), [PREVIOUS, CURRENT]);
    let mut loaded = load(folder.path()).unwrap();
    std::fs::write(folder.path().join(".huemax-abc"), b"half").unwrap();
    loaded.store.tidy().unwrap();
    loaded.store.save(&checkpoint(4)).unwrap();
    assert!(same(&load(&folder.path().join(PREVIOUS)).unwrap().checkpoint, &checkpoint(3)));
    // Another training in the same folder does not take these for its own.
    Store::new(folder.path()).save(&checkpoint(9)).unwrap();
    assert_eq!(names(&folder), [CURRENT]);
    loaded.store.remove().unwrap();
    loaded.store.remove().unwrap();
    assert_eq!(names(&folder), [""; 0]);
    assert!(matches!(load(folder.path()), Err(CheckpointError::None { .. })));
}

#[test]
fn one_at_a_time_has_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Lock::take(folder.path()).unwrap();
    let error = Lock::take(folder.path()).unwrap_err().to_string();
    assert!(error.contains("another huemax is writing results there"), "{error}");
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
    drop(lock);
    assert_eq!(names(&folder), [""; 0]);
    // What a kill leaves is no lock.
    std::fs::write(folder.path().join(LOCK), b"").unwrap();
    let lock = Lock::take(folder.path()).unwrap();
    assert!(Lock::take(folder.path()).is_err());
    drop(lock);
    assert!(Lock::take(&folder.path().join("nowhere")).is_err());
}

/// Every state that a kill can leave between the steps of [`Store::save`].
#[test]
fn a_kill_at_any_moment_leaves_a_whole_one() {
    // After the new one was written beside them.
    let (folder, path) = saved(&[1, 2]);
    std::fs::write(folder.path().join(".huemax-new"), b"whole or not").unwrap();
    assert!(same(&load(folder.path()).unwrap().checkpoint, &checkpoint(2)));
    // After the latest became the one before.
    std::fs::rename(&path, folder.path().join(PREVIOUS)).unwrap();
    for run in [folder.path(), path.as_path()] {
        let loaded = load(run).unwrap();
        assert!(same(&loaded.checkpoint, &checkpoint(2)) && loaded.passed_over.is_none());
    }
    // And from there on.
    let mut loaded = load(folder.path()).unwrap();
    loaded.store.save(&checkpoint(3)).unwrap();
    assert!(same(&load(folder.path()).unwrap().checkpoint, &checkpoint(3)));
}

#[test]
fn a_torn_one_is_passed_over_and_never_kept() {
    let (folder, path) = saved(&[1, 2]);
    let bytes = std::fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        let loaded = load(folder.path()).unwrap();
        assert!(same(&loaded.checkpoint, &checkpoint(1)), "{len}");
        let why = loaded.passed_over.unwrap().to_string();
        assert!(why.contains(CURRENT), "{why}");
    }
    let mut loaded = load(folder.path()).unwrap();
    loaded.store.save(&checkpoint(3)).unwrap();
    assert_eq!(names(&folder), [CURRENT]);
    assert!(same(&load(folder.path()).unwrap().checkpoint, &checkpoint(3)));

    // Both torn; and the latest alone.
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(load(folder.path()), Err(CheckpointError::Damaged { .. })));
    std::fs::write(folder.path().join(PREVIOUS), &bytes[..100]).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains(CURRENT) && error.contains(PREVIOUS) && error.contains("start again"), "{error}");
}

#[test]
fn bytes_that_were_changed_are_found_out() {
    let (_folder, path) = saved(&[1]);
    let bytes = std::fs::read(&path).unwrap();
    let expected = checkpoint(1);
    let mut refused = 0;
    let mut check = |broken: &[u8], what: &str| {
        std::fs::write(&path, broken).unwrap();
        match Checkpoint::read(&path) {
            Ok(read) => assert!(same(&read, &expected), "{what} is read as something else"),
            Err(_) => refused += 1,
        }
    };
    for at in 0..bytes.len() {
        let flip = [0x01, 0x80, 0x20, 0xff][at % 4];
        let mut broken = bytes.clone();
        broken[at] ^= flip;
        check(&broken, &format!("byte {at} ^ {flip:#x}"));
    }
    // Bytes of another checkpoint, of itself, and of nothing, in the place of some of its own.
    let (_other_folder, other) = saved(&[12_345]);
    let other = std::fs::read(&other).unwrap();
    let zeros = vec![0; 300];
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for round in 0..1500 {
        let mut broken = bytes.clone();
        let from = random.random_range(0..broken.len());
        let to = random.random_range(from..=broken.len().min(from + 200));
        let source = [&bytes, &other, &zeros][round % 3];
        let first = random.random_range(0..source.len());
        let last = random.random_range(first..=source.len().min(first + 200));
        broken.splice(from..to, source[first..last].iter().copied());
        check(&broken, &format!("splice {round}"));
    }
    assert!(refused > 2000, "{refused}");
}

/// Headers that lie about how much there is: no more is asked for than the file is long.
#[test]
fn lies_about_lengths_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CURRENT);
    let read = |header: &str| {
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::read(&path).unwrap_err().to_string()
    };
    let huge = r#"{"__metadata__":{"huemax-checkpoint":"{}"},"a":{"dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}"#;
    assert!(read(huge).contains("should have 80000000"), "{}", read(huge));
    let over = huge.replace("[1000000000000]", "[9223372036854775807,4]");
    assert!(read(&over).contains("damaged"));
    // Each alone can be counted, and all of them too, but not with the header before them.
    let each = (1u64 << 61) - 1;
    let tensors: Vec<String> = (0..8)
        .map(|i| {
            let offsets = [i * each, (i + 1) * each];
            format!(r#""{i}":{{"dtype":"U8","shape":[{each}],"data_offsets":{offsets:?}}}"#)
        })
        .collect();
    let most = format!(r#"{{"__metadata__":{{"huemax-checkpoint":"{{}}"}},{}}}"#, tensors.join(","));
    assert!(read(&most).contains("more bytes than can be counted"), "{}", read(&most));
    let none = r#"{"a":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}"#;
    assert!(read(none).contains("no metadata entry"));
    assert!(read(&format!("{{{}", "[".repeat(100_000))).contains("damaged"));
    std::fs::write(&path, u64::MAX.to_le_bytes()).unwrap();
    assert!(Checkpoint::read(&path).is_err());
    std::fs::write(&path, [&99_999_999u64.to_le_bytes()[..], b"{"].concat()).unwrap();
    assert!(Checkpoint::read(&path).unwrap_err().to_string().contains("its header alone"));
}

#[test]
fn other_files_and_other_versions_are_told_apart() {
    let (folder, path) = saved(&[1]);
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|w| w == b"format\\\":2").unwrap();
    let mut newer = bytes.clone();
    newer[at + 9] = b'7';
    std::fs::write(&path, newer).unwrap();
    assert!(matches!(load(&path), Err(CheckpointError::Version { found: 7, reads: 2, .. })));
    let text = folder.path().join("text");
    std::fs::write(&text, b"no checkpoint at all").unwrap();
    assert!(matches!(load(&text), Err(CheckpointError::Foreign { .. })));
    assert!(matches!(load(&folder.path().join("nothing")), Err(CheckpointError::File(_))));
}

#[test]
fn what_differs_is_said() {
    let then = checkpoint(1).belongs;
    let differs = |change: fn(&mut Belongs)| {
        let mut now = then.clone();
        change(&mut now);
        (then.differences(&now).join("; "), then.other_bits(&now))
    };
    assert_eq!(differs(|_| ()), (String::new(), None));
    for (change, parts) in [
        (
            (|b| b.labels = vec!["cat".into(), "鳥".into(), "kiwi".into()]) as fn(&mut Belongs),
            "new are kiwi, gone are dog, ",
        ),
        (|b| b.labels.reverse(), "other labels (they are in another order)"),
        (
            |b| b.descriptor = Histogram { bins: [4, 4, 4], decode_scale: 1 }.into(),
            "another descriptor (HSV histogram, 2×1×2",
        ),
        (
            |b| b.transform = Some(crate::features::Transform { l2: true, standard: None }),
            "another transform of the features",
        ),
        (|b| b.data_sha256 = "x".into(), "other data"),
        (|b| b.rows_sha256 = "x".into(), "another part of the same data"),
        (|b| b.features_sha256 = "x".into(), "its features are others than then"),
        (|b| b.weights = None, "other weights"),
        (|b| b.plan.c = 3.0, "another plan (softmax, C = 1;"),
    ] {
        let (said, bits) = differs(change);
        assert!(said.contains(parts) && bits.is_none(), "{said} {bits:?}");
    }
    // On another device features may have other last bits, so that nothing can be said of them.
    let (said, bits) = differs(|b| {
        (b.device, b.huemax, b.features_sha256) = ("gpu:0".into(), "0.2.0".into(), "x".into());
    });
    assert_eq!(said, "");
    let bits = bits.unwrap();
    assert!(bits.contains("gpu:0") && bits.contains("this is 0.2.0"), "{bits}");
}
