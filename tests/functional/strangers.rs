//! Bytes on the node's sockets that no client of ours sends.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use gshell_tests::rng::Rng;
use gshell_tests::{Node, emulated, proc, wait_until};

/// Sends bytes to the daemon and gives what it answers until it closes or half a second has passed.
fn say(node: &Node, bytes: &[u8]) -> Vec<u8> {
    let mut stream =
        UnixStream::connect(node.run_dir().join("svc/gshell_daemon.sock")).expect("the daemon listens");
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.take(1 << 16).read_to_end(&mut answer);
    answer
}

#[test]
fn garbage_does_not_disturb_the_node() {
    let node = Node::start();
    let seed = Rng::seed("GSHELL_TEST_SEED");
    println!("GSHELL_TEST_SEED={seed}");
    let mut rng = Rng::new(seed);
    let before = proc::descriptors(node.daemon_pid()).unwrap();
    say(&node, b"");
    say(&node, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    say(&node, &[0xff; 4096]);
    say(&node, &[0; 4096]);
    for _ in 0..60 {
        let length = rng.below(600);
        let bytes: Vec<u8> = (0..length).map(|_| rng.below(256).to_be_bytes()[3]).collect();
        say(&node, &bytes);
    }
    assert_eq!(node.ps(), [], "it answers, and nothing was started");
    wait_until("the daemon closed all of them", Duration::from_secs(20), || {
        proc::descriptors(node.daemon_pid()).unwrap() <= before
    });
    let memory = proc::memory_kb(node.daemon_pid(), "Pss").unwrap();
    assert!(memory < 20_000, "the daemon holds {memory} kB");
}

#[test]
fn silent_connections_do_not_lock_others_out() {
    let node = Node::start();
    let path = node.run_dir().join("svc/gshell_daemon.sock");
    let idle: Vec<UnixStream> = (0..200).map_while(|_| UnixStream::connect(&path).ok()).collect();
    assert!(idle.len() >= 10);
    let out = node.cmd(&["ps"]);
    // Refusing is fine as long as it is said; not answering is not.
    assert!(out.took < emulated::slower(Duration::from_secs(5)), "{out:?}");
    drop(idle);
    wait_until("it answers again", gshell_tests::DEADLINE, || {
        node.cmd(&["ps"]).code == Some(0)
    });
}
