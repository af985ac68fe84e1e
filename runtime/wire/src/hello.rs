//! The first 16 bytes of a connection, in both directions. Their layout never changes, so that any two versions can at
//! least tell each other why they do not talk.
//!
//! | bytes | field | |
//! | --- | --- | --- |
//! | 0..4 | magic | `g S h 0x01` |
//! | 4..6 | min | lowest version that the sender speaks |
//! | 6..8 | current | highest version that the sender speaks |
//! | 8 | role | 1 client, 2 server |
//! | 9..12 | reserved | zero when sent, ignored when read |
//! | 12..16 | features | bits that the sender understands; what both have is in use |
//!
//! | feature bit | what it is |
//! | --- | --- |
//! | 1 | calls can be cancelled: [`Kind::Cancel`](crate::Kind::Cancel) |
//! | all others | zero when sent, ignored when read |

use std::fmt;

/// The first four bytes that each side sends.
pub const MAGIC: [u8; 4] = *b"gSh\x01";
/// Lowest protocol version that this crate speaks.
pub const VERSION_MIN: u16 = 1;
/// Highest protocol version that this crate speaks.
pub const VERSION: u16 = 1;
/// Feature bit: calls can be cancelled ([`Kind::Cancel`](crate::Kind::Cancel)).
pub const FEATURE_CANCEL: u32 = 1;
/// Feature bits of this crate.
const FEATURES: u32 = FEATURE_CANCEL;

/// Which end of a connection a side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Opened the connection, opens streams.
    Client = 1,
    /// Accepted the connection.
    Server = 2,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Client => "client",
            Role::Server => "server",
        })
    }
}

/// What a side says about itself before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Lowest version that the sender speaks.
    pub min: u16,
    /// Highest version that the sender speaks.
    pub current: u16,
    /// The end that the sender is.
    pub role: Role,
    /// Feature bits that the sender understands.
    pub features: u32,
}

/// Why a connection ends before it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloError {
    /// The first bytes are not [`MAGIC`]: whoever talks there does not speak this protocol at all.
    WrongMagic([u8; 4]),
    /// The role byte is neither client nor server.
    UnknownRole(u8),
    /// The peer's lowest version is above its highest.
    EmptyWindow {
        /// Lowest version that the peer states.
        min: u16,
        /// Highest version that the peer states.
        current: u16,
    },
    /// The two version windows do not meet.
    NoOverlap {
        /// Lowest and highest version of this side.
        ours: (u16, u16),
        /// Lowest and highest version of the peer.
        theirs: (u16, u16),
    },
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HelloError::WrongMagic(found) => {
                write!(
                    f,
                    "the peer does not speak this protocol: its first bytes are {found:02x?}, not {MAGIC:02x?}"
                )
            }
            HelloError::UnknownRole(role) => {
                write!(f, "the peer's role {role} is neither 1 (client) nor 2 (server)")
            }
            HelloError::EmptyWindow { min, current } => {
                write!(
                    f,
                    "the peer's lowest version {min} is above its highest {current}"
                )
            }
            HelloError::NoOverlap { ours, theirs } => write!(
                f,
                "no common protocol version: this side speaks {} to {}, the peer speaks {} to {}",
                ours.0, ours.1, theirs.0, theirs.1
            ),
        }
    }
}

impl std::error::Error for HelloError {}

impl Hello {
    /// Bytes of an encoded hello.
    pub const LEN: usize = 16;

    /// The hello of this crate in the given role.
    pub fn ours(role: Role) -> Hello {
        Hello {
            min: VERSION_MIN,
            current: VERSION,
            role,
            features: FEATURES,
        }
    }

    /// The bytes to send.
    pub fn encode(&self) -> [u8; Hello::LEN] {
        let [g, s, h, v] = MAGIC;
        let [min0, min1] = self.min.to_be_bytes();
        let [cur0, cur1] = self.current.to_be_bytes();
        let [f0, f1, f2, f3] = self.features.to_be_bytes();
        [
            g,
            s,
            h,
            v,
            min0,
            min1,
            cur0,
            cur1,
            self.role as u8,
            0,
            0,
            0,
            f0,
            f1,
            f2,
            f3,
        ]
    }

    /// Reads what a peer sent.
    ///
    /// # Errors
    /// The first field that cannot be true. Whether the versions meet is for [`agree`] to say.
    pub fn decode(bytes: &[u8; Hello::LEN]) -> Result<Hello, HelloError> {
        let [g, s, h, v, min0, min1, cur0, cur1, role, _, _, _, f0, f1, f2, f3] = *bytes;
        if [g, s, h, v] != MAGIC {
            return Err(HelloError::WrongMagic([g, s, h, v]));
        }
        let role = match role {
            1 => Role::Client,
            2 => Role::Server,
            other => return Err(HelloError::UnknownRole(other)),
        };
        let (min, current) = (u16::from_be_bytes([min0, min1]), u16::from_be_bytes([cur0, cur1]));
        if min > current {
            return Err(HelloError::EmptyWindow { min, current });
        }
        Ok(Hello {
            min,
            current,
            role,
            features: u32::from_be_bytes([f0, f1, f2, f3]),
        })
    }
}

/// The version that two sides speak: the lower of the two highest ones. Both sides come to the same result.
///
/// # Errors
/// [`HelloError::NoOverlap`] when that version is below what one of the two still speaks.
pub fn agree(ours: &Hello, theirs: &Hello) -> Result<u16, HelloError> {
    let version = ours.current.min(theirs.current);
    if version < ours.min || version < theirs.min {
        return Err(HelloError::NoOverlap {
            ours: (ours.min, ours.current),
            theirs: (theirs.min, theirs.current),
        });
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(min: u16, current: u16) -> Hello {
        Hello {
            min,
            current,
            ..Hello::ours(Role::Client)
        }
    }

    #[test]
    fn the_lower_current_is_spoken() {
        assert_eq!(agree(&window(1, 1), &window(1, 2)), Ok(1));
        assert_eq!(agree(&window(1, 4), &window(2, 3)), Ok(3));
        assert_eq!(agree(&window(3, 3), &window(1, 9)), Ok(3));
    }

    #[test]
    fn no_overlap_names_both_windows_on_both_sides() {
        let (old, new) = (window(1, 1), window(2, 3));
        let seen_by_old = agree(&old, &new).expect_err("no overlap").to_string();
        assert!(
            seen_by_old.contains("this side speaks 1 to 1, the peer speaks 2 to 3"),
            "{seen_by_old}"
        );
        let seen_by_new = agree(&new, &old).expect_err("no overlap").to_string();
        assert!(
            seen_by_new.contains("this side speaks 2 to 3, the peer speaks 1 to 1"),
            "{seen_by_new}"
        );
    }

    #[test]
    fn reserved_bytes_are_ignored() {
        let mut bytes = Hello::ours(Role::Server).encode();
        assert_eq!(bytes.get(9..12), Some(&[0, 0, 0][..]));
        for byte in bytes.iter_mut().skip(9).take(3) {
            *byte = 0xff;
        }
        assert_eq!(Hello::decode(&bytes), Ok(Hello::ours(Role::Server)));
    }

    #[test]
    fn lies() {
        let with = |at: usize, value: u8| {
            let mut bytes = Hello::ours(Role::Client).encode();
            bytes[at] = value;
            Hello::decode(&bytes)
        };
        assert_eq!(with(0, b'G'), Err(HelloError::WrongMagic(*b"GSh\x01")));
        assert_eq!(with(3, 2), Err(HelloError::WrongMagic(*b"gSh\x02")));
        assert_eq!(with(8, 3), Err(HelloError::UnknownRole(3)));
        assert_eq!(with(5, 9), Err(HelloError::EmptyWindow { min: 9, current: 1 }));
    }
}
