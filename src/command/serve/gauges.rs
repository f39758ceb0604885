//! Metrics that are read from the store when somebody asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryState, RepositoryStatus, Store, StoreError};
use vouchsafe_trust::{Clock as _, Role, Server};
use vouchsafe_webhook::{MetricSource, Sample};

use crate::clock::SystemClock;
use crate::freshness;

fn writable(store: Store) -> MetricSource {
    MetricSource::gauge(
        "vouchsafe_store_writable",
        "Whether the store takes in what it is given; 0 while its disk is full, or failed",
        &[],
        move || vec![(Vec::new(), if store.takes_in() { 1.0 } else { 0.0 })],
    )
}

/// The gauges of the store.
pub(super) fn all(store: &Store, configs: &watch::Receiver<Arc<Config>>) -> Vec<MetricSource> {
    let (behind, configs, store) = (store.clone(), configs.clone(), store.clone());
    let readings = Arc::new(Readings::new(move || {
        let config = Arc::clone(&configs.borrow());
        Reading::take(&store, &config)
    }));
    let [up, by_state, expiry, by_role, left, age, reached] =
        std::array::from_fn(|_| Arc::clone(&readings));
    vec![
        MetricSource::gauge(
            "vouchsafe_store_up",
            "Whether the store can be read; where it cannot, what is read from it is missing",
            &[],
            move || vec![(Vec::new(), if up.latest().is_some() { 1.0 } else { 0.0 })],
        ),
        writable(behind.clone()),
        MetricSource::gauge(
            "vouchsafe_repositories",
            "Stored repositories by server and state",
            &["server", "state"],
            move || by_state.samples(|reading| reading.repositories.clone()),
        ),
        MetricSource::gauge(
            "vouchsafe_first_expiry_timestamp_seconds",
            "When the first role file of a server's repositories expires",
            &["server"],
            move || expiry.samples(|reading| reading.first_expiry.clone()),
        ),
        MetricSource::gauge(
            "vouchsafe_days_to_expiry",
            "Days until the first file of a role expires among a server's repositories; negative where it did",
            &["server", "role"],
            move || by_role.samples(|reading| reading.days_to_expiry.clone()),
        ),
        MetricSource::gauge(
            "vouchsafe_admissible_seconds_left",
            "How long images of every repository of a server are still admitted, unless it is brought up to date \
             before; 0 where those of one are no longer",
            &["server"],
            move || left.samples(|reading| reading.left.clone()),
        ),
        MetricSource::gauge(
            "vouchsafe_trust_data_age_seconds",
            "Time since a sync pass last reached the server; missing if none ever did",
            &["server"],
            move || age.samples(|reading| reading.age.clone()),
        ),
        MetricSource::gauge(
            "vouchsafe_sync_last_success_timestamp_seconds",
            "When a sync pass last reached the server; 0 if none ever did",
            &["server"],
            move || reached.samples(|reading| reading.last_success.clone()),
        ),
        MetricSource::gauge(
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

/// What the gauges of one moment show.
#[derive(Debug, Default)]
struct Reading {
    repositories: Vec<Sample>,
    first_expiry: Vec<Sample>,
    days_to_expiry: Vec<Sample>,
    left: Vec<Sample>,
    age: Vec<Sample>,
    last_success: Vec<Sample>,
}

impl Reading {
    fn take(store: &Store, config: &Config) -> Result<Self, StoreError> {
        let now = store.observe_time(SystemClock.now()).now;
        let mut counts = BTreeMap::<(Server, &str), u32>::new();
        let mut by_role = BTreeMap::<(Server, &'static str), Timestamp>::new();
        let mut left = BTreeMap::<Server, Timestamp>::new();
        for status in store.statuses() {
            let status = status?;
            let state = freshness::word(&status, config, now);
            *counts.entry((status.server.clone(), state)).or_default() += 1;
            if let Some(until) = until(&status, config, state, now) {
                let known = left.entry(status.server.clone()).or_insert(until);
                *known = until.min(*known);
            }
            let RepositoryState::Active(active) = &status.state else {
                continue;
            };
            for (role, facts) in &active.roles {
                let key = (status.server.clone(), role_label(role));
                let known = by_role.entry(key).or_insert(facts.expires);
                *known = facts.expires.min(*known);
            }
        }
        let mut first = BTreeMap::<&Server, Timestamp>::new();
        for ((server, _), expires) in &by_role {
            let known = first.entry(server).or_insert(*expires);
            *known = (*expires).min(*known);
        }
        let passes = last_passes(store, config)?;
        let repositories = counts.into_iter().map(|((server, state), count)| {
            let labels = vec![server.to_string(), state.to_owned()];
            (labels, f64::from(count))
        });
        Ok(Self {
            repositories: repositories.collect(),
            first_expiry: first
                .iter()
                .map(|(server, at)| sample(server, *at))
                .collect(),
            days_to_expiry: by_role
                .iter()
                .map(|((server, role), at)| {
                    let days = at.duration_since(now).as_secs_f64() / SECONDS_A_DAY;
                    (vec![server.to_string(), (*role).to_owned()], days)
                })
                .collect(),
            left: left
                .iter()
                .map(|(server, until)| {
                    let left = until.duration_since(now).as_secs_f64();
                    (vec![server.to_string()], left)
                })
                .collect(),
            age: passes
                .iter()
                .filter_map(|(server, last)| {
                    let age = now.duration_since((*last)?).as_secs_f64().max(0.0);
                    Some((vec![server.to_string()], age))
                })
                .collect(),
            // Those that never were reached must not be missing.
            last_success: passes
                .iter()
                .map(|(server, last)| sample(server, last.unwrap_or(Timestamp::UNIX_EPOCH)))
                .collect(),
        })
    }
}

/// When a repository ceases to be admitted that somebody asks about; now, if it has. What its server does not
/// have is no lack.
fn until(
    status: &RepositoryStatus,
    config: &Config,
    state: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    config.pins(&status.server, &status.gun)?;
    match state {
        "unknown" | "withdrawn" => None,
        _ => Some(freshness::admissible_until(status, config, state, now).unwrap_or(now)),
    }
}

/// The role as a label: delegations are named by repositories, so together they are one.
const fn role_label(role: &Role) -> &'static str {
    match role {
        Role::Root => "root",
        Role::Targets => "targets",
        Role::Snapshot => "snapshot",
        Role::Timestamp => "timestamp",
        Role::Delegation(_) => "delegation",
    }
}

/// When each configured server was last reached, if it ever was.
fn last_passes<'c>(
    store: &Store,
    config: &'c Config,
) -> Result<Vec<(&'c Server, Option<Timestamp>)>, StoreError> {
    let servers = config.notary_servers().iter();
    let last = servers.map(|notary| {
        let state = store.server_state(&notary.server)?;
        Ok((&notary.server, state.and_then(|state| state.last_pass)))
    });
    last.collect()
}

fn sample(server: &Server, at: Timestamp) -> Sample {
    (vec![server.to_string()], seconds(at))
}

/// A time as a metric's value.
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

/// Readings, one of which serves all gauges of a scrape.
struct Readings<R> {
    read: R,
    last: Mutex<Last>,
}

/// The last reading, `None` if it failed, and when it was.
#[derive(Default)]
struct Last {
    at: Option<Instant>,
    reading: Option<Arc<Reading>>,
}

impl<R: Fn() -> Result<Reading, StoreError>> Readings<R> {
    fn new(read: R) -> Self {
        Self {
            read,
            last: Mutex::default(),
        }
    }

    fn samples(&self, of: impl FnOnce(&Reading) -> Vec<Sample>) -> Vec<Sample> {
        self.latest().map_or_else(Vec::new, |reading| of(&reading))
    }

    /// The latest reading, `None` if the store failed. That is logged when it begins and when it
    /// ends, rather than at every scrape.
    fn latest(&self) -> Option<Arc<Reading>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.is_some_and(|at| at.elapsed() < ONE_SCRAPE) {
            return last.reading.clone();
        }
        let failed_before = last.at.is_some() && last.reading.is_none();
        let reading = match (self.read)() {
            Ok(reading) => {
                if failed_before {
                    tracing::info!("the store can be read again: its metrics are back");
                }
                Some(Arc::new(reading))
            }
            Err(error) => {
                if !failed_before {
                    tracing::error!(%error, "the store cannot be read: its metrics are missing");
                }
                None
            }
        };
        *last = Last {
            at: Some(Instant::now()),
            reading,
        };
        last.reading.clone()
    }
}

const SECONDS_A_DAY: f64 = 86_400.0;
/// The gauges of one scrape are read within this.
const ONE_SCRAPE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fails_shows_in_its_metrics_and_comes_back() {
        let failing = Mutex::new(true);
        let readings = Readings::new(|| {
            if *failing.lock().unwrap() {
                let what = "a page of targets is missing".to_owned();
                return Err(StoreError::Damaged { what });
            }
            Ok(Reading {
                repositories: vec![(vec!["server".to_owned()], 1.0)],
                ..Reading::default()
            })
        });
        assert!(readings.latest().is_none());
        assert_eq!(readings.samples(|reading| reading.repositories.clone()), []);
        *failing.lock().unwrap() = false;
        assert!(readings.latest().is_none(), "one scrape, one reading");
        readings.last.lock().unwrap().at = Instant::now().checked_sub(ONE_SCRAPE);
        assert!(readings.latest().is_some());
        let samples = readings.samples(|reading| reading.repositories.clone());
        assert_eq!(samples.len(), 1);
    }
}
