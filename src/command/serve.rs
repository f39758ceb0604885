//! `vouchsafe serve`: the webhook, and the syncer that feeds it.

mod alerts;
mod bundles;
mod certificate;
mod cluster;
mod feed;
mod files;
mod gauges;
mod objects;
mod owners;
mod repinning;
mod running;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::sync::{Notify, watch as channel};
use vouchsafe_alerts::{Counters, Plan};
use vouchsafe_policy::Config;
use vouchsafe_store::{Reader, RefusedConfig, Store};
use vouchsafe_trust::Clock;
use vouchsafe_webhook::watch::Watch;
use vouchsafe_webhook::{
    Admission, Condition, Listeners, MetricSource, Metrics, Readiness, Server, Serving, reload,
    reload::Reloading,
};

use self::bundles::Bundles;
use self::cluster::Cluster;
use self::repinning::Repinning;
use self::running::Running;
use crate::args::{Common, ServeArgs};
use crate::clock::SystemClock;
use crate::command::sync;
use crate::context::{self, StoreClock};
use crate::exit::{Error, Outcome};
use crate::{reopen, runtime};

pub(crate) fn run(args: &ServeArgs, common: &Common) -> Result<Outcome, Error> {
    let (config, text) = context::config_with_text(common)?;
    sync::check_feeds(&config, &common.config)?;
    let watch = Watch::since(common.config.clone(), text.as_bytes());
    // What cannot work is found out before the store is held.
    let listeners = listeners(args)?;
    let plan = alert_plan(&config, &common.config)?;
    let store = context::store(common, &config)?;
    let configured = (config, plan, watch);
    runtime::run(serve(args, common, configured, listeners, store))?;
    Ok(Outcome::Yes)
}

async fn serve(
    args: &ServeArgs,
    common: &Common,
    (config, plan, watch): (Config, Plan, Watch),
    listeners: Listeners,
    store: Store,
) -> Result<(), Error> {
    let clock: Arc<dyn Clock> = Arc::new(StoreClock(store.clone()));
    let readiness = readiness(&store);
    let source = certificate::Source::of(args, &config)?;
    let serving = Serving::new(source.first(&SystemClock)?);

    let (configs, configured) = channel::channel(Arc::new(config.clone()));
    let counters = Arc::new(Counters::default());
    let mut sources = gauges::all(&store, &configured);
    sources.extend(alerts::metrics(&store, &configured, &counters));
    let bundle_counts = Arc::new(bundles::Counts::default());
    sources.extend(bundles::metrics(&store, &configured, &bundle_counts));
    let cluster = Cluster::start(&config, args, &clock).await?;
    cluster::warn_of_change(config.kubernetes().clone(), &configured);
    let feeding = cluster.as_ref().filter(|_| config.kubernetes().feed);
    let follow = |cluster| objects::follow(cluster, &store, &configured, &clock, &mut sources);
    let from_objects = feeding.map(follow).transpose()?;
    let running = Running::new(&store, &configured);
    sources.extend(running.metrics());
    let metrics = metrics(args, sources);
    let deciding = (Arc::clone(&clock), Arc::clone(&metrics));
    let admission = admission(config, &store, deciding, &running)?;
    let pod = args.pod_name.clone();
    let plans = alerts::deliver(&store, plan, pod, Arc::clone(&clock), counters);

    let fed = Arc::new(Notify::new());
    let bundles = Bundles {
        store: store.clone(),
        configs: configured.clone(),
        admission: Arc::clone(&admission),
        fed: Arc::clone(&fed),
        forgotten: Notify::new(),
        counts: bundle_counts,
        denying: Mutex::default(),
        secrets: common.secrets.clone(),
    };
    let bundles = Arc::new(bundles.start()?);
    sync::answer_readers(&store, common, Some(Arc::<Bundles>::clone(&bundles)));
    tokio::spawn(bundles.run());
    let leads = cluster::leads(cluster.as_ref());
    tokio::spawn(running.clone().run(Arc::clone(&admission), leads));
    tokio::spawn(feed::run(
        store.clone(),
        common.secrets.clone(),
        configured,
        Arc::clone(&readiness),
        Arc::clone(&metrics),
        (fed, from_objects, running),
    ));
    let refused = say_refused(store.clone(), Arc::clone(&readiness), Arc::clone(&metrics));
    let repinning = Repinning::new(store.clone(), clock);
    tokio::spawn(repinning.clone().run(configs.subscribe()));
    tokio::spawn(reload::config(
        watch,
        Watch::INTERVAL,
        Reloading {
            admission: Arc::clone(&admission),
            metrics: Arc::clone(&metrics),
            prepare: prepare(common.config.clone(), repinning, plans, configs),
            refused,
        },
    ));
    let taking = certificate::Taking::new(&serving, &readiness, &metrics);
    source.follow(taking, cluster.as_ref());
    let tls = serving.server_config()?;
    let server = Server::new(admission, readiness, metrics, files::limits());
    tracing::info!(address = %args.listen, "answering admission reviews");
    answer(server, (listeners, tls), &store, cluster).await
}

/// Answers until the process is to stop, and says why if nobody asked it to.
async fn answer(
    server: Server,
    (listeners, tls): (Listeners, Arc<ServerConfig>),
    store: &Store,
    cluster: Option<Cluster>,
) -> Result<(), Error> {
    let mut ended = Ok(());
    let stop = async { ended = reopen::stop(store).await };
    server.run(listeners, tls, stop).await?;
    if let Some(cluster) = cluster {
        cluster.stop().await;
    }
    ended
}

/// What is ready as soon as the store is open; says where its time is ahead of the clock.
fn readiness(store: &Store) -> Arc<Readiness> {
    if let Some(warning) = context::clock_warning(store.latest_time(), SystemClock.now()) {
        tracing::warn!("{warning}");
    }
    let readiness = Readiness::new();
    readiness.set(Condition::Store, true);
    readiness.set(Condition::Policy, true);
    Arc::new(readiness)
}

/// The metrics of this process, with what is read from `sources`.
fn metrics(args: &ServeArgs, sources: Vec<MetricSource>) -> Arc<Metrics> {
    if args.connaisseur_metrics {
        Metrics::with_connaisseur(sources)
    } else {
        Metrics::new(sources)
    }
}

/// Decides by `config` on what is stored, and knows the owners that are watched.
fn admission(
    config: Config,
    store: &Store,
    (clock, metrics): (Arc<dyn Clock>, Arc<Metrics>),
    running: &Running,
) -> Result<Arc<Admission>, Error> {
    let reader = store.clone();
    let lookup = Box::new(move |query: &_| Reader::evidence(&reader, query));
    let admission = Admission::new(config, lookup, clock, metrics);
    let admission = admission.with_owners(running.owners());
    Ok(Arc::new(admission.with_outbox(Box::new(store.clone()))?))
}

fn listeners(args: &ServeArgs) -> Result<Listeners, Error> {
    let bind = |address| {
        TcpListener::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))
    };
    Ok(Listeners {
        admission: bind(args.listen)?,
        operations: args.metrics_listen.map(bind).transpose()?,
    })
}

/// Tells operators of a refused configuration: `/ready` and `vouchsafe status`.
fn say_refused(
    store: Store,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
) -> Arc<dyn Fn(Option<String>) + Send + Sync> {
    Arc::new(move |error| {
        metrics.config_refused(error.is_some());
        readiness.set_refused_config(error.clone());
        let at = SystemClock.now();
        store.set_refused_config(error.map(|error| RefusedConfig { at, error }));
    })
}

/// Who is told of alerts, and how, by `config`, which came from `file`; says what is probably not meant.
fn alert_plan(config: &Config, file: &Path) -> Result<Plan, Error> {
    let plan = context::alert_plan(config, file)?;
    for warning in plan.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(plan)
}

/// What a new configuration needs before it decides anything: a schedule that is one, templates that
/// can be used, stored data verified against its pins too; and afterwards: against its pins alone, and a
/// syncer that goes by it.
fn prepare(
    file: PathBuf,
    repinning: Repinning,
    plans: alerts::Plans,
    configs: channel::Sender<Arc<Config>>,
) -> Arc<reload::Prepare> {
    let (configs, plans) = (Arc::new(configs), Arc::new(plans));
    Arc::new(move |config| {
        sync::check_feeds(config, &file)?;
        let plan = alert_plan(config, &file)?;
        let before = Arc::clone(&configs.borrow());
        repinning.for_both(&before, config)?;
        let (configs, plans) = (Arc::clone(&configs), Arc::clone(&plans));
        let (repinning, config) = (repinning.clone(), Arc::new(config.clone()));
        Ok(Box::new(move || {
            plans.send_replace(Arc::new(plan));
            configs.send_replace(Arc::clone(&config));
            repinning.alone(&config);
        }))
    })
}
