//! Labels from what lies beside a picture in its shard.

use std::path::Path;

use serde_json::Value;

use super::super::LabelOptions;
use super::super::find::slashed;
use super::scan::{Contents, LABELS};

/// Labels of a picture, as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labels(pub(super) Vec<String>);

/// Fields of a JSON file that hold labels, where nothing is said of it.
const FIELDS: [&str; 6] = ["label", "labels", "cls", "class", "classes", "tags"];

/// The labels that lie beside the picture `path`: in the file of its name with another extension, or of its key, which is the name up
/// to its first dot. `Ok(None)` where there is none.
///
/// # Errors
/// What there is holds no labels: what is wrong, and the way out.
pub(super) fn of(path: &Path, beside: &Contents, options: &LabelOptions) -> Result<Option<Labels>, String> {
    let name = slashed(path);
    let stem = slashed(&path.with_extension(""));
    let file = name.rfind('/').map_or(0, |at| at + 1);
    let key = name[file..].find('.').map_or(name.as_str(), |dot| &name[..file + dot]);
    let Some(files) = beside.get(&stem).or_else(|| beside.get(key)) else { return Ok(None) };
    let Some((kind, content)) = LABELS.iter().find_map(|kind| files.get(kind).map(|c| (*kind, c))) else {
        return Ok(None);
    };
    let wrong = |problem: String| format!("the .{kind} beside {name} {problem}");
    let text = std::str::from_utf8(content).map_err(|_| wrong("is not UTF-8".into()))?;
    let labels = match kind {
        "json" => json(text, options).map_err(wrong)?,
        "cls" => match text.trim() {
            "" => return Err(wrong("is empty; it should hold a class".into())),
            class => vec![class.to_owned()],
        },
        _ => text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
    };
    Ok(Some(Labels(labels)))
}

fn json(text: &str, options: &LabelOptions) -> Result<Vec<String>, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("cannot be read as JSON ({e})"))?;
    let Value::Object(fields) = &value else { return listed(&value) };
    let asked: Vec<&str> = options.label_columns.iter().map(String::as_str).collect();
    match asked.as_slice() {
        [] => {
            let field = FIELDS.iter().find_map(|name| fields.get(*name));
            let names = || fields.keys().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
            listed(field.ok_or_else(|| {
                format!(
                    "has no field {} (it has {}); say which one with --label-column",
                    FIELDS.join(", "),
                    names()
                )
            })?)
        }
        [one] => {
            listed(fields.get(*one).ok_or_else(|| format!("has no field {one:?}, as --label-column asks"))?)
        }
        // Each a label, there or not.
        several => {
            let mut labels = Vec::new();
            for name in several {
                match fields.get(*name) {
                    Some(Value::Bool(true)) => labels.push((*name).to_owned()),
                    Some(Value::Number(n)) if n.as_f64() == Some(1.0) => labels.push((*name).to_owned()),
                    Some(Value::Bool(false) | Value::Null) | None => {}
                    Some(Value::Number(n)) if n.as_f64() == Some(0.0) => {}
                    Some(other) => return Err(format!("has {other} in {name:?}, where 0 or 1 is wanted")),
                }
            }
            Ok(labels)
        }
    }
}

/// A label, or a list of them.
fn listed(value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(format!("has {other} where a label or a list of labels is wanted")),
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        Value::Null => Ok(Vec::new()),
        value => one(value).map(|label| vec![label]),
    }
}
