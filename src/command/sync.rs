//! `vouchsafe sync`: pull, verify, store.

use std::sync::Arc;

use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_store::socket::Listener;
use vouchsafe_syncer::{
    Failure, Options, PassReport, Progress, Schedule, Scope, ServerReport, Syncer, watch,
};

use crate::args::{Common, SyncArgs};
use crate::context::{self, StoreClock};
use crate::exit::{Error, Outcome};
use crate::printer::{Printer, note};
use crate::progress::{Bar, Log};
use crate::{runtime, signal};

pub(crate) fn run(args: &SyncArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let schedule = schedule(&config)?;
    let store = context::store(common, &config)?;
    runtime::new()?.block_on(async {
        answer_readers(&store, common);
        if args.watch {
            keep_to(&schedule, store, config).await;
            return Ok(Outcome::Yes);
        }
        once(args, store, config).await
    })
}

/// The schedule of the configuration.
pub(crate) fn schedule(config: &Config) -> Result<Schedule, Error> {
    let text = &config.sync().schedule;
    Ok(text
        .parse()
        .map_err(|error| format!("sync.schedule `{text}`: {error}"))?)
}

/// Lets other commands read the store while this process holds it.
pub(crate) fn answer_readers(store: &Store, common: &Common) {
    match Listener::bind(&context::socket_path(&common.store)) {
        Ok(listener) => drop(tokio::spawn(
            listener.serve(store.clone(), std::future::pending()),
        )),
        Err(error) => {
            tracing::warn!(%error, "other commands cannot read the store while this runs");
        }
    }
}

/// A syncer that fills `store` as `config` says.
pub(crate) fn syncer(store: &Store, config: Config, options: Options) -> Syncer {
    let clock = Arc::new(StoreClock(store.clone()));
    Syncer::new(store.clone(), Arc::new(config), clock, options)
}

async fn keep_to(schedule: &Schedule, store: Store, config: Config) {
    let options = Options::from(config.sync());
    let syncer = syncer(&store, config, options);
    let progress: Arc<dyn Progress> = Arc::new(Log);
    watch(
        &syncer,
        schedule,
        &progress,
        |report| log(&report),
        signal::stop(),
    )
    .await;
}

/// One log line for a pass over one server.
pub(crate) fn log(report: &ServerReport) {
    let ServerReport {
        server,
        unchanged,
        updated,
        withdrawn,
        failed,
        skipped,
        requests,
        ..
    } = report;
    match &report.error {
        None => {
            tracing::info!(%server, unchanged, updated, withdrawn, failed, skipped, requests, "sync pass done");
        }
        Some(error) => {
            tracing::warn!(%server, reason = error.label, skipped, "sync pass failed: {error}");
        }
    }
}

async fn once(args: &SyncArgs, store: Store, config: Config) -> Result<Outcome, Error> {
    let mut options = Options::from(config.sync());
    options.changefeed &= !args.full;
    let syncer = syncer(&store, config, options);
    let scope = if args.guns.is_empty() {
        Scope::Due
    } else {
        Scope::Only(args.guns.clone())
    };
    let bar = Arc::new(Bar::new());
    let progress: Arc<dyn Progress> = Arc::<Bar>::clone(&bar);
    let report = tokio::select! {
        report = syncer.pass(&scope, &progress) => report,
        () = signal::stop() => {
            bar.finish();
            return Err("interrupted; what was committed is kept".into());
        }
    };
    bar.finish();
    let printer = Printer::new(args.output.output);
    printer.print(&report, text)?;
    if !printer.is_json() {
        failures(&report).for_each(|failure| note(&explain(failure)));
    }
    outcome(&report)
}

/// Everything up to date, refused by verification, or could not be told.
fn outcome(report: &PassReport) -> Result<Outcome, Error> {
    if report.is_complete() {
        return Ok(Outcome::Yes);
    }
    if failures(report).any(|failure| failure.refused) {
        return Ok(Outcome::Refused);
    }
    if let Some(gun) = report.unconfigured.first() {
        return Err(format!(
            "{gun}: no rule of the policy asks a Notary server about it\nhint: add a rule whose pattern matches it"
        )
        .into());
    }
    Err("not everything could be brought up to date; what is stored stays".into())
}

fn failures(report: &PassReport) -> impl Iterator<Item = &Failure> {
    report
        .servers
        .iter()
        .flat_map(|server| server.error.iter().chain(&server.failures))
}

fn explain(failure: &Failure) -> String {
    let hint = failure
        .hint
        .map(|hint| format!("\nhint: {hint}"))
        .unwrap_or_default();
    format!("{}: {failure}{hint}", failure.label)
}

fn text(report: &PassReport) -> String {
    let line = |server: &ServerReport| {
        let mut text = format!(
            "{}: {} updated, {} unchanged, {} withdrawn, {} failed",
            server.server, server.updated, server.unchanged, server.withdrawn, server.failed
        );
        if server.skipped > 0 {
            text = format!("{text}, {} skipped", server.skipped);
        }
        format!("{text} ({} requests)\n", server.requests)
    };
    report.servers.iter().map(line).collect()
}
