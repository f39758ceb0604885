//! How a sync pass gets on: a bar on a terminal, log lines elsewhere.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vouchsafe_syncer::{Event, Outcome, Progress};

/// A bar that counts repositories.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error; nothing where that is no terminal.
    pub(crate) fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        // The template is fixed and valid; with another one the bar would only look plain.
        Self(bar.with_style(style.unwrap_or_else(|_error| ProgressStyle::default_bar())))
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Planned { total, .. } => {
                self.0.inc_length(u64::try_from(total).unwrap_or(u64::MAX));
            }
            Event::Done { gun, .. } => {
                self.0.inc(1);
                self.0.set_message(gun.to_string());
            }
        }
    }
}

/// One log line for each repository that changed or failed.
#[derive(Debug)]
pub(crate) struct Log;

impl Progress for Log {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Planned { server, total } => tracing::debug!(%server, total, "sync pass begins"),
            Event::Done {
                server,
                gun,
                outcome,
            } => match outcome {
                Outcome::Failed(failure) => {
                    let hint = failure.hint.unwrap_or_default();
                    tracing::warn!(%server, %gun, reason = failure.label, hint, "{}", failure.message);
                }
                Outcome::Unchanged => tracing::debug!(%server, %gun, "unchanged"),
                Outcome::Updated => tracing::info!(%server, %gun, "committed"),
                Outcome::Withdrawn => tracing::warn!(%server, %gun, "withdrawn by the server"),
            },
        }
    }
}
