//! The `vouchsafe` binary: thin commands over the crates that do the work.

mod age;
mod args;
mod clock;
mod command;
mod context;
mod discovery;
mod exit;
mod freshness;
mod logging;
mod lookup;
mod printer;
mod progress;
mod publish;
mod reopen;
mod runtime;
mod signal;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command};
use crate::exit::{COULD_NOT_TELL, Error, Outcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            printer::note(&format!("error: {}", chain(&*error)));
            ExitCode::from(COULD_NOT_TELL)
        }
    }
}

fn run(cli: &Cli) -> Result<Outcome, Error> {
    let Cli { command, common } = cli;
    let long_running = matches!(command, Command::Serve(_))
        || matches!(command, Command::Sync(sync) if sync.watch);
    logging::start(common, !long_running);
    // One provider for all of TLS; it can be installed once only, and this runs once.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match command {
        Command::Sync(args) => command::sync::run(args, common),
        Command::Serve(args) => command::serve::run(args, common),
        Command::Check(args) => command::check::run(args, common),
        Command::Review(args) => command::review::run(args, common),
        Command::Status(args) => command::status::run(args, common),
        Command::Forget(args) => command::forget::run(args, common),
        Command::ResetClock(args) => command::reset_clock::run(args, common),
        Command::Bundle(command) => command::bundle::run(command, common),
        Command::Cluster(command) => command::cluster::run(command, common),
        Command::Config(command) => command::config::run(command, common),
        Command::RootKey(args) => command::root_key::run(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "vouchsafe", &mut script);
            printer::print(&String::from_utf8_lossy(&script))?;
            Ok(Outcome::Yes)
        }
    }
}

/// An error and what caused it, as one line; causes that repeat are left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
