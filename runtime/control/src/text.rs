//! Small texts that tables and errors share.

/// A duration in milliseconds for people: two units at most, such as `350ms`, `12.3s`, `4m05s`, `3h12m`, `2d04h`.
pub fn duration_text(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{seconds}.{}s", ms % 1000 / 100),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// The end of `text`, at most `most` bytes and cut between characters: the last words of an output tell the most.
pub(crate) fn keep_end(text: &mut String, most: u32) {
    let excess = text.len().saturating_sub(most as usize);
    if excess > 0 {
        let start = (excess..=text.len())
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(text.len());
        text.drain(..start);
    }
}

/// The start of `text`, at most `most` bytes and cut between characters: the first words of an error tell the most.
pub(crate) fn keep_start(text: &mut String, most: u32) {
    if text.len() > most as usize {
        let end = (0..=most as usize)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (ms, want) in [
            (0, "0ms"),
            (999, "999ms"),
            (1000, "1.0s"),
            (12_345, "12.3s"),
            (59_999, "59.9s"),
            (60_000, "1m00s"),
            (245_000, "4m05s"),
            (3_599_999, "59m59s"),
            (3_600_000, "1h00m"),
            (11_520_000, "3h12m"),
            (187_200_000, "2d04h"),
            (u64::MAX, "213503982334d14h"),
        ] {
            assert_eq!(duration_text(ms), want);
        }
    }

    #[test]
    fn cutting_respects_characters() {
        let mut text = "aäö".to_owned();
        keep_end(&mut text, 3);
        assert_eq!(text, "ö");
        let mut text = "aäö".to_owned();
        keep_start(&mut text, 2);
        assert_eq!(text, "a");
        let mut short = "abc".to_owned();
        keep_start(&mut short, 3);
        keep_end(&mut short, 3);
        assert_eq!(short, "abc");
    }
}
