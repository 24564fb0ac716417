//! Row groups of which only one is in memory at a time.

use std::sync::atomic::Ordering;

use parquet::data_type::FloatType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;
use crate::features::Budget;
use crate::features::reader::{Wanted, read};

const GROUPS: usize = 6;
const ROWS: usize = 500;
const COLUMNS: usize = 40;

/// The number of a row and column.
fn number(row: usize, column: usize) -> f32 {
    (row * COLUMNS + column) as f32
}

fn written(path: &Path) {
    let columns: String = (0..COLUMNS).map(|c| format!("required float c{c:02};")).collect();
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {columns} }}")).unwrap());
    let file = std::fs::File::create(path).unwrap();
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
    for group in 0..GROUPS {
        let mut rows = writer.next_row_group().unwrap();
        for column in 0..COLUMNS {
            let values: Vec<f32> =
                (group * ROWS..(group + 1) * ROWS).map(|row| number(row, column)).collect();
            let mut to = rows.next_column().unwrap().unwrap();
            to.typed::<FloatType>().write_batch(&values, None, None).unwrap();
            to.close().unwrap();
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
}

/// The file with memory for so many of its row groups.
fn opened(path: &Path, groups: usize) -> Result<Parquet, String> {
    let budget = Budget { host: Some(Bytes((4 * groups * ROWS * COLUMNS) as u64)), ..Budget::default() };
    let options = BringOptions { budget, ..BringOptions::default() };
    Parquet::open(path, Mapped::open(path).unwrap(), &options)
}

#[test]
fn rows_here_and_there_unpack_each_group_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    written(&path);
    // Out of order, from all groups.
    let rows: Vec<usize> = (0..900).map(|i| i * 7919 % (GROUPS * ROWS)).collect();
    let source = opened(&path, 2).unwrap();
    assert_eq!(source.beside(), (4 * ROWS * COLUMNS) as u64);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let mut found = Vec::new();
    pool.install(|| read(&source, &Wanted::Picked(Arc::new(rows.clone())), &mut found)).unwrap();
    let expected: Vec<f32> =
        rows.iter().flat_map(|&row| (0..COLUMNS).map(move |column| number(row, column))).collect();
    assert!(found == expected);
    assert_eq!(source.unpackings.load(Ordering::Relaxed), GROUPS);
    // Several at a time: each of them each group once, at most.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut to = vec![0.0; rows.len() * COLUMNS];
                source.gather(&rows, &mut to).unwrap();
                assert!(to == expected);
            });
        }
    });
    assert!(source.unpackings.load(Ordering::Relaxed) <= 4 * GROUPS);
}

#[test]
fn a_group_leaves_half_of_the_memory_to_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    written(&path);
    let mut to = vec![0.0; COLUMNS];
    let error = opened(&path, 1).unwrap().read(0, &mut to).unwrap_err().to_string();
    assert!(error.contains("give a larger --memory, or write smaller ones"), "{error}");
    opened(&path, 2).unwrap().read(0, &mut to).unwrap();
}
