//! Names of files as text, and back.
//!
//! Tables, JSON and models know files by text, and a name on disk may be no text. What is not UTF-8 is written `\xE9`, a byte at a time:
//! two names never become the same text, and [`path`] finds the name again. Everything else stays as it is, but for a backslash that
//! would be taken for such an escape, which is written `\x5C`. Quotes, commas and line breaks are for CSV and JSON to see to.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A name, or a whole path, as text.
#[must_use]
pub fn text(name: impl AsRef<OsStr>) -> String {
    let bytes = name.as_ref().as_encoded_bytes();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find('\\') {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            text.push_str(if escaped(from.as_bytes()).is_some() { r"\x5C" } else { r"\" });
            rest = &from[1..];
        }
        text.push_str(rest);
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}

/// The name that [`text`] made `text` of. Systems whose names are not bytes (Windows) keep escapes of what is no Unicode as they are.
#[must_use]
pub fn path(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match escaped(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    from_bytes(bytes).unwrap_or_else(|| text.into()).into()
}

/// `text` as it can be shown: what would move the cursor, change its colour, or have what follows read in another order is shown as an
/// escape, such as `\u{1b}` or `\n`. Of Unicode's format characters these are the marks, embeddings, overrides and isolates of bidirectional
/// text; others, such as those that join emoji, stay.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_odd) {
        return text.into();
    }
    let shown = |c: char| if is_odd(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect::<String>().into()
}

/// Names that are told together: a dozen at most, and how many there are where those are not all.
#[must_use]
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let told: Vec<Cow<'_, str>> = names.iter().take(SHOWN).map(|name| shown(name)).collect();
    let more = if names.len() > SHOWN { format!(", … ({} in all)", names.len()) } else { String::new() };
    told.join(", ") + &more
}

/// `text` as an argument that a shell takes whole.
#[must_use]
pub fn for_shell(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "_-./:,@+=".contains(c) || cfg!(windows) && c == '\\';
    match !text.is_empty() && text.chars().all(plain) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', r"'\''")).into(),
    }
}

fn is_odd(c: char) -> bool {
    let reorders =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders
}

/// The byte that an escape at the beginning of `text` stands for: one that may be no text, or the backslash.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = *text else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let byte = 16 * digit(high)? + digit(low)?;
    (byte >= 0x80 || byte == b'\\').then_some(byte)
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_cannot_drive_the_terminal() {
        for plain in ["ein Bär 猫", "👩\u{200d}🍳", "שלום"] {
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown("a\u{1b}[31mred\r\t\n.jpg\u{9b}"), r"a\u{1b}[31mred\r\t\n.jpg\u{9b}");
        assert_eq!(shown("a\u{202e}gpj.exe"), r"a\u{202e}gpj.exe");
        let all: String =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{2066}\u{2067}\u{2068}\u{2069}".into();
        assert!(shown(&all).is_ascii());
    }

    #[test]
    fn what_is_text_stays_as_it_is() {
        for name in [
            "a,b.jpg",
            "\"x\"\n🦊.jpg",
            r"a\b.jpg",
            r"a\x41.jpg",
            r"a\xe9.jpg",
            "",
            "/é/猫",
            r"\",
            r"\x5",
            r"\\",
        ] {
            assert_eq!(text(name), name);
            assert_eq!(path(name), std::path::Path::new(name));
        }
        assert_eq!(text(r"\xE9"), r"\x5CxE9");
        assert_eq!(text(r"\x5C"), r"\x5Cx5C");
    }

    #[cfg(unix)]
    #[test]
    fn every_name_comes_back_and_no_two_look_alike() {
        use std::collections::HashMap;
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(text(OsStr::from_bytes(b"caf\xe9.jpg")), r"caf\xE9.jpg");
        // All names of up to five of these pieces: escapes, what begins like one, and what is cut out of a character.
        let pieces: [&[u8]; 9] = [b"\\", b"x", b"E9", b"5C", b"8", b"\xe9", b"\xc3", b"\xa9", "é".as_bytes()];
        let mut seen: HashMap<String, Vec<u8>> = HashMap::new();
        let mut names: Vec<Vec<u8>> = vec![Vec::new()];
        for _ in 0..5 {
            names = names
                .iter()
                .flat_map(|name| pieces.iter().map(move |piece| [name, *piece].concat()))
                .collect();
            for name in &names {
                let text = text(OsStr::from_bytes(name));
                assert_eq!(path(&text).as_os_str().as_bytes(), name, "{text}");
                // Different pieces may make up the same name.
                assert_eq!(seen.entry(text).or_insert_with(|| name.clone()), name);
            }
        }
    }
}
