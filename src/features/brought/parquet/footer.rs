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

/// What is left to read.
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    /// Walks over the file's metadata; none where they cannot be walked over.
    fn schema_is_sound(&mut self) -> Option<bool> {
        let (mut elements, mut members) = (0, 0u64);
        // Members that are still to come, of each group that this is in.
        let mut groups: Vec<u64> = Vec::new();
        self.fields(|this, id, kind| match (id, kind) {
            (2, 9) => {
                let (count, kind) = this.list()?;
                elements = count;
                (0..count).try_for_each(|_| {
                    if kind != 12 {
                        return this.skip_element(kind, 0);
                    }
                    let mut has = 0;
                    this.fields(|this, id, kind| match (id, kind) {
                        (5, 5) => this.integer().map(|count| has = count),
                        _ => this.skip(kind, 0),
                    })?;
                    while groups.pop_if(|left| *left == 0).is_some() {}
                    if let Some(left) = groups.last_mut() {
                        *left -= 1;
                    }
                    if has > 0 {
                        groups.push(has);
                    }
                    members = members.saturating_add(has);
                    (groups.len() <= DEEPEST_GROUP).then_some(())
                })
            }
            _ => this.skip(kind, 0),
        })?;
        Some(members <= elements)
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

    /// Gives the fields of a structure to `field`, which reads them.
    fn fields(&mut self, mut field: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            let kind = head & 15;
            if kind == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => {
                    let zigzag = self.varint()?;
                    (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()
                }
                step => id.checked_add(i64::from(step))?,
            };
            field(self, id, kind)?;
        }
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
            12 => self.fields(|this, _, kind| this.skip(kind, depth + 1)),
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
        for length in 0..metadata.len() {
            assert!(!is_sound(&file(&metadata[..length])), "{length} bytes");
        }
        assert!(!is_sound(&file(&[0x1B, 0])), "a map");
        assert!(!is_sound(&file(&[0x1C; 1000])), "without an end");
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
