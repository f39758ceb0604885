//! Taking a bundle in: everything in it is verified again from the pinned keys.
//!
//! Nothing that a bundle says is believed because of how it came. Its signatures, where some are
//! required, decide whether it is looked at; what its role files prove is found out as if a server had
//! just given them. All repositories that hold are committed together; those that do not are left out
//! and reported, or refuse the whole bundle where that is asked for.

mod admit;
mod answer;
mod changes;
mod prove;
mod report;

use std::collections::BTreeSet;

use jiff::Timestamp;
use vouchsafe_policy::Config;
use vouchsafe_store::{
    Gone, ImportedBundle, Kept, Staged, Store, StoreError, SyncOutcome, SyncResult,
};
use vouchsafe_trust::Sha256;
use vouchsafe_trust::evidence::Vouch;

pub use admit::{Standing, admit, check_signers, check_statements};
pub use answer::ImportAnswer;
pub use changes::{Changes, Repointed};
pub use prove::{Unproven, prove};
pub use report::{Fate, ImportReport, RepositoryReport};

use crate::bundle::{Bundle, OpenBundleError};
use crate::manifest::{Repository, Withdrawn};

/// How a bundle is taken in.
#[derive(Clone, Copy, Debug)]
pub struct ImportTerms<'a> {
    /// What is pinned, and who vouches.
    pub config: &'a Config,
    /// The time to judge by.
    pub now: Timestamp,
    /// Whether one bad repository refuses the whole bundle.
    pub strict: bool,
    /// Whether to say only what would come of it.
    pub dry_run: bool,
}

/// Why nothing of a bundle was taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bundle is at fault, or it cannot be read here.
    #[error(transparent)]
    Bundle(#[from] OpenBundleError),
    /// The store is at fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Repositories in it are at fault, and none of them may be.
    #[error("{} of its repositories cannot be taken in, and `--strict` takes all or nothing", .0.failed())]
    Strict(Box<ImportReport>),
}

/// Takes in what holds of `bundle`: all at once, or nothing.
///
/// # Errors
///
/// [`ImportError`]; the store is as it was then.
pub fn import(
    store: &Store,
    bundle: &Bundle,
    terms: ImportTerms<'_>,
) -> Result<ImportReport, ImportError> {
    let settings = terms.config.bundles();
    // Another one may be taken in meanwhile, so nothing is asked before that is over.
    let import = store.begin_import().counting(|vouch| {
        // Where no key is pinned, nobody's word counts for a decision; the signed one is still the better.
        let signed = settings.threshold == 0 && !vouch.signers.is_empty();
        signed || settings.is_vouched(&vouch.signers)
    });
    let standing = admit(store, bundle, terms.config, terms.now)?;
    let manifest = bundle.manifest();
    let mut intake = Intake {
        store,
        bundle,
        terms,
        standing: &standing,
        import,
    };
    let mut report = ImportReport::new(manifest, bundle.manifest_sha256(), &standing);
    for repository in &manifest.repositories {
        let fate = intake.take(repository)?;
        report.add(&repository.server, &repository.gun, fate);
    }
    intake.drop_what_is_gone(&mut report)?;
    if terms.strict && report.failed() > 0 {
        return Err(ImportError::Strict(Box::new(report)));
    }
    if terms.dry_run {
        return Ok(report);
    }
    let record = record(bundle, &standing, &report, terms.now);
    intake.import.commit(&record)?;
    if let Err(error) = remember(store, &report, terms.now) {
        // The bundle stands, whatever is shown of it.
        tracing::warn!(%error, "cannot write down what became of the repositories of a bundle");
    }
    Ok(report)
}

/// A bundle that is being taken in.
struct Intake<'a> {
    store: &'a Store,
    bundle: &'a Bundle,
    terms: ImportTerms<'a>,
    standing: &'a Standing,
    import: vouchsafe_store::Import<'a>,
}

impl Intake<'_> {
    /// Prepares one repository. Only a fault of the bundle itself, or of the store, ends it all.
    fn take(&mut self, listed: &Repository) -> Result<Fate, ImportError> {
        let (server, gun) = (&listed.server, &listed.gun);
        let Some(pins) = self.terms.config.pins(server, gun) else {
            return Ok(Fate::NotAsked);
        };
        let manifest = self.bundle.manifest();
        let vouch = self.vouch();
        if !listed.is_carried() {
            let files: BTreeSet<Sha256> = listed.files.iter().map(|file| file.sha256).collect();
            return Ok(match self.import.keep(server, gun, &files, vouch)? {
                Kept::Expired { role, at } => {
                    Unproven::expired_when_made(&role, at, manifest.created_at).into()
                }
                Kept::Kept => Fate::Kept,
                Kept::Differs => Fate::failed(
                    "base_differs",
                    "the bundle leaves it as it was, but other files of it are stored here",
                ),
                Kept::Unproven => Fate::failed(
                    "unproven",
                    "the bundle leaves it as it was, and the pins do not hold for what is stored here",
                ),
                Kept::NotStored => Fate::failed(
                    "base_missing",
                    "the bundle leaves it as it was, but nothing of it is stored here",
                ),
            });
        }
        let accepted = self.store.accepted(server, gun)?;
        let proven = prove(
            self.bundle,
            listed,
            &pins,
            accepted.as_ref(),
            self.terms.now,
        )?;
        let repository = match proven {
            Ok(repository) => repository,
            Err(unproven) => return Ok(unproven.into()),
        };
        let before = changes::Before::read(self.store, server, gun)?;
        match self.import.stage(server, &repository, vouch) {
            Ok(Staged::Same) => Ok(Fate::Unchanged),
            Ok(Staged::Changed) => Ok(before.fate(&repository)),
            Ok(Staged::Gone { at }) => Ok(Fate::failed(
                "withdrawn",
                format!(
                    "its server said at {at:.0} that it no longer has it; only a signed bundle that was made \
                     after that brings it back"
                ),
            )),
            Err(error @ StoreError::Superseded { .. }) => Ok(Fate::failed(error.label(), error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Prepares what becomes of the repositories that the bundle does not list.
    fn drop_what_is_gone(&mut self, report: &mut ImportReport) -> Result<(), StoreError> {
        let (manifest, vouch) = (self.bundle.manifest(), self.vouch());
        for Withdrawn { server, gun, at } in &manifest.withdrawn {
            let fate = if self.standing.is_vouched {
                let times = ((*at).min(self.terms.now), self.terms.now);
                match self.import.withdraw(server, gun, times, &vouch)? {
                    Gone::Absent => continue,
                    Gone::Outranked => Fate::failed(
                        "superseded",
                        "the bundle says that it is gone, and one that was made later that it is there",
                    ),
                    Gone::Withdrawn => Fate::Withdrawn,
                }
            } else {
                Fate::failed(
                    "not_vouched_for",
                    "the bundle says that it is gone, which only counts from a signed bundle",
                )
            };
            report.add(server, gun, fate);
        }
        if self.standing.is_vouched && manifest.lists_repositories() {
            let listed = manifest.repositories.iter();
            let listed = listed
                .map(|it| (it.server.clone(), it.gun.clone()))
                .collect();
            for (server, gun) in self.import.lapse(&vouch, &listed)? {
                report.add(&server, &gun, Fate::NotCarried);
            }
        }
        Ok(())
    }

    fn vouch(&self) -> Vouch {
        let manifest = self.bundle.manifest();
        Vouch {
            bundle: manifest.name.to_string(),
            sequence: manifest.sequence,
            created_at: manifest.created_at,
            refresh_by: manifest.refresh_by,
            signers: self.standing.ever_signed.clone(),
        }
    }
}

fn record(
    bundle: &Bundle,
    standing: &Standing,
    report: &ImportReport,
    now: Timestamp,
) -> ImportedBundle {
    let manifest = bundle.manifest();
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    ImportedBundle {
        name: manifest.name.to_string(),
        sequence: manifest.sequence,
        manifest: bundle.manifest_sha256(),
        // What lifts has to be made after what it lifts, also where numbers began anew.
        created_at: standing.latest,
        refresh_by: manifest.refresh_by,
        imported_at: now,
        signers: standing.ever_signed.clone(),
        repositories: count(manifest.repositories.len()),
        refused: count(report.failed()),
        deny: standing.deny.clone(),
    }
}

/// Remembers with each repository how it went, as a sync does.
fn remember(store: &Store, report: &ImportReport, at: Timestamp) -> Result<(), StoreError> {
    for repository in &report.repositories {
        let result = match &repository.fate {
            Fate::NotAsked | Fate::NotCarried | Fate::Withdrawn => continue,
            Fate::Failed { label, message } => SyncResult::Err {
                label: label.clone(),
                message: message.clone(),
            },
            Fate::Kept | Fate::New { .. } | Fate::Unchanged | Fate::Updated { .. } => {
                SyncResult::Ok
            }
        };
        store.record_sync(
            &repository.server,
            &repository.gun,
            &SyncOutcome { at, result },
        )?;
    }
    store.flush()
}
