//! A chart as SVG text: panels side by side, both axes logarithmic, one line a size.

use std::fmt::Write as _;

/// Width of a panel's plot.
const WIDTH: f64 = 280.0;
/// Height of a panel's plot.
const HEIGHT: f64 = 280.0;
/// Room left of each plot, for its numbers.
const LEFT: f64 = 70.0;
/// Room above the plots, for titles.
const TOP: f64 = 40.0;
/// Room for the names of the lines, right of the last panel.
const LEGEND: f64 = 110.0;
/// Distinguishable also for those who see red and green alike (Okabe and Ito's palette).
const COLOURS: [&str; 7] = [
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7",
];

/// One plot.
#[derive(Debug)]
pub struct Panel {
    /// Above the plot.
    pub title: String,
    /// Drawn in this order.
    pub lines: Vec<Line>,
}

/// One line of a plot.
#[derive(Debug)]
pub struct Line {
    /// In the legend.
    pub label: String,
    /// Streams and transactions per second, both above 0.
    pub points: Vec<(f64, f64)>,
}

struct Scale {
    low: f64,
    high: f64,
    length: f64,
}

impl Scale {
    /// Whole powers of `base` around all values.
    fn around(values: impl Iterator<Item = f64>, base: f64, length: f64) -> Scale {
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        for value in values {
            low = low.min(value.log(base));
            high = high.max(value.log(base));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let (low, high) = (low.floor(), high.ceil().max(low.floor() + 1.0));
        Scale { low, high, length }
    }

    fn place(&self, value: f64, base: f64) -> f64 {
        (value.log(base) - self.low) / (self.high - self.low) * self.length
    }
}

/// The whole picture.
pub fn svg(panels: &[Panel]) -> String {
    let points = || {
        panels
            .iter()
            .flat_map(|panel| &panel.lines)
            .flat_map(|line| &line.points)
    };
    let across = Scale::around(points().map(|point| point.0), 2.0, WIDTH);
    let up = Scale::around(points().map(|point| point.1), 10.0, HEIGHT);
    let width = panels.len() as f64 * (LEFT + WIDTH) + LEGEND;
    let height = TOP + HEIGHT + 50.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let left = index as f64 * (LEFT + WIDTH) + LEFT;
        axes(&mut out, &panel.title, left, &across, &up);
        for (line, colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
            draw(&mut out, line, colour, left, &across, &up);
        }
    }
    if let Some(panel) = panels.first() {
        legend(&mut out, &panel.lines, width - LEGEND + 15.0);
    }
    out.push_str("</svg>\n");
    out
}

fn axes(out: &mut String, title: &str, left: f64, across: &Scale, up: &Scale) {
    let (bottom, middle) = (TOP + HEIGHT, left + WIDTH / 2.0);
    let _ = writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"14\">{}</text>\n\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">streams on one connection</text>",
        TOP - 15.0,
        escaped(title),
        bottom + 35.0
    );
    let mut power = up.low;
    while power <= up.high {
        let y = bottom - up.place(10f64.powf(power), 10.0);
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{}\" y2=\"{y:.1}\" stroke=\"#ccc\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}/s</text>",
            left + WIDTH,
            left - 5.0,
            y + 4.0,
            short(10f64.powf(power))
        );
        power += 1.0;
    }
    let mut power = across.low;
    while power <= across.high {
        let x = left + across.place(2f64.powf(power), 2.0);
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#eee\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            2f64.powf(power)
        );
        power += 1.0;
    }
}

fn draw(out: &mut String, line: &Line, colour: &str, left: f64, across: &Scale, up: &Scale) {
    let mut points = String::new();
    for (x, y) in &line.points {
        let (x, y) = (left + across.place(*x, 2.0), TOP + HEIGHT - up.place(*y, 10.0));
        let _ = write!(points, "{x:.1},{y:.1} ");
    }
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"/>",
        points.trim_end()
    );
}

fn legend(out: &mut String, lines: &[Line], x: f64) {
    for ((index, line), colour) in lines.iter().enumerate().zip(COLOURS.iter().cycle()) {
        let y = TOP + 20.0 * index as f64 + 10.0;
        let _ = writeln!(
            out,
            "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"/>\n\
             <text x=\"{}\" y=\"{}\">{}</text>",
            x + 20.0,
            x + 26.0,
            y + 4.0,
            escaped(&line.label)
        );
    }
}

/// 1000 as 1k, 1000000 as 1M.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{}M", n / 1e6),
        n if n >= 1e3 => format!("{}k", n / 1e3),
        n => n.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_and_label_is_drawn_inside_the_picture() {
        let line = Line {
            label: "32 B <small>".into(),
            points: vec![(1.0, 900.0), (256.0, 1_200_000.0)],
        };
        let text = svg(&[Panel {
            title: "scope os".into(),
            lines: vec![line],
        }]);
        assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"));
        assert!(text.contains("32 B &lt;small>") && text.contains("1M/s") && text.contains(">256<"));
        let points = text.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        for pair in points.split(' ') {
            let (x, y) = pair.split_once(',').unwrap();
            assert!(
                (0.0..=WIDTH + LEFT).contains(&x.parse::<f64>().unwrap()),
                "{pair}"
            );
            assert!(
                (0.0..=TOP + HEIGHT).contains(&y.parse::<f64>().unwrap()),
                "{pair}"
            );
        }
    }
}
