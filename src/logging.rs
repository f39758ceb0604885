//! Log lines, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Common, LogFormat};

/// Starts logging. `quiet` leaves only errors to commands whose result is their output.
pub(crate) fn start(common: &Common, quiet: bool) {
    let filter = match (common.verbose, quiet) {
        (0, true) => "error",
        (0, false) | (1, true) => "warn,vouchsafe=info",
        (1, false) => "info,vouchsafe=debug",
        _ => "debug,vouchsafe=trace",
    };
    let filter = EnvFilter::new(filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // A second subscriber cannot come up: this runs once, first thing.
    let started = match common.log_format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Text => {
            // Colours are for terminals whose owner wants them (https://no-color.org).
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let ansi = io::IsTerminal::is_terminal(&io::stderr()) && !unwanted;
            builder
                .with_ansi(ansi)
                .with_target(false)
                .finish()
                .try_init()
        }
    };
    drop(started);
}
