//! Every kind of file that huemax reads back, read from bytes that may be anything at all, through the same functions as the
//! program. What a reader accepts must hold together: it is used, and where there is a writer, written and read again.
//!
//! `tests/damaged` gives these readers real files that are cut, flipped and spliced; `fuzz` gives them whatever reaches new code.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use huemax::bench::{Run, changes, compare, text};
use huemax::dataset::{Dataset, Decoder, LabelChoice, LabelSource, Mismatches, Sample, Task, Unit};
use huemax::features::store::{FEATURES, Folder, Hash, JOURNAL, META, SAMPLES};
use huemax::features::{BringOptions, Budget, Bytes, Descriptor, Given, InMemory, Source, bring};
use huemax::learn::checkpoint::{Belongs, CURRENT, Checkpoint, PREVIOUS, Store, load};
use huemax::learn::{LearnError, Seen, SolverKind, SolverOptions, State, SweptC, Watch};
use huemax::pipeline::{
    Begin, Input, Onlooker, Origin, Rows, Session, SweepOptions, open_store, predict_rows, train_watched,
};
use huemax::{Device, LabelOptions, Model, Predicted, Quiet, TrainOptions};

/// A kind of file, and what reads it: given a folder of its own that exists, and the bytes; says whether it accepted them.
pub struct Kind {
    /// Its name, that of its fuzz target too.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&Path, &[u8]) -> bool,
    /// What memory it may take for each byte of the file, and whatever the file: derived beside each reader.
    pub memory: (usize, usize),
}

/// JSON becomes a tree before it becomes numbers: a value of two bytes (`1,`) takes 72 in a tree that has grown to twice its
/// need, and messages and copies of the file lie beside it.
const JSON: usize = 128;
/// What any reader may take: buffers of files and of text.
const BASE: usize = 1 << 20;

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind { name: "model", read: model, memory: (JSON, BASE) },
    Kind { name: "store", read: store, memory: (JSON, BASE) },
    Kind { name: "checkpoint", read: checkpoint, memory: (JSON, BASE) },
    Kind { name: "state", read: state, memory: (JSON, 8 * BASE) },
    Kind { name: "manifest", read: manifest, memory: (JSON, BASE) },
    Kind { name: "baseline", read: baseline, memory: (JSON, BASE) },
    // What is packed may unpack to the budget that the reader is given.
    Kind { name: "features", read: features, memory: (JSON, 4 * UNPACKED as usize + 8 * BASE) },
    Kind { name: "shard", read: shard, memory: (JSON, BASE) },
    // Three pictures of the largest size, of up to 8 bytes a pixel, and what every decoder may take beside pixels.
    Kind { name: "picture", read: picture, memory: (16, 3 * 8 * PIXELS as usize + (64 << 20)) },
];

/// Memory for what is unpacked.
const UNPACKED: u64 = 1 << 20;
/// The largest picture.
const PIXELS: u64 = 1 << 16;

/// What divides files that belong together, in one run of bytes.
pub const DIVIDER: &[u8] = b"\n\0file\0\n";

/// `bytes` as files.
fn files(bytes: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(DIVIDER.len()).position(|window| window == DIVIDER) {
        files.push(&rest[..at]);
        rest = &rest[at + DIVIDER.len()..];
    }
    files.push(rest);
    files
}

/// Empties `folder` and gives a path in it.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file in the folder for it");
    path
}

fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the folder").flatten() {
        let path = entry.path();
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// `model.safetensors`, as it is, and with a digest that is right: whoever writes a file by hand can do that too.
fn model(folder: &Path, bytes: &[u8]) -> bool {
    let accepted = one_model(folder, bytes);
    resealed(bytes).is_some_and(|sealed| one_model(folder, &sealed)) || accepted
}

/// The model file `bytes` with the digest of what it says, if that is another, and as far as there is anything to find in it.
fn resealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)).ok()?;
    let (header, data) = bytes.get(8..)?.split_at_checked(length)?;
    let json: serde_json::Value = serde_json::from_slice(header).ok()?;
    let text = json["__metadata__"]["huemax"].as_str()?;
    let said = text.strip_suffix("\"}")?;
    let (said, digest) = said.split_at_checked(said.len().checked_sub(32)?)?;
    let said = said.strip_suffix(",\"xxh3\":\"")?;
    let mut parts: Vec<&[u8]> = vec![said.as_bytes()];
    let mut tensors: Vec<_> = json.as_object()?.iter().filter(|(name, _)| *name != "__metadata__").collect();
    tensors.sort_unstable_by_key(|(name, _)| *name);
    for (name, tensor) in tensors {
        let at = |i: usize| usize::try_from(tensor["data_offsets"][i].as_u64()?).ok();
        parts.extend([name.as_bytes(), data.get(at(0)?..at(1)?)?]);
    }
    let right = Hash::of_parts(parts).to_string();
    let place = 8 + header.windows(32).rposition(|window| window == digest.as_bytes())?;
    let mut sealed = bytes.to_vec();
    sealed[place..place + 32].copy_from_slice(right.as_bytes());
    (digest != right).then_some(sealed)
}

fn one_model(folder: &Path, bytes: &[u8]) -> bool {
    let Ok(model) = Model::load(&write(folder, "model.safetensors", bytes)) else { return false };
    let again = folder.join("again.safetensors");
    model.save(&again).expect("a model that was read can be written");
    let second = Model::load(&again).expect("and read again");
    assert_eq!(second, model, "a model changes when it is written");
    // Two rows, as predict would score them.
    let columns = model.descriptor.len();
    let values = (0..2 * columns).map(|i| (i % 7) as f32).collect();
    let rows = Rows::given(Arc::new(InMemory::new(values, columns)));
    let rows = Rows { descriptor: model.descriptor, ..rows };
    let _ = predict_rows(&model, &rows, &Device::cpu(), &Quiet, &mut |_, says| {
        if let Predicted::Values(values) = says {
            assert_eq!(values.len(), model.classes.len());
        }
        Ok(())
    });
    true
}

/// `features.json`, `samples.csv`, `features.npy`, the journal and the numbers it speaks of, as far as they are given. Where
/// digests are asked for they are put right: whoever writes a file by hand can do that too.
fn store(folder: &Path, bytes: &[u8]) -> bool {
    clear(folder);
    let files = files(bytes);
    let file = |i: usize| files.get(i).copied().filter(|bytes: &&[u8]| !bytes.is_empty());
    let [meta, samples, numbers, journal, part] = [0, 1, 2, 3, 4].map(file);
    for (name, bytes) in
        [(SAMPLES, samples), (FEATURES, numbers), (JOURNAL, journal), ("features.npy.part", part)]
    {
        if let Some(bytes) = bytes {
            write(folder, name, bytes);
        }
    }
    if let Some(meta) = meta {
        write(folder, META, &sealed(folder, meta, samples.unwrap_or_default()));
    }
    let mut accepted = false;
    if let Ok((dataset, rows)) = open_store(folder, &LabelOptions::default()) {
        assert_eq!(dataset.samples.len(), rows.source.rows());
        assert!(
            dataset.samples.iter().all(|s| s.labels.iter().all(|&l| (l as usize) < dataset.classes.len()))
        );
        assert!(rows.skipped.iter().all(|skipped| skipped.index < dataset.samples.len()));
        assert_eq!(rows.descriptor.len(), rows.source.columns());
        assert!(read_all(rows.source.as_ref()));
        accepted = true;
    }
    // And as `extract` finds it, to go on.
    let Ok(made) = Folder::open(folder) else { return accepted };
    if let Ok(Some(stored)) = made.stored() {
        let _ = stored.lines();
    }
    if let Ok(Some((journal, numbers))) = made.journal() {
        let rows = journal.header.rows;
        assert!(journal.done.values().all(|&(row, _)| row < rows));
        assert!(read_all(&numbers));
        let writer = made.go_on(&journal, Duration::MAX).expect("what the journal names can be gone on with");
        drop(writer);
        accepted = true;
    }
    accepted
}

/// `meta` with the digests of what lies beside it, if it is JSON.
fn sealed(folder: &Path, meta: &[u8], samples: &[u8]) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut json)) = serde_json::from_slice(meta) else { return meta.to_vec() };
    if json.contains_key("samples_xxh3") {
        json.insert("samples_xxh3".into(), Hash::of(samples).to_string().into());
    }
    let numbers = huemax::features::Npy::open(&folder.join(FEATURES));
    if let (true, Ok(numbers)) = (json.contains_key("features_xxh3"), numbers)
        // All rows are in the digest where they are few.
        && let (1..=64, Some(values)) = (numbers.rows(), numbers.in_place())
    {
        json.insert("features_xxh3".into(), Hash::of(bytemuck::cast_slice(values)).to_string().into());
    }
    serde_json::to_vec(&json).expect("JSON")
}

/// Reads the first rows and the last; says that it could.
fn read_all(source: &dyn Source) -> bool {
    let (rows, columns) = (source.rows(), source.columns());
    let mut row = vec![0f32; columns];
    (0..rows.min(4)).chain(rows.saturating_sub(2)..rows).all(|i| source.read(i, &mut row).is_ok())
}

/// The latest checkpoint and the one before.
fn checkpoint(folder: &Path, bytes: &[u8]) -> bool {
    clear(folder);
    let files = files(bytes);
    write(folder, CURRENT, files[0]);
    if let Some(previous) = files.get(1) {
        write(folder, PREVIOUS, previous);
    }
    let Ok(found) = load(folder) else { return false };
    let mut store = Store::new(folder);
    store.save(&found.checkpoint).expect("a checkpoint that was read can be written");
    let written = fs::read(folder.join(CURRENT)).expect("it is there");
    let again = load(folder).expect("and read again").checkpoint;
    Store::new(folder).save(&again).expect("and written again");
    // Bytes, as a number that is none equals nothing.
    assert!(
        fs::read(folder.join(CURRENT)).expect("it is there") == written,
        "a checkpoint changes when it is written"
    );
    true
}

/// The state of a solver, as JSON: the solver's name, numbers, and arrays (of numbers, or `"nan"`, `"inf"`, `"-inf"`), after a
/// byte that chooses whose training goes on with it. Its digest is right: what it says may be anything.
fn state(folder: &Path, bytes: &[u8]) -> bool {
    let Some((&which, json)) = bytes.split_first() else { return false };
    let Some(state) = as_state(json) else { return false };
    let begun = begun();
    let (options, checkpoint) = &begun[usize::from(which) % begun.len()];
    let checkpoint = Checkpoint { state, ..checkpoint.clone() };
    clear(folder);
    Store::new(folder).save(&checkpoint).expect("a checkpoint");
    let loaded = load(folder).expect("and read again");
    let session = Session {
        begin: Begin::Resume { checkpoint: &loaded.checkpoint, path: &loaded.path },
        onlooker: &huemax::learn::Unwatched,
    };
    match train_rows(options, &session) {
        Ok(run) => {
            assert!(run.model.weight.iter().chain(&run.model.bias).all(|w| w.is_finite()), "{:?}", run.model);
            true
        }
        Err(_) => false,
    }
}

/// What [`state`] reads.
fn as_state(json: &[u8]) -> Option<State> {
    let json: serde_json::Value = serde_json::from_slice(json).ok()?;
    let array = |values: &serde_json::Value| -> Option<Vec<f64>> {
        let number = |value: &serde_json::Value| match value.as_str() {
            Some(text) => text.parse().ok(),
            None => value.as_f64(),
        };
        values.as_array()?.iter().map(number).collect()
    };
    let arrays = json["arrays"].as_object()?.iter();
    Some(State {
        solver: json["solver"].as_str()?.to_owned(),
        numbers: json["numbers"].as_object()?.clone(),
        arrays: arrays.map(|(name, values)| Some((name.clone(), array(values)?))).collect::<Option<_>>()?,
    })
}

/// A state as [`state`] reads it.
pub fn of_state(which: u8, state: &State) -> Vec<u8> {
    let json =
        serde_json::json!({ "solver": state.solver, "numbers": state.numbers, "arrays": state.arrays });
    [&[which], json.to_string().as_bytes()].concat()
}

/// Trainings that were interrupted at the second iteration or epoch: their options, and what they left.
pub fn begun() -> &'static [(TrainOptions, Checkpoint)] {
    static BEGUN: OnceLock<Vec<(TrainOptions, Checkpoint)>> = OnceLock::new();
    BEGUN.get_or_init(|| {
        let options = |solver| {
            let solver = SolverOptions {
                solver: Some(solver),
                max_iter: (solver == SolverKind::Lbfgs).then_some(12),
                epochs: (solver != SolverKind::Lbfgs).then_some(6),
                tol: (solver == SolverKind::Lbfgs).then_some(1e-9),
                ..SolverOptions::default()
            };
            let descriptor = Descriptor::Given(Given { columns: COLUMNS });
            TrainOptions { solver, descriptor, ..TrainOptions::default() }
        };
        let swept = TrainOptions {
            sweep: Some(SweepOptions { cs: vec![0.1, 1.0, 10.0], folds: Some(2), ..SweepOptions::default() }),
            ..options(SolverKind::Lbfgs)
        };
        let all = [options(SolverKind::Lbfgs), options(SolverKind::Sgd), options(SolverKind::Adam), swept];
        all.map(|options| {
            let checkpoint = caught(&options);
            (options, checkpoint)
        })
        .into()
    })
}

/// What a training leaves that is stopped at its second iteration.
fn caught(options: &TrainOptions) -> Checkpoint {
    #[derive(Default)]
    struct Catch {
        seen: AtomicUsize,
        caught: Mutex<Option<Checkpoint>>,
    }
    impl Watch for Catch {
        fn saw(&self, _: &Seen) {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
        fn swept(&self, _: &SweptC) {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
        fn stop(&self) -> bool {
            self.seen.load(Ordering::Relaxed) >= 2
        }
    }
    impl Onlooker for Catch {
        fn keep(&self, belongs: &Belongs, state: State) -> Result<(), LearnError> {
            let checkpoint = Checkpoint { belongs: belongs.clone(), keep: serde_json::Value::Null, state };
            *self.caught.lock().expect("one thread") = Some(checkpoint);
            Ok(())
        }
    }
    let catch = Catch::default();
    let outcome = train_rows(options, &Session { begin: Begin::Zero, onlooker: &catch });
    let caught = catch.caught.into_inner().expect("one thread");
    caught.unwrap_or_else(|| panic!("a checkpoint; the training ended with {:?}", outcome.err()))
}

/// Columns of the rows that are trained on.
const COLUMNS: usize = 3;

/// Trains on a few rows that lie apart in no simple way.
pub fn train_rows(options: &TrainOptions, session: &Session<'_>) -> huemax::Result<huemax::pipeline::Run> {
    const SAMPLES: usize = 24;
    let value = |i: usize| ((i * 7919 + i * i * 31) % 101) as f32 / 50.0 - 1.0;
    let source = Arc::new(InMemory::new((0..SAMPLES * COLUMNS).map(value).collect(), COLUMNS));
    let sample = |i: usize| Sample {
        path: format!("{i}.jpg").into(),
        labels: vec![(i % 3 % 2) as u32],
        part: None,
        size: Some(1),
    };
    let dataset = Dataset {
        root: "rows".into(),
        unit: Unit::Row,
        labels: LabelSource::Array,
        manifest: None,
        task: Task::Multiclass,
        classes: vec!["a".into(), "b".into()],
        samples: (0..SAMPLES).map(sample).collect(),
        unlabelled: Vec::new(),
        mismatches: Mismatches::default(),
        unread: Vec::new(),
        shards: None,
    };
    let input = Input { origin: Origin::Rows(Rows::given(source)), ..Input::from(&dataset) };
    train_watched(input, options, &Device::cpu(), session, &Quiet)
}

/// A table of labels, after a byte that says of which kind: of pictures in a folder, and of rows of features.
fn manifest(folder: &Path, bytes: &[u8]) -> bool {
    let Some((&which, table)) = bytes.split_first() else { return false };
    if !folder.join("sub").is_dir() {
        clear(folder);
        fs::create_dir(folder.join("sub")).expect("a folder");
        for name in ["1.jpg", "2.jpg", "a b.png", "sub/1.jpg", "sub/é,\"x\".jpg"] {
            write(folder, name, b"");
        }
    }
    let extension = ["csv", "tsv", "jsonl", "csv"][usize::from(which) % 4];
    let table = write(folder, &format!("labels.{extension}"), table);
    let options = LabelOptions {
        separator: (which & 64 != 0).then_some(huemax::dataset::Separator::Space),
        ..LabelOptions::from(LabelChoice::Manifest(table.clone()))
    };
    let sound = |dataset: &Dataset| {
        assert!(
            dataset.samples.iter().all(|s| s.labels.iter().all(|&l| (l as usize) < dataset.classes.len()))
        );
        assert!(dataset.samples.iter().all(|s| s.labels.is_sorted()));
        assert!(dataset.classes.is_sorted() && dataset.classes.iter().all(|name| !name.is_empty()));
    };
    let pictures = Dataset::open(folder, &options).inspect(sound).is_ok();
    let rows =
        Dataset::of_rows(&folder.join("x.npy"), 5, &options).inspect(|(dataset, _)| sound(dataset)).is_ok();
    fs::remove_file(table).expect("the table goes");
    pictures || rows
}

/// The JSON of `huemax bench`.
fn baseline(folder: &Path, bytes: &[u8]) -> bool {
    let Ok(run) = Run::load(&write(folder, "run.json", bytes)) else { return false };
    let comparison = compare(&run, &run);
    // Nothing has changed, though a part that was sampled once does not tell.
    use huemax::bench::Verdict::{NoChange, TooFew};
    assert!(comparison.changes.iter().all(|change| matches!(change.verdict, NoChange | TooFew)));
    assert!(!changes(&comparison, "run.json").is_empty() && !text(&run).is_empty());
    let again = folder.join("again.json");
    run.save(&again).expect("a run that was read can be written");
    Run::load(&again).expect("and read again");
    true
}

/// Features of others: `.npy`, `.npz`, `.safetensors`, `.parquet`.
fn features(folder: &Path, bytes: &[u8]) -> bool {
    let budget = Budget { host: Some(Bytes(UNPACKED)), ..Budget::default() };
    let options = BringOptions { budget, ..BringOptions::default() };
    let path = write(folder, "x", bytes);
    let brought = bring(&path, &options);
    // Labels may stand beside features, in Parquet, or alone.
    let rows = brought.as_ref().map_or(4, |source| source.rows());
    let labelled = Dataset::of_rows(&path, rows, &LabelOptions::default());
    if let Ok((dataset, _)) = labelled {
        assert_eq!(dataset.samples.len(), rows);
    }
    let Ok(source) = brought else { return false };
    assert!(source.columns() > 0);
    read_all(source.as_ref())
}

/// A tar file with pictures and their labels.
fn shard(folder: &Path, bytes: &[u8]) -> bool {
    let Ok(dataset) = Dataset::open(&write(folder, "shard.tar", bytes), &LabelOptions::default()) else {
        return false;
    };
    assert!(dataset.samples.iter().all(|s| s.labels.iter().all(|&l| (l as usize) < dataset.classes.len())));
    true
}

/// A picture of any format.
fn picture(_: &Path, bytes: &[u8]) -> bool {
    let Some((&which, bytes)) = bytes.split_first() else { return false };
    let mut decoder = Decoder::new(PIXELS).scaled([1, 1, 2, 8][usize::from(which) % 4]);
    match decoder.read_bytes(bytes) {
        Ok(picture) => {
            assert_eq!(picture.rgb.len(), 3 * picture.width as usize * picture.height as usize);
            assert!(!picture.rgb.is_empty());
            true
        }
        Err(_) => false,
    }
}
