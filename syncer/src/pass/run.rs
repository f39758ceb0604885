//! A pass over one server.

mod together;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use vouchsafe_store::{ServerState, StoreError};
use vouchsafe_trust::{Gun, Pins, Sha256, Timestamp};

use super::due::Known;
use super::records::Records;
use super::{Inner, Lane, Scope};
use crate::feed::{self, FeedError, News};
use crate::notary::NotaryClient;
use crate::report::{Failure, Progress, ServerReport, Source};

/// Makes one pass over the server of `lane`.
pub(super) async fn pass(
    inner: &Arc<Inner>,
    lane: &Arc<Lane>,
    scope: &Scope,
    progress: &Arc<dyn Progress>,
) -> ServerReport {
    let _turn = lane.turn.lock().await;
    let mut report = ServerReport::new(lane.server.clone(), Source::Requested);
    let client = match &lane.client {
        Ok(client) => client,
        Err(error) => {
            report.error = Some(Failure::of_server(&lane.server, "tls_setup", error));
            return report;
        }
    };
    let before = client.requests();
    let run = Run {
        inner,
        lane,
        client,
        progress,
        now: inner.ledger.time(inner.clock.now()),
    };
    if let Err(error) = run.run(scope, &mut report).await {
        report.error = Some(Failure::of_server(&lane.server, error.label(), error));
    }
    report.requests = client.requests() - before;
    report.log();
    report
}

/// The repositories to look at.
struct Due {
    guns: BTreeSet<Gun>,
    /// Those of them of which nothing is known but that images of them were sighted.
    sighted: BTreeSet<Gun>,
    records: Records,
}

struct Run<'a> {
    inner: &'a Arc<Inner>,
    lane: &'a Arc<Lane>,
    client: &'a NotaryClient,
    progress: &'a Arc<dyn Progress>,
    /// One time for the whole pass (TUF 5.1).
    now: Timestamp,
}

impl Run<'_> {
    async fn run(&self, scope: &Scope, report: &mut ServerReport) -> Result<(), StoreError> {
        let server = &self.lane.server;
        // Or everything would be asked for in vain, and each repository say so.
        self.inner.ledger.require_room().await?;
        let before = self.inner.ledger.server_state(server).await?;
        let mut state = before.clone().unwrap_or_default();
        let (due, news) = match scope {
            Scope::Only(guns) => {
                let configured = |gun: &&Gun| self.pins(gun).is_some();
                let due = Due {
                    guns: guns.iter().filter(configured).cloned().collect(),
                    sighted: BTreeSet::new(),
                    records: Records::of_requested(),
                };
                (due, None)
            }
            Scope::Expired => {
                report.source = Source::Expired;
                (self.due(&BTreeMap::new(), report).await?, None)
            }
            Scope::Due => {
                let Some(news) = self.news(&state, report).await else {
                    // Asking for each repository would only wait for the same.
                    state.last_error = report.error.as_ref().map(ToString::to_string);
                    return self.keep(before, state).await;
                };
                (self.due(&news.changes, report).await?, Some(news))
            }
        };
        let mut records = due.records;
        let guns = (due.guns, &due.sighted);
        self.bring_up_to_date(guns, &mut records, report).await;
        if !matches!(scope, Scope::Due) {
            return Ok(());
        }
        // The cursor moves on only after what it stands for was taken in.
        self.remember(&mut state, news.filter(|_| !records.lost), report);
        self.keep(before, state).await
    }

    async fn keep(
        &self,
        before: Option<ServerState>,
        state: ServerState,
    ) -> Result<(), StoreError> {
        let (ledger, server) = (&self.inner.ledger, &self.lane.server);
        ledger.set_server_state(server, before, state).await
    }

    /// Asks the changefeed, and decides how to go on; `None` if the server cannot be reached.
    async fn news(&self, state: &ServerState, report: &mut ServerReport) -> Option<News> {
        let sweep_due = state.last_sweep.is_none_or(|last| {
            self.now.duration_since(last) >= self.inner.options.sweep_every || last > self.now
        });
        report.source = if sweep_due {
            Source::Sweep
        } else {
            Source::Changefeed
        };
        if !self.inner.options.changefeed {
            report.source = Source::Poll;
            return Some(News::default());
        }
        let wants = |gun: &Gun| self.inner.mirror.mirrors(&self.lane.server, gun);
        // What was passed over when the feed was read may be wanted by now.
        let cursor = state
            .cursor
            .as_ref()
            .filter(|_| state.selection == Some(self.selection()));
        let error = match feed::read(self.client, cursor, wants).await {
            Ok(news) => {
                if news.reset {
                    report.source = Source::Sweep;
                }
                report.goes_on = news.more;
                if news.more {
                    tracing::info!(server = %self.lane.server, "the changefeed goes on in the next pass");
                }
                return Some(news);
            }
            Err(error) => error,
        };
        tracing::debug!(server = %self.lane.server, %error, "no changefeed");
        if let (FeedError::Request(error), true) = (&error, error.is_unreachable()) {
            report.error = Some(Failure {
                hint: error.hint(),
                ..Failure::of_server(&self.lane.server, error.label(), error)
            });
            return None;
        }
        report.source = Source::Poll;
        report.changefeed = Some(error.to_string());
        Some(News::default())
    }

    /// The repositories to look at.
    async fn due(
        &self,
        changes: &BTreeMap<Gun, feed::Change>,
        report: &mut ServerReport,
    ) -> Result<Due, StoreError> {
        let server = &self.lane.server;
        let entries = self.inner.ledger.entries(server).await?;
        let (entries, others): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|entry| self.inner.mirror.mirrors(server, &entry.gun));
        let outdated = others.into_iter().filter(|entry| entry.recorded);
        let outdated = outdated.map(|entry| entry.gun).collect();
        self.inner.ledger.drop_records(server, outdated).await?;
        let named = self.inner.mirror.named(server);
        let backlog = self.lane.backlog.lock().await;
        let mut sighted = BTreeSet::new();
        if report.source != Source::Expired {
            let known = entries.iter().map(|entry| &entry.gun);
            let known = known.chain(&named).chain(changes.keys());
            let known = known.chain(backlog.resting(self.now)).cloned().collect();
            sighted = self.sighted(known, report).await?;
        }
        let known = Known {
            entries: &entries,
            named: &named,
            sighted: &sighted,
            changes,
            backlog: &backlog,
            now: self.now,
        };
        let guns = match report.source {
            Source::Changefeed => known.due(|gun| self.pins_identity(gun)),
            Source::Expired => known.expired(),
            Source::Poll | Source::Requested | Source::Sweep => known.all(),
        };
        let records = Records::beside(&entries, &named);
        drop(backlog);
        Ok(Due {
            guns,
            sighted,
            records,
        })
    }

    /// The repositories of which nothing is known but that images of them were sighted.
    async fn sighted(
        &self,
        known: BTreeSet<Gun>,
        report: &mut ServerReport,
    ) -> Result<BTreeSet<Gun>, StoreError> {
        let server = self.lane.server.clone();
        let (mirror, now) = (Arc::clone(&self.inner.mirror), self.now);
        let sighted = spawn_blocking(move || mirror.sighted(&server, &known, now)).await;
        let sighted = sighted.map_err(|error| StoreError::Io(io::Error::other(error)))?;
        report.left_out = u64::try_from(sighted.left_out).unwrap_or(u64::MAX);
        if sighted.left_out > 0 {
            tracing::warn!(
                server = %self.lane.server, left_out = sighted.left_out,
                "objects name images of more repositories than a pass asks for: are they all meant to be signed there?"
            );
        }
        Ok(sighted.guns)
    }

    fn remember(&self, state: &mut ServerState, news: Option<News>, report: &ServerReport) {
        state.last_error = report.error.as_ref().map(ToString::to_string);
        if report.error.is_some() {
            return;
        }
        state.last_pass = Some(self.now);
        state.goes_on = report.goes_on;
        if matches!(report.source, Source::Poll | Source::Sweep) {
            state.last_sweep = Some(self.now);
        }
        if let (Some(news), false) = (news, report.source == Source::Poll) {
            state.cursor = news.cursor;
            state.selection = Some(self.selection());
        }
    }

    fn selection(&self) -> Sha256 {
        self.inner.mirror.selection(&self.lane.server)
    }

    fn pins(&self, gun: &Gun) -> Option<Pins> {
        self.inner.mirror.pins(&self.lane.server, gun)
    }

    fn pins_identity(&self, gun: &Gun) -> Option<Sha256> {
        self.pins(gun).map(|pins| pins.fingerprint())
    }
}
