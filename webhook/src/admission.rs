//! The decision on an admission review: request bytes in, response bytes out.

mod judge;
mod message;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwap;
use vouchsafe_policy::Config;
use vouchsafe_store::{ReadError, StoreError};
use vouchsafe_trust::{Clock, Evidence, Query};

use crate::bounded::MAX_PLACES;
use crate::metrics::{Metrics, Outcome};
use crate::readiness::Readiness;
use crate::review::{Answer, ApiVersion, Operation, Request, find_uid, read};
use crate::text::printable;
use crate::workload::{OldObject, Part, Place, Workload, images};
use judge::{Judged, Verdict};

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
}

/// Reads what a store holds about an image.
pub type Lookup = dyn Fn(&Query) -> Result<Evidence, ReadError> + Send + Sync;

/// Answers admission reviews by the policy in use and what the store holds.
pub struct Admission {
    config: ArcSwap<Config>,
    lookup: Box<Lookup>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// Who is told when the store fails.
    readiness: OnceLock<Arc<Readiness>>,
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
            config: ArcSwap::from_pointee(config),
            lookup,
            clock,
            metrics,
            readiness: OnceLock::new(),
        }
    }

    /// Has `readiness` notice when the store turns out to be damaged, or its files unreadable. The
    /// first call counts.
    pub fn report_to(&self, readiness: Arc<Readiness>) {
        self.readiness.get_or_init(|| readiness);
    }

    /// Decides by another configuration from now on. What is being decided keeps the previous one.
    pub fn replace(&self, config: Config) {
        self.config.store(Arc::new(config));
    }

    /// The configuration in use.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Answers a review. Images that are not judged by `deadline` are denied.
    pub fn review(&self, webhook: Webhook, body: &[u8], deadline: Instant) -> Vec<u8> {
        let started = Instant::now();
        // Whatever panics below (a decision, or the store's engine) denies this one request. All
        // that outlives it is the store, which keeps its own invariants.
        let answered = catch_unwind(AssertUnwindSafe(|| self.answer(webhook, body, deadline)));
        let response = answered.unwrap_or_else(|_| self.refuse(webhook, body, &Refusal::Panicked));
        self.metrics.duration(webhook, started.elapsed());
        response
    }

    /// Denies a request that is not judged, by its `uid` where `body`, or what there is of it, tells
    /// it.
    pub fn refuse(&self, webhook: Webhook, body: &[u8], refusal: &Refusal) -> Vec<u8> {
        let uid = find_uid(body).unwrap_or_default();
        self.deny(webhook, &uid, None, refusal)
            .write(ApiVersion::default(), &uid)
    }

    fn answer(&self, webhook: Webhook, body: &[u8], deadline: Instant) -> Vec<u8> {
        let (version, request) = match read(body) {
            Ok(read) => read,
            Err(error) => {
                return self.refuse(webhook, body, &Refusal::Undecodable(error.to_string()));
            }
        };
        let answer = match scope(&request) {
            Scope::Pass(reason) => {
                self.metrics.admission(webhook, Outcome::allow(reason));
                Answer::allowed(reason)
            }
            Scope::Refuse(refusal) => {
                self.deny(webhook, request.uid.as_str(), Some(&request), &refusal)
            }
            Scope::Judge(places) => self.judge(webhook, &request, places, deadline),
        };
        answer.write(version, request.uid.as_str())
    }

    fn judge(
        &self,
        webhook: Webhook,
        request: &Request<'_>,
        places: Vec<Place<'_>>,
        deadline: Instant,
    ) -> Answer {
        let config = self.config.load();
        let now = self.clock.now();
        let namespace = Some(request.namespace.as_str()).filter(|name| !name.is_empty());
        let judged = Judged::of(places, deadline, |image| {
            let lookup = |query: &_| self.look_up(query);
            Verdict::of(&config, webhook, image, namespace, now, lookup)
        });
        for (_, verdict) in judged.verdicts() {
            self.metrics.image(verdict.outcome());
        }
        let denied = judged.denied();
        self.metrics
            .admission(webhook, denied.map_or(Outcome::JUDGED, Outcome::deny));
        let answer = judged.answer();
        if let Some(reason) = denied {
            let images = &answer.audit.images;
            log_denied(webhook, request.uid.as_str(), Some(request), images, reason);
        }
        answer
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

    fn deny(
        &self,
        webhook: Webhook,
        uid: &str,
        request: Option<&Request<'_>>,
        refusal: &Refusal,
    ) -> Answer {
        let reason = refusal.label();
        let why = refusal.to_string();
        log_denied(webhook, uid, request, &why, reason);
        self.metrics.admission(webhook, Outcome::deny(reason));
        Answer::denied(why, reason)
    }
}

/// Whether only a restart helps, which sets damaged contents aside.
const fn is_lasting(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Store(StoreError::Damaged { .. } | StoreError::Engine(_) | StoreError::Io(_))
    )
}

/// The one event of a denied review. Whatever the request says is cut and escaped before it is
/// recorded.
fn log_denied(
    webhook: Webhook,
    uid: &str,
    request: Option<&Request<'_>>,
    detail: &str,
    reason: &'static str,
) {
    tracing::warn!(
        webhook = webhook.name(),
        uid = printable(uid, MAX_NAME),
        namespace = request.map(|request| printable(request.namespace.as_str(), MAX_NAME)),
        kind = request.map(|request| printable(request.kind.kind.as_str(), MAX_NAME)),
        name = request.map(|request| printable(request.object_name(), MAX_NAME)),
        detail,
        reason,
        "review denied"
    );
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").finish_non_exhaustive()
    }
}

/// Why a request is denied without judging an image.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its body did not arrive whole.
    #[error("{0}")]
    Cut(String),
    /// Its body did not arrive in time, or took all of the time to be read.
    #[error("the request did not arrive, or could not be read, in time; try again")]
    Late,
    /// It names no image, of a kind that has to.
    #[error("the object names no image: a {kind} needs at least one container")]
    NoImage {
        /// The kind.
        kind: String,
    },
    /// It carries no object.
    #[error("the request carries no object to judge")]
    NoObject,
    /// There are too many requests at a time.
    #[error("too many admission reviews at a time; try again")]
    Overloaded,
    /// The decision failed in a way that it never should.
    #[error("the decision failed unexpectedly; the webhook's log says where")]
    Panicked,
    /// Its object has more places for images than anything that runs.
    #[error("the object has {places} places for images, and {MAX_PLACES} at most are judged")]
    TooManyPlaces {
        /// How many it has.
        places: usize,
    },
    /// It is no admission review that can be read.
    #[error("{0}")]
    Undecodable(String),
    /// It is about a kind of object that Vouchsafe finds no images in.
    #[error(
        "objects of kind {kind} (API group `{group}`) are not known to run images; take them out of \
         the webhook's rules"
    )]
    UnknownKind {
        /// The API group.
        group: String,
        /// The kind.
        kind: String,
    },
}

impl Refusal {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::Late => "late",
            Self::NoImage { .. } => "no_image",
            Self::NoObject => "no_object",
            Self::Overloaded => "overloaded",
            Self::Panicked => "panic",
            Self::TooManyPlaces { .. } => "too_many_places",
            Self::Undecodable(_) => "undecodable",
            Self::UnknownKind { .. } => "unknown_kind",
        }
    }
}

/// What of a request is judged.
enum Scope<'r> {
    /// These places of its object.
    Judge(Vec<Place<'r>>),
    /// Nothing, since it can bring no image in; for this reason.
    Pass(&'static str),
    /// Nothing, since it cannot be.
    Refuse(Refusal),
}

fn scope<'r>(request: &'r Request<'_>) -> Scope<'r> {
    if let Operation::Connect | Operation::Delete = request.operation {
        return Scope::Pass("not_judged");
    }
    let (group, kind) = (request.kind.group.as_str(), request.kind.kind.as_str());
    let Some(workload) = Workload::of(group, kind) else {
        let (group, kind) = (printable(group, MAX_NAME), printable(kind, MAX_NAME));
        return Scope::Refuse(Refusal::UnknownKind { group, kind });
    };
    // What is on its way out must not be held up: finalizers could not be taken off it.
    let old = request.old_object.as_ref();
    if request.operation == Operation::Update && old.is_some_and(OldObject::is_being_deleted) {
        return Scope::Pass("being_deleted");
    }
    let part = match request.sub_resource.as_str() {
        "ephemeralcontainers" => Part::EphemeralContainers,
        // The API server takes nothing but the status, or the resources, from these.
        "resize" | "status" => return Scope::Pass("not_judged"),
        _ => Part::Whole,
    };
    let Some(object) = &request.object else {
        return Scope::Refuse(Refusal::NoObject);
    };
    let places: Vec<Place<'_>> = images(workload, object, part).collect();
    if places.is_empty() && part == Part::Whole {
        return Scope::Refuse(Refusal::NoImage {
            kind: kind.to_owned(),
        });
    }
    if places.len() > MAX_PLACES {
        let places = places.len();
        return Scope::Refuse(Refusal::TooManyPlaces { places });
    }
    Scope::Judge(places)
}

/// Longer than any name that the API server lets a kind or a group have.
const MAX_NAME: usize = 253;

#[cfg(test)]
mod tests;
