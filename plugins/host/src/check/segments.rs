//! Which memory is a shared object's own: its loaded segments.

use std::ffi::{c_int, c_void};

/// A loaded segment: addresses, and what may be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    start: usize,
    end: usize,
    readable: bool,
    executable: bool,
}

/// The segments of one shared object, or of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments(Vec<Segment>);

impl Segments {
    /// Those of the object that `address` lies in; none when it lies in no object.
    pub fn around(address: usize) -> Segments {
        let mut search = Search {
            address,
            found: Segments::default(),
        };
        // SAFETY: the function is called with the pointer that is passed here, which is valid until this returns, and keeps
        // nothing of what it is given.
        unsafe { libc::dl_iterate_phdr(Some(look), std::ptr::from_mut(&mut search).cast()) };
        search.found
    }

    /// Whether so many bytes at an address can be read: all in one segment.
    pub fn holds(&self, address: usize, bytes: u64) -> bool {
        let Ok(bytes) = usize::try_from(bytes) else {
            return false;
        };
        let Some(end) = address.checked_add(bytes) else {
            return false;
        };
        let inside = |part: &Segment| part.readable && part.start <= address && end <= part.end;
        address != 0 && self.0.iter().any(inside)
    }

    /// Whether code can be called at an address.
    pub fn executes(&self, address: usize) -> bool {
        let inside = |part: &Segment| part.executable && part.start <= address && address < part.end;
        address != 0 && self.0.iter().any(inside)
    }

    /// Segments that tests make up: start, length, and whether it holds code.
    #[cfg(test)]
    pub fn made_up(parts: &[(usize, usize, bool)]) -> Segments {
        let segment = |&(start, len, executable): &(usize, usize, bool)| Segment {
            start,
            end: start + len,
            readable: true,
            executable,
        };
        Segments(parts.iter().map(segment).collect())
    }
}

struct Search {
    address: usize,
    found: Segments,
}

/// Called for each loaded object.
///
/// # Safety
/// `info` is valid for reading with the program headers that it states, and `search` is a [`Search`] that nobody else uses.
unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: by the conditions above; dl_iterate_phdr and the only caller of it keep them.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: as above.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let loaded = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let segments: Vec<Segment> = loaded
        .map(|header| {
            let start = (info.dlpi_addr as usize).wrapping_add(header.p_vaddr as usize);
            Segment {
                start,
                end: start.saturating_add(header.p_memsz as usize),
                readable: header.p_flags & libc::PF_R != 0,
                executable: header.p_flags & libc::PF_X != 0,
            }
        })
        .collect();
    let inside = |part: &Segment| part.start <= search.address && search.address < part.end;
    if segments.iter().any(inside) {
        search.found = Segments(segments);
        return 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    static NUMBER: u32 = 7;

    #[test]
    fn the_program_has_code_and_data() {
        let number = (&raw const NUMBER).addr();
        let own = Segments::around(number);
        assert!(own.holds(number, 4));
        assert!(!own.executes(number));
        assert!(own.executes(the_program_has_code_and_data as *const () as usize));
        // Another object's, the stack's, nobody's.
        assert!(!own.executes(libc::getpid as *const () as usize));
        let local = 1u32;
        assert!(!own.holds((&raw const local).addr(), 4));
        assert!(!own.holds(0, 1) && !own.holds(0, 0));
        assert_eq!(Segments::around(1), Segments::default());
    }

    #[test]
    fn a_range_stays_in_one_segment_and_does_not_wrap() {
        let own = Segments::made_up(&[(0x1000, 0x100, false), (0x1100, 0x100, true)]);
        assert!(own.holds(0x1000, 0x100));
        assert!(!own.holds(0x10ff, 2));
        assert!(!own.holds(0xfff, 2));
        assert!(!own.holds(0x1000, u64::MAX));
        assert!(!own.holds(usize::MAX, 1));
        assert!(own.executes(0x1100) && own.executes(0x11ff) && !own.executes(0x1200));
        assert!(!own.executes(0x1000));
    }
}
