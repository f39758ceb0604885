//! Plots as SVG files, for the documentation.

use std::path::PathBuf;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::docs;
use crate::harness::HarnessError;

/// Lines over a common axis.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// The file's name without its suffix.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// What is along it, and its unit.
    pub x: String,
    /// What is up, and its unit.
    pub y: String,
    /// Whether each step up is a tenfold one.
    pub log_y: bool,
    /// The lines; steps along them are tenfold.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// Draws it into `docs/performance/`; returns what shows it in Markdown.
    ///
    /// # Errors
    ///
    /// [`HarnessError`] if it cannot be drawn or written.
    pub fn draw(&self) -> Result<String, HarnessError> {
        let folder = docs().join("performance");
        std::fs::create_dir_all(&folder).map_err(HarnessError::file(&folder))?;
        let file = folder.join(format!("{}.svg", self.name));
        let points = || self.series.iter().flat_map(|series| &series.points);
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for (x, y) in points() {
            (least, most) = (least.min(*x), most.max(*x));
            (low, high) = (low.min(*y), high.max(*y));
        }
        let along = (least..most).log_scale();
        if self.log_y {
            let up = (low / 2.0..high * 2.0).log_scale();
            self.draw_on(&file, along, up)?;
        } else {
            self.draw_on(&file, along, 0.0..high * 1.1)?;
        }
        Ok(format!(
            "![{}](performance/{}.svg)\n",
            self.title, self.name
        ))
    }

    fn draw_on<X, Y>(&self, file: &PathBuf, along: X, up: Y) -> Result<(), HarnessError>
    where
        X: AsRangedCoord<Value = f64>,
        Y: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        let failed = HarnessError::unexpected(file.display().to_string());
        let draw = || -> Result<(), DrawingAreaErrorKind<_>> {
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .caption(&self.title, ("sans-serif", 16))
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(64)
                .build_cartesian_2d(along, up)?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .x_desc(&self.x)
                .y_desc(&self.y)
                .x_label_formatter(&number)
                .y_label_formatter(&number)
                .draw()?;
            for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
                let line = LineSeries::new(series.points.iter().copied(), colour.stroke_width(2));
                chart
                    .draw_series(line.point_size(3))?
                    .label(&series.name)
                    .legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                    });
            }
            chart
                .configure_series_labels()
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK.mix(0.2))
                .position(SeriesLabelPosition::UpperLeft)
                .draw()?;
            area.present()
        };
        draw().map_err(failed)
    }
}

/// Digits where they are few, a power of ten with its prefix elsewhere.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "what the axes call")]
fn number(value: &f64) -> String {
    let scaled = [(1e6, "M"), (1e3, "k")];
    let found = scaled.iter().find(|(scale, _)| *value >= *scale);
    found.map_or_else(
        || format!("{value}"),
        |(scale, unit)| format!("{}{unit}", value / scale),
    )
}

const SIZE: (u32, u32) = (720, 360);
/// Told apart by people who see colours differently, too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(0, 128, 96),
    RGBColor(230, 159, 0),
    RGBColor(117, 112, 179),
    RGBColor(90, 90, 90),
];
