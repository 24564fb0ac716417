//! Structures as Parquet writes them, gone over before the crate that reads them does.
//!
//! Source: the [Thrift compact protocol](https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).

/// Structures within structures, at most: those of Parquet have seven.
const DEEPEST: usize = 32;

const LIST: u8 = 9;
const STRUCTURE: u8 = 12;

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
    List(&'static Kind),
}

/// The numbers and kinds of the fields of a structure.
pub(super) type Shape = [(i64, Kind)];

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
            Self::Of(_) => STRUCTURE,
        }
    }
}

/// What is left to read. What cannot be gone over is none, here and below: the crate might do that for hours.
pub(super) struct Thrift<'a>(pub(super) &'a [u8]);

impl Thrift<'_> {
    /// Goes over a structure whose fields have these numbers and kinds, in ascending order, and gives the integers of its own to `seen`.
    pub(super) fn structure(&mut self, shape: &Shape, seen: &mut dyn FnMut(i64, i64)) -> Option<()> {
        let mut last = 0;
        while let Some((id, kind)) = self.field(last)? {
            last = id;
            if let Some(number) = self.value(shape, id, kind)? {
                seen(id, number);
            }
        }
        Some(())
    }

    /// Goes over field `id` of a structure of that shape. What comes is the number if it is one.
    pub(super) fn value(&mut self, shape: &Shape, id: i64, kind: u8) -> Option<Option<i64>> {
        match shape.iter().find(|(known, _)| *known == id) {
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
                return Some(Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()));
            }
            Kind::Of(shape) => self.structure(shape, &mut |_, _| ())?,
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
    /// and where numbers do not ascend or have more than 15 bits, which the crate would cut off.
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
        (last < id && id <= i64::from(i16::MAX)).then_some(Some((id, kind)))
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
