//! Speed and form of what goes over a line: options of scripts, and the settings of a port.

use std::io;

use gshell_plugin_sdk::{Code, Error, Fields, Result};
use serial2::{CharSize, FlowControl, Parity, Settings, StopBits};

/// The names of the options.
pub const NAMES: [&str; 5] = ["baud", "data", "parity", "stop", "flow"];

/// What a script says; what it does not say stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Fields)]
pub struct Wanted {
    /// Bits a second.
    pub baud: Option<u32>,
    /// Bits of a character: 5 to 8.
    pub data: Option<u8>,
    /// none, even or odd.
    pub parity: Option<String>,
    /// Stop bits: 1 or 2.
    pub stop: Option<u8>,
    /// none, hardware or software.
    pub flow: Option<String>,
}

/// What a port does.
#[derive(Clone, Debug, PartialEq, Eq, Fields)]
pub struct Present {
    pub baud: Option<u32>,
    pub data: Option<u8>,
    pub parity: Option<String>,
    pub stop: Option<u8>,
    pub flow: Option<String>,
}

const DATA: [(&str, CharSize); 4] = [
    ("5", CharSize::Bits5),
    ("6", CharSize::Bits6),
    ("7", CharSize::Bits7),
    ("8", CharSize::Bits8),
];
const PARITY: [(&str, Parity); 3] = [
    ("none", Parity::None),
    ("even", Parity::Even),
    ("odd", Parity::Odd),
];
const STOP: [(&str, StopBits); 2] = [("1", StopBits::One), ("2", StopBits::Two)];
const FLOW: [(&str, FlowControl); 3] = [
    ("none", FlowControl::None),
    ("hardware", FlowControl::RtsCts),
    ("software", FlowControl::XonXoff),
];

/// What is meant by a word.
fn meant<T: Copy>(option: &str, word: &str, known: &[(&str, T)]) -> Result<T> {
    let found = known.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let text = format!("{option} is one of {}, not {word}", names.join(", "));
        Error::new(Code::Invalid, text)
    })
}

/// The word for a value; none if the driver has one that has no word.
fn word<T: PartialEq>(value: io::Result<T>, known: &[(&'static str, T)]) -> Option<&'static str> {
    let value = value.ok()?;
    known
        .iter()
        .find(|(_, known)| *known == value)
        .map(|(name, _)| *name)
}

impl Wanted {
    /// Changes settings to what is said.
    ///
    /// # Errors
    /// When something is said that no port does.
    pub fn apply(&self, settings: &mut Settings) -> Result<()> {
        if let Some(baud) = self.baud {
            // 0 is how a modem is told to hang up.
            if baud == 0 {
                return Err(Error::new(
                    Code::Invalid,
                    "baud is a number of bits a second from 1, not 0",
                ));
            }
            settings.set_baud_rate(baud)?;
        }
        if let Some(data) = self.data {
            settings.set_char_size(meant("data", &data.to_string(), &DATA)?);
        }
        if let Some(parity) = &self.parity {
            settings.set_parity(meant("parity", parity, &PARITY)?);
        }
        if let Some(stop) = self.stop {
            settings.set_stop_bits(meant("stop", &stop.to_string(), &STOP)?);
        }
        if let Some(flow) = &self.flow {
            settings.set_flow_control(meant("flow", flow, &FLOW)?);
        }
        Ok(())
    }
}

impl Present {
    /// What settings say.
    pub fn of(settings: &Settings) -> Present {
        let digit = |word: Option<&str>| word.and_then(|word| word.parse().ok());
        Present {
            baud: settings.get_baud_rate().ok(),
            data: digit(word(settings.get_char_size(), &DATA)),
            parity: word(settings.get_parity(), &PARITY).map(str::to_owned),
            stop: digit(word(settings.get_stop_bits(), &STOP)),
            flow: word(settings.get_flow_control(), &FLOW).map(str::to_owned),
        }
    }
}
