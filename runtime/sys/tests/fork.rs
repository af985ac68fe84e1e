//! Real forks, which need a process of one thread: so this test is its own harness and runs one case after another.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use gshell_sys::fork::{self, Forked};
use gshell_sys::process::{self, ExitStatus};
use gshell_sys::{fdpass, limits, peer, signal, user};

/// Runs `body` in a forked child and gives how that ended; the child exits with 0 when `body` says true.
fn in_child(body: impl FnOnce() -> bool) -> ExitStatus {
    match fork::fork().expect("fork") {
        Forked::Parent(pid) => process::wait(pid).expect("wait"),
        Forked::Child => {
            // A panic's message goes to standard error; the unwinding must not reach the parent's code.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            fork::exit_now(if matches!(outcome, Ok(true)) { 0 } else { 1 })
        }
    }
}

fn holds(name: &str, body: impl FnOnce() -> bool) {
    assert!(in_child(body).success(), "{name}");
    println!("{name} ... ok");
}

fn main() {
    ends_are_told();
    signals_are_clean();
    descriptors_close();
    standard_streams_move();
    orphans_come_to_the_subreaper();
    a_dead_parent_is_noticed();
    sessions_and_groups();
    a_passed_descriptor_names_its_sender();
    root_is_given_up();
    a_thread_forbids_it();
}

fn ends_are_told() {
    assert_eq!(in_child(|| fork::exit_now(7)), ExitStatus::Code(7));
    let own = || process::kill(std::process::id() as i32, libc::SIGKILL).is_ok();
    assert_eq!(
        in_child(own),
        ExitStatus::Signal {
            signal: libc::SIGKILL,
            core: false
        }
    );
    assert_eq!(process::reap_any().expect("no children"), None);
    let Forked::Parent(pid) = fork::fork().expect("fork") else {
        fork::exit_now(3)
    };
    let found = loop {
        if let Some(found) = process::reap_any().expect("reap") {
            break found;
        }
        std::thread::yield_now();
    };
    assert_eq!(found, (pid, ExitStatus::Code(3)));
    println!("ends_are_told ... ok");
}

fn signals_are_clean() {
    signal::ignore_sigpipe().expect("ignore");
    signal::block(&[libc::SIGUSR2]).expect("block");
    let poller = std::sync::Arc::new(gshell_sys::poll::Poller::new().expect("poller"));
    let waker = signal::register_child_waker(&poller).expect("waker");
    holds("signals_are_clean", || {
        let mask = |key: &str| {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        let has = |mask: u64, signal: i32| mask & 1 << (signal - 1) != 0;
        // Blocked by nobody, caught by nobody, ignored as before. The waker inherited from the parent is void.
        let clean = mask("SigBlk:") == 0
            && !has(mask("SigCgt:"), libc::SIGCHLD)
            && has(mask("SigIgn:"), libc::SIGPIPE);
        drop(waker);
        let again = signal::register_child_waker(&poller).is_ok();
        signal::reset_all();
        clean && again && !has(mask("SigIgn:"), libc::SIGPIPE) && !has(mask("SigCgt:"), libc::SIGCHLD)
    });
}

fn descriptors_close() {
    let (keep, probe) = fdpass::stream_pair().expect("pair");
    let (gone, ear) = fdpass::stream_pair().expect("pair");
    holds("descriptors_close", || {
        let kept = probe.as_raw_fd();
        let lost = [keep.as_raw_fd(), gone.as_raw_fd(), ear.as_raw_fd()];
        std::mem::forget((keep, gone, ear));
        fork::close_all_except(&[kept, 1]).unwrap();
        let open = |fd: &i32| std::fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok();
        [0, 1, 2, kept].iter().all(open) && !lost.iter().any(open)
    });
}

fn standard_streams_move() {
    let (read, write) = nix::unistd::pipe().expect("pipe");
    holds("standard_streams_move", move || {
        // Standard output becomes what error was, and error the pipe: the order must not matter.
        fork::redirect_std(None, Some(io::stderr().as_fd()), Some(write.as_fd())).unwrap();
        io::stderr().write_all(b"to the pipe").unwrap();
        let nothing = io::stdin().read(&mut [0]).unwrap() == 0;
        fork::daemonize_std().unwrap();
        println!("to nowhere");
        nothing
    });
    let mut text = String::new();
    File::from(read).read_to_string(&mut text).expect("read");
    assert_eq!(text, "to the pipe");
}

fn orphans_come_to_the_subreaper() {
    holds("orphans_come_to_the_subreaper", || {
        fork::set_child_subreaper().unwrap();
        let (ear, mouth) = fdpass::pair().unwrap();
        let middle = in_child(|| {
            // The grandchild outlives its parent, and ends when this process closes its end.
            if fork::fork().unwrap() == Forked::Child {
                let _ = fdpass::send(mouth.as_fd(), &std::process::id().to_be_bytes(), &[]);
                let _ = fdpass::recv(mouth.as_fd(), &mut [0]);
                fork::exit_now(9);
            }
            true
        });
        let mut pid = [0; 4];
        fdpass::recv(ear.as_fd(), &mut pid).unwrap();
        fdpass::send(ear.as_fd(), b"x", &[]).unwrap();
        let pid = i32::from_be_bytes(pid);
        middle.success() && process::wait(pid).unwrap() == ExitStatus::Code(9)
    });
}

fn a_dead_parent_is_noticed() {
    let (ear, mouth) = fdpass::pair().expect("pair");
    holds("a_dead_parent_is_noticed", || {
        let parent = std::process::id() as i32;
        if fork::fork().unwrap() == Forked::Child {
            fork::set_parent_death_signal(libc::SIGKILL).unwrap();
            if fork::parent_pid() == parent {
                // Tell that it is set, then wait for the signal: nobody answers.
                fdpass::send(mouth.as_fd(), b"set", &[]).unwrap();
                let (_other, wait) = fdpass::pair().unwrap();
                let _ = fdpass::recv(wait.as_fd(), &mut [0]);
            }
            fork::exit_now(0);
        }
        fdpass::recv(ear.as_fd(), &mut [0; 3]).unwrap().0 == 3
    });
    drop(mouth);
    // End of file: the grandchild, which held the other end, is dead.
    assert_eq!(fdpass::recv(ear.as_fd(), &mut [0; 3]).expect("recv").0, 0);
}

fn sessions_and_groups() {
    holds("sessions_and_groups", || {
        let own = std::process::id() as i32;
        fork::set_name("forked (1) x").unwrap();
        let session = fork::new_session().unwrap();
        let stat = process::stat(own).unwrap();
        limits::set(limits::Resource::Core, 0).unwrap();
        session == own && stat.session == own && stat.group == own && fork::new_session().is_err()
    });
    holds("a_group_is_killed", || {
        let Forked::Parent(pid) = fork::fork().unwrap() else {
            let _ = fork::new_session();
            let (_other, wait) = fdpass::pair().unwrap();
            let _ = fdpass::recv(wait.as_fd(), &mut [0]);
            fork::exit_now(0)
        };
        // There is no such group until the child has made it.
        while process::kill_group(pid, libc::SIGKILL).is_err() {
            std::thread::yield_now();
        }
        process::wait(pid).unwrap()
            == ExitStatus::Signal {
                signal: libc::SIGKILL,
                core: false,
            }
    });
}

fn a_passed_descriptor_names_its_sender() {
    let (ear, mouth) = fdpass::pair().expect("pair");
    holds("a_descriptor_is_passed", || {
        let (inner, outer) = fdpass::pair().unwrap();
        fdpass::send(mouth.as_fd(), b"take", &[outer.as_fd()]).unwrap();
        fdpass::send(inner.as_fd(), b"hello", &[]).is_ok()
    });
    let (_, fds) = fdpass::recv(ear.as_fd(), &mut [0; 8]).expect("recv");
    let fd: OwnedFd = fds.into_iter().next().expect("a descriptor");
    let mut text = [0; 5];
    assert_eq!(fdpass::recv(fd.as_fd(), &mut text).expect("recv").0, 5);
    assert_eq!(&text, b"hello");
    let maker = peer::credentials(fd.as_fd()).expect("credentials");
    assert_ne!(maker.pid, std::process::id() as i32);
    assert_eq!(maker.uid, peer::current_uid());
}

fn root_is_given_up() {
    let Ok(nobody) = user::lookup("nobody") else {
        return;
    };
    if !user::is_root() {
        return;
    }
    holds("root_is_given_up", || {
        user::switch_to(&nobody).unwrap();
        // Again is fine, back is not.
        let again = user::switch_to(&nobody).is_ok();
        let back = user::lookup("0").and_then(|root| user::switch_to(&root)).is_ok();
        peer::current_uid() == nobody.uid && again && !back && !user::is_root()
    });
}

fn a_thread_forbids_it() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || held.recv());
    assert_eq!(
        fork::fork().expect_err("two threads").kind(),
        io::ErrorKind::Unsupported
    );
    drop(hold);
    let _ = thread.join();
    println!("a_thread_forbids_it ... ok");
}
