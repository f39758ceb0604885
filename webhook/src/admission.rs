//! The decision on an admission review: request bytes in, response bytes out.

mod alert;
mod approval;
mod conclude;
mod judge;
mod kept;
mod leniency;
mod message;
mod refusal;
mod report;
mod scope;
mod verdict;
mod writer;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use vouchsafe_policy::{Asked, Config, Purpose};
use vouchsafe_store::{ReadError, StoreError};
use vouchsafe_trust::{Clock, Denied, Evidence, Query};

use crate::metrics::{Metrics, Outcome};
use crate::readiness::Readiness;
use crate::review::{Answer, ApiVersion, Request, find_uid, read};
use crate::workload::Place;
use approval::Approvals;
use conclude::{Asking, Conclusion};
use judge::Judged;
use kept::kept;
use leniency::Leniency;
use report::reports;
use scope::{Scope, scope};
use verdict::Verdict;

pub use approval::{Owner, OwnerKey, Owners};
pub use refusal::Refusal;
pub use report::{Examined, ImageReport};
pub use writer::Outbox;
use writer::Writer;

/// Which of the two webhooks a review came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Webhook {
    /// Pins tags to what is signed.
    Mutate,
    /// Proves the final object.
    Validate,
}

impl Webhook {
    /// Its name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }

    const fn purpose(self) -> Purpose {
        match self {
            Self::Mutate => Purpose::Mutate,
            Self::Validate => Purpose::Validate,
        }
    }
}

/// Reads what a store holds about an image.
pub type Lookup = dyn Fn(&Query) -> Result<Evidence, ReadError> + Send + Sync;

/// Answers admission reviews by the policy in use and what the store holds.
pub struct Admission {
    config: ArcSwap<Config>,
    /// What that is made of.
    base: Mutex<Base>,
    lookup: Box<Lookup>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// Where owners of objects are found, if anywhere.
    owners: Option<Box<dyn Owners>>,
    /// Where alerts wait, if any are raised.
    writer: Option<Writer>,
    /// Who is told when the store fails.
    readiness: OnceLock<Arc<Readiness>>,
}

/// What the configuration in use is made of.
struct Base {
    /// The configuration as it was read.
    config: Config,
    /// What is denied beside.
    denied: Vec<Denied>,
}

impl Admission {
    /// Decides by `config` until it is [replaced](Self::replace), on what `lookup` reads.
    pub fn new(
        config: Config,
        lookup: Box<Lookup>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            config: ArcSwap::from_pointee(config.clone()),
            base: Mutex::new(Base {
                config,
                denied: Vec::new(),
            }),
            lookup,
            clock,
            metrics,
            owners: None,
            writer: None,
            readiness: OnceLock::new(),
        }
    }

    /// Approves what an owner has that is found in `owners`, where the configuration has that.
    #[must_use]
    pub fn with_owners(self, owners: Box<dyn Owners>) -> Self {
        Self {
            owners: Some(owners),
            ..self
        }
    }

    /// Keeps the alerts that the configuration has in `outbox`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if there can be no thread that writes them.
    pub fn with_outbox(self, outbox: Box<dyn Outbox>) -> io::Result<Self> {
        Ok(Self {
            writer: Some(Writer::start(outbox, Arc::clone(&self.metrics))?),
            ..self
        })
    }

    /// Whether an answer may wait for the disk, which is no work for a thread that serves.
    pub fn may_wait(&self) -> bool {
        self.writer.is_some() && alert::has_receivers(&self.config.load())
    }

    /// Has `readiness` notice when the store turns out to be damaged, or its files unreadable. The
    /// first call counts.
    pub fn report_to(&self, readiness: Arc<Readiness>) {
        self.readiness.get_or_init(|| readiness);
    }

    /// Decides by another configuration from now on. What is being decided keeps the previous one.
    pub fn replace(&self, config: Config) {
        self.change(|base| base.config = config);
    }

    /// Denies these things, too, from now on, in the place of those that this was said of before. Bundles
    /// bring them.
    pub fn deny(&self, denied: Vec<Denied>) {
        self.change(|base| base.denied = denied);
    }

    fn change(&self, change: impl FnOnce(&mut Base)) {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut base);
        let config = base.config.with_denied(base.denied.iter().cloned());
        self.config.store(Arc::new(config));
    }

    /// The configuration in use.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Answers a review. Images that are not judged by `deadline` are denied.
    pub fn review(&self, webhook: Webhook, body: &[u8], deadline: Instant) -> Vec<u8> {
        self.review_and(webhook, body, deadline, |_judged| ())
    }

    /// Answers a review as [`Admission::review`] does, and tells what was decided about each image.
    pub fn examine(&self, webhook: Webhook, body: &[u8], deadline: Instant) -> Examined {
        let mut images = Vec::new();
        let answer = self.review_and(webhook, body, deadline, |judged| images = reports(judged));
        Examined { answer, images }
    }

    /// Has `look` see what was judged, if anything is.
    fn review_and(
        &self,
        webhook: Webhook,
        body: &[u8],
        deadline: Instant,
        look: impl FnOnce(&Judged<'_>),
    ) -> Vec<u8> {
        let started = Instant::now();
        // Whatever panics below (a decision, or the store's engine) denies this one request. All
        // that outlives it is the store, which keeps its own invariants.
        let answer = AssertUnwindSafe(|| self.answer(webhook, body, deadline, look));
        let response =
            catch_unwind(answer).unwrap_or_else(|_| self.refuse(webhook, body, &Refusal::Panicked));
        self.metrics.duration(webhook, started.elapsed());
        response
    }

    /// Denies a request that is not judged, by its `uid` where `body`, or what there is of it, tells
    /// it. Raises no alert: that would have whoever cannot even ask write to the disk.
    pub fn refuse(&self, webhook: Webhook, body: &[u8], refusal: &Refusal) -> Vec<u8> {
        let config = self.config.load();
        let uid = find_uid(body).unwrap_or_default();
        let asking = Asking {
            webhook,
            config: &config,
            uid: &uid,
            request: None,
        };
        let conclusion = Conclusion::refused(refusal, Leniency::of(config.features(), None));
        self.tell(asking, conclusion)
            .write(ApiVersion::default(), &uid)
    }

    fn answer(
        &self,
        webhook: Webhook,
        body: &[u8],
        deadline: Instant,
        look: impl FnOnce(&Judged<'_>),
    ) -> Vec<u8> {
        let config = self.config.load();
        let config = &**config;
        let (version, request) = match read(body) {
            Ok(read) => read,
            Err(error) => {
                let refusal = Refusal::Undecodable(error.to_string());
                return self.refuse(webhook, body, &refusal);
            }
        };
        let uid = request.uid.as_str();
        let asking = Asking {
            webhook,
            config,
            uid,
            request: Some(&request),
        };
        let conclusion = match scope(&request) {
            Scope::Pass(reason) => {
                self.metrics.admission(webhook, Outcome::allow(reason));
                return Answer::allowed(reason).write(version, uid);
            }
            Scope::Refuse(refusal) => {
                let leniency = Leniency::of(config.features(), Some(&request));
                let refused = Conclusion::refused(&refusal, leniency);
                self.alert(asking, refused, String::new, deadline)
            }
            Scope::Judge(places) => {
                let judged = self.judge(webhook, config, &request, places, deadline);
                look(&judged);
                self.count_images(asking, &judged);
                let images = || judged.images_in_question();
                self.alert(asking, Conclusion::of(&judged), images, deadline)
            }
        };
        self.tell(asking, conclusion).write(version, uid)
    }

    fn judge<'r>(
        &self,
        webhook: Webhook,
        config: &Config,
        request: &'r Request<'r>,
        places: Vec<Place<'r>>,
        deadline: Instant,
    ) -> Judged<'r> {
        let now = self.clock.now();
        let namespace = Some(request.namespace.as_str()).filter(|name| !name.is_empty());
        let features = config.features();
        let approvals = Approvals::new(features, request, self.owners.as_deref());
        let leniency = Leniency::of(features, Some(request));
        let kept = kept(request, &places);
        Judged::of(places, leniency, deadline, |image| {
            let asked = Asked {
                image,
                namespace,
                purpose: if kept.contains(image) {
                    Purpose::Keep
                } else {
                    webhook.purpose()
                },
                now,
            };
            let evidence = |query: &_| self.look_up(query);
            let decision = config.decide(&asked, evidence, || approvals.of(image));
            Verdict::from(decision)
        })
    }

    fn look_up(&self, query: &Query) -> Result<Evidence, ReadError> {
        (self.lookup)(query).inspect_err(|error| {
            let label = match error {
                ReadError::Store(error) => error.label(),
                ReadError::Remote(_) | _ => "remote",
            };
            self.metrics.store_error(label);
            if is_lasting(error)
                && let Some(readiness) = self.readiness.get()
                && readiness.fail_store()
            {
                tracing::error!(%error, "the store failed: not ready and not healthy any more");
            }
        })
    }
}

/// Whether only a restart helps, which sets damaged contents aside.
const fn is_lasting(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Store(StoreError::Damaged { .. } | StoreError::Engine(_) | StoreError::Io(_))
    )
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").finish_non_exhaustive()
    }
}

/// Longer than any name that the API server lets a kind or a group have.
const MAX_NAME: usize = 253;

#[cfg(test)]
mod tests;
