//! How a sync pass gets on: a bar on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vouchsafe_syncer::{Event, Progress};

use crate::printer::note;

/// Counts repositories, on standard error.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    /// When the last line was written, where lines are written instead of a bar.
    last_line: Option<Mutex<Instant>>,
}

impl Bar {
    /// A bar where standard error is a terminal that shows no log lines, which would run into it.
    pub(crate) fn new(shows_log: bool) -> Self {
        let draws = io::stderr().is_terminal() && !shows_log;
        let target = if draws {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        // The template is fixed and valid; with another one the bar would only look plain.
        let style = style.unwrap_or_else(|_error| ProgressStyle::default_bar());
        Self {
            bar: bar.with_style(style),
            last_line: (!draws).then(|| Mutex::new(Instant::now())),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self) {
        let Some(last_line) = &self.last_line else {
            return;
        };
        let mut last_line = last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last_line.elapsed() >= BETWEEN_LINES {
            *last_line = Instant::now();
            let total = self.bar.length().unwrap_or_default();
            note(&format!("{} of {total} repositories", self.bar.position()));
        }
    }
}

impl Progress for Bar {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Planned { total, .. } => {
                self.bar
                    .inc_length(u64::try_from(total).unwrap_or(u64::MAX));
            }
            Event::Done { gun, .. } => {
                self.bar.inc(1);
                self.bar.set_message(gun.to_string());
                self.line();
            }
        }
    }
}

const BETWEEN_LINES: Duration = Duration::from_secs(5);
