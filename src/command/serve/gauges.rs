//! Metrics that are read from the store when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryState, Store};
use vouchsafe_trust::Clock as _;
use vouchsafe_webhook::{GaugeSource, Sample};

use crate::clock::SystemClock;
use crate::freshness;

/// The gauges of the store.
pub(super) fn all(store: &Store, configs: &watch::Receiver<Arc<Config>>) -> Vec<GaugeSource> {
    let (by_state, oldest, reached, behind) =
        (store.clone(), store.clone(), store.clone(), store.clone());
    let configs = configs.clone();
    vec![
        GaugeSource::new(
            "vouchsafe_repositories",
            "Stored repositories by server and state",
            &["server", "state"],
            move || repositories(&by_state, &configs.borrow()),
        ),
        GaugeSource::new(
            "vouchsafe_first_expiry_timestamp_seconds",
            "When the first role file of a server's repositories expires",
            &["server"],
            move || first_expiry(&oldest),
        ),
        GaugeSource::new(
            "vouchsafe_sync_last_success_timestamp_seconds",
            "When a sync pass last reached the server",
            &["server"],
            move || last_success(&reached),
        ),
        GaugeSource::new(
            "vouchsafe_clock_behind_seconds",
            "How far the clock is behind the latest time seen",
            &[],
            move || {
                let behind = behind.observe_time(SystemClock.now()).behind;
                vec![(
                    Vec::new(),
                    behind.map_or(0.0, |behind| behind.as_secs_f64()),
                )]
            },
        ),
    ]
}

fn repositories(store: &Store, config: &Config) -> Vec<Sample> {
    let now = store.observe_time(SystemClock.now()).now;
    let max_staleness = config.freshness().max_staleness;
    let mut counts = BTreeMap::<(String, &str), u32>::new();
    for status in store.status().unwrap_or_default() {
        let state = freshness::word(&status.state, now, max_staleness);
        *counts
            .entry((status.server.to_string(), state))
            .or_default() += 1;
    }
    counts
        .into_iter()
        .map(|((server, state), count)| (vec![server, state.to_owned()], f64::from(count)))
        .collect()
}

fn first_expiry(store: &Store) -> Vec<Sample> {
    let mut first = BTreeMap::<String, Timestamp>::new();
    for status in store.status().unwrap_or_default() {
        let RepositoryState::Active(active) = &status.state else {
            continue;
        };
        if let Some(expires) = active.roles.values().map(|facts| facts.expires).min() {
            let known = first.entry(status.server.to_string()).or_insert(expires);
            *known = expires.min(*known);
        }
    }
    samples(first)
}

fn last_success(store: &Store) -> Vec<Sample> {
    let servers = store.servers().unwrap_or_default().into_iter();
    samples(servers.filter_map(|(server, state)| Some((server.to_string(), state.last_pass?))))
}

fn samples(times: impl IntoIterator<Item = (String, Timestamp)>) -> Vec<Sample> {
    let seconds = |at: Timestamp| at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
    times
        .into_iter()
        .map(|(server, at)| (vec![server], seconds(at)))
        .collect()
}
