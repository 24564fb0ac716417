//! What the end of a Parquet file claims, before the crate that reads it makes room for that.
//!
//! Source: the [Thrift compact protocol](https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md) and `parquet.thrift`.

/// Structures within structures of the metadata, at most: files have five.
const DEEPEST: usize = 32;
/// Groups within groups of the schema, at most: the crate calls itself for each.
const DEEPEST_GROUP: usize = 64;

/// Whether groups of the schema of `file` have no more members together than it has elements, and do not lie too deep in one another: the
/// crate makes room for as many as are claimed, and looks for them then. What it refuses itself is not looked at.
pub(super) fn is_sound(file: &[u8]) -> bool {
    let Some((rest, [a, b, c, d, ..])) = file.split_last_chunk::<8>() else { return true };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let Some(from) = rest.len().checked_sub(length) else { return true };
    Thrift(&rest[from..]).schema_is_sound().unwrap_or(false)
}

/// What a field may be. The crate goes by the numbers of fields alone: where a kind is another one, both would read different things.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Byte,
    Integer,
    Text,
    Of(&'static [(i64, Kind)]),
}

const UNIT: Kind = Kind::Of(&[(1, Kind::Of(&[])), (2, Kind::Of(&[])), (3, Kind::Of(&[]))]);
const TIME: Kind = Kind::Of(&[(1, Kind::Bool), (2, UNIT)]);

/// `LogicalType`, as far as its members have members.
const LOGICAL: Kind = Kind::Of(&[
    (5, Kind::Of(&[(1, Kind::Integer), (2, Kind::Integer)])),
    (7, TIME),
    (8, TIME),
    (10, Kind::Of(&[(1, Kind::Byte), (2, Kind::Bool)])),
    (16, Kind::Of(&[(1, Kind::Byte)])),
    (17, Kind::Of(&[(1, Kind::Text)])),
    (18, Kind::Of(&[(1, Kind::Text), (2, Kind::Integer)])),
]);

/// The number of members in `SchemaElement`.
const MEMBERS: i64 = 5;

/// `SchemaElement`.
const ELEMENT: &[(i64, Kind)] = &[
    (1, Kind::Integer),
    (2, Kind::Integer),
    (3, Kind::Integer),
    (4, Kind::Text),
    (MEMBERS, Kind::Integer),
    (6, Kind::Integer),
    (7, Kind::Integer),
    (8, Kind::Integer),
    (9, Kind::Integer),
    (10, LOGICAL),
];

/// What is left to read.
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    /// Walks over the file's metadata up to the end of the schema; none where that cannot be done.
    fn schema_is_sound(&mut self) -> Option<bool> {
        // The version, and then the schema: so all write it.
        let mut field = self.field(0)??;
        if field == (1, 5) {
            self.varint()?;
            field = self.field(1)??;
        }
        if field == (2, 9) { self.elements() } else { None }
    }

    fn elements(&mut self) -> Option<bool> {
        let (count, kind) = self.list()?;
        if kind != 12 {
            return None;
        }
        // Members that are still to come, of each group that this is in.
        let (mut groups, mut members): (Vec<u64>, u64) = (Vec::new(), 0);
        for _ in 0..count {
            let mut has = 0;
            self.shaped(ELEMENT, &mut |id, number| {
                if id == MEMBERS {
                    has = number;
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
            if groups.len() > DEEPEST_GROUP {
                return Some(false);
            }
        }
        Some(members <= count)
    }

    /// Goes over a structure whose fields have these numbers and kinds, in ascending order, and gives the integers of its own to `seen`.
    fn shaped(&mut self, shape: &[(i64, Kind)], seen: &mut dyn FnMut(i64, u64)) -> Option<()> {
        let mut last = 0;
        while let Some((id, kind)) = self.field(last)? {
            if id <= last {
                return None;
            }
            last = id;
            let known = shape.iter().find(|(known, _)| *known == id).map(|(_, kind)| kind);
            match (known, kind) {
                // What is not known is passed over by its kind, by the crate too.
                (None, kind) => self.skip(kind, 0)?,
                (Some(Kind::Bool), 1 | 2) => {}
                (Some(Kind::Byte), 3) => drop(self.byte()?),
                (Some(Kind::Integer), 5) => seen(id, self.integer()?),
                (Some(Kind::Text), 8) => self.skip(8, 0)?,
                (Some(Kind::Of(shape)), 12) => self.shaped(shape, &mut |_, _| ())?,
                _ => return None,
            }
        }
        Some(())
    }

    /// The number and kind of the field that comes next, behind field `last`; `Some(None)` at the end of a structure, none at that of the file.
    fn field(&mut self, last: i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        let kind = head & 15;
        if kind == 0 {
            return Some(None);
        }
        let id = match head >> 4 {
            0 => {
                let zigzag = self.varint()?;
                (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()
            }
            step => last.checked_add(i64::from(step))?,
        };
        Some(Some((id, kind)))
    }

    fn take(&mut self, count: u64) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Seven bits a byte, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A signed number; of one below zero how far it is below.
    fn integer(&mut self) -> Option<u64> {
        self.varint().map(|zigzag| zigzag.div_ceil(2))
    }

    /// How many elements of which kind follow.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 15))
    }

    /// Goes over the value of a field.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            // Of truths the kind is the value.
            1 | 2 => Some(()),
            3 => self.take(1).map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.take(8).map(drop),
            8 => {
                let length = self.varint()?;
                self.take(length).map(drop)
            }
            9 | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth + 1))
            }
            12 => {
                let mut last = 0;
                while let Some((id, kind)) = self.field(last)? {
                    last = id;
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            // Maps and others: there are none.
            _ => None,
        }
    }

    /// The same of an element of a list.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => self.take(1).map(drop),
            _ => self.skip(kind, depth),
        }
    }
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
        let group = [&[0x48, 1, b'r', 0x15][..], members, &[0]].concat();
        let column = [0x15, 8, 0x38, 0, 0];
        file(&[&[0x15, 2, 0x19, 0x2C][..], &group, &column, &[0x16, 0, 0]].concat())
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
        // What comes behind the schema is the crate's to read.
        for length in 0..metadata.len() - 3 {
            assert!(!is_sound(&file(&metadata[..length])), "{length} bytes");
        }
        assert!(!is_sound(&file(&[0x1B, 0])), "a map");
        assert!(!is_sound(&file(&[0x1C; 1000])), "without an end");
    }

    #[test]
    fn kinds_that_are_not_those_of_the_field_are_not_sound() {
        // The number of members as a list of one integer, as an integer of 64 bits, and twice.
        for members in [&[0x19, 0x15, 2][..], &[0x16, 2], &[0x15, 2, 0x05, 10, 2]] {
            let group = [&[0x48, 1, b'r'][..], members, &[0]].concat();
            let column = [0x15, 8, 0x38, 0, 0];
            assert!(!is_sound(&file(&[&[0x15, 2, 0x19, 0x2C][..], &group, &column, &[0x16, 0, 0]].concat())));
        }
        // The schema before the version, and the version twice.
        let whole = schema(&[2]);
        let metadata = &whole[4..whole.len() - 8];
        assert!(!is_sound(&file(&[&[0x15, 2], metadata].concat())));
        assert!(is_sound(&file(metadata)));
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
