//! What stands before the numbers in NumPy's `.npy`.

use npyz::{NpyHeader, Order};

/// The longest header that is read: those of arrays of plain numbers have some hundred bytes.
const MAX_HEADER: usize = 4096;

/// Brackets inside each other: those of records within records have four or five.
const MAX_DEPTH: usize = 6;

/// What stands before the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The byte of the first of them.
    pub(crate) start: usize,
    /// What they are, as NumPy writes it, with its order of bytes: `<f4`.
    pub(crate) dtype: String,
    /// Whether they lie column after column.
    pub(crate) by_column: bool,
    pub(crate) shape: Vec<u64>,
}

impl Header {
    /// The header that `bytes` begin with.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let no = |why: &str| format!("no .npy file ({why})");
        if !bytes.starts_with(b"\x93NUMPY") {
            return Err(no("it does not begin with \\x93NUMPY"));
        }
        // The length is looked at before anybody makes room for it, and the brackets before anybody follows them down.
        let (start, length) = match bytes {
            [_, _, _, _, _, _, 1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([*a, *b]))),
            [_, _, _, _, _, _, 2 | 3, _, a, b, c, d, ..] => {
                (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
            }
            [_, _, _, _, _, _, version, ..] if *version > 3 => {
                return Err(format!("it is .npy version {version}, and 1 to 3 are read"));
            }
            _ => return Err(no("it is cut off in its header")),
        };
        if length > MAX_HEADER {
            return Err(format!(
                "its header has {length} bytes, and at most {MAX_HEADER} are read: is it an array of numbers?"
            ));
        }
        let text = bytes.get(start..start + length).ok_or_else(|| no("it is cut off in its header"))?;
        if text.iter().filter(|&&byte| matches!(byte, b'(' | b'[' | b'{')).count() > 64 {
            return Err("its header describes records, and an array of numbers is wanted".into());
        }
        // Each bracket inside another doubles what the parser tries where none of them closes.
        if depth(text).is_none_or(|depth| depth > MAX_DEPTH) {
            return Err(no("its header nests brackets as no array's does"));
        }
        if !countable(text) {
            return Err(
                "it is cut off: its header says more numbers than any file has; make or copy it again".into(),
            );
        }
        let mut front = &bytes[..start + length];
        let header = NpyHeader::from_reader(&mut front).map_err(|e| no(&e.to_string()))?;
        let dtype = header.dtype();
        if dtype.uses_pickled_array() {
            return Err(
                "it holds pickled Python objects, which are not read, as they can run code; make it an array of numbers or of text and \
                 save that: np.save(FILE, x, allow_pickle=False)"
                    .into(),
            );
        }
        let dtype = match dtype {
            npyz::DType::Plain(kind) => kind.to_string(),
            other => {
                return Err(format!(
                    "it holds records ({}), and an array of numbers is wanted",
                    other.descr()
                ));
            }
        };
        Ok(Self {
            start: start + length,
            dtype,
            by_column: header.order() == Order::Fortran,
            shape: header.shape().to_vec(),
        })
    }
}

/// How many brackets are open at once, at most. Those that open in texts count too (`<M8[s]`), and close nothing there; none where there are three
/// quotes together, as in no header of an array: where a text ends would not be known.
fn depth(text: &[u8]) -> Option<usize> {
    let (mut open, mut most) = (0usize, 0);
    let mut quote = None;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' if quote.is_none() => open = open.saturating_sub(1),
            b'\\' if quote.is_some() => drop(bytes.next()),
            b'\'' | b'"' if quote.is_none() => quote = Some(byte),
            _ if quote == Some(byte) => quote = None,
            _ => {}
        }
        most = most.max(open);
    }
    let long = text.windows(3).any(|three| three == b"'''" || three == b"\"\"\"");
    (!long).then_some(most)
}

/// Whether the numbers in a header can be multiplied: the crate that reads it does so, and panics where they cannot. Plain decimals are all
/// that NumPy writes.
fn countable(text: &[u8]) -> bool {
    let odd = |pair: &[u8]| pair[0].is_ascii_digit() && matches!(pair[1] | 0x20, b'x' | b'o' | b'b' | 0x7f);
    let numbers = text.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
    let product = numbers.map(number).try_fold(1u64, |product, n| product.checked_mul(n?.max(1)));
    product.is_some() && !text.windows(2).any(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_where_the_parser_counts_them() {
        let of = |text: &str| depth(text.as_bytes());
        assert_eq!(of("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"), Some(2));
        assert_eq!(of("{'descr': [('a', '<f4', (2,)), ('b', '<f8')], }"), Some(4));
        assert_eq!(of("(()) ()"), Some(2));
        assert_eq!(of(r#"('it\'s', "it's", ())"#), Some(2));
        assert_eq!(of("{'descr': '<M8[s]', 'shape': (3,), }"), Some(3));
        // Those that close in texts would hide others.
        for hidden in ["( ')' (", r#"( ")" ("#, "('('", r"('\')' ("] {
            assert_eq!(of(hidden), Some(2), "{hidden}");
        }
        for long in ["''' ' ) ''' (", r#"(""" " ) """ ("#] {
            assert_eq!(of(long), None, "{long}");
        }
    }
}
