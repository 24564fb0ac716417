//! Event files, byte by byte as TensorBoard's own code writes them (tests/fixtures/event_files.py).

use super::*;

#[test]
fn bytes_are_those_of_tensorboard() {
    let mut writer = EventWriter::new(Vec::new(), 1.5).unwrap();
    writer.resume(2.25, 300).unwrap();
    writer.scalars(3.0, 301, &[("objective", 0.1), ("val_loss", -2e30)]).unwrap();
    let expected = include_bytes!("../../../tests/fixtures/events.tfevents");
    assert_eq!(writer.out, expected);
}

#[test]
fn every_run_gets_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("a/b");
    for _ in 0..3 {
        EventWriter::create(&logs).unwrap().scalars(now(), 1, &[("loss", 1.0)]).unwrap();
    }
    let names: Vec<String> = std::fs::read_dir(&logs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    // The name as TensorBoard looks for it, and the seconds where it sorts by them.
    for name in names {
        let rest = name.strip_prefix("events.out.tfevents.").expect("the name");
        let seconds: u64 = rest.split('.').next().unwrap().parse().unwrap();
        assert!((now() as u64).abs_diff(seconds) < 60, "{name}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = EventWriter::create(&file.join("logs")).unwrap_err().to_string();
    assert!(error.contains("cannot create") && error.contains("logs"), "{error}");
}
