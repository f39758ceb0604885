//! Reports of what runs, for whoever shows policy reports: one in each namespace.
//!
//! `OpenReports` where the cluster has them, otherwise the `PolicyReport` of the Kubernetes policy working group, from
//! which those come; a cluster that has neither gets none.

mod body;
mod kind;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::Value;
use vouchsafe_trust::Sha256;

use self::kind::ReportKind;
use crate::failure::is_status;
use crate::workloads::Pod;

/// What a namespace's report says: a finding for each Pod and image.
pub type Report = Vec<Finding>;

/// What was found of an image that a Pod runs.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The Pod.
    pub pod: Pod,
    /// What was found, which many Pods may share.
    pub judged: Arc<Judged>,
}

/// What was found of an image.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What it comes to.
    pub outcome: Outcome,
    /// The pattern of the rule that decided; empty if none did.
    pub rule: String,
    /// What was found, in words.
    pub message: String,
    /// More of it, by name.
    pub properties: BTreeMap<&'static str, String>,
}

/// What a finding comes to, the worst first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// It is not as the policy demands.
    Fail,
    /// Nobody can tell.
    Error,
    /// It is not as the policy demands, which only warns; or it is, but not for long.
    Warn,
    /// It is as the policy demands.
    Pass,
}

/// What came of writing reports.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Published {
    /// How many were written.
    pub written: usize,
    /// How many were removed.
    pub removed: usize,
    /// Whether there is a kind of report that the cluster knows.
    pub is_kind_known: bool,
}

/// Why reports are not all as they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// It cannot be told which kinds of reports the cluster has.
    #[error("it cannot be told which kinds of reports there are: {0}")]
    Kinds(#[source] kube::Error),
    /// The reports that are there cannot be listed.
    #[error("the reports that there are cannot be listed: {0}")]
    List(#[source] kube::Error),
    /// Some could not be written or removed.
    #[error(
        "{failed} reports could not be written or removed, that of namespace {namespace} since: {first}"
    )]
    Write {
        /// How many.
        failed: usize,
        /// The namespace of the first.
        namespace: String,
        /// Why that one could not.
        #[source]
        first: kube::Error,
    },
}

/// Keeps the reports of all namespaces. Only one process of a cluster may.
#[expect(
    missing_debug_implementations,
    reason = "the client holds credentials and has no Debug"
)]
pub struct Publisher {
    client: Client,
    kind: Option<ReportKind>,
    /// When the kinds were last looked up.
    looked: Option<Instant>,
    /// When the reports were last listed.
    listed: Option<Instant>,
    written: BTreeMap<String, Written>,
}

/// A report as it was written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Written {
    /// The SHA-256 of what was sent; none for what another process wrote.
    digest: Option<Sha256>,
    /// What the API server then had.
    resource_version: Option<String>,
}

type Attempt<T> = Result<T, (String, kube::Error)>;

impl Publisher {
    /// Writes nothing yet.
    pub const fn new(client: Client) -> Self {
        Self {
            client,
            kind: None,
            looked: None,
            listed: None,
            written: BTreeMap::new(),
        }
    }

    /// Forgets what is written: somebody else may write from now on.
    pub fn forget(&mut self) {
        *self = Self::new(self.client.clone());
    }

    /// Has the reports be these, by namespace: writes what is not there or another, removes the others.
    ///
    /// Which kinds of reports there are is looked up now and then, and whether somebody else changed one.
    ///
    /// # Errors
    ///
    /// [`ReportError`] with the first thing that failed. What could be done is done, and the rest is tried again by the
    /// next call.
    pub async fn publish(
        &mut self,
        wanted: &BTreeMap<Arc<str>, Report>,
    ) -> Result<Published, ReportError> {
        self.look_up().await?;
        let Some(kind) = self.kind else {
            return Ok(Published::default());
        };
        self.list(kind).await?;
        let bodies = wanted.iter().filter_map(|(namespace, findings)| {
            let body = body::of(kind, namespace, findings);
            let digest = Some(Sha256::of(body.to_string().as_bytes()));
            let known = self.written.get(&**namespace);
            let is_new = known.is_none_or(|known| known.digest != digest);
            is_new.then(|| (namespace.to_string(), body, digest))
        });
        let bodies: Vec<(String, Value, Option<Sha256>)> = bodies.collect();
        let others = self
            .written
            .keys()
            .filter(|&it| !wanted.contains_key(it.as_str()));
        let others: Vec<String> = others.cloned().collect();
        let mut published = Published {
            is_kind_known: true,
            ..Published::default()
        };
        let mut failed = Vec::new();
        let client = &self.client;
        let writes = bodies
            .into_iter()
            .map(|(namespace, body, digest)| async move {
                let resource_version = match write(client, kind, &namespace, &body).await {
                    Ok(resource_version) => resource_version,
                    Err(error) => return Err((namespace, error)),
                };
                let written = Written {
                    digest,
                    resource_version,
                };
                Ok((namespace, written))
            });
        let writes: Vec<Attempt<_>> = stream::iter(writes)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for attempt in writes {
            match attempt {
                Ok((namespace, written)) => {
                    published.written = published.written.saturating_add(1);
                    self.written.insert(namespace, written);
                }
                Err(error) => failed.push(error),
            }
        }
        let removed = self.remove(kind, others, &mut failed).await;
        published.removed = removed;
        self.outcome(failed).map(|()| published)
    }

    /// Removes every report.
    ///
    /// # Errors
    ///
    /// As [`Publisher::publish`].
    pub async fn withdraw(&mut self) -> Result<Published, ReportError> {
        self.publish(&BTreeMap::new()).await
    }

    /// Finds out which kind of report there is, if that was not done lately; leaves none of another kind behind.
    async fn look_up(&mut self) -> Result<(), ReportError> {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return Ok(());
        }
        let kind = ReportKind::find(&self.client)
            .await
            .map_err(ReportError::Kinds)?;
        self.looked = Some(Instant::now());
        if kind == self.kind {
            return Ok(());
        }
        tracing::info!(
            kind = kind.map(ReportKind::name),
            "the kind of reports that is written"
        );
        let before = std::mem::replace(&mut self.kind, kind);
        let namespaces: Vec<String> = std::mem::take(&mut self.written).into_keys().collect();
        self.listed = None;
        if let Some(before) = before {
            let mut failed = Vec::new();
            let removed = self.remove(before, namespaces, &mut failed).await;
            if let Some((namespace, error)) = failed.first() {
                // The kind may be gone, and its objects with it.
                tracing::warn!(kind = before.name(), removed, %namespace, %error, "earlier reports may be left");
            }
        }
        Ok(())
    }

    /// Takes stock of the reports that there are, if that was not done lately.
    async fn list(&mut self, kind: ReportKind) -> Result<(), ReportError> {
        if self.listed.is_some_and(|at| at.elapsed() < LIST_AGAIN) {
            return Ok(());
        }
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &kind.resource());
        let mut params = ListParams::default().labels(body::OURS).limit(PAGE);
        let mut there = BTreeMap::new();
        loop {
            let page = api
                .list_metadata(&params)
                .await
                .map_err(ReportError::List)?;
            for object in page.items {
                let metadata = object.metadata;
                if metadata.name.as_deref() == Some(body::NAME) {
                    let namespace = metadata.namespace.unwrap_or_default();
                    there.insert(namespace, metadata.resource_version);
                }
            }
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                break;
            }
        }
        let before = std::mem::take(&mut self.written);
        for (namespace, resource_version) in there {
            let ours = before.get(&namespace);
            let ours = ours.filter(|ours| ours.resource_version == resource_version);
            self.written
                .insert(namespace, ours.cloned().unwrap_or_default());
        }
        self.listed = Some(Instant::now());
        Ok(())
    }

    async fn remove(
        &mut self,
        kind: ReportKind,
        namespaces: Vec<String>,
        failed: &mut Vec<(String, kube::Error)>,
    ) -> usize {
        let client = &self.client;
        let removals = namespaces.into_iter().map(|namespace| async move {
            match remove(client, kind, &namespace).await {
                Ok(()) => Ok(namespace),
                Err(error) => Err((namespace, error)),
            }
        });
        let removals: Vec<Attempt<_>> = stream::iter(removals)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut removed = 0_usize;
        for attempt in removals {
            match attempt {
                Ok(namespace) => {
                    removed = removed.saturating_add(1);
                    self.written.remove(&namespace);
                }
                Err(error) => failed.push(error),
            }
        }
        removed
    }

    fn outcome(&mut self, failed: Vec<(String, kube::Error)>) -> Result<(), ReportError> {
        let count = failed.len();
        let Some((namespace, first)) = failed.into_iter().next() else {
            return Ok(());
        };
        if is_status(&first, 404) {
            // The kind itself may be gone.
            self.looked = None;
        }
        Err(ReportError::Write {
            failed: count,
            namespace,
            first,
        })
    }
}

/// Writes a report over whatever has its name; returns its resource version.
async fn write(
    client: &Client,
    kind: ReportKind,
    namespace: &str,
    body: &Value,
) -> Result<Option<String>, kube::Error> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind.resource());
    let params = PatchParams {
        field_manager: Some(body::MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let object = match api.patch(body::NAME, &params, &Patch::Merge(body)).await {
        Err(error) if is_status(&error, 404) => {
            let object: DynamicObject =
                serde_json::from_value(body.clone()).map_err(kube::Error::SerdeError)?;
            let params = PostParams {
                field_manager: Some(body::MANAGER.to_owned()),
                ..PostParams::default()
            };
            api.create(&params, &object).await?
        }
        patched => patched?,
    };
    Ok(object.metadata.resource_version)
}

async fn remove(client: &Client, kind: ReportKind, namespace: &str) -> Result<(), kube::Error> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind.resource());
    match api.delete(body::NAME, &DeleteParams::default()).await {
        Err(error) if !is_status(&error, 404) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// How many requests are under way at once.
const AT_ONCE: usize = 4;
const PAGE: u32 = 500;
/// How often it is looked up which kinds of reports there are: one may be installed later.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often it is looked up whether somebody else changed a report.
const LIST_AGAIN: Duration = Duration::from_mins(5);
