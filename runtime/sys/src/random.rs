//! Random bytes from the kernel.

use std::fs::File;
use std::io::{self, Read};

/// Fills `buf` with bytes that nobody can predict.
///
/// Waits, in the first moments of a boot, until the kernel has gathered enough randomness. Before Linux 3.17 the
/// bytes come from `/dev/urandom`, which does not wait. Fails when neither is there.
pub fn fill(buf: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buf.len() {
        match getrandom(&mut buf[done..]) {
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if falls_back(&error) => return from_device(&mut buf[done..]),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// An old kernel does not know the call; a container's filter may forbid it.
fn falls_back(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// By the system call itself: the function is missing in the C libraries of old build roots.
fn getrandom(buf: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the system call writes at most the stated number of bytes to the given place: `buf` is exclusively
    // borrowed and has this length.
    let count = unsafe { libc::syscall(libc::SYS_getrandom, buf.as_mut_ptr(), buf.len(), 0) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

fn from_device(buf: &mut [u8]) -> io::Result<()> {
    File::open("/dev/urandom")?.read_exact(buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sources_fill_everything() {
        for source in [fill, from_device] {
            let (mut a, mut b) = ([0; 1000], [0; 1000]);
            source(&mut a).unwrap();
            source(&mut b).unwrap();
            assert_ne!(a, b);
            // 1000 random bytes end in eight zeros once in 2^64.
            assert_ne!(a[992..], [0; 8]);
            source(&mut []).unwrap();
        }
        assert!(falls_back(&io::Error::from_raw_os_error(libc::ENOSYS)));
        assert!(!falls_back(&io::Error::from_raw_os_error(libc::EFAULT)));
    }
}
