//! Features from elsewhere: every format gives the same model, which is scikit-learn's optimum. The files and what scikit-learn says
//! are made by `tests/fixtures/embeddings.py`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use huemax::backend::Device;
use huemax::dataset::{Dataset, LabelChoice, LabelOptions, Task, Unit};
use huemax::features::{BringOptions, Source, TransformOptions, bring};
use huemax::learn::SolverOptions;
use huemax::pipeline::{Input, Origin, Rows, Run, TrainOptions, train};
use huemax::progress::Quiet;
use libtest_mimic::Trial;

use crate::cli::huemax;
use crate::support::{fixture, on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("every_format_gives_the_same_model", every_format_gives_the_same_model as fn()),
        ("the_optimum_is_scikit_learns", || the_optimum_is_scikit_learns(&Device::cpu())),
        ("labels_of_every_kind", labels_of_every_kind),
        ("any_number_of_labels", any_number_of_labels),
        ("train_evaluate_predict", train_evaluate_predict),
        ("a_store_of_ones_own_needs_no_labels", a_store_of_ones_own_needs_no_labels),
        ("pictures_are_transformed_too", pictures_are_transformed_too),
        ("a_model_goes_on_with_its_transform", a_model_goes_on_with_its_transform),
        ("numpy_reads_what_is_written", || {}),
    ] {
        if name == "numpy_reads_what_is_written" {
            let (python, why) = match python() {
                Some(python) => (Some(python), ""),
                None => (None, " (no python3 with numpy, safetensors and scikit-learn)"),
            };
            let ignored = python.is_none();
            let test = move || {
                numpy_reads_what_is_written(python.as_deref().unwrap_or(Path::new("python3")));
                Ok(())
            };
            trials.push(Trial::test(format!("embeddings::{name}{why}"), test).with_ignored_flag(ignored));
            continue;
        }
        plain(trials, &format!("embeddings::{name}"), test);
    }
    on_gpu_only(trials, "embeddings::the_optimum_is_scikit_learns", |_| {
        let (device, _) = Device::open(&"gpu:0".parse().expect("a device")).expect("an adapter");
        the_optimum_is_scikit_learns(&device);
    });
}

/// A Python that has what the fixtures are made with: `HUEMAX_PYTHON`, or `python3`.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("HUEMAX_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let mut command = std::process::Command::new(&python);
    let ran = command.args(["-c", "import numpy, safetensors, sklearn"]).output();
    ran.is_ok_and(|output| output.status.success()).then_some(python)
}

pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/embeddings").join(name)
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

pub fn features(name: &str, key: Option<&str>) -> Arc<dyn Source> {
    let options = BringOptions { key: key.map(str::to_owned), ..BringOptions::default() };
    bring(&file(name), &options).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn labels(name: &str) -> LabelOptions {
    LabelChoice::Manifest(file(name)).into()
}

fn all(source: &dyn Source) -> Vec<f32> {
    let mut values = vec![f32::NAN; source.rows() * source.columns()];
    source.read(0, &mut values).expect("rows");
    values
}

/// Fits to a gradient that f32 hardly allows, so that objectives can be compared.
fn options(transform: TransformOptions) -> TrainOptions {
    let c = fixture("embeddings/expected.json")["c"].as_f64().expect("a number");
    let solver = SolverOptions { c, tol: Some(1e-9), ..SolverOptions::default() };
    TrainOptions { transform, solver, ..TrainOptions::default() }
}

fn trained(source: Arc<dyn Source>, dataset: &Dataset, options: &TrainOptions, device: &Device) -> Run {
    let origin = Origin::Rows(Rows::given(source));
    train(Input { origin, ..Input::from(dataset) }, options, device, &Quiet).expect("a model")
}

/// An `.npy` file of version 1.0 with this header and these bytes behind it.
pub fn npy(dtype: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn every_format_gives_the_same_model() {
    let first = features("f32.npy", None);
    assert_eq!((first.rows(), first.columns()), (240, 16));
    assert!(first.in_place().is_some());
    let values = all(&*first);
    assert_eq!(first.in_place(), Some(values.as_slice()));
    let dataset = Dataset::of_rows(&file("f32.npy"), 240, &labels("labels.csv")).expect("labels").0;
    let device = Device::cpu();
    let model = trained(first, &dataset, &options(TransformOptions::default()), &device).model;
    for (name, key) in [
        ("f16.npy", None),
        ("f64_fortran.npy", None),
        ("f32_big_endian.npy", None),
        ("f16_big_endian_fortran.npy", None),
        ("stored.npz", Some("x")),
        ("stored.npz", Some("x.npy")),
        ("deflated.npz", None),
        ("f32.safetensors", None),
        ("two.safetensors", Some("f16")),
        ("two.safetensors", Some("f64")),
        #[cfg(feature = "parquet")]
        ("list.parquet", None),
        #[cfg(feature = "parquet")]
        ("fixed_f16.parquet", Some("embedding")),
        #[cfg(feature = "parquet")]
        ("columns.parquet", None),
    ] {
        let source = features(name, key);
        assert_eq!((source.rows(), source.columns()), (240, 16), "{name}");
        assert_eq!(all(&*source), values, "{name}");
        // From the middle, and in any order.
        let mut some = vec![f32::NAN; 5 * 16];
        source.read(97, &mut some).expect("rows");
        assert_eq!(some, values[97 * 16..102 * 16], "{name}");
        source.gather(&[239, 100, 101, 3, 0], &mut some).expect("rows");
        for (row, found) in [239, 100, 101, 3, 0].into_iter().zip(some.chunks_exact(16)) {
            assert_eq!(found, &values[row * 16..][..16], "{name}");
        }
        let again = trained(source, &dataset, &options(TransformOptions::default()), &device).model;
        assert_eq!((again.weight, again.bias), (model.weight.clone(), model.bias.clone()), "{name}");
    }
}

const TRANSFORMS: [(&str, bool, bool); 4] =
    [("plain", false, false), ("l2", true, false), ("standard", false, true), ("both", true, true)];

fn the_optimum_is_scikit_learns(device: &Device) {
    let expected = fixture("embeddings/expected.json");
    let dataset = Dataset::of_rows(&file("f16.npy"), 240, &labels("labels.csv")).expect("labels").0;
    for (name, l2_normalize, standardize) in TRANSFORMS {
        let options = options(TransformOptions { l2_normalize, standardize });
        let run = trained(features("f16.npy", None), &dataset, &options, device);
        let (found, best) =
            (run.model.trained.objective, expected[name]["objective"].as_f64().expect("a number"));
        assert!(
            (found / best - 1.0).abs() <= 1e-6,
            "{name}: {found}, and scikit-learn {best}: {:e} apart",
            found / best - 1.0
        );
        // The model predicts raw rows, as the pipeline does.
        let probabilities: Vec<f64> =
            serde_json::from_value(expected[name]["probabilities"].clone()).expect("rows");
        assert_eq!(run.values.len(), probabilities.len());
        let worst =
            run.values.iter().zip(&probabilities).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-5, "{name}: probabilities {worst:e} apart");
    }
}

fn labels_of_every_kind() {
    let of = |name: &str| {
        Dataset::of_rows(&file("f32.npy"), 240, &labels(name)).unwrap_or_else(|e| panic!("{name}: {e}")).0
    };
    let first = of("labels.csv");
    assert_eq!(first.classes, ["cat", "dog", "eel", "fox"]);
    assert_eq!((first.unit, first.task, first.parts_given()), (Unit::Row, Task::Multiclass, true));
    assert_eq!(first.relative_path_string(17), "row 17");
    let numbers = |dataset: &Dataset| dataset.samples.iter().map(|s| s.labels.clone()).collect::<Vec<_>>();
    for name in ["y.npy", "y_big_endian.npy", "y_text.npy", "y_bytes.npy", "shuffled.csv"] {
        let other = of(name);
        let classes: &[&str] = if name.starts_with("y.") || name.contains("endian") {
            &["0", "1", "2", "3"]
        } else {
            &["cat", "dog", "eel", "fox"]
        };
        assert_eq!(other.classes, classes, "{name}");
        assert_eq!(numbers(&other), numbers(&first), "{name}");
        let parts = |dataset: &Dataset| dataset.samples.iter().map(|s| s.part).collect::<Vec<_>>();
        if name == "shuffled.csv" {
            assert_eq!(parts(&other), parts(&first));
        }
    }
    #[cfg(feature = "parquet")]
    {
        let path = file("list.parquet");
        let found = Dataset::of_rows(&path, 240, &LabelOptions::default()).expect("labels").0;
        assert_eq!((numbers(&found), found.relative_path_string(3)), (numbers(&first), "p/3.jpg".into()));
        assert!(found.explained().contains("parts in `split`"), "{}", found.explained());
        let path = file("columns.parquet");
        let found = Dataset::of_rows(&path, 240, &LabelOptions::default()).expect("labels").0;
        assert_eq!((numbers(&found), found.classes[0].as_str()), (numbers(&first), "0"));
    }
}

fn any_number_of_labels() {
    let dataset = Dataset::of_rows(&file("f32.npy"), 240, &labels("y_several.npy")).expect("labels").0;
    assert_eq!(
        (dataset.task, dataset.classes.as_slice()),
        (Task::Multilabel, &["0", "1", "2"].map(String::from)[..])
    );
    assert!(dataset.samples[11].labels.is_empty());
    // The parts that scikit-learn had.
    let mut divided = dataset.clone();
    let parts = Dataset::of_rows(&file("f32.npy"), 240, &labels("labels.csv")).expect("labels").0;
    divided.samples.iter_mut().zip(&parts.samples).for_each(|(sample, other)| sample.part = other.part);
    let run =
        trained(features("f32.npy", None), &divided, &options(TransformOptions::default()), &Device::cpu());
    let best = fixture("embeddings/expected.json")["several"]["objective"].as_f64().expect("a number");
    let found = run.model.trained.objective;
    assert!((found / best - 1.0).abs() <= 1e-6, "{found}, and scikit-learn {best}");
    // Undivided, a hash divides them, whatever the file is called.
    let run =
        trained(features("f32.npy", None), &dataset, &options(TransformOptions::default()), &Device::cpu());
    let again = Dataset::of_rows(&file("f16.npy"), 240, &labels("y_several.npy")).expect("labels").0;
    let again =
        trained(features("f16.npy", None), &again, &options(TransformOptions::default()), &Device::cpu());
    assert_eq!((run.paths.len(), &run.paths, &run.model.weight), (60, &again.paths, &again.model.weight));
}

/// The whole way as people go it: train, evaluate, predict, and what each says.
fn train_evaluate_predict() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (x, y) = (file("f16.npy"), file("labels.csv"));
    let (x, y) = (text(&x), text(&y));
    let cpu = ["--device", "cpu"];
    let train = [
        "train",
        "--features",
        x,
        "--labels",
        y,
        "--out",
        "run",
        "-C",
        "3",
        "--tol",
        "1e-9",
        "--l2-normalize",
        "--standardize",
    ];
    huemax(&[&train[..], &cpu].concat(), at)
        .check(0, &["240 rows", "labelled by", "16 features a row", "standardized"]);
    let model = "run/model.safetensors";
    let ran =
        huemax(&[&["evaluate", model, "--features", x, "--labels", y, "--json"][..], &cpu].concat(), at);
    let evaluated: serde_json::Value = serde_json::from_str(&ran.check(0, &[]).stdout()).expect("JSON");
    assert_eq!(
        (&evaluated["data"]["test"], &evaluated["transform"]["standardize"]),
        (&40.into(), &true.into())
    );

    // The probabilities of the raw rows are those of scikit-learn's pipeline.
    let ran = huemax(
        &[&["predict", model, "--features", x, "--format", "csv", "--top", "4"][..], &cpu].concat(),
        at,
    );
    let output = ran.check(0, &[]).stdout();
    let mut reader = csv::Reader::from_reader(output.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!((rows.len(), &rows[4 * 17][0]), (4 * 240, "row 17"));
    let expected = fixture("embeddings/expected.json");
    let test: Vec<usize> = serde_json::from_value(expected["test"].clone()).expect("rows");
    let probabilities: Vec<f64> =
        serde_json::from_value(expected["both"]["probabilities"].clone()).expect("rows");
    let classes = ["cat", "dog", "eel", "fox"];
    for (row, probabilities) in test.into_iter().zip(probabilities.chunks_exact(4)) {
        for said in &rows[4 * row..4 * row + 4] {
            let k = classes.iter().position(|class| *class == &said[2]).expect("a class");
            let p: f64 = said[3].parse().expect("a probability");
            assert!((p - probabilities[k]).abs() <= 1e-5, "{said:?}: scikit-learn {}", probabilities[k]);
        }
    }

    // A table a row; a model for other rows.
    huemax(&[&["predict", model, "--features", x][..], &cpu].concat(), at).check(0, &["row 239"]);
    let narrow = at.join("narrow.npy");
    std::fs::write(&narrow, npy("'<f4'", false, "(2, 3)", &[0; 24])).expect("a file");
    let wrong = ["predict", model, "--features", "narrow.npy"];
    huemax(&[&wrong[..], &cpu].concat(), at).check(1, &["16 features a row", "3 features a row"]);
    let mut numbers = [0.5f32; 32];
    numbers[21] = f32::NAN;
    std::fs::write(&narrow, npy("'<f4'", false, "(2, 16)", bytemuck::cast_slice(&numbers))).expect("a file");
    huemax(&[&wrong[..], &cpu].concat(), at).check(1, &["row 1, column 5 is NaN"]);
}

/// Rows and a table beside them, of which nothing says what is in them.
fn a_store_of_ones_own_needs_no_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (x, y) = (file("f32.npy"), file("labels.csv"));
    let (x, y) = (text(&x), text(&y));
    let train = ["train", "--features", x, "--labels", y, "--out", "run", "--device", "cpu"];
    huemax(&train, at).check(0, &[]);
    let predict = |data: &[&str]| {
        let start = ["predict", "run/model.safetensors", "--device", "cpu", "--format", "csv"];
        let ran = huemax(&[&start[..], data].concat(), at).check(0, &[]);
        let rows: Vec<(String, String)> = ran
            .stdout()
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').expect("a name"))
            .map(|(name, said)| (name.to_owned(), said.to_owned()))
            .collect();
        (rows, ran.stderr())
    };
    let (rows, _) = predict(&["--features", x]);
    let own = at.join("own");
    std::fs::create_dir(&own).expect("a folder");
    std::fs::copy(x, own.join("features.npy")).expect("a copy");
    let samples = |header: &str, line: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = (0..240).map(line).collect();
        std::fs::write(own.join("samples.csv"), format!("{header}\n{}\n", lines.join("\n")))
            .expect("written");
    };
    let said = |rows: &[(String, String)]| rows.iter().map(|(_, said)| said.clone()).collect::<Vec<_>>();
    samples("path,width", &|i| format!("p/{i}.jpg,{}", i % 7));
    let (named, _) = predict(&["own"]);
    assert_eq!(said(&named), said(&rows));
    assert_eq!((named[0].0.as_str(), named[3 * 17].0.as_str()), ("p/0.jpg", "p/17.jpg"));
    // In another order, and one of them left out.
    samples("row,path,skipped", &|i| {
        format!("{},p/{}.jpg,{}", 239 - i, 239 - i, if i == 0 { "it was broken" } else { "" })
    });
    let (named, told) = predict(&["own"]);
    assert_eq!(said(&named), said(&rows[..3 * 239]));
    assert_eq!(named[3 * 17].0, "p/17.jpg");
    assert!(told.contains("skipped p/239.jpg: it was broken"), "{told}");
    // Without names they are numbers.
    samples("width", &|i| i.to_string());
    assert_eq!(predict(&["own"]).0, rows);
    std::fs::write(own.join("samples.csv"), "path\na\nb\n").expect("written");
    huemax(&["predict", "run/model.safetensors", "own"], at).check(1, &["samples.csv", "2 rows", "240"]);
}

/// A model of histograms keeps its transform too, and the same model comes from the pictures of a device.
fn pictures_are_transformed_too() {
    let folder = crate::cli::fruit();
    let at = folder.path();
    let train = [&crate::cli::TRAIN[..], &["--standardize", "--l2-normalize"]].concat();
    huemax(&train, at).check(0, &["standardized"]);
    let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu", "--json"];
    let said = huemax(&evaluate, at).check(0, &[]).stdout();
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    // Most of these pictures were trained on, so that the model knows them only if they are transformed alike.
    assert!(
        said["evaluation"]["metrics"]["accuracy"].as_f64().is_none_or(|accuracy| accuracy > 0.75),
        "{said}"
    );
    let x = file("f16.npy");
    let given = ["predict", "run/model.safetensors", "--features", text(&x), "--device", "cpu"];
    huemax(&given, at).check(1, &["HSV histogram", "16 features a row"]);
}

/// `--init` takes the transform of the model, and asks for the same options.
fn a_model_goes_on_with_its_transform() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (x, y) = (file("f16.npy"), file("y_text.npy"));
    let train = ["train", "--features", text(&x), "--labels", text(&y), "--device", "cpu"];
    huemax(&[&train[..], &["--out", "run", "--standardize"]].concat(), at).check(0, &[]);
    let init = ["--init", "run/model.safetensors", "--out", "again"];
    huemax(&[&train[..], &init, &["--standardize", "--test-size", "0.5"]].concat(), at)
        .check(0, &["as the model does it"]);
    let read = |run: &str| huemax::Model::load(&at.join(run).join("model.safetensors")).expect("a model");
    assert_eq!(read("again").transform, read("run").transform);
    huemax(&[&train[..], &["--init", "run/model.safetensors", "--out", "other"]].concat(), at)
        .check(1, &["--init", "standardized (--standardize)", "as they are"]);
}

/// Python's safetensors reads the model, and NumPy computes its probabilities.
fn numpy_reads_what_is_written(python: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (x, y) = (file("f16.npy"), file("labels.csv"));
    let train = ["train", "--features", text(&x), "--labels", text(&y), "--device", "cpu", "--out", "run"];
    huemax(&[&train[..], &["--standardize", "--l2-normalize"]].concat(), at).check(0, &[]);
    let code = "
import csv, sys, numpy as np
from safetensors.numpy import load_file
m = load_file('run/model.safetensors')
x = np.load(sys.argv[1]).astype(np.float64)
n = np.linalg.norm(x, axis=1, keepdims=True)
x = (x / np.where(n > 0, n, 1) - m['mean']) / m['scale']
s = x @ m['weight'].T.astype(np.float64) + m['bias']
p = np.exp(s - s.max(axis=1, keepdims=True)); p /= p.sum(axis=1, keepdims=True)
rows = list(csv.DictReader(open('run/predictions.csv')))
classes = ['cat', 'dog', 'eel', 'fox']
worst = max(abs(float(v) - p[int(r['path'].split()[1]), k]) for r in rows for k, v in enumerate(list(r.values())[-4:]))
assert len(rows) == 40 and worst < 1e-5, worst
";
    let mut command = std::process::Command::new(python);
    let output = command.args(["-c", code, text(&x)]).current_dir(at).output().expect("Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
