//! Sets of scopes: how far away a service may be.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use gshell_net::Scope;

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// None.
    pub const NONE: Scopes = Scopes(0);
    /// This process.
    pub const PROCESS: Scopes = Scopes(Scope::Process.bit());
    /// This machine.
    pub const OS: Scopes = Scopes(Scope::Os.bit());
    /// The local network.
    pub const LAN: Scopes = Scopes(Scope::Lan.bit());
    /// Everywhere.
    pub const WAN: Scopes = Scopes(Scope::Wan.bit());
    /// All scopes.
    pub const ALL: Scopes = Scopes(15);

    /// The set with these bits (1 process, 2 OS, 4 LAN, 8 WAN); `None` if there are others.
    pub const fn from_bits(bits: u8) -> Option<Scopes> {
        if bits <= 15 { Some(Scopes(bits)) } else { None }
    }

    /// Its bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether `scope` is in it.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Its scopes, nearest first.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Scopes {
        Scopes(scope.bit())
    }
}

impl BitOr for Scopes {
    type Output = Scopes;

    fn bitor(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }
}

impl BitOrAssign for Scopes {
    fn bitor_assign(&mut self, other: Scopes) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(|scope| scope.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_design() {
        let both = Scopes::PROCESS | Scopes::OS;
        assert_eq!((both.bits(), Scopes::LAN.bits(), Scopes::WAN.bits()), (3, 4, 8));
        assert_eq!(both.to_string(), "process, OS");
        assert!(both.has(Scope::Os) && !both.has(Scope::Lan));
        assert_eq!(Scopes::from_bits(16), None);
    }
}
