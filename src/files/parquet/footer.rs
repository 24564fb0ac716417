//! What the end of a Parquet file claims, before the crate that reads it makes room for that.
//!
//! Source: [`parquet.thrift`](https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).

use super::thrift::Kind::{Bool, Byte, Double, Integer, List, Long, Of, OneOf, Short, Text};
use super::thrift::{Kind, STRUCTURE, Shape, Thrift};

/// Groups within groups of the schema, at most: the crate calls itself for each.
const DEEPEST_GROUP: usize = 64;
/// Groups and columns in a schema, at most: the crate makes room for all that are claimed at once.
const MOST_ELEMENTS: u64 = 1 << 20;

/// Whether the metadata of `file` can be gone over in as many steps as they have bytes, and groups of the schema have no more members together
/// than it has elements, and do not lie too deep in one another: the crate makes room for as many as are claimed, and looks for them then.
/// What it refuses itself is not looked at.
pub(super) fn is_sound(file: &[u8]) -> bool {
    let Some((rest, [a, b, c, d, ..])) = file.split_last_chunk::<8>() else { return true };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let Some(from) = rest.len().checked_sub(length) else { return true };
    file_metadata(&mut Thrift(&rest[from..])).unwrap_or(false)
}

/// A structure of these fields, of which `needed` are never left out.
macro_rules! shape {
    ($needed:expr, $($fields:tt)*) => { Of(&Shape { fields: &[$($fields)*], needed: &$needed }) };
}

const UNIT: Kind = OneOf(&[]);
const TIME: Kind = shape!([], (1, Bool), (2, UNIT));

/// `LogicalType`, as far as its members have members.
const LOGICAL: Kind = OneOf(&[
    (5, shape!([], (1, Integer), (2, Integer))),
    (7, TIME),
    (8, TIME),
    (10, shape!([], (1, Byte), (2, Bool))),
    (16, shape!([], (1, Byte))),
    (17, shape!([], (1, Text))),
    (18, shape!([], (1, Text), (2, Integer))),
]);

/// The number of members in `SchemaElement`.
const MEMBERS: i64 = 5;

/// `SchemaElement`.
const ELEMENT: &Shape = &Shape {
    fields: &[
        (1, Integer),
        (2, Integer),
        (3, Integer),
        (4, Text),
        (MEMBERS, Integer),
        (6, Integer),
        (7, Integer),
        (8, Integer),
        (9, Integer),
        (10, LOGICAL),
    ],
    needed: &[4],
};

/// `Statistics`, of a row group and of a page.
pub(super) const STATISTICS: Kind = shape!(
    [],
    (1, Text),
    (2, Text),
    (3, Long),
    (4, Long),
    (5, Text),
    (6, Text),
    (7, Bool),
    (8, Bool),
    (9, Long)
);

/// `BoundingBox`.
const BOX: Kind = shape!(
    [],
    (1, Double),
    (2, Double),
    (3, Double),
    (4, Double),
    (5, Double),
    (6, Double),
    (7, Double),
    (8, Double)
);

/// `KeyValue`.
const NOTE: Kind = shape!([1], (1, Text), (2, Text));

/// `ColumnMetaData`.
const COLUMN: Kind = shape!(
    [1, 2, 3, 4, 5, 6, 7, 9],
    (1, Integer),
    (2, List(&Integer)),
    (3, List(&Text)),
    (4, Integer),
    (5, Long),
    (6, Long),
    (7, Long),
    (8, List(&NOTE)),
    (9, Long),
    (10, Long),
    (11, Long),
    (12, STATISTICS),
    (13, List(&shape!([1, 2, 3], (1, Integer), (2, Integer), (3, Integer)))),
    (14, Long),
    (15, Integer),
    (16, shape!([], (1, Long), (2, List(&Long)), (3, List(&Long)))),
    (17, shape!([], (1, BOX), (2, List(&Integer))))
);

/// `ColumnChunk`. How one is encrypted is not read.
const CHUNK: Kind =
    shape!([2], (1, Text), (2, Long), (3, COLUMN), (4, Long), (5, Integer), (6, Long), (7, Integer));

/// `RowGroup`.
const GROUP: Kind = shape!(
    [1, 2, 3],
    (1, List(&CHUNK)),
    (2, Long),
    (3, Long),
    (4, List(&shape!([1, 2, 3], (1, Integer), (2, Bool), (3, Bool)))),
    (5, Long),
    (6, Long),
    (7, Short)
);

/// The number of the schema in `FileMetaData`.
const SCHEMA: i64 = 2;

/// `FileMetaData` but the schema.
const FILE: &[(i64, Kind)] = &[
    (1, Integer),
    (3, Long),
    (4, List(&GROUP)),
    (5, List(&NOTE)),
    (6, Text),
    // `ColumnOrder`, whose members have none.
    (7, List(&OneOf(&[]))),
];

/// Goes over the metadata of a file; none where that cannot be done, or there is no schema.
fn file_metadata(thrift: &mut Thrift<'_>) -> Option<bool> {
    let (mut last, mut sound) = (0, None);
    while let Some((id, kind)) = thrift.field(last)? {
        last = id;
        match (id, kind) {
            (SCHEMA, 9) => sound = Some(schema(thrift)?),
            (SCHEMA, _) => return None,
            _ => drop(thrift.value(FILE, id, kind)?),
        }
    }
    sound
}

/// Whether groups have no more members than there are elements, and do not lie too deep.
fn schema(thrift: &mut Thrift<'_>) -> Option<bool> {
    let (count, kind) = thrift.list()?;
    if kind != STRUCTURE || count > MOST_ELEMENTS {
        return None;
    }
    // Members that are still to come, of each group that this is in.
    let (mut groups, mut members): (Vec<u64>, u64) = (Vec::new(), 0);
    let mut sound = true;
    for _ in 0..count {
        let mut has = 0;
        thrift.structure(ELEMENT, &mut |id, number| {
            if id == MEMBERS {
                // Of a number below zero the crate takes how far it is below.
                has = number.unsigned_abs();
            }
        })?;
        while groups.pop_if(|left| *left == 0).is_some() {}
        if let Some(left) = groups.last_mut() {
            *left -= 1;
        }
        if has > 0 {
            groups.push(has);
        }
        members = members.saturating_add(has);
        sound &= groups.len() <= DEEPEST_GROUP && members <= count;
        if !sound {
            break;
        }
    }
    Some(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose metadata are these bytes.
    fn file(metadata: &[u8]) -> Vec<u8> {
        [b"PAR1", metadata, &(metadata.len() as u32).to_le_bytes(), b"PAR1"].concat()
    }

    /// A version, and a schema of two elements: a group of so many members, and a float of no name.
    fn schema(members: &[u8]) -> Vec<u8> {
        with_group(&[&[0x48, 1, b'r', 0x15][..], members, &[0]].concat())
    }

    /// The same where the bytes of the group are given.
    fn with_group(group: &[u8]) -> Vec<u8> {
        let column = [0x15, 8, 0x38, 0, 0];
        file(&[&[0x15, 2, 0x19, 0x2C], group, &column, &[0x16, 0, 0]].concat())
    }

    #[test]
    fn groups_have_no_more_members_than_there_are_elements() {
        assert!(is_sound(&schema(&[2])));
        assert!(!is_sound(&schema(&[6])));
        // 700 million, and as many below zero.
        assert!(!is_sound(&schema(&[0x80, 0x90, 0xCA, 0x9B, 5])));
        assert!(!is_sound(&schema(&[0xFF, 0x8F, 0xCA, 0x9B, 5])));
    }

    /// So many groups of one member each, in one another.
    fn nested(groups: usize) -> Vec<u8> {
        let group = [0x48, 1, b'g', 0x15, 2, 0].repeat(groups);
        let head = [0x15, 2, 0x19, 0xFC, 0x80 | (groups + 1) as u8 & 0x7F, ((groups + 1) >> 7) as u8];
        file(&[&head[..], &group, &[0x15, 8, 0x38, 0, 0], &[0x16, 0, 0]].concat())
    }

    #[test]
    fn groups_do_not_lie_too_deep_in_one_another() {
        assert!(is_sound(&nested(DEEPEST_GROUP)));
        assert!(!is_sound(&nested(DEEPEST_GROUP + 1)));
        assert!(!is_sound(&nested(10_000)));
    }

    #[test]
    fn claims_of_many_groups_are_added_up() {
        // Two groups that both claim the two other elements.
        let group = [0x48, 1, b'g', 0x15, 4, 0].repeat(2);
        let whole =
            file(&[&[0x15, 2, 0x19, 0x3C][..], &group, &[0x15, 8, 0x38, 0, 0], &[0x16, 0, 0]].concat());
        assert!(!is_sound(&whole));
    }

    #[test]
    fn what_cannot_be_walked_over_is_not_sound() {
        let whole = schema(&[2]);
        let metadata = &whole[4..whole.len() - 8];
        for length in 0..metadata.len() {
            assert!(!is_sound(&file(&metadata[..length])), "{length} bytes");
        }
        assert!(!is_sound(&file(&[0x1B, 0])), "a map");
        assert!(!is_sound(&file(&[0x1C; 1000])), "without an end");
        // A list of 2 billion truths that nobody knows, behind the schema.
        let (all, _end) = metadata.split_at(metadata.len() - 1);
        assert!(!is_sound(&file(&[all, &[0xC9, 0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0]].concat())), "truths");
        assert!(is_sound(&file(&[all, &[0xC9, 0x23, 7, 7, 0]].concat())), "bytes");
    }

    #[test]
    fn kinds_that_are_not_those_of_the_field_are_not_sound() {
        // The number of members as a list of one integer, as an integer of 64 bits, as one of more than 32, and twice.
        for members in
            [&[0x19, 0x15, 2][..], &[0x16, 2], &[0x15, 0x82, 0x80, 0x80, 0x80, 0x40], &[0x15, 2, 0x05, 10, 2]]
        {
            assert!(!is_sound(&with_group(&[&[0x48, 1, b'r'][..], members, &[0]].concat())), "{members:X?}");
        }
        // No name.
        assert!(!is_sound(&with_group(&[0x55, 4, 0])));
        // The schema before the version, and the version twice.
        let whole = schema(&[2]);
        let metadata = &whole[4..whole.len() - 8];
        let (version, behind) = metadata.split_at(2);
        assert!(!is_sound(&file(&[&behind[..behind.len() - 1], &[0x05, 2, 2, 0]].concat())));
        assert!(!is_sound(&file(&[version, metadata].concat())));
        assert!(is_sound(&file(metadata)));
    }

    #[test]
    fn a_type_is_a_structure_whichever_it_is() {
        // Field 10 as one of the types: an empty structure, and the same as truths and as a number of 8 bytes, of which the crate reads one.
        let group = |typed: &[u8]| with_group(&[&[0x48, 1, b'r', 0x15, 2, 0x5C], typed, &[0, 0]].concat());
        for id in [1u8, 2, 3, 4, 6, 9, 11, 12, 13, 14, 15] {
            assert!(is_sound(&group(&[id << 4 | 0xC, 0])), "{id}");
            for other in [&[id << 4 | 1][..], &[id << 4 | 2], &[id << 4 | 7, 0, 0, 0, 0, 0, 0, 0, 0]] {
                assert!(!is_sound(&group(other)), "{id} {other:X?}");
            }
        }
        // A later one that nobody knows, and two.
        assert!(is_sound(&group(&[0x0C, 60, 0x15, 2, 0])));
        assert!(!is_sound(&group(&[0x1C, 0, 0x1C, 0])));
        // The same of orders of columns.
        let whole = schema(&[2]);
        let metadata = &whole[4..whole.len() - 9];
        assert!(is_sound(&file(&[metadata, &[0x49, 0x1C, 0x3C, 0, 0, 0]].concat())));
        assert!(!is_sound(&file(&[metadata, &[0x49, 0x1C, 0x37, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat())));
    }

    #[test]
    fn real_files_are_sound() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/embeddings");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "parquet") {
                assert!(is_sound(&std::fs::read(&path).unwrap()), "{}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 2);
    }
}
