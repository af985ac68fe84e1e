//! Settings of lines: what scripts say, and what the kernel has.

use std::time::Duration;

use gpiocdev_uapi::v2::{LineAttributeValue, LineConfig, LineFlags, LineInfo, LineValues, Name};
use gshell_plugin_sdk::{Code, Error, Fields, Result, Value};

/// The names of the options.
pub const NAMES: [&str; 11] = [
    "direction",
    "value",
    "values",
    "bias",
    "drive",
    "active_low",
    "edges",
    "debounce",
    "clock",
    "consumer",
    "buffer",
];

/// What a script says of lines that it requests.
#[derive(Clone, Debug, Default, PartialEq, Fields)]
pub struct Wanted {
    /// input, output or as-is.
    pub direction: Option<String>,
    /// Level of all outputs at first.
    pub value: Option<Value>,
    /// Level of each output at first.
    pub values: Option<Vec<Value>>,
    /// pull-up, pull-down or disabled.
    pub bias: Option<String>,
    /// push-pull, open-drain or open-source.
    pub drive: Option<String>,
    /// Whether a low level counts as true.
    pub active_low: Option<bool>,
    /// rising, falling or both.
    pub edges: Option<String>,
    /// Seconds that a level has to last.
    pub debounce: Option<f64>,
    /// monotonic or realtime.
    pub clock: Option<String>,
    /// Who others see as the user of the lines.
    pub consumer: Option<String>,
    /// Edges that the kernel keeps.
    pub buffer: Option<u32>,
}

/// What is known of a line.
#[derive(Clone, Debug, PartialEq, Fields)]
pub struct Info {
    pub line: u32,
    pub name: Option<String>,
    pub used: bool,
    pub consumer: Option<String>,
    pub direction: String,
    pub active_low: bool,
    pub bias: Option<String>,
    pub drive: Option<String>,
    pub edges: Option<String>,
    pub debounce: Option<f64>,
}

const NOTHING: LineFlags = LineFlags::empty();
const BOTH: LineFlags = LineFlags::EDGE_RISING.union(LineFlags::EDGE_FALLING);

/// Words of an option with their flags.
type Words = [(&'static str, LineFlags)];

const DIRECTION: &Words = &[
    ("input", LineFlags::INPUT),
    ("output", LineFlags::OUTPUT),
    ("as-is", NOTHING),
];
const BIAS: &Words = &[
    ("pull-up", LineFlags::BIAS_PULL_UP),
    ("pull-down", LineFlags::BIAS_PULL_DOWN),
    ("disabled", LineFlags::BIAS_DISABLED),
];
const DRIVE: &Words = &[
    ("push-pull", NOTHING),
    ("open-drain", LineFlags::OPEN_DRAIN),
    ("open-source", LineFlags::OPEN_SOURCE),
];
const EDGES: &Words = &[
    ("both", BOTH),
    ("rising", LineFlags::EDGE_RISING),
    ("falling", LineFlags::EDGE_FALLING),
];
const CLOCK: &Words = &[
    ("monotonic", NOTHING),
    ("realtime", LineFlags::EVENT_CLOCK_REALTIME),
];

/// The flags of a word; none for an option that is not said.
fn flags(option: &str, word: Option<&str>, words: &Words) -> Result<LineFlags> {
    let Some(word) = word else {
        return Ok(NOTHING);
    };
    let found = words.iter().find(|(name, _)| *name == word);
    found.map(|(_, flags)| *flags).ok_or_else(|| {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        invalid(format!("{option} is one of {}, not {word}", names.join(", ")))
    })
}

/// The first word whose flags are all there.
fn word(has: LineFlags, words: &Words) -> Option<String> {
    let found = words
        .iter()
        .find(|(_, flags)| !flags.is_empty() && has.contains(*flags));
    found.map(|(name, _)| (*name).to_owned())
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::Invalid, text)
}

/// A level as scripts say it.
///
/// # Errors
/// When it is none of true, false, 1 and 0.
pub fn level(value: &Value) -> Result<bool> {
    match value {
        Value::Boolean(value) => Ok(*value),
        Value::Integer(1) => Ok(true),
        Value::Integer(0) => Ok(false),
        _ => Err(invalid("a level is true, false, 1 or 0")),
    }
}

/// Levels of as many lines.
///
/// # Errors
/// When there are more or fewer, or some are none.
pub fn levels(values: &[Value], count: usize) -> Result<LineValues> {
    if values.len() != count {
        return Err(invalid(format!(
            "{count} lines have as many levels, not {}",
            values.len()
        )));
    }
    let mut levels = LineValues::default();
    for (at, value) in values.iter().enumerate() {
        levels.set(at, level(value)?);
    }
    Ok(levels)
}

/// The bits of so many lines.
pub fn mask(count: usize) -> u64 {
    u64::MAX
        .checked_shr(64_u32.saturating_sub(count as u32))
        .unwrap_or(0)
}

impl Wanted {
    /// What the kernel is told, for so many lines.
    ///
    /// # Errors
    /// When something is said that no line does.
    pub fn config(&self, count: usize) -> Result<LineConfig> {
        let output = self.direction.as_deref() == Some("output");
        let direction = flags(
            "direction",
            Some(self.direction.as_deref().unwrap_or("input")),
            DIRECTION,
        )?;
        let mut all = direction
            | flags("bias", self.bias.as_deref(), BIAS)?
            | flags("drive", self.drive.as_deref(), DRIVE)?
            | flags("edges", self.edges.as_deref(), EDGES)?
            | flags("clock", self.clock.as_deref(), CLOCK)?;
        all.set(LineFlags::ACTIVE_LOW, self.active_low.unwrap_or_default());
        if !output && (self.value.is_some() || self.values.is_some() || self.drive.is_some()) {
            return Err(invalid("value, values and drive are for direction = \"output\""));
        }
        if all.intersects(BOTH) && !all.contains(LineFlags::INPUT) {
            return Err(invalid("edges are for direction = \"input\""));
        }
        let mut config = LineConfig {
            flags: all,
            ..LineConfig::default()
        };
        match (&self.value, &self.values) {
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "value is for all lines and values for each: say one of them",
                ));
            }
            (Some(value), None) => config.add_values(&levels(&vec![value.clone(); count], count)?),
            (None, Some(values)) => config.add_values(&levels(values, count)?),
            (None, None) => {}
        }
        if let Some(seconds) = self.debounce {
            config.add_debounce(microseconds(seconds)?, mask(count));
        }
        Ok(config)
    }

    /// Whether edges are seen.
    pub fn sees_edges(&self) -> bool {
        self.edges.is_some()
    }
}

fn microseconds(seconds: f64) -> Result<u32> {
    let period = Duration::try_from_secs_f64(seconds).ok();
    let period = period.and_then(|period| u32::try_from(period.as_micros()).ok());
    period.ok_or_else(|| {
        invalid(format!(
            "debounce is a number of seconds from 0 to 4294, not {seconds}"
        ))
    })
}

/// A name, if it is not empty.
pub fn named(name: &Name) -> Option<String> {
    (!name.is_empty()).then(|| String::from(name))
}

impl Info {
    /// What the kernel tells.
    pub fn of(info: &LineInfo) -> Info {
        let has = info.flags;
        let count = (info.num_attrs as usize).min(info.attrs.0.len());
        let mut attributes = info.attrs.0[..count].iter();
        let debounce = attributes.find_map(|attribute| match attribute.to_value() {
            Some(LineAttributeValue::DebouncePeriod(period)) => Some(f64::from(period) / 1e6),
            _ => None,
        });
        let output = has.contains(LineFlags::OUTPUT);
        Info {
            line: info.offset,
            name: named(&info.name),
            used: has.contains(LineFlags::USED),
            consumer: named(&info.consumer),
            direction: if output { "output" } else { "input" }.to_owned(),
            active_low: has.contains(LineFlags::ACTIVE_LOW),
            bias: word(has, BIAS),
            drive: output.then(|| word(has, DRIVE).unwrap_or_else(|| "push-pull".to_owned())),
            edges: word(has, EDGES),
            debounce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(fields: &[(&str, &str)]) -> Wanted {
        let get = |name: &str| {
            let found = fields.iter().find(|field| field.0 == name);
            found.map(|field| field.1.to_owned())
        };
        Wanted {
            direction: get("direction"),
            bias: get("bias"),
            drive: get("drive"),
            edges: get("edges"),
            clock: get("clock"),
            ..Wanted::default()
        }
    }

    fn refused(wanted: &Wanted) -> String {
        wanted.config(2).unwrap_err().text().to_owned()
    }

    #[test]
    fn words_become_flags() {
        let config = |fields: &[(&str, &str)]| wanted(fields).config(1).unwrap().flags;
        assert_eq!(config(&[]), LineFlags::INPUT);
        assert_eq!(config(&[("direction", "as-is")]), NOTHING);
        let expected = LineFlags::OUTPUT | LineFlags::OPEN_DRAIN | LineFlags::BIAS_PULL_UP;
        let fields = [
            ("direction", "output"),
            ("drive", "open-drain"),
            ("bias", "pull-up"),
        ];
        assert_eq!(config(&fields), expected);
        let expected = LineFlags::INPUT | BOTH | LineFlags::EVENT_CLOCK_REALTIME;
        assert_eq!(config(&[("edges", "both"), ("clock", "realtime")]), expected);
        let low = Wanted {
            active_low: Some(true),
            ..Wanted::default()
        };
        assert_eq!(
            low.config(1).unwrap().flags,
            LineFlags::INPUT | LineFlags::ACTIVE_LOW
        );
    }

    #[test]
    fn outputs_have_levels_from_the_beginning() {
        let mut output = wanted(&[("direction", "output")]);
        output.values = Some(vec![true.into(), 0.into(), 1.into()]);
        let config = output.config(3).unwrap();
        let attribute = config.attr(0);
        assert_eq!((config.num_attrs, attribute.mask), (1, 0b111));
        assert_eq!(attribute.attr.to_value(), Some(LineAttributeValue::Values(0b101)));
        assert_eq!(refused(&output), "2 lines have as many levels, not 3");
        output.value = Some(true.into());
        assert_eq!(
            refused(&output),
            "value is for all lines and values for each: say one of them"
        );
        output.values = None;
        let config = output.config(64).unwrap();
        assert_eq!(
            config.attr(0).attr.to_value(),
            Some(LineAttributeValue::Values(u64::MAX))
        );
        output.value = Some(2.into());
        assert_eq!(refused(&output), "a level is true, false, 1 or 0");
    }

    #[test]
    fn debouncing_is_in_seconds() {
        let mut input = wanted(&[("edges", "both")]);
        input.debounce = Some(0.005);
        let config = input.config(2).unwrap();
        assert_eq!(config.attr(0).mask, 0b11);
        assert_eq!(
            config.attr(0).attr.to_value(),
            Some(LineAttributeValue::DebouncePeriod(5000))
        );
        for seconds in [-1.0, f64::NAN, 5000.0] {
            input.debounce = Some(seconds);
            assert!(
                refused(&input).starts_with("debounce is a number of seconds"),
                "{seconds}"
            );
        }
    }

    #[test]
    fn what_no_line_does() {
        let expected = "bias is one of pull-up, pull-down, disabled, not up";
        assert_eq!(refused(&wanted(&[("bias", "up")])), expected);
        assert!(refused(&wanted(&[("drive", "open-drain")])).ends_with("are for direction = \"output\""));
        let fields = [("direction", "output"), ("edges", "rising")];
        assert_eq!(refused(&wanted(&fields)), "edges are for direction = \"input\"");
        assert_eq!((mask(0), mask(1), mask(64)), (0, 1, u64::MAX));
    }

    #[test]
    fn what_the_kernel_tells() {
        let mut told = LineInfo {
            name: "LED".into(),
            consumer: Name::default(),
            offset: 7,
            num_attrs: 99,
            flags: LineFlags::USED | LineFlags::OUTPUT | LineFlags::ACTIVE_LOW,
            ..LineInfo::default()
        };
        told.attr_mut(0).set_debounce_period_us(250);
        let info = Info::of(&told);
        assert_eq!(
            (info.line, info.name.as_deref(), info.consumer.as_deref()),
            (7, Some("LED"), None)
        );
        assert_eq!(
            (info.used, info.active_low, info.debounce),
            (true, true, Some(0.00025))
        );
        assert_eq!(
            (info.direction.as_str(), info.drive.as_deref()),
            ("output", Some("push-pull"))
        );
        told.flags = LineFlags::INPUT | BOTH | LineFlags::BIAS_PULL_DOWN;
        let info = Info::of(&told);
        assert_eq!((info.direction.as_str(), info.drive.as_deref()), ("input", None));
        assert_eq!(
            (info.edges.as_deref(), info.bias.as_deref()),
            (Some("both"), Some("pull-down"))
        );
        told.flags = LineFlags::INPUT | LineFlags::EDGE_FALLING;
        assert_eq!(Info::of(&told).edges.as_deref(), Some("falling"));
    }
}
