//! The bytes of an event file: protobuf's wire format, as far as scalars need it, and the framing of TFRecord.

/// A protobuf message, field by field in the order they are added.
#[derive(Debug, Default)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

/// How a field is laid out, as the low three bits of its key say it.
const VARINT: u8 = 0;
const EIGHT_BYTES: u8 = 1;
const COUNTED: u8 = 2;
const FOUR_BYTES: u8 = 5;

impl Message {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn double(&mut self, field: u8, value: f64) {
        self.key(field, EIGHT_BYTES);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn float(&mut self, field: u8, value: f32) {
        self.key(field, FOUR_BYTES);
        self.bytes.extend(value.to_le_bytes());
    }

    pub(super) fn number(&mut self, field: u8, value: u64) {
        self.key(field, VARINT);
        self.varint(value);
    }

    pub(super) fn text(&mut self, field: u8, value: &str) {
        self.counted(field, value.as_bytes());
    }

    pub(super) fn message(&mut self, field: u8, value: &Self) {
        self.counted(field, &value.bytes);
    }

    fn counted(&mut self, field: u8, value: &[u8]) {
        self.key(field, COUNTED);
        self.varint(value.len() as u64);
        self.bytes.extend(value);
    }

    /// Fields up to 15 have a key of one byte, and there are no others here.
    fn key(&mut self, field: u8, layout: u8) {
        self.bytes.push(field << 3 | layout);
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// A record of TFRecord: length, its checksum, the data, its checksum; all little-endian.
pub(super) fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// A CRC as TFRecord stores it. It is masked because a CRC over bytes that hold their own CRC says little.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// CRC-32C (Castagnoli, RFC 3720), bit by bit: an event has some hundred bytes.
fn crc32c(data: &[u8]) -> u32 {
    /// The polynomial, its lowest power in the highest bit.
    const CASTAGNOLI: u32 = 0x82f6_3b78;
    let of_byte = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { CASTAGNOLI } else { 0 })
    };
    !data.iter().fold(!0, of_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogues, and vectors of RFC 3720, B.4.
    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
    }

    #[test]
    fn numbers_take_seven_bits_a_byte() {
        let bytes = |value| {
            let mut message = Message::default();
            message.number(2, value);
            message.bytes
        };
        assert_eq!(bytes(0), [0x10, 0]);
        assert_eq!(bytes(127), [0x10, 127]);
        assert_eq!(bytes(300), [0x10, 0xac, 0x02]);
        assert_eq!(bytes(u64::MAX).len(), 11);
    }
}
