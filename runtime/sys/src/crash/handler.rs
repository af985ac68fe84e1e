//! The signals of crashes: told in a note when a plugin's code ran, and then left to do what they do anyway.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{Owner, line};
use crate::note::{self, Reason};

/// Whether the handler says on standard error whose code it was.
static ALOUD: AtomicBool = AtomicBool::new(false);

/// What a program gets for what it did itself.
const SIGNALS: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];

/// Bytes of the stack on which the handler runs when a thread has none for that: it needs some hundred, the kernel's frame
/// up to a few thousand.
const STACK: usize = 16 << 10;

/// From here on, a crash in a plugin's code leaves a note ([`note::register`]), in whichever thread. The signal then has its
/// default action. For the whole process; programs that it starts do not inherit it.
///
/// # Errors
/// When a handler cannot be installed.
pub fn watch() -> io::Result<()> {
    static DONE: OnceLock<Result<(), i32>> = OnceLock::new();
    let done = DONE.get_or_init(|| SIGNALS.into_iter().try_for_each(install));
    done.map_err(io::Error::from_raw_os_error)
}

/// As [`watch`], for a process that nobody starts again: a crash in a plugin's code is told on standard error, as
/// `gshell: plugin echo crashed (SIGABRT) in echo.abort`.
///
/// # Errors
/// As [`watch`].
pub fn watch_aloud() -> io::Result<()> {
    ALOUD.store(true, Relaxed);
    watch()
}

fn install(signal: libc::c_int) -> Result<(), i32> {
    // SAFETY: sigaction reads a fully initialised structure; all zero is a valid start for it. The handler is
    // async-signal-safe (see there).
    let rc = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_crash as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // The default action is back before the handler runs.
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, ptr::null_mut())
    };
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}

/// Runs on the thread that crashed. Reads its marks, writes a note, and has the signal again: it is blocked meanwhile, and ends
/// the process when this returns. All of it is async-signal-safe.
extern "C" fn on_crash(signal: libc::c_int) {
    if let Some((owner, part)) = super::running() {
        note::leave(note::whom(), Reason::Crash(signal as u8));
        if ALOUD.load(Relaxed) {
            say(owner, part, signal);
        }
    }
    // SAFETY: raise has no conditions, and is async-signal-safe.
    unsafe { libc::raise(signal) };
}

/// Async-signal-safe: a buffer on the stack, and one write.
fn say(owner: &Owner, part: &str, signal: libc::c_int) {
    let mut line = line::Line::default();
    line.crash(owner.text(), part, signal);
    let bytes = line.bytes();
    // SAFETY: write is async-signal-safe; the buffer is valid for its length.
    unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
}

/// The stack of a thread for this handler, unmapped when the thread ends.
struct Stack(*mut libc::c_void);

thread_local! {
    static STACK_OF_THREAD: std::cell::RefCell<Option<Stack>> = const { std::cell::RefCell::new(None) };
}

/// Gives this thread a stack for the handler if it has none, so that a plugin that used up the thread's own is told as well.
/// Threads that Rust started usually have one.
///
/// # Errors
/// When there is no memory for it.
pub fn guard_thread() -> io::Result<()> {
    let mut now = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: sigaltstack with no new stack only writes the structure, which is valid as all zero already.
    let now = unsafe {
        libc::sigaltstack(ptr::null(), now.as_mut_ptr());
        now.assume_init()
    };
    if now.ss_flags & libc::SS_DISABLE == 0 {
        return Ok(());
    }
    // SAFETY: a new anonymous mapping at an address that the kernel chooses overlaps nothing.
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            STACK,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let stack = Stack(memory);
    set(memory, 0)?;
    STACK_OF_THREAD.with(|slot| *slot.borrow_mut() = Some(stack));
    Ok(())
}

fn set(memory: *mut libc::c_void, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: all zero is a valid start for the structure. The memory is this module's, of so many bytes, and stays mapped until
    // it is taken off again by a call with SS_DISABLE.
    let rc = unsafe {
        let mut stack: libc::stack_t = MaybeUninit::zeroed().assume_init();
        stack.ss_sp = memory;
        stack.ss_flags = flags;
        stack.ss_size = STACK;
        libc::sigaltstack(&stack, ptr::null_mut())
    };
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // A failure means that it is in use: then it stays mapped.
        if set(self.0, libc::SS_DISABLE).is_ok() {
            // SAFETY: it was mapped with this length, and is the thread's signal stack no more.
            unsafe { libc::munmap(self.0, STACK) };
        }
    }
}
