//! Names of signals, and their numbers here and elsewhere. The numbers of this target come from libc, as they differ
//! between architectures (mips has its own); what leaves the machine carries those that most have.

macro_rules! table {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

const SIGNALS: &[(i32, &str)] = table!(
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM
    SIGTERM SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH
    SIGIO SIGPWR SIGSYS
);

/// The name of a signal with its `SIG`; `"SIGRT"` for all real-time signals and `"unknown"` for what is none.
pub fn signal_name(signal: i32) -> &'static str {
    match SIGNALS.iter().find(|(number, _)| *number == signal) {
        Some((_, name)) => name,
        None if (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal) => "SIGRT",
        None => "unknown",
    }
}

/// The number of a signal by its name, with or without `SIG`, in any case.
pub fn signal_by_name(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS
        .iter()
        .find(|(_, name)| &name[3..] == bare)
        .map(|(number, _)| *number)
}

/// The signals of `SIGNALS` by the numbers of `asm-generic/signal.h`, which x86 and ARM use.
const GENERIC: [i32; SIGNALS.len()] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 31,
];

/// The number of `signal`, one of this target, in messages and records: that of Linux's generic table. Real-time
/// signals, and what is none, stay as they are.
pub fn to_generic(signal: i32) -> i32 {
    let at = SIGNALS.iter().position(|(number, _)| *number == signal);
    at.map_or(signal, |at| GENERIC[at])
}

/// The number on this target of a signal that came in a message or stands in a record: the reverse of [`to_generic`].
pub fn from_generic(signal: i32) -> i32 {
    let at = GENERIC.iter().position(|number| *number == signal);
    at.map_or(signal, |at| SIGNALS[at].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (number, name) in SIGNALS {
            assert_eq!(signal_name(*number), *name);
            assert_eq!(signal_by_name(name), Some(*number));
        }
        assert_eq!(signal_by_name("term"), Some(libc::SIGTERM));
        assert_eq!(signal_by_name("SigKill"), Some(libc::SIGKILL));
        assert_eq!(signal_by_name(""), None);
        assert_eq!(signal_by_name("SIG"), None);
    }

    #[test]
    fn the_generic_table_is_that_of_x86_and_arm() {
        for (number, name) in SIGNALS {
            assert_eq!(from_generic(to_generic(*number)), *number, "{name}");
            if cfg!(any(
                target_arch = "x86_64",
                target_arch = "aarch64",
                target_arch = "arm"
            )) {
                assert_eq!(to_generic(*number), *number, "{name}");
            }
        }
        assert_eq!(to_generic(libc::SIGCHLD), 17);
        assert_eq!(from_generic(10), libc::SIGUSR1);
        assert_eq!((to_generic(40), from_generic(0)), (40, 0));
    }

    #[test]
    fn others() {
        assert_eq!(signal_name(libc::SIGRTMIN() + 1), "SIGRT");
        assert_eq!(signal_name(0), "unknown");
        assert_eq!(signal_name(-9), "unknown");
    }
}
