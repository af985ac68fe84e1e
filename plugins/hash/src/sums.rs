//! Sums of bytes that come in pieces: hashes, CRCs, and HMAC on top of hashes.

use blake2::{Blake2b256, Blake2b512, Blake2s256};
use crc::{
    CRC_16_ARC, CRC_16_IBM_3740, CRC_16_KERMIT, CRC_16_MODBUS, CRC_16_XMODEM, CRC_32_ISCSI, CRC_32_ISO_HDLC,
    Crc,
};
use gshell_plugin_sdk::{Code, Error, Result};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// A sum that goes on.
pub trait Sum: Send {
    /// Adds bytes.
    fn add(&mut self, bytes: &[u8]);

    /// The sum of all bytes so far, the most significant byte first. More can be added afterwards.
    fn total(&self) -> Vec<u8>;

    /// One that goes on from here by itself.
    fn copy(&self) -> Box<dyn Sum>;
}

/// A kind of sum.
pub struct Kind {
    /// As scripts call it.
    pub name: &'static str,
    /// Bytes of a block of a hash; 0: it is a CRC, which is no base for HMAC.
    block: usize,
    make: fn() -> Box<dyn Sum>,
}

/// All kinds there are.
pub static KINDS: &[Kind] = &[
    Kind::hash::<Sha224>("sha224", 64),
    Kind::hash::<Sha256>("sha256", 64),
    Kind::hash::<Sha384>("sha384", 128),
    Kind::hash::<Sha512>("sha512", 128),
    Kind::hash::<Blake2b256>("blake2b-256", 128),
    Kind::hash::<Blake2b512>("blake2b-512", 128),
    Kind::hash::<Blake2s256>("blake2s-256", 64),
    Kind::crc("crc32", || Box::new(CRC32.digest())),
    Kind::crc("crc32c", || Box::new(CRC32C.digest())),
    Kind::crc("crc16-arc", || Box::new(ARC.digest())),
    Kind::crc("crc16-ibm-3740", || Box::new(IBM_3740.digest())),
    Kind::crc("crc16-kermit", || Box::new(KERMIT.digest())),
    Kind::crc("crc16-modbus", || Box::new(MODBUS.digest())),
    Kind::crc("crc16-xmodem", || Box::new(XMODEM.digest())),
];

static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
static ARC: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);
static IBM_3740: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);
static KERMIT: Crc<u16> = Crc::<u16>::new(&CRC_16_KERMIT);
static MODBUS: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);
static XMODEM: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

impl Kind {
    const fn hash<D: Digest + Clone + Send + 'static>(name: &'static str, block: usize) -> Kind {
        Kind {
            name,
            block,
            make: || Box::new(Hash(D::new())),
        }
    }

    const fn crc(name: &'static str, make: fn() -> Box<dyn Sum>) -> Kind {
        Kind { name, block: 0, make }
    }

    /// The kind of this name.
    ///
    /// # Errors
    /// When there is none; the text lists all.
    pub fn named(name: &str) -> Result<&'static Kind> {
        let missing = || {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let text = format!(
                "no kind of sum is called {name:?}; there are: {}",
                names.join(", ")
            );
            Error::new(Code::Invalid, text)
        };
        KINDS.iter().find(|kind| kind.name == name).ok_or_else(missing)
    }

    /// A sum of nothing yet.
    pub fn make(&self) -> Box<dyn Sum> {
        (self.make)()
    }

    /// As [`Kind::make`], with a key: HMAC by RFC 2104.
    ///
    /// # Errors
    /// When this is no hash.
    pub fn with_key(&self, key: &[u8]) -> Result<Box<dyn Sum>> {
        if self.block == 0 {
            let text = format!(
                "{} is a checksum, which keeps nobody from forging: take a hash for HMAC",
                self.name
            );
            return Err(Error::new(Code::Invalid, text));
        }
        let mut block = if key.len() > self.block {
            let mut sum = self.make();
            sum.add(key);
            sum.total()
        } else {
            key.to_vec()
        };
        block.resize(self.block, 0);
        let begin = |pad: u8| {
            let mut sum = self.make();
            sum.add(&block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>());
            sum
        };
        Ok(Box::new(Hmac {
            inner: begin(0x36),
            outer: begin(0x5c),
        }))
    }
}

#[derive(Clone)]
struct Hash<D>(D);

impl<D: Digest + Clone + Send + 'static> Sum for Hash<D> {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn total(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }

    fn copy(&self) -> Box<dyn Sum> {
        Box::new(self.clone())
    }
}

macro_rules! crcs {
    ($($width:ty)*) => {
        $(impl Sum for crc::Digest<'static, $width> {
            fn add(&mut self, bytes: &[u8]) {
                self.update(bytes);
            }

            fn total(&self) -> Vec<u8> {
                self.clone().finalize().to_be_bytes().to_vec()
            }

            fn copy(&self) -> Box<dyn Sum> {
                Box::new(self.clone())
            }
        })*
    };
}

crcs! { u16 u32 }

/// The hash of the second key and the hash of the first key and the bytes.
struct Hmac {
    inner: Box<dyn Sum>,
    outer: Box<dyn Sum>,
}

impl Sum for Hmac {
    fn add(&mut self, bytes: &[u8]) {
        self.inner.add(bytes);
    }

    fn total(&self) -> Vec<u8> {
        let mut outer = self.outer.copy();
        outer.add(&self.inner.total());
        outer.total()
    }

    fn copy(&self) -> Box<dyn Sum> {
        Box::new(Hmac {
            inner: self.inner.copy(),
            outer: self.outer.copy(),
        })
    }
}
