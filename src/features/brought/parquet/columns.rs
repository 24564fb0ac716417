//! Which columns of a file make rows.

use std::collections::{HashMap, HashSet};

use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

use super::leaf::is_float;
use super::{BringOptions, some};
use crate::files::parquet::{Reader, name};

/// Names of columns that are labels, not features, where every column of floats is a feature.
const NO_FEATURES: [&str; 4] = ["label", "target", "class", "y"];

/// Where the numbers of a row are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leaves {
    /// A list a row, in this column.
    List(usize),
    /// A number a row, in each of these columns.
    Columns(Vec<usize>),
}

/// What the columns `leaves` are called; none where two of them are called alike.
pub(super) fn names(reader: &Reader, leaves: &[usize]) -> Option<Vec<String>> {
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

/// Where the features are.
pub(super) fn leaves(reader: &Reader, options: &BringOptions) -> Result<Leaves, String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<&ColumnDescriptor> = schema.columns().iter().map(AsRef::as_ref).collect();
    let all = || some(columns.iter().map(|column| name(column)));
    let place = |leaf: usize| place(leaf, columns[leaf]);
    if let Some(key) = &options.key {
        let named: Vec<usize> = (0..columns.len()).filter(|&leaf| name(columns[leaf]) == key).collect();
        return match named.as_slice() {
            [] => Err(format!("it has no column {key:?}; it has {}", all())),
            &[leaf] if is_float(columns[leaf]) => place(leaf)
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
        .filter(|&leaf| is_float(columns[leaf]))
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

/// The columns of floats of these names; none where the file has none of them, and rows are `lists`.
///
/// # Errors
/// There is no such column.
pub(super) fn named(reader: &Reader, names: &[String], lists: bool) -> Result<Option<Vec<usize>>, String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<&ColumnDescriptor> = schema.columns().iter().map(AsRef::as_ref).collect();
    let floats: Vec<usize> = (0..columns.len())
        .filter(|&leaf| {
            is_float(columns[leaf]) && place(leaf, columns[leaf]) == Some(Leaves::Columns(vec![leaf]))
        })
        .collect();
    // The first of a name, as everywhere.
    let known: HashMap<&str, usize> = floats.iter().rev().map(|&leaf| (name(columns[leaf]), leaf)).collect();
    let lacking: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !known.contains_key(name)).collect();
    if lacking.len() == names.len() && lists {
        return Ok(None);
    }
    if !lacking.is_empty() {
        let has = match floats.as_slice() {
            [] => "it has none".to_owned(),
            floats => format!("it has {}", some(floats.iter().map(|&leaf| name(columns[leaf])))),
        };
        return Err(format!("it lacks columns of floats that the model takes: {}; {has}", some(lacking)));
    }
    Ok(Some(names.iter().map(|name| known[name.as_str()]).collect()))
}
