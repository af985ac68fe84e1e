//! Names of signals. The numbers come from libc, as they differ between architectures (mips has its own).

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
    fn others() {
        assert_eq!(signal_name(libc::SIGRTMIN() + 1), "SIGRT");
        assert_eq!(signal_name(0), "unknown");
        assert_eq!(signal_name(-9), "unknown");
    }
}
