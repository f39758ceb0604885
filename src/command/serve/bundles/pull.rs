//! Bundles out of a registry, on a schedule: beside the webhook, never because of a request.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vouchsafe_airgap::import::ImportAnswer;
use vouchsafe_airgap::registry::{RegistryClient, RegistryOptions, RegistryRef};
use vouchsafe_policy::BundlePull;
use vouchsafe_syncer::Schedule;
use vouchsafe_syncer::mirror::credentials;
use vouchsafe_trust::{Clock as _, Sha256};

use super::Bundles;
use crate::clock::SystemClock;
use crate::command::bundle::registry_failure;
use crate::exit::Error;

/// Where bundles are pulled from, and what was pulled last.
struct Pull {
    client: RegistryClient,
    reference: RegistryRef,
    schedule: Schedule,
    /// What the reference pointed at when it was taken in, or refused for a reason that stays.
    last: Option<Sha256>,
}

impl Bundles {
    /// Pulls as `settings` say, at once and then on their schedule, until dropped.
    pub(super) async fn pull(self: Arc<Self>, settings: BundlePull) {
        let mut pull = match Pull::new(&settings, &self.secrets) {
            Ok(pull) => pull,
            Err(error) => {
                tracing::error!(%error, "no bundles are pulled");
                return;
            }
        };
        loop {
            if let Err(error) = pull.once(&self).await {
                self.counts.count("pull_failed");
                tracing::error!(%error, reference = %pull.reference, "cannot pull a bundle");
            }
            let now = SystemClock.now();
            let wait = pull
                .schedule
                .next_after(now)
                .map(|at| at.duration_since(now));
            let wait = wait.and_then(|wait| Duration::try_from(wait).ok());
            tokio::time::sleep(wait.unwrap_or(FALLBACK)).await;
        }
    }
}

impl Pull {
    fn new(settings: &BundlePull, secrets: &Path) -> Result<Self, Error> {
        let options = RegistryOptions {
            certificates: settings.cert.clone(),
            credentials: settings
                .auth
                .as_ref()
                .map(|auth| credentials(auth, secrets)),
            ..RegistryOptions::default()
        };
        Ok(Self {
            client: RegistryClient::new(options).map_err(|error| registry_failure(&error))?,
            reference: settings.reference.parse()?,
            schedule: settings.schedule.parse()?,
            last: None,
        })
    }

    /// Pulls, unless it is there already, and has it taken in.
    async fn once(&mut self, bundles: &Arc<Bundles>) -> Result<(), Error> {
        let failed = |error| registry_failure(&error);
        let now = self.client.resolve(&self.reference).await.map_err(failed)?;
        if self.last == Some(now) {
            return Ok(());
        }
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(bundles.store.dir())?;
        let pulled = self.client.pull(&self.reference, folder.path()).await;
        let pulled = pulled.map_err(failed)?;
        let bundles = Arc::clone(bundles);
        let taken = tokio::task::spawn_blocking(move || bundles.take_in(folder.path())).await??;
        let may_pass = matches!(&taken, ImportAnswer::Refused { label, .. }
            if ["base_missing", "clock_behind"].contains(&label.as_str()));
        self.last = (!may_pass).then_some(pulled.resolved);
        Ok(())
    }
}

/// Drops what pulls left in the folder of the store that ended with their process.
pub(super) fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            let path = entry.path();
            tracing::warn!(path = %path.display(), %error, "cannot drop what a pull left over");
        }
    }
}

/// What the folders of pulls are called.
const PREFIX: &str = "pulled-bundle.";
/// Where the schedule says nothing.
const FALLBACK: Duration = Duration::from_hours(1);
