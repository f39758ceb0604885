//! Bundles beside the webhook: whoever brings them, one place takes them in.

mod folder;
mod gauges;
mod pull;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinSet, spawn_blocking};
use vouchsafe_airgap::import::ImportAnswer;
use vouchsafe_policy::Config;
use vouchsafe_store::socket::{ImportRequest, Importer};
use vouchsafe_store::{Store, StoreError};
use vouchsafe_trust::Clock as _;
use vouchsafe_webhook::Admission;

use self::folder::Folder;
pub(super) use self::gauges::metrics;
use crate::clock::SystemClock;
use crate::command::bundle::import_answer;
use crate::context;
use crate::printer::{MAX_MESSAGE, printable};

/// Takes in bundles while the process serves, and has admission know what they deny.
#[derive(Debug)]
pub(super) struct Bundles {
    pub(super) store: Store,
    /// The configuration in use, and what follows it.
    pub(super) configs: watch::Receiver<Arc<Config>>,
    pub(super) admission: Arc<Admission>,
    /// Told when a bundle was taken in.
    pub(super) fed: Arc<Notify>,
    /// Told when a series was forgotten.
    pub(super) forgotten: Notify,
    pub(super) counts: Arc<Counts>,
    /// Held from the reading of what bundles deny until admission knows it.
    pub(super) denying: Mutex<()>,
    /// The folder with a folder for each secret.
    pub(super) secrets: PathBuf,
}

/// How many bundles came to what, by a stable, short name.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<String, u32>>);

impl Counts {
    fn count(&self, label: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(label.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    fn all(&self) -> BTreeMap<String, u32> {
        let counts = self.0.lock();
        counts.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Bundles {
    /// Has admission deny what bundles list that were taken in before.
    pub(super) fn start(self) -> Result<Self, StoreError> {
        self.deny()?;
        pull::sweep(self.store.dir());
        Ok(self)
    }

    /// Follows the folder and the configuration, until dropped.
    pub(super) async fn run(self: Arc<Self>) {
        let mut configs = self.configs.clone();
        let mut folder = Folder::default();
        let mut pulling = self.start_pulling();
        loop {
            tokio::select! {
                changed = configs.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Other keys may be pinned: some may count that did not, and the other way round.
                    folder = Folder::default();
                    pulling.abort_all();
                    pulling = self.start_pulling();
                    if let Err(error) = self.deny() {
                        tracing::error!(%error, "cannot tell what bundles deny");
                    }
                }
                // What was old before may be taken in now.
                () = self.forgotten.notified() => {
                    folder = Folder::default();
                    pulling.abort_all();
                    pulling = self.start_pulling();
                }
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let Some(directory) = self.config().bundles().directory.clone() else {
                continue;
            };
            let this = Arc::clone(&self);
            let looked = spawn_blocking(move || {
                folder.look(&directory, |path| this.take_in(path));
                folder
            });
            folder = looked.await.unwrap_or_default();
        }
    }

    /// Pulls bundles beside everything else, where the configuration names a registry.
    fn start_pulling(self: &Arc<Self>) -> JoinSet<()> {
        let mut pulling = JoinSet::new();
        if let Some(settings) = self.config().bundles().pull.clone() {
            pulling.spawn(Arc::clone(self).pull(settings));
        }
        pulling
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.configs.borrow())
    }

    /// Takes in the bundle at `path`, and logs what came of it.
    fn take_in(&self, path: &Path) -> Result<ImportAnswer, String> {
        let request = ImportRequest {
            path: path.to_path_buf(),
            strict: false,
            dry_run: false,
        };
        let answer = self.answer(&request);
        tell(path, &answer);
        answer
    }

    fn answer(&self, request: &ImportRequest) -> Result<ImportAnswer, String> {
        let now = self.store.observe_time(SystemClock.now()).now;
        let answer = import_answer(&self.store, &self.config(), request, now);
        if request.dry_run {
            return answer;
        }
        self.counts.count(match &answer {
            Ok(ImportAnswer::Done(report)) if report.failed() > 0 => "partly",
            Ok(ImportAnswer::Done(_)) => "done",
            Ok(ImportAnswer::Refused { label, .. }) => label,
            Ok(ImportAnswer::Strict(_)) => "strict",
            Err(_) => "error",
        });
        // Also where the store failed, which may have been after the bundle was committed.
        if !matches!(
            answer,
            Ok(ImportAnswer::Refused { .. } | ImportAnswer::Strict(_))
        ) {
            self.deny().map_err(|error| error.to_string())?;
            self.fed.notify_waiters();
        }
        answer
    }

    /// Has admission deny what the bundles list.
    fn deny(&self) -> Result<(), StoreError> {
        // What was read before another bundle came must not take the place of what that one brought.
        let _alone = self.denying.lock().unwrap_or_else(PoisonError::into_inner);
        let denied = context::denied(&self.store.bundles()?);
        self.admission.deny(denied);
        Ok(())
    }
}

impl Importer for Bundles {
    fn refresh(&self) -> Result<(), String> {
        self.forgotten.notify_one();
        self.deny().map_err(|error| error.to_string())
    }

    fn import(&self, request: &ImportRequest) -> Result<serde_json::Value, String> {
        let answer = self.answer(request);
        if !request.dry_run {
            tell(&request.path, &answer);
        }
        let answer = answer?;
        serde_json::to_value(answer).map_err(|error| error.to_string())
    }
}

/// Logs what came of the bundle at `path`.
fn tell(path: &Path, answer: &Result<ImportAnswer, String>) {
    // Whoever may write into the folder gives the names, and a bundle says what it likes.
    let path = printable(&path.display().to_string(), MAX_MESSAGE);
    match answer {
        Ok(ImportAnswer::Done(report)) => {
            tracing::info!(
                %path, bundle = %report.name, sequence = report.sequence, left_out = report.failed(),
                vouched = report.vouched, denied = report.deny.len(), "took in a bundle"
            );
            if !report.lifted.is_empty() {
                let lifted = report.lifted.len();
                tracing::warn!(bundle = %report.name, lifted, "the bundle lifts what an earlier one denied");
            }
        }
        // Old ones lie beside the newest; but what another machine numbers from 1 again is not wanted less.
        Ok(ImportAnswer::Refused { label, message }) if label == "old_sequence" => {
            let message = printable(message, MAX_MESSAGE);
            tracing::info!(%path, %message, "a newer bundle was taken in before");
        }
        Ok(ImportAnswer::Refused { label, message }) if label == "truncated" => {
            tracing::info!(%path, %message, "not all of a bundle is there yet");
        }
        Ok(ImportAnswer::Refused { label, message }) => {
            let message = printable(message, MAX_MESSAGE);
            tracing::error!(%path, %label, %message, "a bundle is refused");
        }
        Ok(ImportAnswer::Strict(report)) => {
            let left_out = report.failed();
            tracing::error!(%path, left_out, "nothing of a bundle is taken in: it was all or nothing");
        }
        Err(error) => {
            let error = printable(error, MAX_MESSAGE);
            tracing::error!(%path, %error, "a bundle could not be looked at");
        }
    }
}

/// How often the folder is looked at.
const INTERVAL: Duration = Duration::from_secs(2);
