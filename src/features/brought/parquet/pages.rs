//! The pages of a column in a row group, before the crate that reads them goes over their headers.

use parquet::file::metadata::ColumnChunkMetaData;

use super::footer::STATISTICS;
use super::thrift::Kind::{Bool, Integer, Of};
use super::thrift::{Shape, Thrift};

/// The number of a page's bytes, its header not counted, in `PageHeader`.
const BYTES: i64 = 3;

/// `PageHeader`.
const HEADER: &Shape = &[
    (1, Integer),
    (2, Integer),
    (BYTES, Integer),
    (4, Integer),
    (5, Of(&[(1, Integer), (2, Integer), (3, Integer), (4, Integer), (5, STATISTICS)])),
    (6, Of(&[])),
    (7, Of(&[(1, Integer), (2, Integer), (3, Bool)])),
    (
        8,
        Of(&[
            (1, Integer),
            (2, Integer),
            (3, Integer),
            (4, Integer),
            (5, Integer),
            (6, Integer),
            (7, Bool),
            (8, STATISTICS),
        ]),
    ),
];

/// Whether the headers of the pages of `chunk` can be gone over in as many steps as they have bytes.
pub(super) fn are_sound(file: &[u8], chunk: &ColumnChunkMetaData) -> bool {
    let from = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let (Ok(from), Ok(bytes)) = (usize::try_from(from), usize::try_from(chunk.compressed_size())) else {
        return false;
    };
    let pages = file.get(from..).and_then(|rest| rest.get(..bytes));
    pages.and_then(walk).is_some()
}

fn walk(mut pages: &[u8]) -> Option<()> {
    while !pages.is_empty() {
        let mut header = Thrift(pages);
        let mut bytes = None;
        header.structure(HEADER, &mut |id, number| {
            if id == BYTES {
                bytes = Some(number);
            }
        })?;
        pages = header.0.get(usize::try_from(bytes?).ok()?..)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a page of so many bytes, with these fields behind it.
    fn header(bytes: u8, rest: &[u8]) -> Vec<u8> {
        [&[0x15, 0, 0x15, 2 * bytes, 0x15, 2 * bytes][..], rest, &[0]].concat()
    }

    #[test]
    fn pages_follow_one_another() {
        assert!(walk(&[]).is_some());
        let page = [header(3, &[]), vec![9; 3]].concat();
        assert!(walk(&page).is_some());
        assert!(walk(&page.repeat(2)).is_some());
        for length in 1..page.len() {
            assert!(walk(&page[..length]).is_none(), "{length} bytes");
        }
        // Less than nothing.
        assert!(walk(&[0x15, 0, 0x15, 0, 0x15, 1, 0]).is_none());
    }

    #[test]
    fn lists_and_maps_of_truths_are_not_gone_over() {
        // Fields that nobody knows: a list of 2 billion truths in five bytes, an empty one, and a map.
        for (field, sound) in [
            (&[0x79, 0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 7][..], false),
            (&[0x79, 0xF2, 0xFF, 0xFF, 0xFF, 0xFF, 7], false),
            (&[0x79, 0x01], true),
            (&[0x79, 0x25, 2, 4], true),
            (&[0x7B, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0x11], false),
        ] {
            assert_eq!(walk(&header(0, field)).is_some(), sound, "{field:X?}");
        }
    }

    #[test]
    fn fields_beyond_15_bits_are_those_that_the_crate_would_take_them_for() {
        // Field 65,537 as an empty structure: to the crate that is field 1.
        assert!(walk(&header(0, &[0x0C, 0x82, 0x80, 8, 0])).is_none());
    }
}
