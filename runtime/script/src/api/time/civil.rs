//! Instants as RFC 3339 text and back, in the proleptic Gregorian calendar, years 0 to 9999.

const DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;
/// 0000-01-01T00:00:00Z and 10000-01-01T00:00:00Z, seconds since 1970.
const RANGE: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

/// Days since 1970 of a date; months and days count from 1.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month, day of a number of days since 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next, month, day)
}

/// Text of an instant in UTC, with `digits` (at most 9) of the second's fraction, which is cut, not rounded.
/// `None` outside the years 0 to 9999.
pub fn format(seconds: i64, nanos: u32, digits: usize) -> Option<String> {
    if !RANGE.contains(&seconds) {
        return None;
    }
    let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if digits > 0 {
        let fraction = format!("{nanos:09}");
        text.push('.');
        text.push_str(fraction.get(..digits.min(9)).unwrap_or(&fraction));
    }
    text.push('Z');
    Some(text)
}

/// Seconds and nanoseconds since 1970 of an RFC 3339 text; `None` when it is none. Date and time may be
/// separated by a blank; a leap second counts as the first second of the next minute.
pub fn parse(text: &str) -> Option<(i64, u32)> {
    let bytes = text.as_bytes();
    let number = |from: usize, len: usize| -> Option<i64> {
        let digits = bytes.get(from..from + len)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_of(year, month, day);
    if date_of(days) != (year, month, day) {
        return None;
    }
    let (nanos, zone) = fraction(bytes.get(19..)?)?;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some((seconds, nanos))
}

/// Nanoseconds of an optional ".123", and what follows it.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len == 0 {
        return None;
    }
    let mut nanos = 0;
    for place in 0..9 {
        let digit = if place < len { digits.get(place)? - b'0' } else { 0 };
        nanos = nanos * 10 + u32::from(digit);
    }
    Some((nanos, digits.get(len..)?))
}

/// Seconds east of UTC of "Z", "+01:00" or "-0130".
fn offset(zone: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(zone).ok()?;
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let number = |part: &str| -> Option<i64> {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// An instant given as a float of seconds, as whole seconds and nanoseconds.
pub fn split(seconds: f64) -> Option<(i64, u32)> {
    let whole = seconds.floor();
    if !(whole >= RANGE.start as f64 && whole < RANGE.end as f64) {
        return None;
    }
    // A float of today's seconds holds about microseconds; rounding there keeps .3 from becoming .299999952.
    let nanos = ((seconds - whole) * 1e6).round() as i64 * 1000;
    let carry = nanos / NANOS;
    Some((whole as i64 + carry, u32::try_from(nanos % NANOS).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_in_both_directions() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-01-02T15:04:05Z", 1_767_366_245),
            ("1969-12-31T23:59:59Z", -1),
            ("0000-01-01T00:00:00Z", RANGE.start),
            ("9999-12-31T23:59:59Z", RANGE.end - 1),
        ] {
            assert_eq!(parse(text), Some((seconds, 0)), "{text}");
            assert_eq!(format(seconds, 0, 0).as_deref(), Some(text));
        }
        assert_eq!(format(RANGE.end, 0, 0), None);
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for days in -200_000..200_000 {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn fractions_zones_and_leap_seconds() {
        assert_eq!(
            parse("2026-01-02T15:04:05.25+01:30").unwrap(),
            (1_767_366_245 - 5400, 250_000_000)
        );
        assert_eq!(parse("2026-01-02 15:04:05.1234567899z").unwrap().1, 123_456_789);
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2017-01-01T00:00:00Z"));
        assert_eq!(format(0, 123_456_789, 3).unwrap(), "1970-01-01T00:00:00.123Z");
        assert_eq!(split(1.3), Some((1, 300_000_000)));
        assert_eq!(split(-0.25), Some((-1, 750_000_000)));
        assert_eq!(split(0.999_999_9), Some((1, 0)));
        assert_eq!((split(f64::NAN), split(1e300)), (None, None));
    }

    #[test]
    fn anything_else_is_no_instant() {
        for bad in [
            "",
            "2026",
            "2026-01-02",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T00:00:00",
            "2026-01-02T00:00:00.Z",
            "2026-01-02T00:00:00+1:00",
            "2026-01-02T00:00:00+0é",
            "2026-01-02T00:00:00Zx",
            "+026-01-02T00:00:00Z",
            "2026-01-02T+1:00:00Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
