//! Which tar files are meant.

use std::path::{Path, PathBuf};

use super::super::DatasetError;
use crate::files::{FileError, open_file};

/// Some shards, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Set {
    /// The folder they are in.
    pub(super) root: PathBuf,
    /// The tar files, relative to it.
    pub(super) files: Vec<PathBuf>,
}

/// The most shards that a pattern may stand for.
const MOST: usize = 1_000_000;

impl Set {
    /// The shards that `data` means, if it is a tar file or a pattern such as `shard-{000..099}.tar`.
    ///
    /// # Errors
    /// A shard of a pattern is not there, is compressed, or the pattern cannot be read.
    pub(in super::super) fn named(data: &Path) -> Result<Option<Self>, DatasetError> {
        if data.is_dir() {
            return Ok(None);
        }
        let text = data.to_string_lossy();
        let wrong = |problem: String| DatasetError::Shard { file: data.to_owned(), problem };
        if let Some(way_out) = compressed(data) {
            return Err(wrong(format!("it is compressed, and pictures in it cannot be reached; {way_out}")));
        }
        let all = match data.exists() || !text.contains('{') {
            true if is_tar(data) && data.exists() => vec![text.into_owned()],
            true => return Ok(None),
            false => expand(&text).map_err(wrong)?,
        };
        let missing: Vec<&String> = all.iter().filter(|file| !Path::new(file.as_str()).is_file()).collect();
        // What is there and no file says what it is.
        if let Some(other) = missing.iter().find(|file| Path::new(file.as_str()).exists()) {
            return Err(DatasetError::Unreadable(open_file(Path::new(other.as_str())).err().unwrap_or_else(
                || {
                    FileError::on("read", Path::new(other.as_str()))(std::io::Error::other(
                        "it is not a regular file",
                    ))
                },
            )));
        }
        if let Some(first) = missing.first() {
            let count = missing.len();
            return Err(wrong(format!(
                "{count} of its {} files are not there, for example {first}",
                all.len()
            )));
        }
        if let Some((other, way_out)) = all.iter().find_map(|file| Some((file, compressed(Path::new(file))?)))
        {
            let problem = format!("{other} is compressed, and pictures in it cannot be reached; {way_out}");
            return Err(wrong(problem));
        }
        // What all have in common, up to a folder.
        let parents = || all.iter().map(|file| Path::new(file).parent().unwrap_or(Path::new("")));
        let mut root = parents().next().unwrap_or(Path::new("")).to_owned();
        while !parents().all(|parent| parent.starts_with(&root)) && root.pop() {}
        let files =
            all.iter().map(|file| Path::new(file).strip_prefix(&root).unwrap_or(Path::new(file)).to_owned());
        let files = files.collect();
        if root.as_os_str().is_empty() {
            root = PathBuf::from(".");
        }
        Ok(Some(Self { root, files }))
    }

    /// The shards `files`, which are relative to `root`, if there are any.
    pub(in super::super) fn of(root: &Path, files: Vec<PathBuf>) -> Option<Self> {
        (!files.is_empty()).then(|| Self { root: root.to_owned(), files })
    }
}

pub(in super::super) fn is_tar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tar"))
}

/// How to unpack a tar file that is compressed by its name.
pub(in super::super) fn compressed(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let known = [
        (".tar.gz", GZIP),
        (".tgz", GZIP),
        (".tar.xz", XZ),
        (".txz", XZ),
        (".tar.bz2", BZIP2),
        (".tbz2", BZIP2),
        (".tar.zst", ZSTD),
        (".tzst", ZSTD),
        (".tar.lz4", LZ4),
        (".tar.br", "unpack it with `brotli -d`"),
    ];
    known.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, way_out)| way_out)
}

pub(super) const GZIP: &str = "unpack it with `gunzip`";
pub(super) const XZ: &str = "unpack it with `unxz`";
pub(super) const BZIP2: &str = "unpack it with `bunzip2`";
pub(super) const ZSTD: &str = "unpack it with `unzstd`";
pub(super) const LZ4: &str = "unpack it with `unlz4`";

/// Shells' braces: `{000..099}` counts, `{a,b}` lists; several multiply.
fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let mut done = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, inside)) = rest.split_once('{') {
        let (inside, after) = inside.split_once('}').ok_or("a brace is not closed")?;
        let parts = alternatives(inside)?;
        if done.len().saturating_mul(parts.len()) > MOST {
            return Err(format!("it stands for more than {MOST} files"));
        }
        done = done
            .iter()
            .flat_map(|so_far| parts.iter().map(move |p| format!("{so_far}{before}{p}")))
            .collect();
        rest = after;
    }
    done.iter_mut().for_each(|name| name.push_str(rest));
    Ok(done)
}

fn alternatives(inside: &str) -> Result<Vec<String>, String> {
    let Some((first, last)) = inside.split_once("..") else {
        return Ok(inside.split(',').map(str::to_owned).collect());
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (Some(a), Some(b)) = (number(first), number(last)) else {
        return Err(format!("{{{inside}}} counts from one number to another, as {{000..099}} does"));
    };
    if b < a || b - a >= MOST as u64 {
        return Err(format!("{{{inside}}} counts up, and to no more than {MOST} files"));
    }
    Ok((a..=b).map(|n| format!("{n:0width$}", width = first.len())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_count_and_list() {
        assert_eq!(expand("s-{008..011}.tar").unwrap(), ["s-008.tar", "s-009.tar", "s-010.tar", "s-011.tar"]);
        assert_eq!(
            expand("{train,val}/{0..1}.tar").unwrap(),
            ["train/0.tar", "train/1.tar", "val/0.tar", "val/1.tar"]
        );
        assert_eq!(expand("plain.tar").unwrap(), ["plain.tar"]);
        for wrong in [
            "{1..",
            "{1..x}.tar",
            "{5..1}.tar",
            "{..3}",
            "{0..99999999}.tar",
            "{0..9999}{0..9999}",
            "{-1..3}",
        ] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shards_are_named_relative_to_what_they_have_in_common() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("d/train")).unwrap();
        std::fs::create_dir_all(at("d/test")).unwrap();
        for file in ["d/train/0.tar", "d/test/0.tar", "d/x.tar.gz"] {
            std::fs::write(at(file), "").unwrap();
        }
        let set = Set::named(&at("d/{train,test}/0.tar")).unwrap().unwrap();
        assert_eq!((set.root, set.files), (at("d"), vec!["train/0.tar".into(), "test/0.tar".into()]));
        let set = Set::named(&at("d/test/0.tar")).unwrap().unwrap();
        assert_eq!((set.root, set.files), (at("d/test"), vec!["0.tar".into()]));
        assert_eq!(Set::named(&at("d")).unwrap(), None);
        assert_eq!(Set::named(&at("nothing.tar")).unwrap(), None);
        let error = Set::named(&at("d/train/{0..2}.tar")).unwrap_err().to_string();
        assert!(error.contains("2 of its 3 files are not there") && error.contains("1.tar"), "{error}");
        let error = Set::named(&at("d/x.tar.gz")).unwrap_err().to_string();
        assert!(error.contains("compressed") && error.contains("gunzip"), "{error}");
    }
}
