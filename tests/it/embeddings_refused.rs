//! Feature and label files that are refused, each with the reason and the way out.

use std::sync::Arc;

use huemax::dataset::{Dataset, LabelChoice};
use huemax::features::{BringOptions, Source, bring};
use libtest_mimic::Trial;

use crate::cli::huemax;
use crate::embeddings::{file, npy, text};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("files_that_are_refused", files_that_are_refused as fn()),
        ("labels_that_are_refused", labels_that_are_refused),
        ("wrong_usage", wrong_usage),
    ] {
        plain(trials, &format!("embeddings_refused::{name}"), test);
    }
}

fn files_that_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("X.bin");
    let refused = |bytes: &[u8], key: Option<&str>, said: &[&str]| {
        std::fs::write(&path, bytes).expect("a file");
        let options = BringOptions { key: key.map(str::to_owned), ..BringOptions::default() };
        let read = |source: Arc<dyn Source>| {
            let mut values = vec![0.0; source.rows() * source.columns()];
            source.read(0, &mut values)
        };
        let error = bring(&path, &options).and_then(read).expect_err("a refusal").to_string();
        assert!(error.starts_with(text(&path)), "{error}");
        said.iter().for_each(|said| assert!(error.contains(said), "{error}\nlacks {said:?}"));
    };
    let whole = |name: &str| std::fs::read(file(name)).expect(name);
    let f4 = |shape: &str, numbers: usize| npy("'<f4'", false, shape, &vec![0; 4 * numbers]);

    refused(b"", None, &["empty"]);
    refused(b"a,b\n1,2\n", None, &[".npy, .npz, .safetensors and .parquet"]);
    refused(b"\x80\x04\x95\x00\x00", None, &["pickle", "allow_pickle=False"]);
    refused(&whole("pickled.npy"), None, &["pickled", "allow_pickle=False"]);
    refused(&whole("pickled.npz"), None, &["\"x\"", "pickled", "allow_pickle=False"]);
    refused(&f4("(6,)", 6), None, &["[6]", "reshape(-1, 1)"]);
    refused(&f4("()", 1), None, &["single number"]);
    refused(&f4("(2, 3, 4)", 24), None, &["[2, 3, 4]", "reshape(len(x), -1)"]);
    refused(&f4("(6, 0)", 0), None, &["6 rows of 0"]);
    refused(&f4("(0, 6)", 0), None, &["0 rows of 6"]);
    refused(&f4("(6, 4)", 23), None, &["cut off", "6 × 4", "92 bytes"]);
    refused(&f4("(6, 4)", 25), None, &["6 × 4", "100 bytes follow"]);
    refused(&f4("(4611686018427387904, 4)", 4), None, &["cut off"]);
    refused(&f4("(18446744073709551615, 18446744073709551615)", 4), None, &["cut off"]);
    refused(&f4("(2, 2)", 4), Some("x"), &["--features-key"]);
    for (dtype, said) in [
        ("'<i8'", "integers"),
        ("'<u4'", "unsigned integers"),
        ("'<c8'", "<c8"),
        ("'<U5'", "<U5"),
        ("'|S5'", "|S5"),
        ("'<f3'", "f3"),
        ("[('a', '<f4'), ('b', '<f4')]", "records"),
    ] {
        refused(&npy(dtype, false, "(2, 2)", &[0; 160]), None, &[said]);
    }
    let huge = npy("'<f8'", true, "(2, 2)", [1.0, 2.0, 1e300, 3.0f64].map(f64::to_le_bytes).as_flattened());
    refused(&huge, None, &["row 0, column 1 is 1e300", "beyond float32"]);
    // A header that claims gigabytes, and one that nests without end.
    refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", None, &["4294967295 bytes"]);
    refused(b"\x93NUMPY\x09\x00\x00\x00\x00\x00{}", None, &["version 9"]);
    let deep = "(".repeat(4000);
    refused(&npy("'<f4'", false, &deep, &[]), None, &["records"]);

    refused(&whole("stored.npz"), None, &["--features-key", "`x`, `y`"]);
    refused(&whole("stored.npz"), Some("z"), &["\"z\"", "`x`, `y`"]);
    refused(&whole("stored.npz"), Some("y"), &["\"y\"", "integers"]);
    refused(&whole("two.safetensors"), None, &["--features-key", "`f16`, `f64`"]);
    refused(&whole("two.safetensors"), Some("x"), &["\"x\"", "`f16`, `f64`"]);
    refused(&whole("f32.safetensors"), Some("labels"), &["\"labels\"", "I64"]);
    #[cfg(feature = "parquet")]
    {
        refused(&whole("ragged.parquet"), None, &["row 120", "15 numbers", "have 16"]);
        refused(&whole("holed.parquet"), None, &["row 33", "lacks a number"]);
        refused(&whole("list.parquet"), Some("x"), &["\"x\"", "`embedding`, `label`"]);
        refused(&whole("list.parquet"), Some("label"), &["\"label\"", "text"]);
        refused(&whole("columns.parquet"), Some("label"), &["integers"]);
    }

    // Cut anywhere, and with any byte changed: an error or rows, and never a panic.
    let mut random = crate::support::random(11);
    for name in
        ["f16.npy", "deflated.npz", "stored.npz", "f32.safetensors", "list.parquet", "columns.parquet"]
    {
        if name.ends_with("parquet") && cfg!(not(feature = "parquet")) {
            continue;
        }
        let bytes = whole(name);
        let key = (name == "stored.npz").then_some("x");
        for i in 0..60 {
            use rand::RngExt;
            let mut bytes = bytes.clone();
            if i % 2 == 0 {
                bytes.truncate(random.random_range(0..bytes.len()));
            } else {
                // Most of what can be wrong is said in the first and the last bytes.
                let n = bytes.len();
                let at = match i % 3 {
                    0 => random.random_range(0..n.min(128)),
                    1 => random.random_range(n - n.min(256)..n),
                    _ => random.random_range(0..n),
                };
                bytes[at] = random.random();
            }
            std::fs::write(&path, &bytes).expect("a file");
            let options = BringOptions { key: key.map(str::to_owned), ..BringOptions::default() };
            if let Ok(source) = bring(&path, &options) {
                let mut values = vec![0.0; source.columns()];
                let _ = source.read(source.rows() - 1, &mut values);
            }
        }
    }
}

fn labels_that_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, bytes: &[u8], rows: usize, said: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let options = LabelChoice::Manifest(path).into();
        let error = Dataset::of_rows(&file("f32.npy"), rows, &options).expect_err("a refusal").to_string();
        said.iter().for_each(|said| assert!(error.contains(said), "{error}\nlacks {said:?}"));
    };
    let y = std::fs::read(file("y.npy")).expect("labels");
    refused("y.npy", &y, 241, &["labels for 240 rows", "241 rows of features"]);
    refused("y.csv", b"cat\ndog\neel\n", 3, &["labels for 2 rows", "3 rows", "first line of a table"]);
    refused("y.csv", b"row,label\n0,a\n0,b\n", 2, &["y.csv:3", "\"0\"", "already"]);
    refused("y.csv", b"row,label\n1,a\n2,b\n", 2, &["y.csv:3", "\"2\"", "from 0 to 1"]);
    refused("y.csv", b"index,label\nx,a\n2,b\n", 2, &["y.csv:2", "\"x\"", "`index`".trim_matches('`')]);
    refused("y.csv", b"label\na\n\"\"\n", 2, &["y.csv:3", "\"row 1\" has no label"]);
    refused("y.csv", b"label,split\na,train\nb,dev\n", 2, &["\"dev\"", "\"split\""]);
    refused("y.npy", &npy("'<i8'", false, "(2, 2)", &[7; 32]), 2, &["row 0, column 0", "0 or 1"]);
    refused("y.npy", &npy("'<i8'", false, "(2, 2, 1)", &[0; 32]), 2, &["[2, 2, 1]"]);
    refused("y.npy", &npy("'<i8'", false, "(4,)", &[0; 31]), 4, &["31 bytes"]);
    refused("y.npy", &npy("'<f8'", false, "(1,)", &1.5f64.to_le_bytes()), 1, &["1.5", "integers"]);
    refused("y.npy", &npy("'<M8[s]'", false, "(1,)", &[0; 8]), 1, &["integers, truth values or text"]);
    refused("y.npy", &npy("'|S2'", false, "(1,)", b"\xff\xfe"), 1, &["UTF-8"]);
    refused("y.npy", &npy("'|S2'", false, "(2,)", b"a\0\0\0"), 2, &["row 1", "has no label"]);
    refused("y.npy", &std::fs::read(file("pickled.npy")).expect("a file"), 2, &["pickled"]);
    refused("y.npy", b"nothing", 2, &["no .npy file"]);
    refused(
        "y.npy",
        &npy("'<i8'", false, "(4000000000000000000,)", &[0; 8]),
        1,
        &["more numbers than any file has"],
    );
}

fn wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let x = file("f16.npy");
    let x = text(&x);
    for (arguments, said) in [
        (&["train", "DATA", "--features", x][..], "cannot be used with"),
        (&["train", "--features", x, "--bins", "8,8,8"], "cannot be used with"),
        (&["train", "--features-key", "x", "DATA"], "--features"),
        (&["train", "--features", x], "give --labels"),
        (&["train", "--features", x, "--labels", "folder"], "lie in no folders"),
        (&["train", "--features", "."], "--features: . is a folder"),
        (&["evaluate", "m", "DATA", "--features", x], "cannot be used with"),
        (&["predict", "m", "1.jpg", "--features", x], "cannot be used with"),
        (&["predict", "m"], "required"),
    ] {
        let labelled = ["--labels", "folder"];
        let more: &[&str] = if said.contains("is a folder") { &labelled } else { &[] };
        huemax(&[arguments, more].concat(), at).check(2, &[said]);
    }
}
