//! Parquet: a column of lists of floats, or columns of floats. Row groups are unpacked one at a time, and kept as long as there is
//! room.

mod leaf;
mod table;

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes as Shared;
use parquet::basic::Type;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

pub(crate) use table::table;

use super::{BringOptions, some};
use crate::features::mapped::Mapped;
use crate::features::{Bytes, FeaturesError, Source};

type Reader = SerializedFileReader<Shared>;

/// Names of columns that are labels, not features, where every column of floats is a feature.
const NO_FEATURES: [&str; 4] = ["label", "target", "class", "y"];

/// Feature rows in a Parquet file.
pub(super) struct Parquet {
    path: PathBuf,
    reader: Arc<Reader>,
    /// What the columns are called, if each of them is one of the file, and nobody named it.
    names: Option<Vec<String>>,
    /// Whether a column was asked for.
    keyed: bool,
    /// The first row of each row group, and the number of all rows.
    firsts: Vec<usize>,
    columns: usize,
    leaves: Leaves,
    /// Bytes for row groups that are unpacked.
    room: u64,
    unpacked: Mutex<VecDeque<(usize, Arc<Vec<f32>>)>>,
}

/// Where the numbers of a row are.
#[derive(Debug, Clone, PartialEq)]
enum Leaves {
    /// A list a row, in this column.
    List(usize),
    /// A number a row, in each of these columns.
    Columns(Vec<usize>),
}

impl std::fmt::Debug for Parquet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, firsts, columns, leaves, .. } = self;
        f.debug_struct("Parquet")
            .field("path", path)
            .field("firsts", firsts)
            .field("columns", columns)
            .field("leaves", leaves)
            .finish_non_exhaustive()
    }
}

/// Opens the file that `map` is.
fn reader(map: Mapped) -> Result<Reader, String> {
    let bytes = Shared::from_owner(map);
    guarded(|| SerializedFileReader::new(bytes).map_err(|e| damaged(&e)))
}

fn damaged(e: &dyn std::fmt::Display) -> String {
    format!("it cannot be read as Parquet ({e}); make or copy it again")
}

/// Does `work` on bytes from strangers. The crate that reads them means to return errors; where it panics instead, that is one too.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(damaged(&"its reader gave up")))
}

/// Fails where `rows` of `columns` numbers are more bytes than there can be.
fn countable(rows: usize, columns: usize) -> Result<(), String> {
    let bytes = rows.checked_mul(columns).and_then(|numbers| numbers.checked_mul(size_of::<f32>()));
    match bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) {
        Some(_) => Ok(()),
        None => Err(damaged(&format!("{rows} rows of {columns} numbers are more than can be counted"))),
    }
}

/// What the columns `leaves` are called; none where two of them are called alike.
fn names(reader: &Reader, leaves: &[usize]) -> Option<Vec<String>> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<String> = leaves.iter().map(|&leaf| name(&schema.column(leaf)).to_owned()).collect();
    let different: HashSet<&String> = names.iter().collect();
    (different.len() == names.len()).then_some(names)
}

/// How the numbers of a column make rows, if they do.
fn place(leaf: usize, column: &ColumnDescriptor) -> Option<Leaves> {
    match (column.max_rep_level(), column.path().parts().len()) {
        (1, _) => Some(Leaves::List(leaf)),
        (0, 1) => Some(Leaves::Columns(vec![leaf])),
        _ => None,
    }
}

/// A column as it is called: `embedding`, not `embedding.list.element`.
fn name(column: &ColumnDescriptor) -> &str {
    column.path().parts().first().map_or("", String::as_str)
}

impl Parquet {
    /// The feature columns of the file `path`, which `map` is, with `room` for so many bytes of row groups.
    pub(super) fn open(path: &Path, map: Mapped, options: &BringOptions, room: u64) -> Result<Self, String> {
        let reader = reader(map)?;
        let metadata = reader.metadata();
        let mut firsts = vec![0usize];
        for group in metadata.row_groups() {
            let rows = usize::try_from(group.num_rows())
                .map_err(|_| damaged(&"a row group of less than no rows"))?;
            let next = firsts[firsts.len() - 1].checked_add(rows);
            firsts.push(next.ok_or_else(|| damaged(&"more rows than can be counted"))?);
        }
        if firsts[firsts.len() - 1] == 0 {
            return Err("it has no rows, and nothing can be learned from that".into());
        }
        let leaves = leaves(&reader, options)?;
        let columns = match &leaves {
            Leaves::Columns(columns) => columns.len(),
            Leaves::List(leaf) => {
                let group = (0..firsts.len() - 1).find(|&g| firsts[g + 1] > firsts[g]);
                guarded(|| leaf::list_length(&reader, group.unwrap_or(0), *leaf))?
            }
        };
        countable(firsts[firsts.len() - 1], columns)?;
        let keyed = options.key.is_some();
        let names = match &leaves {
            Leaves::Columns(leaves) if !keyed => names(&reader, leaves),
            _ => None,
        };
        let (path, reader, unpacked) = (path.into(), Arc::new(reader), Mutex::default());
        Ok(Self { path, reader, names, keyed, firsts, columns, leaves, room, unpacked })
    }

    /// The columns of these names; none where columns are not known by names.
    fn select(&self, names: &[String]) -> Result<Option<Self>, String> {
        if self.keyed {
            return Ok(None);
        }
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let columns: Vec<&ColumnDescriptor> = schema.columns().iter().map(AsRef::as_ref).collect();
        let floats: Vec<usize> = (0..columns.len())
            .filter(|&leaf| {
                leaf::is_float(columns[leaf])
                    && place(leaf, columns[leaf]) == Some(Leaves::Columns(vec![leaf]))
            })
            .collect();
        // The first of a name, as everywhere.
        let known: HashMap<&str, usize> =
            floats.iter().rev().map(|&leaf| (name(columns[leaf]), leaf)).collect();
        let lacking: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !known.contains_key(name)).collect();
        if lacking.len() == names.len() && matches!(self.leaves, Leaves::List(_)) {
            return Ok(None);
        }
        if !lacking.is_empty() {
            let has = match floats.as_slice() {
                [] => "it has none".to_owned(),
                floats => format!("it has {}", some(floats.iter().map(|&leaf| name(columns[leaf])))),
            };
            return Err(format!("it lacks columns of floats that the model takes: {}; {has}", some(lacking)));
        }
        countable(self.firsts[self.firsts.len() - 1], names.len())?;
        Ok(Some(Self {
            path: self.path.clone(),
            reader: self.reader.clone(),
            names: Some(names.to_vec()),
            keyed: false,
            firsts: self.firsts.clone(),
            columns: names.len(),
            leaves: Leaves::Columns(names.iter().map(|name| known[name.as_str()]).collect()),
            room: self.room,
            unpacked: Mutex::default(),
        }))
    }

    /// The rows of group `group`.
    fn unpack(&self, group: usize) -> Result<Vec<f32>, String> {
        let first = self.firsts[group];
        let rows = self.firsts[group + 1] - first;
        let bytes = (rows as u64).saturating_mul(4 * self.columns as u64);
        if bytes > self.room {
            return Err(format!(
                "its row group {group} takes {} unpacked, and there is memory for {}; write smaller ones \
                 (pyarrow: write_table(…, row_group_size=10000))",
                Bytes(bytes),
                Bytes(self.room)
            ));
        }
        match &self.leaves {
            Leaves::List(leaf) => leaf::numbers(&self.reader, group, *leaf, (first, rows), self.columns),
            Leaves::Columns(leaves) => {
                let mut all = Vec::new();
                for (column, &leaf) in leaves.iter().enumerate() {
                    let numbers = leaf::numbers(&self.reader, group, leaf, (first, rows), 1)?;
                    // Only once one column was found to be as long as it says.
                    all.resize(rows * self.columns, 0.0);
                    let to = all.iter_mut().skip(column).step_by(self.columns);
                    to.zip(numbers).for_each(|(to, number)| *to = number);
                }
                Ok(all)
            }
        }
    }

    /// The same, from memory where it is still there.
    fn group(&self, group: usize) -> Result<Arc<Vec<f32>>, FeaturesError> {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = unpacked.iter().find(|(known, _)| *known == group) {
            return Ok(rows.clone());
        }
        let bytes = |group: usize| 4 * ((self.firsts[group + 1] - self.firsts[group]) * self.columns) as u64;
        // A quarter of the room: the rows are about to be copied to where they are wanted.
        let mut kept: u64 = unpacked.iter().map(|(group, _)| bytes(*group)).sum();
        while kept + bytes(group) > self.room / 4 {
            let Some((oldest, _)) = unpacked.pop_front() else { break };
            kept -= bytes(oldest);
        }
        let rows = guarded(|| self.unpack(group))
            .map_err(|problem| FeaturesError::Format { path: self.path.clone(), problem })?;
        let rows = Arc::new(rows);
        unpacked.push_back((group, rows.clone()));
        Ok(rows)
    }
}

impl Source for Parquet {
    fn rows(&self) -> usize {
        self.firsts[self.firsts.len() - 1]
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    fn named(&self, names: &[String]) -> Result<Option<Arc<dyn Source>>, FeaturesError> {
        let selected = self
            .select(names)
            .map_err(|problem| FeaturesError::Format { path: self.path.clone(), problem })?;
        Ok(selected.map(|selected| Arc::new(selected) as Arc<dyn Source>))
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        let (columns, mut row, mut to) = (self.columns, first, to);
        while !to.is_empty() {
            let group = self.firsts.partition_point(|&first| first <= row) - 1;
            let rows = self.group(group)?;
            let count = (self.firsts[group + 1] - row).min(to.len() / columns);
            let at = (row - self.firsts[group]) * columns;
            let (here, rest) = to.split_at_mut(count * columns);
            here.copy_from_slice(&rows[at..at + count * columns]);
            (row, to) = (row + count, rest);
        }
        Ok(())
    }

    fn gather(&self, rows: &[usize], to: &mut [f32]) -> Result<(), FeaturesError> {
        // In the order of the file, so that each row group is unpacked once.
        let columns = self.columns;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|&i| rows[i]);
        for i in order {
            self.read(rows[i], &mut to[i * columns..(i + 1) * columns])?;
        }
        Ok(())
    }
}

/// Where the features are.
fn leaves(reader: &Reader, options: &BringOptions) -> Result<Leaves, String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<&ColumnDescriptor> = schema.columns().iter().map(AsRef::as_ref).collect();
    let all = || some(columns.iter().map(|column| name(column)));
    let place = |leaf: usize| place(leaf, columns[leaf]);
    if let Some(key) = &options.key {
        let named: Vec<usize> = (0..columns.len()).filter(|&leaf| name(columns[leaf]) == key).collect();
        return match named.as_slice() {
            [] => Err(format!("it has no column {key:?}; it has {}", all())),
            &[leaf] if leaf::is_float(columns[leaf]) => place(leaf)
                .ok_or_else(|| format!("its column {key:?} is nested deeper than a list of numbers")),
            &[leaf] => {
                let kind = match columns[leaf].physical_type() {
                    Type::INT32 | Type::INT64 => "integers; convert it to float",
                    Type::BYTE_ARRAY => "text or bytes; write the numbers as a list of float",
                    _ => "no floats; convert it to float",
                };
                Err(format!("its column {key:?} holds {kind}"))
            }
            _ => Err(format!("its column {key:?} is a record, and a list of floats is wanted")),
        };
    }
    let floats: Vec<usize> = (0..columns.len())
        .filter(|&leaf| leaf::is_float(columns[leaf]))
        .filter(|&leaf| !options.except.iter().any(|except| except == name(columns[leaf])))
        .collect();
    let lists: Vec<usize> =
        floats.iter().copied().filter(|&leaf| columns[leaf].max_rep_level() == 1).collect();
    let label = |leaf: usize| NO_FEATURES.iter().any(|label| label.eq_ignore_ascii_case(name(columns[leaf])));
    let single: Vec<usize> = floats
        .into_iter()
        .filter(|&leaf| matches!(place(leaf), Some(Leaves::Columns(_))) && !label(leaf))
        .collect();
    match (lists.as_slice(), single.is_empty()) {
        (&[leaf], _) => Ok(Leaves::List(leaf)),
        ([], false) => Ok(Leaves::Columns(single)),
        ([], true) => Err(format!("it has no column of floats; its columns are {}", all())),
        (several, _) => Err(format!(
            "it has several columns of lists of floats; say which with --features-key: {}",
            some(several.iter().map(|&leaf| name(columns[leaf])))
        )),
    }
}
