//! Resource limits of a process (setrlimit).

use std::io;

use nix::sys::resource::{Resource as Kernel, getrlimit, rlim_t, setrlimit};

/// No limit.
pub const UNLIMITED: u64 = u64::MAX;

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Open descriptors: one more than the highest number.
    OpenFiles,
    /// Bytes of address space of the process.
    AddressSpace,
    /// Processes and threads of the user, not only of this process; does not bind root.
    Processes,
    /// Bytes of a core dump; 0: none.
    Core,
    /// Bytes that a file can be written to.
    FileSize,
    /// Bytes of heap and other private writable memory (since Linux 4.7; of the classical heap before).
    Data,
    /// Bytes of the main thread's stack.
    Stack,
}

impl Resource {
    fn kernel(self) -> Kernel {
        match self {
            Resource::OpenFiles => Kernel::RLIMIT_NOFILE,
            Resource::AddressSpace => Kernel::RLIMIT_AS,
            Resource::Processes => Kernel::RLIMIT_NPROC,
            Resource::Core => Kernel::RLIMIT_CORE,
            Resource::FileSize => Kernel::RLIMIT_FSIZE,
            Resource::Data => Kernel::RLIMIT_DATA,
            Resource::Stack => Kernel::RLIMIT_STACK,
        }
    }
}

/// Sets the soft and the hard limit of this process to `value`; [`UNLIMITED`], or more than the platform can
/// express, is no limit.
///
/// Fails with `PermissionDenied` when that raises the hard limit and the process is not privileged. Makes system
/// calls only, so it may be used between fork and exec.
pub fn set(resource: Resource, value: u64) -> io::Result<()> {
    let value = to_kernel(value);
    Ok(setrlimit(resource.kernel(), value, value)?)
}

/// The soft limit of this process: the one that binds.
pub fn get(resource: Resource) -> io::Result<u64> {
    Ok(from_kernel(getrlimit(resource.kernel())?.0))
}

/// The hard limit of this process: how far an unprivileged process may raise the soft one.
pub fn get_hard(resource: Resource) -> io::Result<u64> {
    Ok(from_kernel(getrlimit(resource.kernel())?.1))
}

/// `rlim_t` has 32 bits with some C libraries.
#[allow(clippy::unnecessary_cast)]
fn to_kernel(value: u64) -> rlim_t {
    if value >= libc::RLIM_INFINITY as u64 {
        libc::RLIM_INFINITY
    } else {
        value as rlim_t
    }
}

#[allow(clippy::unnecessary_cast)]
fn from_kernel(value: rlim_t) -> u64 {
    if value == libc::RLIM_INFINITY {
        UNLIMITED
    } else {
        value as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowering_works_and_infinity_is_kept() {
        // Nothing else in these tests depends on core dumps.
        set(Resource::Core, 0).unwrap();
        assert_eq!(get(Resource::Core).unwrap(), 0);
        assert_eq!(get_hard(Resource::Core).unwrap(), 0);
        assert!(get(Resource::OpenFiles).unwrap() > 3);
        assert_eq!(from_kernel(to_kernel(UNLIMITED)), UNLIMITED);
        assert_eq!(from_kernel(to_kernel(4096)), 4096);
    }

    #[test]
    fn every_resource_is_known() {
        use Resource::*;
        for resource in [OpenFiles, AddressSpace, Processes, Core, FileSize, Data, Stack] {
            // The hard one first: another test lowers one of them meanwhile.
            let hard = get_hard(resource).unwrap();
            assert!(get(resource).unwrap() <= hard);
        }
    }
}
