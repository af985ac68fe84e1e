//! Days of the calendar, for zip, whose times have no zone: they are taken as UTC.

use zip::DateTime;

const DAY: i64 = 86_400;

/// Days from the start of Unix time to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one.
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let eras = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    eras * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds of Unix time.
pub fn to_unix(date: DateTime) -> i64 {
    let days = days(date.year().into(), date.month().into(), date.day().into());
    days * DAY + i64::from(date.hour()) * 3600 + i64::from(date.minute()) * 60 + i64::from(date.second())
}

/// The date for seconds of Unix time; the first that zip knows for those before 1980 or after 2107.
pub fn from_unix(seconds: i64) -> DateTime {
    date(seconds).unwrap_or_default()
}

fn date(seconds: i64) -> Option<DateTime> {
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let year = (1980..=2107).rev().find(|year| days(*year, 1, 1) <= day)?;
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day)?;
    let of_month = day - days(year, month, 1) + 1;
    let small = |number: i64| u8::try_from(number).ok();
    let (hour, minute) = (small(second / 3600)?, small(second / 60 % 60)?);
    let year = u16::try_from(year).ok()?;
    DateTime::from_date_and_time(
        year,
        small(month)?,
        small(of_month)?,
        hour,
        minute,
        small(second % 60)?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2000, 3, 1), 11_017);
        assert_eq!(days(2100, 3, 1) - days(2100, 2, 28), 1);
        for seconds in [315_532_800, 951_827_696, 1_700_000_000, 4_354_819_198] {
            assert_eq!(to_unix(from_unix(seconds)), seconds);
        }
        assert_eq!(to_unix(from_unix(0)), 315_532_800, "the first day of 1980");
    }
}
