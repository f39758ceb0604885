//! A pass over one server.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use vouchsafe_store::{ServerState, StoreError};
use vouchsafe_trust::{Gun, Pins, Sha256, Timestamp};

use super::batch::Batch;
use super::bring::{self, Done, Step};
use super::due::Known;
use super::records::Records;
use super::{Inner, Lane, Scope};
use crate::feed::{self, FeedError, News};
use crate::notary::NotaryClient;
use crate::report::{Event, Failure, Outcome, Progress, ServerReport, Source};

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

    /// Brings repositories up to date, a few at a time.
    async fn bring_up_to_date(
        &self,
        (guns, sighted): (BTreeSet<Gun>, &BTreeSet<Gun>),
        records: &mut Records,
        report: &mut ServerReport,
    ) {
        let server = &self.lane.server;
        let guns: Vec<Gun> = guns.into_iter().collect();
        let total = guns.len();
        self.progress.event(Event::Planned { server, total });
        self.client.plan(&guns).await;
        let per_server = self.inner.options.per_server.max(1);
        let patience = (2 * per_server).max(MIN_PATIENCE);
        let mut waiting = guns.into_iter();
        let mut asked = JoinSet::new();
        let mut verified = Batch::default();
        // One at a time: meanwhile the next come together, and share the wait for the disk.
        let mut committing = JoinSet::new();
        let (mut unreachable, mut strangers) = (0, 0);
        let mut answers = false;
        loop {
            let in_hand = if answers { IN_HAND } else { 1 } * per_server;
            while asked.len() < in_hand && !verified.is_full() && unreachable < patience {
                let Some(gun) = waiting.next() else { break };
                let (inner, lane) = (Arc::clone(self.inner), Arc::clone(self.lane));
                asked.spawn(bring::ask(inner, lane, gun, self.now));
            }
            if committing.is_empty() && verified.is_due(asked.is_empty()) {
                let (inner, lane) = (Arc::clone(self.inner), Arc::clone(self.lane));
                committing.spawn(bring::commit(inner, lane, verified.take()));
            }
            let waits = verified.due().filter(|_| committing.is_empty());
            let done = tokio::select! {
                Some(step) = asked.join_next() => match step {
                    Ok(Step::Verified(repository)) => {
                        answers = true;
                        verified.add(*repository);
                        continue;
                    }
                    Ok(Step::Done(done)) => vec![*done],
                    // A panic is the failure of one repository; its name went with it.
                    Err(_panicked) => {
                        report.failed += 1;
                        continue;
                    }
                },
                Some(done) = committing.join_next() => done.unwrap_or_else(|_panicked| {
                    report.failed += 1;
                    Vec::new()
                }),
                () = sleep_until(waits.unwrap_or_else(Instant::now)), if waits.is_some() => continue,
                else => break,
            };
            for mut done in done {
                if sighted.contains(&done.gun) && done.outcome.is_of_no_trust_data() {
                    // Whoever named its image need not have signed it.
                    done.outcome = Outcome::Absent;
                }
                unreachable = if done.unreachable { unreachable + 1 } else { 0 };
                answers = unreachable == 0;
                strangers += usize::from(done.outcome.is_of_credentials());
                self.settle(&done, records, report).await;
            }
        }
        report.skipped = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        if report.skipped > 0 || (total > 0 && unreachable == total) {
            let message =
                format!("{server}: no answer about {unreachable} of {total} repositories");
            report.error = Some(Failure::of_server(server, "unreachable", message));
        } else if report.source == Source::Poll && total > 0 && strangers == total {
            // Every one, and no changefeed that would show that the server is there: it is not about
            // one of them.
            let message = format!("{server}: not authorised for any of {total} repositories");
            report.error = Some(Failure::of_server(server, "unauthorized", message));
        }
    }

    async fn settle(&self, done: &Done, records: &mut Records, report: &mut ServerReport) {
        let (server, Done { gun, outcome, .. }) = (&self.lane.server, done);
        if let Outcome::Failed(failure) = outcome {
            let role = failure.role.as_ref().map(tracing::field::display);
            tracing::warn!(
                %server, %gun, role, reason = failure.label, error = failure.message,
                hint = failure.hint,
                "not brought up to date"
            );
        }
        {
            let mut backlog = self.lane.backlog.lock().await;
            let is_of_no_use = matches!(outcome, Outcome::Absent | Outcome::Failed(_));
            if is_of_no_use && !done.unreachable {
                backlog.failed(gun, self.now);
            } else {
                backlog.succeeded(gun);
            }
        }
        if records.take(gun, outcome, done.transient) {
            let recorded = self.inner.ledger.record(server, gun, outcome, self.now);
            if let Err(error) = recorded.await {
                tracing::error!(%server, %gun, reason = error.label(), %error, "outcome not recorded");
            }
        }
        report.count(outcome);
        self.progress.event(Event::Done {
            server,
            gun,
            outcome,
        });
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

/// So many repositories are in hand for each request that a server gets at once, once it answers: while some are
/// verified, it has others to answer for.
const IN_HAND: usize = 4;

/// After so many repositories in a row that found no answer, the server is left alone: each of
/// ten thousand would wait for the same.
const MIN_PATIENCE: usize = 8;
