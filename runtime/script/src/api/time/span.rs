//! Durations as people write them: "1h02m", "250ms", "1.5s".

/// Units and their nanoseconds, largest first; "us" may be written "µs".
const UNITS: [(&str, f64); 8] = [
    ("w", 604_800e9),
    ("d", 86_400e9),
    ("h", 3_600e9),
    ("m", 60e9),
    ("s", 1e9),
    ("ms", 1e6),
    ("us", 1e3),
    ("ns", 1.0),
];

/// Text of a duration in seconds: its two largest units, the rest cut ("1d03h", "1h02m", "2m05s"), below a
/// minute seconds with up to three digits ("5.25s"), below a second one smaller unit ("250ms").
/// `None` for NaN and infinities.
pub fn format(seconds: f64) -> Option<String> {
    if !seconds.is_finite() || seconds.abs() > 1e15 {
        return None;
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    let whole = seconds as u64;
    let text = match whole {
        0 => below_a_second(seconds),
        1..60 => trimmed(seconds, "s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole / 3600 % 24),
    };
    Some(if text == "0s" {
        text
    } else {
        format!("{sign}{text}")
    })
}

fn below_a_second(seconds: f64) -> String {
    // Rounded to whole nanoseconds first: 0.3 is 299.99999999999994 ms otherwise.
    let nanos = (seconds * 1e9).round() as u64;
    match nanos {
        0 => "0s".to_owned(),
        1..1000 => format!("{nanos}ns"),
        1000..1_000_000 => format!("{}us", nanos / 1000),
        1_000_000..1_000_000_000 => format!("{}ms", nanos / 1_000_000),
        _ => "1s".to_owned(),
    }
}

/// Up to three digits of a fraction, cut, without zeros at the end.
fn trimmed(seconds: f64, unit: &str) -> String {
    let millis = (seconds * 1e6).round() as u64 / 1000;
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Seconds of a text of numbers with units, each used once and from large to small ("1h30m", "1.5s",
/// "-2d"), or of a plain number of seconds. `None` for anything else.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    if let Some(plain) = number(rest) {
        return Some(sign * plain);
    }
    let mut nanos = 0.0;
    let mut last = UNITS.len();
    let mut first = true;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, after) = rest.split_at_checked(end)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let unit = if unit == "µs" { "us" } else { unit };
        let index = UNITS.iter().position(|(name, _)| *name == unit)?;
        if !first && index <= last {
            return None;
        }
        nanos += number(value)? * UNITS.get(index)?.1;
        (last, first, rest) = (index, false, after);
    }
    (!first).then_some(sign * nanos / 1e9)
}

/// Digits with at most one point, and at least one digit.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { gshell_small::decimal(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_their_two_largest_units() {
        for (seconds, text) in [
            (0.0, "0s"),
            (-0.0, "0s"),
            (1e-12, "0s"),
            (4e-9, "4ns"),
            (0.000_25, "250us"),
            (0.3, "300ms"),
            (0.999_999_999_9, "1s"),
            (1.0, "1s"),
            (5.25, "5.25s"),
            (59.9996, "59.999s"),
            (125.9, "2m05s"),
            (3720.0, "1h02m"),
            (97_200.0, "1d03h"),
            (-90.0, "-1m30s"),
        ] {
            assert_eq!(format(seconds).as_deref(), Some(text), "{seconds}");
        }
        assert_eq!((format(f64::NAN), format(f64::INFINITY)), (None, None));
    }

    #[test]
    fn durations_read() {
        for (text, seconds) in [
            ("1h02m", 3720.0),
            ("250ms", 0.25),
            ("1.5s", 1.5),
            ("90", 90.0),
            ("0.5", 0.5),
            ("1w1d", 691_200.0),
            ("2m5s100ms", 125.1),
            ("-1m", -60.0),
            (" 7us ", 7e-6),
            ("7µs", 7e-6),
        ] {
            let read = parse(text).unwrap();
            assert!((read - seconds).abs() < 1e-9, "{text}: {read}");
        }
        for bad in [
            "", "-", "h", "1x", "1m1h", "1m1m", "1..5s", ".", "1h2", "--1", "1e3", "inf", "s1", "1 h",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
