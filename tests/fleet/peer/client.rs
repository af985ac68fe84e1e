//! The client: calls services, checks what comes back, and says of each how many messages there were and how many wrong.

use std::fmt::Display;

use gshell_service::{Address, Client};
use gshell_wire::{Code, Fault};

use crate::common::Options;
use crate::messages::{All, Big, Exchange, Fail, Item, Poke, Poked, Seen, Total, Watch, Watching};
use crate::server::{CODES, LIMIT};
use crate::values::{all, big, wrong_field};

const CALLS: u64 = 24;
const BIGS: u64 = 2;
const EXCHANGED: u32 = 24;
const POKES: u64 = 5;

/// Messages that were right, and what was wrong.
struct Tally<'a> {
    target: &'a str,
    right: u32,
    wrong: u32,
}

impl Tally<'_> {
    /// Counts messages that belong together: all are right, or one is wrong.
    fn count(&mut self, what: impl Display, messages: u32, result: Result<(), String>) {
        match result {
            Ok(()) => self.right += messages,
            Err(why) => {
                self.wrong += 1;
                eprintln!("wrong: {}: {what}: {why}", self.target);
            }
        }
    }
}

fn right(message: &All, n: u64) -> Result<(), String> {
    match wrong_field(message, n) {
        None => Ok(()),
        Some(field) => Err(format!("{field}: {message:?}")),
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(got: &T, want: &T) -> Result<(), String> {
    match got == want {
        true => Ok(()),
        false => Err(format!("{got:?}, not {want:?}")),
    }
}

async fn calls(connection: &Client, tally: &mut Tally<'_>, first: u64) {
    for n in first..first + CALLS {
        let answer = connection.request(all(n)).timeout(LIMIT).send().await;
        let result = answer.map_err(|fault: Fault| fault.to_string());
        tally.count("a call", 2, result.and_then(|answer| right(&answer, n + 1)));
    }
    for n in first..first + BIGS {
        let answer: Result<Big, Fault> = connection.request(big(n)).timeout(LIMIT).send().await;
        let result = match answer {
            Err(fault) => Err(fault.to_string()),
            Ok(answer) if answer == big(n + 1) => Ok(()),
            Ok(answer) => Err(format!("{} and {} bytes", answer.bytes.len(), answer.text.len())),
        };
        tally.count("a big call", 2, result);
    }
}

async fn exchange(connection: &Client, tally: &mut Tally<'_>, from: u64) -> Result<(), Fault> {
    let ended = || Fault::new(Code::State, "the stream ended early");
    let stream = connection.open().await?;
    let count = EXCHANGED;
    stream.send(Exchange { from, count }).await?;
    let numbers = (0..u64::from(count)).map(|i| from + i);
    for n in numbers.clone() {
        let message = stream.recv_timeout(LIMIT).await?.ok_or_else(ended)?;
        tally.count(
            "a message of a stream",
            1,
            right(&message.decode::<Item>()?.body, n),
        );
    }
    for n in numbers {
        stream.send(Item { body: all(n) }).await?;
    }
    let total: Total = stream.recv_timeout(LIMIT).await?.ok_or_else(ended)?.decode()?;
    let want = Total {
        right: count,
        wrong: 0,
    };
    tally.count(
        "what the service has of a stream",
        count + 2,
        equal(&total, &want),
    );
    Ok(())
}

async fn events(connection: &Client, tally: &mut Tally<'_>, who: &str) -> Result<(), Fault> {
    let ended = || Fault::new(Code::State, "the subscription ended early");
    let stream = connection.open().await?;
    stream.send(Watch { who: who.to_owned() }).await?;
    stream
        .recv_timeout(LIMIT)
        .await?
        .ok_or_else(ended)?
        .decode::<Watching>()?;
    tally.count("a subscription", 2, Ok(()));
    for n in (0..POKES).map(|n| u64::MAX - n) {
        let poke = Poke {
            who: who.to_owned(),
            n,
        };
        let poked: Poked = connection.request(poke).timeout(LIMIT).send().await?;
        tally.count("who was told", 2, equal(&poked, &Poked { watchers: 1 }));
        let seen: Seen = stream.recv_timeout(LIMIT).await?.ok_or_else(ended)?.decode()?;
        tally.count("an event", 1, equal(&seen, &Seen { n }));
    }
    Ok(())
}

async fn errors(connection: &Client, tally: &mut Tally<'_>) {
    for (name, code) in CODES {
        let message = format!("{name}: für dich");
        let request = Fail {
            code: name.to_owned(),
            message: message.clone(),
        };
        let answer: Result<Total, Fault> = connection.request(request).timeout(LIMIT).send().await;
        let result = match answer {
            Ok(answer) => Err(format!("{answer:?} is no error")),
            Err(fault) => equal(&(fault.code(), &fault.message), &(Some(code), &message)),
        };
        tally.count("an error", 2, result);
    }
}

async fn everything(options: &Options, tally: &mut Tally<'_>, who: &str, first: u64) -> Result<(), Fault> {
    let target = tally.target;
    let connection = match target.contains(':') {
        true => Address::parse(target)?.connect(None).await?,
        false => options.connect(&format!("fleet.{target}")).await?,
    };
    calls(&connection, tally, first).await;
    exchange(&connection, tally, first).await?;
    events(&connection, tally, &format!("{who} to {target}")).await?;
    errors(&connection, tally).await;
    Ok(())
}

/// Calls every target; fails when anything was wrong.
pub async fn run(options: &Options) -> Result<(), Fault> {
    let who: String = options.value("name", "rust".to_owned())?;
    let mut wrong = 0;
    for (at, target) in options.text("to").unwrap_or_default().split(',').enumerate() {
        let mut tally = Tally {
            target,
            right: 0,
            wrong: 0,
        };
        // Numbers above 2^53, which no float holds, and others for each target.
        let first = (1 << 60) + at as u64 * 1024;
        let done = everything(options, &mut tally, &who, first).await;
        if let Err(fault) = done {
            tally.count("a conversation", 0, Err(fault.to_string()));
        }
        println!("{target} right={} wrong={}", tally.right, tally.wrong);
        wrong += tally.wrong;
    }
    match wrong {
        0 => Ok(()),
        _ => Err(Fault::new(
            Code::BadMessage,
            format!("{wrong} messages were wrong"),
        )),
    }
}
