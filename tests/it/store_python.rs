//! Stores as NumPy and pandas read and write them, where Python has both.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use libtest_mimic::Trial;

use crate::cli::{Ran, fruit, huemax};

pub fn register(trials: &mut Vec<Trial>) {
    let test = || {
        numpy_and_pandas_read_and_write_stores();
        Ok(())
    };
    let trial = Trial::test("store::numpy_and_pandas_read_and_write_stores", test);
    trials.push(trial.with_ignored_flag(python().is_none()));
}

/// A Python that has NumPy and pandas: the one that HUEMAX_PYTHON names, or python3.
fn python() -> Option<&'static PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let python = std::env::var_os("HUEMAX_PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = Command::new(&python);
        let has = command.args(["-c", "import numpy, pandas"]).stdin(Stdio::null()).output();
        has.is_ok_and(|output| output.status.success()).then(|| python.into())
    };
    PYTHON.get_or_init(find).as_ref()
}

const SCRIPT: &str = r#"
import json, numpy as np, pandas as pd, pathlib
store = pathlib.Path("store")
x, table = np.load(store / "features.npy"), pd.read_csv(store / "samples.csv")
meta = json.loads((store / "features.json").read_text())
assert x.dtype == np.float32 and x.shape == (meta["rows"], meta["columns"]) == (97, 512)
assert list(table.row) == list(range(97)) and list(table.path) == sorted(table.path)
assert set(table.label) == set(meta["labels"]["classes"])
bad = table.skipped.notna()
assert bad.sum() == 1 and not x[bad].any()
np.testing.assert_allclose(np.linalg.norm(x[~bad], axis=1), 1, rtol=1e-6)
for path, size, modified in zip(table.path, table["size"], table.modified):
    found = (pathlib.Path("fruit") / path).stat()
    assert (found.st_size, found.st_mtime_ns) == (size, modified)
# The same numbers and labels again, written by NumPy and pandas, as they are and in another order.
for name, order in ("as-is", np.arange(97)), ("turned", np.random.default_rng(3).permutation(97)):
    out = pathlib.Path(name)
    out.mkdir()
    np.save(out / "features.npy", x[order])
    part = table.iloc[order].assign(row=np.arange(97)).sample(frac=1, random_state=5)
    part.to_csv(out / "samples.csv", index=False)
# As few columns as can be.
pathlib.Path("plain").mkdir()
np.save("plain/features.npy", x)
table[["label"]].to_csv("plain/samples.csv", index=False)
pathlib.Path("f64").mkdir()
np.save("f64/features.npy", x.astype(np.float64))
table[["label"]].to_csv("f64/samples.csv", index=False)
"#;

fn numpy_and_pandas_read_and_write_stores() {
    let folder = fruit();
    let at = folder.path();
    std::fs::write(at.join("fruit/kiwi/broken.jpg"), "no picture").expect("a file");
    huemax(&["extract", "fruit", "--out", "store", "--device", "cpu"], at)
        .check(0, &["read 96", "skipped 1"]);
    let output = Command::new(python().expect("a Python with NumPy and pandas"))
        .args(["-c", SCRIPT])
        .current_dir(at)
        .output()
        .expect("Python starts");
    Ran { command: "the script".into(), output }.check(0, &[]);
    let train = |data: &str| huemax(&["train", data, "--out", &format!("run-{data}"), "--device", "cpu"], at);
    let rows = |data: &str| {
        let path = at.join(format!("run-{data}")).join("predictions.csv");
        let text = std::fs::read_to_string(path).expect("a file");
        let mut rows: Vec<String> =
            text.lines().skip(1).map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",")).collect();
        rows.sort();
        rows
    };
    train("store").check(0, &["kiwi/broken.jpg: not a picture"]);
    for data in ["as-is", "turned"] {
        train(data)
            .check(0, &["512 features a row, brought from elsewhere", "kiwi/broken.jpg: not a picture"]);
        // The same pictures are tested, and are told the same.
        assert_eq!(rows(data), rows("store"), "{data}");
    }
    train("plain").check(0, &["brought from elsewhere", "97 rows"]);
    train("f64").check(1, &["f64/features.npy", "float32 in C order is wanted"]);
}
