//! Decimal numbers as people write them, without the tables for what they do not write.

/// Powers of ten that a float has exactly.
const EXACT: i32 = 22;

/// Reads digits with at most one point, and an exponent if there is one, such as `12`, `.5` or `1.5e3`. As exact as a
/// float can be with up to 15 digits and 22 places; with more, the last digit may be another. `None` for what is no such
/// number, or too large.
pub fn decimal(text: &str) -> Option<f64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (mut value, mut power) = (0_u64, i32::from(exponent));
    let (mut some, mut point) = (false, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' if value < 1 << 53 => {
                value = value * 10 + u64::from(byte - b'0');
                power -= i32::from(point);
            }
            // Too many to count, but they have their place.
            b'0'..=b'9' => power += i32::from(!point),
            b'.' if !point => point = true,
            _ => return None,
        }
        some |= byte != b'.';
    }
    let value = scaled(value as f64, power);
    (some && value.is_finite()).then_some(if negative { -value } else { value })
}

fn scaled(mut value: f64, mut power: i32) -> f64 {
    while power != 0 && value != 0.0 && value.is_finite() {
        let step = power.clamp(-EXACT, EXACT);
        let factor = 10_f64.powi(step.abs());
        value = if step < 0 { value / factor } else { value * factor };
        power -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_library_reads() {
        for text in [
            "0",
            "-0",
            "1",
            "+1",
            "0.5",
            ".5",
            "5.",
            "0.1",
            "1.5e3",
            "3E-2",
            "0.000001",
            "86400",
            "12345.678901",
            "0.52",
            "999999999999999",
            "1e22",
            "1e-22",
            "123456789.012345",
            "1e5000",
            "x",
            "",
            ".",
            "1.2.3",
            "1e",
            "e1",
            "--1",
            "1 ",
        ] {
            let want = text.parse::<f64>().ok().filter(|value| value.is_finite());
            assert_eq!(decimal(text).map(f64::to_bits), want.map(f64::to_bits), "{text}");
        }
        assert_eq!((decimal("inf"), decimal("NaN")), (None, None));
    }

    #[test]
    fn many_digits_are_right_to_the_last_but_one() {
        for text in [
            "0.33333333333333333333333333",
            "3.14159265358979323846264338",
            "123456789012345678901234567890",
        ] {
            let want: f64 = text.parse().unwrap();
            let error = (decimal(text).unwrap() - want).abs() / want;
            assert!(error < 1e-15, "{text}: {error}");
        }
    }
}
