//! Event files read by TensorBoard itself, where Python has the package `tensorboard`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use huemax::report::tensorboard::EventWriter;
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub fn register(trials: &mut Vec<Trial>) {
    with_tensorboard(trials, "tensorboard::reads_what_is_written", reads_what_is_written);
}

/// Registers a test that needs TensorBoard; without it, it shows as ignored.
pub fn with_tensorboard(trials: &mut Vec<Trial>, name: &str, test: fn()) {
    let run = move || {
        test();
        Ok(())
    };
    trials.push(Trial::test(name, run).with_ignored_flag(python().is_none()));
}

/// A Python that has TensorBoard: the one that HUEMAX_PYTHON names, or python3.
fn python() -> Option<&'static PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let python = std::env::var_os("HUEMAX_PYTHON").unwrap_or_else(|| "python3".into());
        let has = Command::new(&python)
            .args(["-c", "import tensorboard.backend.event_processing.event_accumulator"])
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success());
        has.then(|| python.into())
    };
    PYTHON.get_or_init(find).as_ref()
}

/// What TensorBoard would show of the event files in `folder`: `{"tag": [[step, value], …]}`.
pub fn shown(folder: &Path) -> Value {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/event_files.py");
    let output = Command::new(python().expect("a Python with TensorBoard"))
        .arg(script)
        .arg("read")
        .arg(folder)
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// A run, and a second one that goes on from its middle: what the first had beyond that is no longer shown. The last
/// record is cut, as a kill may leave it.
fn reads_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = EventWriter::create(folder.path()).expect("a file");
    for step in 0..6u32 {
        let scalars = [("objective", 1.0 / f64::from(step + 1)), ("val_loss", 0.5)];
        first.scalars(100.0 + f64::from(step), step.into(), &scalars).expect("an event");
    }
    let one = shown(folder.path());
    assert_eq!(one["objective"].as_array().map(Vec::len), Some(6), "{one}");
    assert_eq!(one["val_loss"][5], json!([5, 0.5]));

    let mut second = EventWriter::create(folder.path()).expect("a file");
    second.resume(200.0, 3).expect("an event");
    for step in 3..6u32 {
        second.scalars(200.0 + f64::from(step), step.into(), &[("objective", 0.25)]).expect("an event");
    }
    let both = shown(folder.path());
    let expected = json!([[0, 1.0], [1, 0.5], [2, 0.333_333_343_267_440_8], [3, 0.25], [4, 0.25], [5, 0.25]]);
    assert_eq!(both["objective"], expected);

    let files = || std::fs::read_dir(folder.path()).expect("a folder").map(|e| e.expect("an entry").path());
    let last = files().max().expect("two files");
    let bytes = std::fs::read(&last).expect("a file");
    std::fs::write(&last, &bytes[..bytes.len() - 7]).expect("a file");
    let cut = shown(folder.path());
    assert_eq!(cut["objective"].as_array().map(Vec::len), Some(5), "{cut}");
}
