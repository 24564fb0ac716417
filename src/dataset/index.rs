//! Pictures by the names that a table may give them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::find::slashed;
use crate::names;

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    /// This picture.
    Picture(usize),
    /// Pictures that this name does not tell apart, two of them.
    Several(usize, usize),
    /// Nothing.
    Nothing,
}

/// Pictures by their path, their path without extension, and, for names without a folder, by these two of the file
/// alone: a table in `DATA` may list `1.jpg` where `DATA/train/1.jpg` lies.
pub(super) struct Index {
    root: String,
    paths: [HashMap<String, Lookup>; 2],
    files: [HashMap<String, Lookup>; 2],
}

impl Index {
    /// `pictures` are relative to `root`.
    pub(super) fn new<'a>(root: &Path, pictures: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut index = Self { root: absolute(root), paths: Default::default(), files: Default::default() };
        for (number, path) in pictures.enumerate() {
            let path = slashed(path);
            let file = path.rsplit_once('/').map_or(path.as_str(), |(_, file)| file);
            let named = [(&mut index.paths, path.as_str()), (&mut index.files, file)];
            for ([whole, stems], name) in named {
                add(whole, name, number);
                add(stems, name.rsplit_once('.').map_or(name, |(stem, _)| stem), number);
            }
        }
        index
    }

    /// The picture that `name` means in a table in the folder `base` (see [`absolute`]). A name is relative to that
    /// folder, else to the root; with its extension, else without; else it is the unique name of a file.
    ///
    /// It is taken as it is written, then without blanks around it and with `\` between folders, then as the name of a file that holds what
    /// would be an escape (see [`names`]).
    pub(super) fn find(&self, base: &str, name: &str) -> Lookup {
        let unescaped = names::text(name);
        let forms = [name, &*name.trim().replace('\\', "/"), &*unescaped];
        let found = forms.into_iter().map(|name| self.find_as(base, name));
        found.into_iter().find(|found| *found != Lookup::Nothing).unwrap_or(Lookup::Nothing)
    }

    fn find_as(&self, base: &str, name: &str) -> Lookup {
        let inside = |path: String| match self.root.as_str() {
            "" => Some(path),
            root => path.strip_prefix(root)?.strip_prefix('/').map(str::to_owned),
        };
        let candidates = match name.starts_with('/') {
            true => [normal(name).and_then(inside), None],
            false => [normal(&format!("{base}/{name}")).and_then(inside), normal(name)],
        };
        if let Some(found) = self.at(&candidates) {
            return found;
        }
        let file = name.strip_prefix("./").unwrap_or(name);
        self.files.iter().find_map(|map| map.get(file)).copied().unwrap_or(Lookup::Nothing)
    }

    /// The picture with this path relative to the root, or this path without extension.
    pub(super) fn find_beside(&self, name: &str) -> Lookup {
        self.at(&[normal(name)]).unwrap_or(Lookup::Nothing)
    }

    fn at(&self, candidates: &[Option<String>]) -> Option<Lookup> {
        let found = |map: &HashMap<_, _>| candidates.iter().flatten().find_map(|path| map.get(path).copied());
        self.paths.iter().find_map(found)
    }
}

fn add(map: &mut HashMap<String, Lookup>, name: &str, number: usize) {
    map.entry(name.to_owned())
        .and_modify(|found| {
            if let Lookup::Picture(first) = *found {
                *found = Lookup::Several(first, number);
            }
        })
        .or_insert(Lookup::Picture(number));
}

/// The folder as text that paths of other folders can be compared with.
pub(super) fn absolute(folder: &Path) -> String {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    normal(&slashed(&path)).unwrap_or_default()
}

/// Without a first `/`, `.` and `..`; none if it leads out of everything.
fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::folder;
    use super::*;

    #[test]
    fn names_relative_to_the_table_or_the_root_with_or_without_extension() {
        let pictures = ["a/1.jpg", "a/2.v2.png", "b/1.jpg", "b/3.jpg", "c.jpg", "c.png"];
        let root = folder(&pictures);
        let paths: Vec<PathBuf> = pictures.iter().map(PathBuf::from).collect();
        let index = Index::new(root.path(), paths.iter());
        let [here, a] = ["", "a"].map(|sub| absolute(&root.path().join(sub)));
        let above = absolute(root.path().parent().unwrap());
        let own = root.path().file_name().unwrap().to_string_lossy().into_owned();
        use Lookup::{Nothing, Picture, Several};
        for (base, name, expected) in [
            (&here, "a/1.jpg".to_owned(), Picture(0)),
            (&here, "./a//1".into(), Picture(0)),
            (&here, "a\\2.v2".into(), Picture(1)),
            (&a, "1.jpg".into(), Picture(0)),
            (&a, "../b/1.jpg".into(), Picture(2)),
            (&a, "b/1".into(), Picture(2)),
            (&above, format!("{own}/b/3.jpg"), Picture(3)),
            (&a, format!("/{here}/b/3.jpg"), Picture(3)),
            (&here, "3".into(), Picture(3)),
            (&here, "1.jpg".into(), Several(0, 2)),
            (&here, "c".into(), Several(4, 5)),
            (&here, "c.png".into(), Picture(5)),
            (&here, "a/2.jpg".into(), Nothing),
            (&here, "b/1.png".into(), Nothing),
            (&here, "../../../../../../../../x".into(), Nothing),
            (&here, String::new(), Nothing),
        ] {
            assert_eq!(index.find(base, &name), expected, "{name} in {base}");
        }
    }
}
