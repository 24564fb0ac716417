//! Features in columns of a table: a model knows them by their names, wherever they stand.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use huemax::features::{BringOptions, bring};
use libtest_mimic::Trial;
use parquet::basic::{BrotliLevel, Compression};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType};
use parquet::file::metadata::ParquetMetaDataWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::cli::huemax;
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("columns_are_known_by_their_names", columns_are_known_by_their_names as fn()),
        ("a_column_of_labels_is_no_feature_later", a_column_of_labels_is_no_feature_later),
        ("mini_batches_of_what_must_be_unpacked_are_refused", mini_batches_are_refused),
        ("more_rows_than_can_be_counted_are_refused", more_rows_than_can_be_counted_are_refused),
        ("packings_that_are_not_read_are_named", packings_that_are_not_read_are_named),
        ("a_table_of_floats_has_no_labels", a_table_of_floats_has_no_labels),
        ("numbers_that_are_none_are_named_by_their_file", numbers_that_are_none_are_named_by_their_file),
    ] {
        plain(trials, &format!("embeddings::{name}"), test);
    }
}

/// The cells of a column.
#[derive(Clone)]
enum Cells {
    Single(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<&'static str>),
}

/// Writes a Parquet file with these columns, in groups of so many rows.
fn write(path: &Path, columns: &[(&str, Cells)], group_rows: usize) {
    let fields = columns.iter().map(|(name, cells)| match cells {
        Cells::Single(_) => format!("required float {name};"),
        Cells::Double(_) => format!("required double {name};"),
        Cells::Text(_) => format!("required binary {name} (UTF8);"),
    });
    let schema = format!("message table {{ {} }}", fields.collect::<Vec<_>>().join(" "));
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let file = File::create(path).expect("a file");
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).expect("a writer");
    let rows = match &columns[0].1 {
        Cells::Single(cells) => cells.len(),
        Cells::Double(cells) => cells.len(),
        Cells::Text(cells) => cells.len(),
    };
    for first in (0..rows).step_by(group_rows) {
        let range = first..rows.min(first + group_rows);
        let mut group = writer.next_row_group().expect("a group");
        for (_, cells) in columns {
            let mut column = group.next_column().expect("a column").expect("another column");
            match cells {
                Cells::Single(cells) => {
                    column.typed::<FloatType>().write_batch(&cells[range.clone()], None, None)
                }
                Cells::Double(cells) => {
                    column.typed::<DoubleType>().write_batch(&cells[range.clone()], None, None)
                }
                Cells::Text(cells) => {
                    let cells: Vec<ByteArray> =
                        cells[range.clone()].iter().map(|&cell| cell.into()).collect();
                    column.typed::<ByteArrayType>().write_batch(&cells, None, None)
                }
            }
            .expect("cells");
            column.close().expect("closed");
        }
        group.close().expect("closed");
    }
    writer.close().expect("closed");
}

const ROWS: usize = 2000;

/// `name`: one of `a`, which says what a row is, `b` and `c`, which do not.
fn floats(name: &str) -> Cells {
    let of = |i: usize| match name {
        "a" => [1.0, -1.0][i % 2] + ((i * 37 % 101) as f32 - 50.0) / 40.0,
        "b" => ((i * 53 % 97) as f32 - 48.0) / 4.0,
        _ => 3.0 + (i * 29 % 89) as f32,
    };
    Cells::Single((0..ROWS).map(of).collect())
}

fn label() -> (&'static str, Cells) {
    ("label", Cells::Text((0..ROWS).map(|i| ["cat", "dog"][i % 2]).collect()))
}

/// Writes a table with the columns of floats `names`, and labels.
fn table(path: &Path, names: &[&'static str]) {
    let columns: Vec<(&str, Cells)> =
        names.iter().map(|name| (*name, floats(name))).chain([label()]).collect();
    write(path, &columns, 500);
}

fn columns_are_known_by_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    for (name, columns) in [
        ("abc", &["a", "b", "c"][..]),
        ("cba", &["c", "b", "a"]),
        ("more", &["d", "b", "c", "a"]),
        ("fewer", &["a", "d", "c"]),
        ("others", &["x", "y", "z"]),
    ] {
        table(&at.join(name).with_extension("parquet"), columns);
    }
    let cpu = ["--device", "cpu"];
    let run = |arguments: &[&str]| huemax(&[arguments, &cpu].concat(), at);
    run(&["train", "--features", "abc.parquet", "--standardize", "--out", "run"])
        .check(0, &["3 features a row"]);
    let model = "run/model.safetensors";
    let predicted =
        |file: &str| run(&["predict", model, "--features", file, "--format", "csv"]).check(0, &[]).stdout();
    let evaluated = |file: &str| {
        let ran = run(&["evaluate", model, "--features", file, "--json"]).check(0, &[]);
        let said: serde_json::Value = serde_json::from_str(&ran.stdout()).expect("JSON");
        said["evaluation"].clone()
    };
    let (said, measured) = (predicted("abc.parquet"), evaluated("abc.parquet"));
    for other in ["cba.parquet", "more.parquet"] {
        assert!(predicted(other) == said, "{other}: other columns were taken");
        assert_eq!(evaluated(other), measured, "{other}");
    }
    for command in ["predict", "evaluate"] {
        run(&[command, model, "--features", "fewer.parquet"]).check(1, &["fewer.parquet", "lacks", "`b`"]);
        run(&[command, model, "--features", "others.parquet"]).check(1, &["lacks", "`a`, `b`, `c`", "`x`"]);
    }
    // A training that begins with the model takes what that takes.
    let init = ["--init", model, "--standardize", "--max-iter", "1", "--out"];
    run(&[&["train", "--features", "abc.parquet"][..], &init, &["1"]].concat()).check(0, &[]);
    run(&[&["train", "--features", "more.parquet"][..], &init, &["2"]].concat()).check(0, &[]);
    let read = |run: &str| huemax::Model::load(&at.join(run).join("model.safetensors")).expect("a model");
    assert_eq!(read("1").weight, read("2").weight);
    // Rows without names are taken as they stand.
    run(&["train", "--features", "abc.parquet", "--features-key", "a", "--out", "one"])
        .check(0, &["1 features"]);
    run(&["predict", "one/model.safetensors", "--features", "cba.parquet", "--features-key", "a"])
        .check(0, &[]);
}

fn a_column_of_labels_is_no_feature_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let grade = Cells::Double((0..ROWS).map(|i| (i % 2) as f64).collect());
    let columns = [("a", floats("a")), ("grade", grade), ("b", floats("b"))];
    write(&at.join("x.parquet"), &columns, 500);
    let train =
        ["train", "--features", "x.parquet", "--label-column", "grade", "--out", "run", "--device", "cpu"];
    huemax(&train, at).check(0, &["2 features a row"]);
    let predict = ["predict", "run/model.safetensors", "--features", "x.parquet", "--device", "cpu"];
    huemax(&predict, at).check(0, &["row 1999"]);
}

fn mini_batches_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    table(&at.join("x.parquet"), &["a", "b", "c", "d", "e", "f", "g", "h"]);
    let train = |more: &[&str]| {
        let start = ["train", "--features", "x.parquet", "--device", "cpu", "--force", "--out", "run"];
        huemax(&[&start[..], more].concat(), at)
    };
    let small = ["--memory", "48KiB"];
    for solver in ["sgd", "adam"] {
        let mini = ["--solver", solver, "--epochs", "2", "--batch-size", "32"];
        for transform in [&[][..], &["--standardize"]] {
            train(&[&mini[..], &small, transform].concat())
                .check(2, &["--solver", solver, "62 KiB", ".npy", "--memory", "--solver lbfgs"]);
        }
        train(&mini).check(0, &[]);
    }
    train(&small).check(0, &["pass through"]);
    train(&[&small[..], &["--standardize"]].concat()).check(0, &["pass through"]);
}

fn packings_that_are_not_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let path = at.join("x.parquet");
    table(&path, &["a", "b"]);
    let whole = std::fs::read(&path).expect("a file");
    let metadata =
        SerializedFileReader::new(File::open(&path).expect("a file")).expect("a table").metadata().clone();
    let footer =
        u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().expect("4 bytes")) as usize;
    for (packed, name) in [(Compression::BROTLI(BrotliLevel::default()), "Brotli"), (Compression::LZO, "LZO")]
    {
        let groups = metadata.row_groups().iter().map(|group| {
            let columns = group.columns().iter().map(|column| {
                column.clone().into_builder().set_compression(packed).build().expect("a column")
            });
            group.clone().into_builder().set_column_metadata(columns.collect()).build().expect("a group")
        });
        let metadata = metadata.clone().into_builder().set_row_groups(groups.collect()).build();
        let mut bytes = whole[..whole.len() - 8 - footer].to_vec();
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().expect("a footer");
        std::fs::write(at.join("packed.parquet"), bytes).expect("written");
        let said = format!("packed.parquet: it is packed with {name}, which is not read");
        // As features, and as labels.
        for (features, labels) in [("packed.parquet", "x.parquet"), ("x.parquet", "packed.parquet")] {
            let train =
                ["train", "--features", features, "--labels", labels, "--device", "cpu", "--out", "run"];
            huemax(&train, at).check(1, &[&said, "compression=\"zstd\""]);
        }
    }
}

fn a_table_of_floats_has_no_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    write(&at.join("x.parquet"), &[("a", floats("a")), ("b", floats("b"))], 500);
    let train =
        ["train", "--features", "x.parquet", "--labels", "x.parquet", "--device", "cpu", "--out", "run"];
    huemax(&train, at)
        .check(1, &["x.parquet: it has no column of text or of whole numbers", "--labels FILE"]);
    huemax(&[&train[..], &["--label-column", "kind"]].concat(), at)
        .check(1, &["no column \"kind\"", "the columns are none of text or whole numbers"]);
}

/// Wherever they are read, and with whatever is done to them.
fn numbers_that_are_none_are_named_by_their_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let Cells::Single(mut numbers) = floats("a") else { panic!("floats") };
    numbers[3] = f32::NAN;
    write(&at.join("x.parquet"), &[("a", Cells::Single(numbers.clone())), ("b", floats("b")), label()], 500);
    let npy = |name: &str, kind: &str, bytes: &[u8]| {
        let shape = format!("{{'descr': '<{kind}', 'fortran_order': False, 'shape': ({}, 2), }}", ROWS / 2);
        let header = format!("\u{76}\0{shape:<117}\n");
        std::fs::write(at.join(name), [b"\x93NUMPY\x01\x00", header.as_bytes(), bytes].concat())
            .expect("written");
    };
    npy("lying.npy", "f4", bytemuck::cast_slice(&numbers));
    let wide: Vec<f64> = numbers.iter().map(|&number| number.into()).collect();
    npy("wide.npy", "f8", bytemuck::cast_slice(&wide));
    let labels: String = (0..ROWS / 2).map(|i| if i % 2 == 0 { "cat\n" } else { "dog\n" }).collect();
    std::fs::write(at.join("y.csv"), format!("label\n{labels}")).expect("written");
    for (file, labels, place) in [
        ("x.parquet", "x.parquet", "row 3, column 0"),
        ("lying.npy", "y.csv", "row 1, column 1"),
        ("wide.npy", "y.csv", "row 1, column 1"),
    ] {
        let said = format!("error: {file}: {place} is NaN");
        let train = ["train", "--features", file, "--labels", labels, "--device", "cpu", "--out", "run"];
        let more: [&[&str]; 4] =
            [&[], &["--standardize"], &["--l2-normalize", "--memory", "16KiB"], &["--solver", "sgd"]];
        for more in more {
            // Packed rows are not read here and there within so little.
            huemax(&[&train[..], more].concat(), at).check(1, &[&said]);
        }
    }
    // A store that NumPy and pandas wrote.
    let store = at.join("store");
    std::fs::create_dir(&store).expect("a folder");
    std::fs::copy(at.join("lying.npy"), store.join("features.npy")).expect("a copy");
    std::fs::copy(at.join("y.csv"), store.join("samples.csv")).expect("a copy");
    huemax(&["train", "store", "--device", "cpu", "--out", "run"], at)
        .check(1, &["store/features.npy: row 1, column 1 is NaN"]);
}

fn more_rows_than_can_be_counted_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.parquet");
    table(&path, &["a", "b", "c", "d"]);
    let whole = std::fs::read(&path).expect("a file");
    let metadata =
        SerializedFileReader::new(File::open(&path).expect("a file")).expect("a table").metadata().clone();
    let footer =
        u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().expect("4 bytes")) as usize;
    for rows in [i64::MAX, i64::MAX / 4, i64::MAX / 12] {
        let groups = metadata
            .row_groups()
            .iter()
            .take(1)
            .map(|group| group.clone().into_builder().set_num_rows(rows).build().expect("a group"));
        let metadata = metadata.clone().into_builder().set_row_groups(groups.collect()).build();
        let mut bytes = whole[..whole.len() - 8 - footer].to_vec();
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().expect("a footer");
        std::fs::write(&path, bytes).expect("written");
        let found = bring(&path, &BringOptions::default());
        let read = found.and_then(|source| source.read(0, &mut [0.0; 4]));
        let error = read.expect_err("no such rows").to_string();
        assert!(error.contains("x.parquet"), "{error}");
    }
}
