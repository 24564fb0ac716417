//! Labels from what lies beside a picture in its shard.

use std::path::Path;

use serde_json::Value;

use super::super::LabelOptions;
use super::super::find::slashed;
use super::scan::{Contents, LABELS};

/// What lies beside a picture.
#[derive(Debug)]
pub(super) struct Beside {
    /// Labels, as they are written; or what is wrong, and the way out.
    pub(super) says: Result<Vec<String>, String>,
    /// Whether it is there to say labels, as a class or a field of that name is. A text may be a caption, and counts where the names of
    /// pictures say nothing, as it does beside pictures in a folder.
    pub(super) sure: bool,
}

/// Fields of a JSON file that hold labels, where nothing is said of it.
const FIELDS: [&str; 6] = ["label", "labels", "cls", "class", "classes", "tags"];

/// What lies beside the picture `path`, if anything does: a file of its whole name with another extension behind it, of its name with that
/// in place of its own, or of its key, which is the name up to its first dot.
pub(super) fn of(path: &Path, beside: &Contents, options: &LabelOptions) -> Option<Beside> {
    let name = slashed(path);
    let stem = slashed(&path.with_extension(""));
    let file = name.rfind('/').map_or(0, |at| at + 1);
    let key = name[file..].find('.').map_or(name.as_str(), |dot| &name[..file + dot]);
    let files = || [name.as_str(), &stem, key].into_iter().filter_map(|name| beside.get(name));
    let (kind, content) = LABELS.iter().find_map(|kind| Some((*kind, files().find_map(|f| f.get(kind))?)))?;
    let wrong = |problem: String| format!("the .{kind} beside {name} {problem}");
    let Ok(text) = std::str::from_utf8(content) else {
        return Some(Beside { says: Err(wrong("is not UTF-8".into())), sure: kind != "txt" });
    };
    Some(match kind {
        "json" => {
            let read = serde_json::from_str(text).map_err(|e| format!("cannot be read as JSON ({e})"));
            let sure = !read.as_ref().is_ok_and(|value| says_other(value, options));
            Beside { says: read.and_then(|value| json(&value, options)).map_err(wrong), sure }
        }
        "cls" => {
            let says = match text.trim() {
                "" => Err(wrong("is empty; it should hold a class".into())),
                class => Ok(vec![class.to_owned()]),
            };
            Beside { says, sure: true }
        }
        _ => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            Beside { says: Ok(lines.map(str::to_owned).collect()), sure: false }
        }
    })
}

/// Whether the JSON of a picture has other fields than labels, and nobody asked for one of them.
fn says_other(value: &Value, options: &LabelOptions) -> bool {
    let other = |fields: &serde_json::Map<_, _>| FIELDS.iter().all(|name| !fields.contains_key(*name));
    options.label_columns.is_empty() && value.as_object().is_some_and(other)
}

fn json(value: &Value, options: &LabelOptions) -> Result<Vec<String>, String> {
    let Value::Object(fields) = value else { return listed(value) };
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
