//! What several fuzz targets share.

use gshell_session::{Event, Session, Side};
use gshell_wire::{Code, Fault, Hello, Limits, Role, decode_frame};

/// Most bytes that an input of a target may make a session answer, per byte of the input: the answer to a frame is at
/// most a fault with a short text.
const ANSWER: usize = 16;

/// Plays the bytes of a peer to a session that answers as a service would, in pieces as they may come off a socket.
///
/// # Panics
/// When the session takes more than it was given, says something that is not a frame, or answers more than it was asked.
pub fn play(side: Side, data: &[u8]) {
    let limits = Limits {
        message: 4096,
        streams: 8,
        text: 32,
        ..Limits::default()
    };
    let mut session = Session::new(side, limits, 0);
    let peer = if side == Side::Client {
        Role::Server
    } else {
        Role::Client
    };
    assert!(session.input(&Hello::ours(peer).encode(), 0).is_ok());
    session.output().clear();
    while side == Side::Client && session.streams() < 4 {
        assert!(session.open().is_ok());
    }
    let (split, data) = data
        .split_first()
        .map_or((0, data), |(first, rest)| (usize::from(*first), rest));
    let (mut at, mut given, mut now) = (0, split.min(data.len()), 0);
    loop {
        now += 1;
        let step = match session.input(&data[at..given], now) {
            Ok(step) => step,
            Err(lie) => {
                assert!(session.is_closed() && !lie.to_string().is_empty());
                break;
            }
        };
        at += step.used;
        assert!(at <= given);
        if let Some(event) = step.event {
            answer(&mut session, event);
        } else if step.used == 0 {
            if given == data.len() {
                break;
            }
            given = data.len();
        }
    }
    check_output(&session, data.len());
}

fn answer(session: &mut Session, event: Event<'_>) {
    let fault = Fault::new(Code::UnknownMessage, "no");
    match event {
        Event::Opened { stream } if stream % 3 == 0 => session.reset(stream, &fault),
        Event::Message {
            stream,
            key,
            head,
            payload,
        } => {
            assert!(payload.len() <= 4096);
            if key & 1 == 0 {
                session.consumed(stream, payload.len() as u32);
            }
            let _ = match head.call {
                Some(_) => session.send_raw(stream, key, head, b"yes"),
                None => session.send_error(stream, None, &fault),
            };
        }
        Event::Ended { stream } => {
            let _ = session.end(stream);
        }
        Event::Bye { .. } => assert!(session.is_closed()),
        _ => {}
    }
}

/// All that is pending is whole frames, and not much of it.
fn check_output(session: &Session, input: usize) {
    assert!(session.pending().len() <= 1024 + input * ANSWER);
    let mut rest = session.pending();
    while !rest.is_empty() {
        let Ok(Some((_, used))) = decode_frame(rest, &Limits::default()) else {
            panic!("not a frame: {rest:02x?}");
        };
        rest = &rest[used..];
    }
}
