//! Giving back the pages of programs and libraries that hold what their files hold.

use std::ffi::{CStr, c_int, c_void};
use std::{ptr, slice};

/// One entry of the table for the dynamic linker: `Elf32_Dyn` or `Elf64_Dyn` of the System V ABI.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: usize,
    value: usize,
}

/// Tags of [`Entry`]: the end of the table; code has relocations; flags; and the flag that says the same of code.
const DT_NULL: usize = 0;
const DT_TEXTREL: usize = 22;
const DT_FLAGS: usize = 30;
const DF_TEXTREL: usize = 4;

/// Has the kernel forget code and constants of this program and its libraries. They come back page by page, from the page
/// cache, when they are used again.
pub(super) fn release() {
    // SAFETY: `object` keeps to what dl_iterate_phdr asks of it, and uses nothing of what it is given after its end.
    unsafe { libc::dl_iterate_phdr(Some(object), ptr::null_mut()) };
}

/// What is done with one program or library. The dynamic linker's lock is held: none is unmapped meanwhile.
///
/// # Safety
/// To be called by `dl_iterate_phdr` only, which says where the headers of a loaded object are.
unsafe extern "C" fn object(info: *mut libc::dl_phdr_info, _size: usize, _: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr gives a description that is valid during this call.
    let info = unsafe { &*info };
    // SAFETY: the same; a name is null or ends with a zero byte.
    let name = (!info.dlpi_name.is_null()).then(|| unsafe { CStr::from_ptr(info.dlpi_name) });
    // The program itself has no name. What the kernel maps by itself (the vDSO) has one, but no path.
    let from_file = name.is_none_or(|name| name.is_empty() || name.to_bytes().starts_with(b"/"));
    if !from_file || info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: the description says that so many headers are there.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let base = info.dlpi_addr as usize;
    for header in headers.iter().filter(|header| header.p_type == libc::PT_DYNAMIC) {
        // SAFETY: this header says where the table of a loaded object is; the ABI has it end with DT_NULL.
        if unsafe { has_text_relocations(base.wrapping_add(header.p_vaddr as usize) as *const Entry) } {
            return 0;
        }
    }
    for header in headers {
        if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0 {
            let start = base.wrapping_add(header.p_vaddr as usize);
            let end = start.saturating_add(header.p_memsz as usize);
            let Some((start, length)) = whole_pages(start, end, page_size()) else {
                continue;
            };
            // SAFETY: the pages are of a segment of this object that is never written, and its code has no relocations, so
            // they hold what the file holds and are read from there again when they are touched. What the linker wrote to
            // and protected then (RELRO) is of segments that say that they are written.
            unsafe {
                libc::madvise(start as *mut c_void, length, libc::MADV_DONTNEED);
            }
        }
    }
    0
}

/// Whether the dynamic linker has written to the code.
///
/// # Safety
/// `entry` is the first of a table that ends with `DT_NULL`.
unsafe fn has_text_relocations(mut entry: *const Entry) -> bool {
    loop {
        // SAFETY: not beyond the end of the table.
        let Entry { tag, value } = unsafe { *entry };
        match tag {
            DT_NULL => return false,
            DT_TEXTREL => return true,
            DT_FLAGS if value & DF_TEXTREL != 0 => return true,
            // SAFETY: this was not the last one.
            _ => entry = unsafe { entry.add(1) },
        }
    }
}

/// The start and length of the pages that lie wholly between two addresses.
fn whole_pages(start: usize, end: usize, page: usize) -> Option<(usize, usize)> {
    let start = start.checked_next_multiple_of(page)?;
    let length = end.checked_sub(start)? / page * page;
    (length > 0).then_some((start, length))
}

fn page_size() -> usize {
    // SAFETY: sysconf has no conditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .unwrap_or(1 << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Constants, and something that the dynamic linker writes addresses into.
    static MUCH: [u8; 1 << 20] = [7; 1 << 20];
    static TEXTS: [&str; 3] = ["a", "bc", "def"];

    /// Resident kB of the mapping that has an address.
    fn resident_kb(address: usize) -> usize {
        let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in smaps.lines() {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let range = range.and_then(|(start, end)| {
                Some((
                    usize::from_str_radix(start, 16).ok()?,
                    usize::from_str_radix(end, 16).ok()?,
                ))
            });
            if let Some((start, end)) = range {
                inside = (start..end).contains(&address);
            } else if let Some(rss) = line.strip_prefix("Rss:").filter(|_| inside) {
                return rss.trim_end_matches("kB").trim().parse().unwrap();
            }
        }
        panic!("no mapping has {address:#x}");
    }

    #[test]
    fn constants_go_and_come_back() {
        let sum = || {
            std::hint::black_box(&MUCH)
                .iter()
                .map(|byte| usize::from(*byte))
                .sum::<usize>()
        };
        assert_eq!(sum(), 7 << 20);
        let address = MUCH.as_ptr() as usize;
        let before = resident_kb(address);
        release();
        let after = resident_kb(address);
        assert!(before >= 1024 && after + 512 <= before, "{before} kB, {after} kB");
        assert_eq!(sum(), 7 << 20);
        assert_eq!(std::hint::black_box(&TEXTS).concat(), "abcdef");
    }

    #[test]
    fn code_with_relocations_is_left() {
        let entry = |tag, value| Entry { tag, value };
        for (table, wanted) in [
            (vec![entry(DT_NULL, 0)], false),
            (vec![entry(1, 22), entry(DT_FLAGS, 8), entry(DT_NULL, 0)], false),
            (vec![entry(1, 0), entry(DT_TEXTREL, 0), entry(DT_NULL, 0)], true),
            (vec![entry(DT_FLAGS, 8 | DF_TEXTREL), entry(DT_NULL, 0)], true),
            (vec![entry(DT_NULL, 0), entry(DT_TEXTREL, 0)], false),
        ] {
            // SAFETY: each table ends with DT_NULL.
            assert_eq!(unsafe { has_text_relocations(table.as_ptr()) }, wanted);
        }
    }

    #[test]
    fn pages_that_are_shared_with_others_stay() {
        assert_eq!(whole_pages(0x1000, 0x3000, 0x1000), Some((0x1000, 0x2000)));
        assert_eq!(whole_pages(0x1001, 0x4fff, 0x1000), Some((0x2000, 0x2000)));
        assert_eq!(whole_pages(0x1001, 0x2fff, 0x1000), None);
        assert_eq!(whole_pages(0x1001, 0x1002, 0x1000), None);
        assert_eq!(whole_pages(usize::MAX, usize::MAX, 0x1000), None);
    }
}
