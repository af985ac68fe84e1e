//! The one form of tar that bundles have: plain files with short names, one after the other, nothing about owners or times.
//! So equal contents are equal bytes, and every tar program can list and unpack them.

/// Bytes of a header, and what contents are filled up to.
pub(super) const BLOCK: u64 = 512;
/// Bytes of zeros behind the last file.
pub(super) const END: u64 = 2 * BLOCK;
/// Bytes of a name at most.
pub(super) const NAME: usize = 100;

/// Where the size stands: eleven digits of base eight.
const SIZE: std::ops::Range<usize> = 124..136;
/// Where the sum of the header's bytes stands, as which it counts as spaces.
const SUM: std::ops::Range<usize> = 148..156;
/// What kind of file it is.
const KIND: usize = 156;
/// The name and version of the format.
const MAGIC: std::ops::Range<usize> = 257..265;
/// Where longer names would go on.
const PREFIX: std::ops::Range<usize> = 345..500;

/// The header of a file. The name has [`NAME`] bytes at most.
pub(super) fn header(name: &str, size: u32) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    block[..name.len()].copy_from_slice(name.as_bytes());
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(SIZE.start, &format!("{size:011o}"));
    put(136, "00000000000");
    put(MAGIC.start, "ustar\x0000");
    block[KIND] = b'0';
    let sum = format!("{:06o}\0 ", sum(&block));
    block[SUM].copy_from_slice(sum.as_bytes());
    block
}

/// Name and size that a header tells; the error is the end of a sentence about it.
pub(super) fn parse(block: &[u8; BLOCK as usize]) -> Result<(String, u64), &'static str> {
    if !block[MAGIC].starts_with(b"ustar") {
        return Err("is not there: something else stands in its place");
    }
    if number(&block[SUM]) != Some(sum(block).into()) {
        return Err("has a wrong sum");
    }
    if block[KIND] != b'0' || block[PREFIX].iter().any(|byte| *byte != 0) {
        return Err("is of a kind that no bundle has");
    }
    let name = &block[..NAME];
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME);
    let name = std::str::from_utf8(&name[..end]).map_err(|_| "has a name that is no text")?;
    let size = number(&block[SIZE]).ok_or("has a size that is no number")?;
    Ok((name.to_owned(), size))
}

/// Bytes of a content, and of the zeros behind it.
pub(super) fn filled(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK)
}

fn sum(block: &[u8; BLOCK as usize]) -> u32 {
    let counted = block.iter().enumerate();
    counted
        .map(|(at, byte)| u32::from(if SUM.contains(&at) { b' ' } else { *byte }))
        .sum()
}

/// Digits of base eight up to a zero or a space.
fn number(field: &[u8]) -> Option<u64> {
    let end = field
        .iter()
        .position(|byte| matches!(byte, 0 | b' '))
        .unwrap_or(field.len());
    let digits = std::str::from_utf8(&field[..end]).ok()?;
    u64::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_are_written() {
        let name = "n".repeat(NAME);
        for (name, size) in [("manifest.json", 0), (name.as_str(), u32::MAX)] {
            assert_eq!(parse(&header(name, size)), Ok((name.to_owned(), size.into())));
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let block = header("x86_64/echo.gplugin", 4711);
        for at in 0..block.len() {
            let mut block = block;
            block[at] ^= 1;
            // The end of the sum's own field says nothing.
            assert!(parse(&block).is_err() || (154..156).contains(&at), "{at}");
        }
    }
}
