//! Labels from what lies beside a picture, in its shard or in its folder.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::super::LabelOptions;
use super::super::find::slashed;
use super::scan::Contents;

/// What lies beside a picture.
#[derive(Debug)]
pub(in super::super) struct Beside {
    /// Labels, as they are written; or what is wrong, and the way out.
    pub(in super::super) says: Result<Vec<String>, String>,
    /// Whether it is there to say labels, as a class or a field of that name is. A text may be a caption, and counts where the names of
    /// pictures say nothing.
    pub(in super::super) sure: bool,
}

/// Extensions of files that hold labels, the one that counts first.
pub(in super::super) const LABELS: [&str; 3] = ["cls", "json", "txt"];
/// A file with labels that is larger is none.
pub(in super::super) const MAX_LABELS: u64 = 1 << 20;

/// Which of [`LABELS`] the file is by its extension.
pub(in super::super) fn label_kind(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_ascii_lowercase();
    LABELS.into_iter().find(|known| extension == *known)
}

/// What files beside the picture `name` (its path with `/`) are called, but for their own extension behind it: the one that counts first.
/// As the picture with its extension, without it, or as its key, which is the name up to its first dot.
pub(in super::super) fn names_beside(name: &str) -> [&str; 3] {
    let file = name.rfind('/').map_or(0, |at| at + 1);
    let up_to = |dot: Option<usize>| dot.map_or(name, |dot| &name[..file + dot]);
    // A first dot begins no extension.
    let last = name[file..].rfind('.').filter(|&dot| dot > 0);
    [name, up_to(last), up_to(name[file..].find('.'))]
}

/// The pictures among `names` (paths with `/`, sorted or not) that are no samples where labels lie beside pictures: `key.seg.png` is a part of
/// the sample `key` where that has a picture `key.jpg`, as WebDataset has it, whose extensions begin at the first dot.
pub(in super::super) fn parts_of_others<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<bool> {
    let key = |name: &'a str| names_beside(name)[2];
    let is_plain = |name: &&'a str| names_beside(name)[1] == key(name);
    let plain: HashSet<&str> = names.clone().filter(is_plain).map(key).collect();
    names.map(|name| !is_plain(&name) && plain.contains(key(name))).collect()
}

/// Fields of a JSON file that hold labels, where nothing is said of it.
const FIELDS: [&str; 6] = ["label", "labels", "cls", "class", "classes", "tags"];

/// What lies beside the picture `path`, if anything does; see [`names_beside`].
pub(super) fn of(path: &Path, beside: &Contents, options: &LabelOptions) -> Option<Beside> {
    let name = slashed(path);
    let files = || names_beside(&name).into_iter().filter_map(|name| beside.get(name));
    let (kind, content) = LABELS.iter().find_map(|kind| Some((*kind, files().find_map(|f| f.get(kind))?)))?;
    Some(read(kind, content, &name, options))
}

/// What the `content` of a file of this `kind` says beside the picture `name`.
pub(in super::super) fn read(kind: &str, content: &[u8], name: &str, options: &LabelOptions) -> Beside {
    let wrong = |problem: String| format!("the .{kind} beside {name} {problem}");
    let Ok(text) = std::str::from_utf8(content) else {
        return Beside { says: Err(wrong("is not UTF-8".into())), sure: kind != "txt" };
    };
    match kind {
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
    }
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
