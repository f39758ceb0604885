//! `vouchsafe sync`: pull, verify, store.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use serde::Serialize;
use tokio::task::JoinSet;
use vouchsafe_cluster::lease::Turn;
use vouchsafe_cluster::publish::PublishReport;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_store::socket::{Importer, Listener};
use vouchsafe_syncer::{
    Configured, Failure, Options, PassReport, Progress, Schedule, Scope, ServerReport, Sightings,
    Source, Syncer, watch,
};

use crate::args::{Common, SyncArgs};
use crate::command::bundle;
use crate::context::{self, StoreClock};
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, Printer, note, printable};
use crate::progress::Bar;
use crate::publish::{self, Publishing};
use crate::{discovery, reopen, runtime, signal};

pub(crate) fn run(args: &SyncArgs, common: &Common) -> Result<Outcome, Error> {
    let (config, text) = context::config_with_text(common)?;
    let schedule = schedule(&config, &common.config)?;
    let store = context::store(common, &config)?;
    context::judgement_time(&store)?;
    runtime::run_passes(async {
        answer_readers(&store, common, None);
        if args.watch && config.sync().is_off {
            return Err("`sync.schedule` is `never`: there is nothing to keep to".into());
        }
        if args.watch {
            return keep_to(&schedule, common, store, config).await;
        }
        once(args, common, store, (config, text)).await
    })
}

/// The schedule of the configuration, which came from `file`.
pub(crate) fn schedule(config: &Config, file: &Path) -> Result<Schedule, Error> {
    let settings = config.sync();
    Ok(settings.schedule.parse().map_err(|error| {
        let (file, place) = (file.display(), settings.schedule_place);
        format!("{file}{place}: `{}`: {error}", settings.schedule)
    })?)
}

/// Checks what of a configuration, which came from `file`, only those can read who go by it: when to sync, and
/// where bundles are pulled from, and when.
pub(crate) fn check_feeds(config: &Config, file: &Path) -> Result<(), Error> {
    schedule(config, file)?;
    bundle::check_pull(config, file)
}

/// Lets other commands read the store while this process holds it.
///
/// Whoever asks has bundles taken in by `importer`, if there is one.
pub(crate) fn answer_readers(store: &Store, common: &Common, importer: Option<Arc<dyn Importer>>) {
    match Listener::bind(&context::socket_path(&common.store)) {
        Ok(listener) => {
            let listener = match importer {
                Some(importer) => listener.with_importer(importer),
                None => listener,
            };
            drop(tokio::spawn(
                listener.serve(store.clone(), std::future::pending()),
            ));
        }
        Err(error) => {
            tracing::warn!(%error, "other commands cannot read the store while this runs");
        }
    }
}

/// A syncer that fills `store` as `config` says, with the credentials in the folder `secrets`.
pub(crate) fn syncer(store: &Store, config: Config, secrets: &Path, options: Options) -> Syncer {
    syncer_of(store, config, secrets, options, Sightings::default())
}

/// The same, of repositories, too, of which images were sighted.
pub(crate) fn syncer_of(
    store: &Store,
    config: Config,
    secrets: &Path,
    options: Options,
    sightings: Sightings,
) -> Syncer {
    let clock = Arc::new(StoreClock(store.clone()));
    let mirror = Arc::new(Configured {
        config,
        secrets: secrets.to_path_buf(),
        sightings,
    });
    Syncer::new(store.clone(), mirror, clock, options)
}

async fn keep_to(
    schedule: &Schedule,
    common: &Common,
    store: Store,
    config: Config,
) -> Result<Outcome, Error> {
    let options = Options::from(config.sync());
    let sightings = Sightings::default();
    let looking = discovery::keep_looking(&config, &sightings).await;
    let syncer = syncer_of(&store, config, &common.secrets, options, sightings);
    // The syncer logs what it does.
    let progress: Arc<dyn Progress> = Arc::new(());
    let mut ended = Ok(());
    let stop = async { ended = reopen::stop(&store).await };
    watch(&syncer, schedule, &progress, drop, stop).await;
    drop(looking);
    ended.map(|()| Outcome::Yes)
}

async fn once(
    args: &SyncArgs,
    common: &Common,
    store: Store,
    (config, text): (Config, String),
) -> Result<Outcome, Error> {
    // From here on: a signal that nobody waits for is lost.
    let mut stop = pin!(signal::stop());
    let turn = tokio::select! {
        turn = turn(args, common, &store, (&config, &text)) => turn?,
        () = &mut stop => return Err(INTERRUPTED.into()),
    };
    let done = tokio::select! {
        // What is told to stop as well tidies up first.
        biased;
        done = sync(args, common, store, config) => done,
        () = &mut stop => Err(INTERRUPTED.into()),
    };
    if let Some(turn) = turn {
        publish::give_back(turn).await;
    }
    let done = done?;
    let printer = Printer::new(args.output.output);
    printer.print(&done, self::text)?;
    let Done {
        pass: report,
        published,
    } = done;
    if !printer.is_json() {
        published.iter().for_each(publish::tell_failures);
        if report.servers.is_empty() {
            note(
                "no validator of the configuration names a Notary server: there is nothing to sync",
            );
        }
        feedless(&report).for_each(|warning| note(&warning));
        failures(&report).for_each(|failure| note(&explain(failure)));
        left_out(&report).for_each(|warning| note(&warning));
        if let Some(why) = &report.discovery {
            let why = printable(why, MAX_MESSAGE);
            note(&format!("not all images of the cluster are known: {why}"));
        }
    }
    let outcome = outcome(&report)?;
    published.map_or(Ok(outcome), |published| {
        publish::outcome(&published).map(|_| outcome)
    })
}

/// The right to sync for a cluster, where that is what is done.
async fn turn(
    args: &SyncArgs,
    common: &Common,
    store: &Store,
    (config, text): (&Config, &str),
) -> Result<Option<Turn>, Error> {
    let Some(target) = args.publish else {
        return Ok(None);
    };
    let (turn, waited) = publish::turn(target, store, config).await?;
    let is_as_read = |(_, now): (Config, String)| now == text;
    if !waited || context::config_with_text(common).is_ok_and(is_as_read) {
        return Ok(turn);
    }
    if let Some(turn) = turn {
        publish::give_back(turn).await;
    }
    let file = common.config.display();
    Err(format!("{file} changed while this waited\nhint: begin anew").into())
}

/// One pass, and its publishing.
async fn sync(
    args: &SyncArgs,
    common: &Common,
    store: Store,
    config: Config,
) -> Result<Done, Error> {
    let mut options = Options::from(config.sync());
    options.changefeed &= !args.full;
    let publishing = match args.publish {
        Some(target) => Some(Publishing::begin(target, &store, &config).await?),
        None => None,
    };
    let sightings = Sightings::default();
    let (scope, discovery) = if args.guns.is_empty() {
        (Scope::Due, discovery::look(&config, &sightings).await)
    } else {
        (Scope::Only(args.guns.clone()), None)
    };
    let syncer = syncer_of(&store, config, &common.secrets, options, sightings);
    let mut pass = pass(&syncer, &scope, common).await?;
    pass.discovery = discovery;
    let published = match publishing {
        Some(publishing) => Some(publishing.finish(&store).await?),
        None => None,
    };
    Ok(Done { pass, published })
}

/// What a sync did. Its JSON form is stable.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(flatten)]
    pass: PassReport,
    /// What came of publishing, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<PublishReport>,
}

/// One pass, with a bar that shows how it gets on.
pub(crate) async fn pass(
    syncer: &Syncer,
    scope: &Scope,
    common: &Common,
) -> Result<PassReport, Error> {
    let bar = Arc::new(Bar::new(common.verbose > 0));
    let progress: Arc<dyn Progress> = Arc::<Bar>::clone(&bar);
    // On a worker, beside what it waits for: nothing wakes another thread to go on.
    let mut running = JoinSet::new();
    let (syncer, scope) = (syncer.clone(), scope.clone());
    running.spawn(async move { syncer.pass(&scope, &progress).await });
    let report = tokio::select! {
        Some(report) = running.join_next() => report.map_err(Error::from),
        () = signal::stop() => Err(INTERRUPTED.into()),
    };
    bar.finish();
    report
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

pub(crate) fn failures(report: &PassReport) -> impl Iterator<Item = &Failure> {
    report
        .servers
        .iter()
        .flat_map(|server| server.error.iter().chain(&server.failures))
}

/// Servers without a changefeed, of which it is not known what else they have.
fn feedless(report: &PassReport) -> impl Iterator<Item = String> {
    report.servers.iter().filter_map(|server| {
        let reason = printable(server.changefeed.as_ref()?, MAX_MESSAGE);
        Some(format!(
            "warning: no changefeed ({reason}), so only repositories that are stored or spelled out \
             in the configuration were looked at"
        ))
    })
}

/// Servers that were not asked about every repository of which the cluster's objects name images.
fn left_out(report: &PassReport) -> impl Iterator<Item = String> {
    let cut = report.servers.iter().filter(|server| server.left_out > 0);
    cut.map(|ServerReport { server, left_out, .. }| {
        format!(
            "warning: {server}: objects of the cluster name images of {left_out} more repositories, which were not \
             asked for: are they all meant to be signed there?"
        )
    })
}

pub(crate) fn explain(failure: &Failure) -> String {
    let hint = failure
        .hint
        .map(|hint| format!("\nhint: {hint}"))
        .unwrap_or_default();
    let message = printable(&failure.message, MAX_MESSAGE);
    format!("{}: {message}{hint}", failure.label)
}

fn text(done: &Done) -> String {
    let passes = done.pass.servers.iter().map(line);
    passes
        .chain(done.published.iter().map(publish::line))
        .collect()
}

fn line(report: &ServerReport) -> String {
    let ServerReport {
        server,
        source,
        unchanged,
        updated,
        withdrawn,
        failed,
        skipped,
        absent,
        requests,
        ..
    } = report;
    let looked_at = unchanged + updated + withdrawn + failed + skipped + absent;
    let what = match source {
        _ if report.error.is_some() && *requests == 0 => "not asked".to_owned(),
        _ if report.error.is_some() && looked_at == 0 => "not reached".to_owned(),
        Source::Changefeed | Source::Expired if looked_at == 0 => "nothing new".to_owned(),
        Source::Poll | Source::Sweep if looked_at == 0 => {
            "no repository is known here that the policy asks about".to_owned()
        }
        Source::Changefeed | Source::Expired | Source::Poll | Source::Requested | Source::Sweep => {
            let skipped = match skipped {
                0 => String::new(),
                skipped => format!(", {skipped} skipped"),
            };
            let absent = match absent {
                0 => String::new(),
                absent => format!(", {absent} without trust data"),
            };
            format!(
                "{updated} updated, {unchanged} unchanged, {withdrawn} withdrawn, {failed} failed{skipped}{absent}"
            )
        }
    };
    let plural = if *requests == 1 { "" } else { "s" };
    format!("{server}: {what} ({requests} request{plural})\n")
}

/// What somebody is told who stops it.
const INTERRUPTED: &str = "interrupted; what was committed is kept";
