//! A client that does what it should, beside whatever others do: its calls per second.

use std::time::{Duration, Instant};

use gshell_service::Client;
use gshell_wire::{Bytes, Fault};

use crate::messages::Echo;

/// Bytes of a call, both ways.
const SIZE: usize = 32;

/// Calls one after the other for a time; how many there were in a second.
pub async fn rate(client: &Client, time: Duration) -> Result<f64, Fault> {
    let began = Instant::now();
    let mut n = 0;
    while began.elapsed() < time {
        let data = Bytes::from(vec![0; SIZE]);
        let echo: Echo = client
            .request(Echo { n, data })
            .timeout(crate::LIMIT)
            .send()
            .await?;
        if echo.n != n {
            return Err(crate::failed("another's reply", format!("{} for {n}", echo.n)));
        }
        n += 1;
    }
    Ok(f64::from(n) / began.elapsed().as_secs_f64())
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
