//! Tables with columns as wide as what is in them.

/// Characters of a column at most; what is longer pushes the rest of its line to the right.
const WIDEST: usize = 48;

/// The rows in columns; the first `left` of them begin at the left, the others end at the right.
pub fn columns(rows: &[Vec<String>], left: usize) -> String {
    spaced(rows, left, &[])
}

/// As [`columns`], with columns of these widths at least, so that further rows fit below.
pub fn spaced(rows: &[Vec<String>], left: usize, least: &[usize]) -> String {
    let most = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .filter(|width| *width <= WIDEST)
            .chain(least.get(column).copied())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..most).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = widths[at];
            let gap = if at == 0 { "" } else { "  " };
            line.push_str(&match at < left {
                true => format!("{gap}{cell:<width$}"),
                false => format!("{gap}{cell:>width$}"),
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row of texts.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Microseconds in the unit that has few digits.
pub fn micros(us: u32) -> String {
    let us = f64::from(us);
    match us {
        _ if us < 1e3 => format!("{us}us"),
        _ if us < 1e4 => format!("{:.1}ms", us / 1e3),
        _ if us < 1e6 => format!("{:.0}ms", us / 1e3),
        _ => format!("{:.1}s", us / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_needed() {
        let rows = [row(["NAME", "N"]), row(["a", "1000"]), row(["bcdef", "1"])];
        assert_eq!(columns(&rows, 1), "NAME      N\na      1000\nbcdef     1\n");
        assert_eq!(columns(&[], 1), "");
        let long = "x".repeat(WIDEST + 1);
        assert_eq!(
            columns(&[row([&long, "1"]), row(["a", "2"])], 1),
            format!("{long}  1\na  2\n")
        );
    }

    #[test]
    fn times() {
        for (us, want) in [
            (0, "0us"),
            (999, "999us"),
            (1500, "1.5ms"),
            (25_000, "25ms"),
            (1_500_000, "1.5s"),
        ] {
            assert_eq!(micros(us), want);
        }
    }
}
