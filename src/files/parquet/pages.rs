//! The pages of a column in a row group, before the crate that reads them goes over their headers.

use parquet::basic::Type;
use parquet::file::metadata::ColumnChunkMetaData;

use super::damaged;
use super::footer::STATISTICS;
use super::thrift::Kind::{Bool, Integer, Of};
use super::thrift::{Kind, STRUCTURE, Shape, Thrift};
use crate::bytes::Bytes;

/// Fields of `PageHeader`: the number of a page's bytes once they are unpacked, as they are, and the header of a dictionary.
const UNPACKED: i64 = 2;
const BYTES: i64 = 3;
const DICTIONARY: i64 = 7;

/// `PageHeader`, but the headers of kinds of pages.
const HEADER: &[(i64, Kind)] =
    &[(1, Integer), (UNPACKED, Integer), (BYTES, Integer), (4, Integer), (6, INDEX)];

const INDEX: Kind = Of(&Shape { fields: &[], needed: &[] });

/// The number of values in each of these.
const VALUES: i64 = 1;

/// `DataPageHeader`.
const DATA: &Shape = &Shape {
    fields: &[(VALUES, Integer), (2, Integer), (3, Integer), (4, Integer), (5, STATISTICS)],
    needed: &[VALUES],
};

/// `DictionaryPageHeader`.
const DICTIONARY_HEADER: &Shape =
    &Shape { fields: &[(VALUES, Integer), (2, Integer), (3, Bool)], needed: &[VALUES] };

/// `DataPageHeaderV2`.
const DATA_2: &Shape = &Shape {
    fields: &[
        (VALUES, Integer),
        (2, Integer),
        (3, Integer),
        (4, Integer),
        (5, Integer),
        (6, Integer),
        (7, Bool),
        (8, STATISTICS),
    ],
    needed: &[VALUES],
};

/// What may be unpacked of a column in a row group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Bytes of a page.
    pub(super) page: u64,
    /// Values of all pages, those of lists and what lacks there counted too.
    pub(super) values: u64,
    /// How there can be more of both, for messages.
    pub(super) more: &'static str,
}

/// What the headers of pages claim.
#[derive(Debug, Default, PartialEq)]
struct Claims {
    /// Bytes of the largest page once it is unpacked.
    largest: u64,
    values: u64,
}

/// Fails unless the headers of the pages of `chunk` can be gone over in as many steps as they have bytes, and claim no more than there is `room`
/// for, and dictionaries no more values than they have bytes for: the crate asks for as much as is claimed, and a list is unpacked at once.
pub(super) fn check(file: &[u8], chunk: &ColumnChunkMetaData, room: Room) -> Result<(), String> {
    let contradict = || damaged(&"its pages contradict themselves");
    let from = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let (Ok(from), Ok(bytes)) = (usize::try_from(from), usize::try_from(chunk.compressed_size())) else {
        return Err(contradict());
    };
    let pages = file.get(from..).and_then(|rest| rest.get(..bytes)).ok_or_else(contradict)?;
    let claims = walk(pages, least(chunk.column_type())).ok_or_else(contradict)?;
    if claims.largest > room.page {
        return Err(format!(
            "a page of it takes {} unpacked, and there is memory for {}; {}write smaller ones (pyarrow: write_table(…, data_page_size=1000000))",
            Bytes(claims.largest),
            Bytes(room.page),
            room.more
        ));
    }
    if claims.values > room.values {
        return Err(format!(
            "a row group of it has {} values in a column, and there is room for {}; {}write smaller ones (pyarrow: write_table(…, \
             row_group_size=10000))",
            claims.values, room.values, room.more
        ));
    }
    Ok(())
}

/// The least number of bytes of a value in a dictionary.
fn least(values: Type) -> u64 {
    match values {
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        // Texts have their lengths before them.
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
        // Of those with a length of their own only halves are read.
        Type::FIXED_LEN_BYTE_ARRAY => 2,
        Type::BOOLEAN => 1,
    }
}

/// Goes over pages whose dictionaries have values of `least` bytes at least.
fn walk(mut pages: &[u8], least: u64) -> Option<Claims> {
    let mut claims = Claims::default();
    while !pages.is_empty() {
        let mut header = Thrift(pages);
        let (mut last, mut bytes, mut unpacked) = (0, None, None);
        let (mut values, mut words) = (0u64, 0u64);
        while let Some((id, kind)) = header.field(last)? {
            last = id;
            let shape = match id {
                5 => DATA,
                DICTIONARY => DICTIONARY_HEADER,
                8 => DATA_2,
                _ => {
                    match (id, header.value(HEADER, id, kind)?) {
                        (BYTES, number) => bytes = number,
                        (UNPACKED, number) => unpacked = number,
                        _ => {}
                    }
                    continue;
                }
            };
            if kind != STRUCTURE {
                return None;
            }
            let mut count = 0;
            header.structure(shape, &mut |id, number| {
                if id == VALUES {
                    count = number;
                }
            })?;
            *if id == DICTIONARY { &mut words } else { &mut values } += u64::try_from(count).ok()?;
        }
        let unpacked = u64::try_from(unpacked?).ok()?;
        if words.saturating_mul(least) > unpacked {
            return None;
        }
        claims.largest = claims.largest.max(unpacked);
        claims.values = claims.values.saturating_add(values);
        pages = header.0.get(usize::try_from(bytes?).ok()?..)?;
    }
    Some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a page of so many bytes, with these fields behind it.
    fn header(bytes: u8, rest: &[u8]) -> Vec<u8> {
        [&[0x15, 0, 0x15, 2 * bytes, 0x15, 2 * bytes][..], rest, &[0]].concat()
    }

    fn claims(largest: u64, values: u64) -> Claims {
        Claims { largest, values }
    }

    #[test]
    fn pages_follow_one_another() {
        assert!(walk(&[], 4) == Some(claims(0, 0)));
        let page = [header(3, &[]), vec![9; 3]].concat();
        assert!(walk(&page, 4) == Some(claims(3, 0)));
        assert!(walk(&page.repeat(2), 4) == Some(claims(3, 0)));
        for length in 1..page.len() {
            assert!(walk(&page[..length], 4).is_none(), "{length} bytes");
        }
        // Less than nothing.
        assert!(walk(&[0x15, 0, 0x15, 0, 0x15, 1, 0], 4).is_none());
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
            assert_eq!(walk(&header(0, field), 4).is_some(), sound, "{field:X?}");
        }
    }

    #[test]
    fn fields_beyond_15_bits_are_those_that_the_crate_would_take_them_for() {
        // Field 65,537 as an empty structure: to the crate that is field 1.
        assert!(walk(&header(0, &[0x0C, 0x82, 0x80, 8, 0]), 4).is_none());
    }

    #[test]
    fn pages_have_no_more_bytes_than_32_bits_count() {
        // 2^32 + 1: to the crate that is one.
        let header = [0x15, 0, 0x15, 2, 0x15, 0x82, 0x80, 0x80, 0x80, 0x20, 0];
        assert!(walk(&[&header[..], &[9]].concat(), 4).is_none());
    }

    #[test]
    fn dictionaries_have_no_more_values_than_bytes() {
        // 12 bytes, and so many values.
        let dictionary =
            |values: u8| [header(12, &[0x4C, 0x15, 2 * values, 0x15, 0, 0]), vec![0; 12]].concat();
        assert_eq!(walk(&dictionary(3), 4), Some(claims(12, 0)));
        assert_eq!(walk(&dictionary(4), 4), None);
        assert_eq!(walk(&dictionary(4), 2), Some(claims(12, 0)));
        // Less than none.
        let below = [header(12, &[0x4C, 0x15, 1, 0x15, 0, 0]), vec![0; 12]].concat();
        assert_eq!(walk(&below, 4), None);
    }

    #[test]
    fn the_largest_page_is_found() {
        let page = |unpacked: u8| [0x15, 0, 0x15, 2 * unpacked, 0x15, 2, 0, 9];
        assert_eq!(walk(&[page(5), page(60), page(7)].concat(), 4), Some(claims(60, 0)));
    }

    #[test]
    fn values_of_all_pages_are_counted() {
        let page = |field: u8, values: u8| [header(1, &[field, 0x15, 2 * values, 0]), vec![9]].concat();
        let pages = [page(0x2C, 5), page(0x5C, 60)].concat();
        assert_eq!(walk(&pages, 4), Some(claims(1, 65)));
        // Less than none, and without a number.
        assert_eq!(walk(&[header(1, &[0x2C, 0x15, 1, 0]), vec![9]].concat(), 4), None);
        assert_eq!(walk(&[header(1, &[0x2C, 0]), vec![9]].concat(), 4), None);
    }
}
