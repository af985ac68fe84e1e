//! A client of the soak: does something else all the time, until it is killed or has done enough.

use std::time::Duration;

use gshell_service::{Address, Client, rt};
use gshell_wire::{Bytes, Code, Fault};

use crate::messages::{Block, Down, Echo, Item, Total, Up, Wait};

/// Things that a client does before it ends by itself.
const ROUNDS: u32 = 60;

/// Numbers that look random and are the same for the same seed.
pub struct Rng(u32);

impl Rng {
    /// From a seed.
    pub fn new(seed: u32) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % bound
    }
}

/// Runs a client.
pub async fn run(address: &str, seed: u32) -> Result<(), Fault> {
    let mut rng = Rng::new(seed);
    let client = Address::parse(address)?.connect(None).await?;
    for _ in 0..ROUNDS {
        match rng.below(6) {
            0 => calls(&client, 20, 32).await?,
            1 => calls(&client, 2, 64 << 10).await?,
            2 => given_up(&client).await?,
            3 => {
                let block = Block { ms: 1 };
                let _: Block = client.request(block).timeout(crate::LIMIT).send().await?;
            }
            4 => down(&client, rng.below(300)).await?,
            _ => up(&client, rng.below(300)).await?,
        }
        rt::sleep(Duration::from_millis(rng.below(100).into())).await;
    }
    Ok(())
}

async fn calls(client: &Client, count: u32, size: usize) -> Result<(), Fault> {
    for n in 0..count {
        let data = Bytes::from(vec![1; size]);
        let echo: Echo = client
            .request(Echo { n, data })
            .timeout(crate::LIMIT)
            .send()
            .await?;
        if echo.n != n {
            return Err(crate::failed("another's reply", format!("{} for {n}", echo.n)));
        }
    }
    Ok(())
}

/// Calls that nobody waits for to the end.
async fn given_up(client: &Client) -> Result<(), Fault> {
    for _ in 0..5 {
        let wait = Wait { ms: 60_000 };
        let limit = Duration::from_millis(5);
        match client.request(wait).timeout(limit).send::<Wait>().await {
            Err(fault) if fault.code() == Some(Code::Timeout) => {}
            Err(fault) => return Err(fault),
            Ok(_) => return Err(crate::failed("a reply", "before its time")),
        }
    }
    Ok(())
}

/// Takes some items of a stream that has no end, and leaves.
async fn down(client: &Client, count: u32) -> Result<(), Fault> {
    let stream = client.open().await?;
    stream.send(Down {}).await?;
    for expected in 0..count {
        let item = stream.recv_timeout(crate::LIMIT).await?;
        let n = item
            .map(|item| item.decode::<Item>())
            .transpose()?
            .map(|item| item.n);
        if n != Some(expected) {
            return Err(crate::failed("a wrong item", format!("{n:?} for {expected}")));
        }
    }
    Ok(())
}

/// Sends items and hears how many they were.
async fn up(client: &Client, count: u32) -> Result<(), Fault> {
    let stream = client.open().await?;
    stream.send(Up {}).await?;
    for n in 0..count {
        let data = Bytes::from(vec![2; 1000]);
        stream.send(Item { n, data }).await?;
    }
    stream.end();
    let total = stream.recv_timeout(crate::LIMIT).await?;
    match total.map(|total| total.decode::<Total>()).transpose()? {
        Some(Total { n }) if n == count => Ok(()),
        other => Err(crate::failed("a wrong total", format!("{other:?} for {count}"))),
    }
}
