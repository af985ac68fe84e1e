//! The plugin `hash`: checksums and hashes of strings, of what comes in pieces, and of files.

mod hex;
mod sums;

#[gshell_plugin_sdk::plugin(name = "hash", lua = include_str!("../lua/hash.lua"))]
mod plugin {
    use std::fs::File;
    use std::hint::black_box;
    use std::io::Read;

    use gshell_plugin_sdk::{Call, Code, Error, Result};

    use crate::hex;
    use crate::sums::{KINDS, Kind, Sum};

    /// Bytes of a file that are read at once.
    const PIECE: usize = 64 << 10;

    /// The names of all kinds.
    #[function]
    fn kinds() -> Vec<&'static str> {
        KINDS.iter().map(|kind| kind.name).collect()
    }

    /// The sum of a string, as bytes.
    #[function]
    fn sum(kind: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut sum = Kind::named(kind)?.make();
        sum.add(bytes);
        Ok(sum.total())
    }

    /// The sum of a string, as hexadecimal digits.
    #[function(name = "hex")]
    fn sum_hex(kind: &str, bytes: &[u8]) -> Result<String> {
        sum(kind, bytes).map(|total| hex::write(&total))
    }

    /// The sum of a string by a CRC, as an integer.
    #[function]
    fn crc(kind: &str, bytes: &[u8]) -> Result<u32> {
        let total = sum(kind, bytes)?;
        if total.len() > size_of::<u32>() {
            return Err(Error::new(
                Code::Invalid,
                format!("{kind} is no CRC: its sum has {} bytes", total.len()),
            ));
        }
        Ok(total
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// The authentication code of a string by a key (HMAC), as bytes.
    #[function]
    fn hmac(kind: &str, key: &[u8], bytes: &[u8]) -> Result<Vec<u8>> {
        let mut sum = Kind::named(kind)?.with_key(key)?;
        sum.add(bytes);
        Ok(sum.total())
    }

    /// The sum of a file's content, as hexadecimal digits.
    #[function(blocking)]
    fn file(call: &Call<'_>, path: &str, kind: Option<&str>) -> Result<String> {
        let mut sum = Kind::named(kind.unwrap_or("sha256"))?.make();
        let failed = |error| {
            let error = Error::from(error);
            Error::new(error.code(), format!("{path}: {error}"))
        };
        let mut file = File::open(path).map_err(failed)?;
        let mut piece = vec![0; PIECE];
        loop {
            if call.is_cancelled() {
                return Err(Error::new(
                    Code::Cancelled,
                    format!("{path}: nobody waits for its sum any more"),
                ));
            }
            match file.read(&mut piece) {
                Ok(0) => return Ok(hex::write(&sum.total())),
                Ok(len) => sum.add(piece.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Whether two strings are the same. How long it takes tells nothing about where they differ, only about their lengths.
    #[function]
    fn equal(a: &[u8], b: &[u8]) -> bool {
        let differ = a
            .iter()
            .zip(b)
            .fold(0, |differ, (a, b)| black_box(differ | (a ^ b)));
        a.len() == b.len() && differ == 0
    }

    /// Bytes as hexadecimal digits.
    #[function]
    fn to_hex(bytes: &[u8]) -> String {
        hex::write(bytes)
    }

    /// The bytes of hexadecimal digits.
    #[function]
    fn from_hex(text: &[u8]) -> Result<Vec<u8>> {
        hex::read(text)
    }

    /// A sum of what comes in pieces.
    pub struct Hasher {
        sum: Box<dyn Sum>,
        first: Box<dyn Sum>,
    }

    /// A sum of nothing yet; with a key its authentication code (HMAC).
    #[function]
    fn new(kind: &str, key: Option<&[u8]>) -> Result<Hasher> {
        let kind = Kind::named(kind)?;
        let sum = match key {
            Some(key) => kind.with_key(key)?,
            None => kind.make(),
        };
        let first = sum.copy();
        Ok(Hasher { sum, first })
    }

    #[object]
    impl Hasher {
        /// Adds bytes.
        #[method]
        fn update(&mut self, bytes: &[u8]) {
            self.sum.add(bytes);
        }

        /// The sum so far, as bytes. More can be added afterwards.
        #[method]
        fn sum(&self) -> Vec<u8> {
            self.sum.total()
        }

        /// The sum so far, as hexadecimal digits.
        #[method]
        fn hex(&self) -> String {
            hex::write(&self.sum.total())
        }

        /// Begins again.
        #[method]
        fn reset(&mut self) {
            self.sum = self.first.copy();
        }

        /// Another one that goes on from here by itself.
        #[method]
        fn copy(&self) -> Hasher {
            Hasher {
                sum: self.sum.copy(),
                first: self.first.copy(),
            }
        }
    }
}
