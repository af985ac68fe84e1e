//! The checksum of records: CRC-32 as in zip and Ethernet, by half bytes. Records are a few kilobytes, for which a table
//! of 64 bytes is fast enough; the usual libraries bring 16 KiB of tables.

const TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut index = 0;
    while index < 16 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 4 {
            value = (value >> 1) ^ (if value & 1 == 1 { 0xedb8_8320 } else { 0 });
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// The checksum of the parts, one after the other.
pub fn crc32(parts: &[&[u8]]) -> u32 {
    let half = |sum: u32| (sum >> 4) ^ TABLE[(sum & 15) as usize];
    let step = |sum: u32, byte: &u8| half(half(sum ^ u32::from(*byte)));
    !parts.iter().copied().flatten().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn known_sums() {
        assert_eq!(crc32(&[]), 0);
        assert_eq!(crc32(&[b"123456789"]), 0xcbf4_3926);
        assert_eq!(crc32(&[b"1234", b"", b"56789"]), 0xcbf4_3926);
        assert_eq!(
            crc32(&[b"The quick brown fox jumps over the lazy dog"]),
            0x414f_a339
        );
    }
}
