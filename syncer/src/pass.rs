//! A pass: every server at once, its repositories a few at a time.

mod backlog;
mod batch;
mod bring;
mod due;
mod records;
mod run;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use tokio::sync::Mutex;
use vouchsafe_policy::config::SyncSettings;
use vouchsafe_store::Store;
use vouchsafe_trust::update::Limits;
use vouchsafe_trust::{Clock, Gun, Server, Timestamp};

use self::backlog::Backlog;
use crate::ledger::Ledger;
use crate::mirror::Mirror;
use crate::notary::{Backoff, NotaryClient, Pace, SetupError};
use crate::report::{PassReport, Progress, ServerReport};

/// Brings the store up to date from every configured Notary server.
///
/// Keeps connections, tokens and the memory of what failed between passes; made anew when the
/// configuration changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Syncer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    mirror: Arc<dyn Mirror>,
    clock: Arc<dyn Clock>,
    options: Options,
    lanes: Vec<Arc<Lane>>,
}

/// One server, and what is known of it in this process.
#[derive(Debug)]
struct Lane {
    server: Server,
    client: Result<NotaryClient, SetupError>,
    backlog: Mutex<Backlog>,
    /// Held during a pass: two passes over one server would only do the same work twice.
    turn: Mutex<()>,
}

/// How a syncer goes about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// How many requests one server gets at once. A released Notary server on a database may die of two.
    pub per_server: usize,
    /// Whether changes and new repositories are looked up in the servers' changefeeds.
    pub changefeed: bool,
    /// How often every known repository is looked at, whatever the changefeed says.
    pub sweep_every: SignedDuration,
    /// How large role files may be.
    pub limits: Limits,
    /// How long a server may take.
    pub pace: Pace,
    /// How often a request is tried again.
    pub backoff: Backoff,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            per_server: 1,
            changefeed: true,
            sweep_every: SignedDuration::from_hours(24),
            limits: Limits::default(),
            pace: Pace::default(),
            backoff: Backoff::default(),
        }
    }
}

impl From<&SyncSettings> for Options {
    fn from(settings: &SyncSettings) -> Self {
        Self {
            per_server: settings.per_server,
            changefeed: settings.changefeed,
            ..Self::default()
        }
    }
}

/// Which repositories a pass looks at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Whatever is due: changed, new, failed before, expired.
    Due,
    /// Those alone whose timestamp has run out: a Notary server signs the next one only when
    /// somebody asks for it after that.
    Expired,
    /// These, due or not, from every server that is configured for them.
    Only(Vec<Gun>),
}

impl Syncer {
    /// A syncer that fills `store`.
    pub fn new(
        store: Store,
        mirror: Arc<dyn Mirror>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let lanes = mirror
            .servers()
            .into_iter()
            .map(|endpoint| {
                Arc::new(Lane {
                    server: endpoint.server.clone(),
                    client: NotaryClient::new(
                        endpoint.server,
                        endpoint.certificates,
                        endpoint.credentials,
                        options.pace,
                        options.backoff,
                    )
                    .map(|client| client.at_once(options.per_server)),
                    backlog: Mutex::default(),
                    turn: Mutex::default(),
                })
            })
            .collect();
        let ledger = Ledger::new(store);
        Self(Arc::new(Inner {
            ledger,
            mirror,
            clock,
            options,
            lanes,
        }))
    }

    /// The servers, in the order of the configuration.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.0.lanes.iter().map(|lane| &lane.server)
    }

    /// The clock's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Makes one pass over all servers at once.
    ///
    /// Nothing that fails ends it: what failed is in the report, and in the store for the next
    /// pass. Dropping the future abandons what is in flight; what is committed stays.
    pub async fn pass(&self, scope: &Scope, progress: &Arc<dyn Progress>) -> PassReport {
        let started = self.now();
        let lanes = self.0.lanes.iter();
        let passes = lanes.map(|lane| run::pass(&self.0, lane, scope, progress));
        let servers = join_all(passes).await;
        PassReport {
            started,
            finished: self.now(),
            servers,
            unconfigured: self.unconfigured(scope),
            discovery: None,
        }
    }

    /// Makes one pass over one server; `None` if there is no such server.
    pub async fn pass_server(
        &self,
        server: &Server,
        scope: &Scope,
        progress: &Arc<dyn Progress>,
    ) -> Option<ServerReport> {
        let lane = self.0.lanes.iter().find(|lane| lane.server == *server)?;
        Some(run::pass(&self.0, lane, scope, progress).await)
    }

    /// When the next timestamp of a repository of `server` runs out, after now.
    pub(crate) async fn next_expiry(&self, server: &Server) -> Option<Timestamp> {
        let now = self.now();
        let entries = self.0.ledger.entries(server).await.ok()?;
        entries
            .iter()
            .filter(|entry| self.0.mirror.mirrors(server, &entry.gun))
            .filter_map(|entry| Some(due::expiry(&entry.gun, entry.stored?)))
            .filter(|at| *at > now)
            .min()
    }

    fn unconfigured(&self, scope: &Scope) -> Vec<Gun> {
        let Scope::Only(guns) = scope else {
            return Vec::new();
        };
        let is_configured = |gun: &Gun| {
            self.servers()
                .any(|server| self.0.mirror.pins(server, gun).is_some())
        };
        guns.iter()
            .filter(|gun| !is_configured(gun))
            .cloned()
            .collect()
    }
}

/// A timestamp is asked for this long after it expired, and up to as long again, so that servers
/// with slightly slower clocks have seen it expire too.
const AFTER_EXPIRY: Duration = Duration::from_secs(2);
