//! Structures as Parquet writes them, gone over before the crate that reads them does.
//!
//! Source: the [Thrift compact protocol](https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).

/// Structures within structures, at most: those of Parquet have seven.
const DEEPEST: usize = 32;

const LIST: u8 = 9;
pub(super) const STRUCTURE: u8 = 12;

/// What a field may be. The crate goes by the numbers of fields alone: where a kind is another one, both would read different things.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    Byte,
    /// Numbers of 16, 32 and 64 bits.
    Short,
    Integer,
    Long,
    Double,
    Text,
    Of(&'static Shape),
    /// A structure with one field, itself a structure: of an empty one the crate reads a single byte, whatever its kind says.
    OneOf(&'static [(i64, Kind)]),
    List(&'static Kind),
}

/// A structure.
pub(super) struct Shape {
    /// The numbers and kinds of its fields.
    pub(super) fields: &'static [(i64, Kind)],
    /// The fields that are never left out. So none is much smaller than what the crate makes of it.
    pub(super) needed: &'static [i64],
}

impl Kind {
    /// The number that stands for it in front of elements of a list, and of fields but those of truths.
    fn number(self) -> u8 {
        match self {
            Self::Bool => 1,
            Self::Byte => 3,
            Self::Short => 4,
            Self::Integer => 5,
            Self::Long => 6,
            Self::Double => 7,
            Self::Text => 8,
            Self::List(_) => LIST,
            Self::Of(_) | Self::OneOf(_) => STRUCTURE,
        }
    }
}

/// What is left to read. What cannot be gone over is none, here and below: the crate might do that for hours.
pub(super) struct Thrift<'a>(pub(super) &'a [u8]);

impl Thrift<'_> {
    /// Goes over a structure of that shape, with its fields in ascending order, and gives the integers of its own to `seen`.
    pub(super) fn structure(&mut self, shape: &Shape, seen: &mut dyn FnMut(i64, i64)) -> Option<()> {
        let (mut last, mut there) = (0, 0u64);
        while let Some((id, kind)) = self.field(last)? {
            last = id;
            there |= u32::try_from(id).ok().and_then(|id| 1u64.checked_shl(id)).unwrap_or(0);
            if let Some(number) = self.value(shape.fields, id, kind)? {
                seen(id, number);
            }
        }
        shape.needed.iter().all(|id| there >> id & 1 == 1).then_some(())
    }

    /// The same of one with a single field, which is a structure.
    fn one_of(&mut self, fields: &[(i64, Kind)]) -> Option<()> {
        let (id, kind) = self.field(0)??;
        if kind != STRUCTURE {
            return None;
        }
        self.value(fields, id, kind)?;
        self.field(id)?.is_none().then_some(())
    }

    /// Goes over field `id` of a structure that has those. What comes is the number if it is one.
    pub(super) fn value(&mut self, fields: &[(i64, Kind)], id: i64, kind: u8) -> Option<Option<i64>> {
        match fields.iter().find(|(known, _)| *known == id) {
            // Of truths the kind is the value.
            Some((_, Kind::Bool)) if kind == 1 || kind == 2 => Some(None),
            Some((_, known)) if known.number() == kind => self.known(*known),
            Some(_) => None,
            // What is not known is passed over by its kind, by the crate too.
            None => self.skip(kind, 0).map(|()| None),
        }
    }

    fn known(&mut self, kind: Kind) -> Option<Option<i64>> {
        match kind {
            Kind::Short | Kind::Integer | Kind::Long => {
                let zigzag = self.varint()?;
                let number = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
                // The crate cuts longer ones off.
                let fits = match kind {
                    Kind::Short => i16::try_from(number).is_ok(),
                    Kind::Integer => i32::try_from(number).is_ok(),
                    _ => true,
                };
                return fits.then_some(Some(number));
            }
            Kind::Of(shape) => self.structure(shape, &mut |_, _| ())?,
            Kind::OneOf(fields) => self.one_of(fields)?,
            Kind::List(of) => {
                let (count, kind) = self.list()?;
                if count > 0 && kind != of.number() {
                    return None;
                }
                for _ in 0..count {
                    self.known(*of)?;
                }
            }
            _ => self.skip(kind.number(), 0)?,
        }
        Some(None)
    }

    /// The number and kind of the field that comes next, behind field `last`; `Some(None)` at the end of a structure, none at that of the file,
    /// and where numbers do not ascend.
    pub(super) fn field(&mut self, last: i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        let kind = head & 15;
        if kind == 0 {
            return Some(None);
        }
        let id = match head >> 4 {
            0 => self.known(Kind::Short)??,
            step => last + i64::from(step),
        };
        (last < id && i16::try_from(id).is_ok()).then_some(Some((id, kind)))
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

    /// How many elements of which kind follow. Truths never: the crate goes over as many as are claimed, and finds them to take no bytes.
    pub(super) fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        let kind = head & 15;
        (count == 0 || kind > 2).then_some((count, kind))
    }

    /// Goes over the value of a field, or over an element of a list.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.take(1).map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.take(8).map(drop),
            8 => {
                let length = self.varint()?;
                self.take(length).map(drop)
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip(kind, depth + 1))
            }
            STRUCTURE => {
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
}
