//! From what was gathered to a file: its number, its name, its signatures.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use vouchsafe_airgap::bundle::write as write_bundle;
use vouchsafe_airgap::create::Gathered;
use vouchsafe_airgap::{Bundle, Manifest, Name, SigningKey};
use vouchsafe_store::{MadeBundle, Store};
use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::{Role, Sha256};

use crate::args::LabelArgs;
use crate::exit::Error;
use crate::printer::note;

/// A bundle that was written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    /// Its files; several where it was split.
    pub(super) files: Vec<PathBuf>,
    /// Its series.
    pub(super) name: Name,
    /// Its number in the series.
    pub(super) sequence: u64,
    /// The digest of its manifest.
    pub(super) manifest: Sha256,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// Until when whoever signs it vouches for it.
    pub(super) refresh_by: Option<Timestamp>,
    /// How many repositories it lists.
    pub(super) repositories: usize,
    /// How many of them it carries the role files of.
    pub(super) carried: usize,
    /// How many things it lists to be denied.
    pub(super) denied: usize,
    /// The keys that signed it.
    pub(super) signers: Vec<Fingerprint>,
    /// When the first role in it expires.
    pub(super) first_expiry: Option<Timestamp>,
    /// Which role that is.
    #[serde(skip)]
    first_role: Option<Role>,
}

impl Written {
    pub(super) fn text(&self) -> String {
        let files: Vec<String> = self
            .files
            .iter()
            .map(|it| it.display().to_string())
            .collect();
        let mut lines = files;
        let holds = match (self.repositories, self.denied) {
            (0, 0) => "no repositories, and nothing denied".to_owned(),
            (0, denied) => format!("{denied} denied"),
            (repositories, _) => format!(
                "{repositories} repositories, {} of them carried",
                self.carried
            ),
        };
        lines.push(format!("  bundle {} {}: {holds}", self.name, self.sequence));
        if let (Some(at), Some(role)) = (self.first_expiry, &self.first_role) {
            lines.push(format!("  the first role, `{role}`, expires at {at:.0}"));
        }
        if let Some(until) = self.refresh_by {
            lines.push(format!("  who signs it vouches for it until {until:.0}"));
        }
        lines.push(match self.signers.len() {
            0 => "  not signed yet: `vouchsafe bundle sign`".to_owned(),
            count => format!(
                "  signed by {count} key{}",
                if count == 1 { "" } else { "s" }
            ),
        });
        lines.join("\n") + "\n"
    }
}

/// Checks that there is a folder to write into, before anything is looked at.
pub(super) fn check_directory(directory: &Path) -> Result<(), Error> {
    if directory.is_dir() {
        return Ok(());
    }
    let directory = directory.display();
    Err(
        format!("{directory}: no such folder\nhint: make it, or name another with --directory")
            .into(),
    )
}

/// The series: as was said, or `otherwise`.
pub(super) fn series(label: &LabelArgs, otherwise: &str) -> Result<Name, Error> {
    match &label.name {
        Some(name) => Ok(name.clone()),
        None => Ok(otherwise.parse()?),
    }
}

/// When the bundle is made: as was said, or now. Whole seconds, since file names and archives have no more.
pub(super) fn created_at(label: &LabelArgs, current: Timestamp) -> Result<Timestamp, Error> {
    let at = label.created_at.unwrap_or(current);
    if at > current {
        return Err(format!(
            "--created-at {at:.0} is later than {current:.0}, up to which its contents are known to be current"
        )
        .into());
    }
    Ok(Timestamp::from_second(at.as_second())?)
}

/// Until when it is vouched for.
pub(super) fn refresh_by(created_at: Timestamp, after: SignedDuration) -> Result<Timestamp, Error> {
    let until = created_at.checked_add(after);
    Ok(until.map_err(|_error| "--refresh-by is beyond all time")?)
}

/// The number of the bundle: as was said, or the one after those that were made before.
pub(super) fn sequence(
    label: &LabelArgs,
    name: &Name,
    store: &Store,
    base: Option<&Bundle>,
) -> Result<u64, Error> {
    let made = store.made(name.as_str())?.map(|made| made.sequence);
    if let Some(sequence) = label.sequence {
        if let Some(made) = made.filter(|made| *made >= sequence) {
            note(&format!(
                "warning: {name} {sequence}: number {made} was given out before; a site that took that in \
                 refuses this bundle, unless it is the very same"
            ));
        }
        return Ok(sequence);
    }
    let base = base.map(|base| base.manifest().sequence);
    let last = made.max(base).unwrap_or_default();
    Ok(last
        .checked_add(1)
        .ok_or("there is no number after the last one")?)
}

/// Signs what was gathered, and writes it into `directory`.
///
/// Its number is taken before there is a file: two bundles of one number would be refused, and one that is
/// never used is none.
pub(super) fn write(
    gathered: Gathered,
    store: &Store,
    label: &LabelArgs,
    directory: &Path,
    split: Option<u64>,
) -> Result<Written, Error> {
    let Gathered {
        manifest,
        mut contents,
        ..
    } = gathered;
    for file in &label.sign {
        contents.add(&signing_key(file)?.sign(contents.manifest_bytes()));
    }
    warn_of_early_end(&manifest);
    let name = format!(
        "{}-{}-{}.tar.zst",
        manifest.name,
        manifest.created_at.strftime("%Y%m%dT%H%M%SZ"),
        manifest.sequence
    );
    remember(store, &manifest)?;
    let files = write_bundle(&directory.join(name), &contents, split)?;
    let carried = manifest.repositories.iter().filter(|it| it.is_carried());
    let expiries = manifest.repositories.iter();
    let expiries = expiries.filter_map(|it| it.first_expiry());
    let first = expiries.min_by_key(|(_, at)| *at);
    let (first_role, first_expiry) = first.unzip();
    Ok(Written {
        files,
        sequence: manifest.sequence,
        manifest: Sha256::of(contents.manifest_bytes()),
        created_at: manifest.created_at,
        refresh_by: manifest.refresh_by,
        repositories: manifest.repositories.len(),
        carried: carried.count(),
        denied: manifest.deny.len(),
        signers: contents.signatures().map(|it| it.key).collect(),
        first_expiry,
        first_role: first_role.cloned(),
        name: manifest.name,
    })
}

/// Remembers the number, and what the series denies: the next list repeats it, since this one may not arrive.
///
/// A lower number that was asked for does not set the count back: the one after it may be in use.
fn remember(store: &Store, manifest: &Manifest) -> Result<(), Error> {
    let name = manifest.name.as_str();
    let made = store.made(name)?.unwrap_or_default();
    let sequence = manifest.sequence.max(made.sequence);
    let deny = if manifest.lists_repositories() {
        made.deny
    } else {
        manifest.deny.clone()
    };
    store.record_made(name, &MadeBundle { sequence, deny })?;
    Ok(())
}

/// Nobody's word outlasts an authority, so a later `refreshBy` says more than it holds.
fn warn_of_early_end(manifest: &Manifest) {
    let Some(refresh_by) = manifest.refresh_by else {
        return;
    };
    for repository in &manifest.repositories {
        let early = [Role::Root, Role::Targets, Role::Snapshot]
            .into_iter()
            .find_map(|role| {
                let at = repository.file(&role)?.expires;
                (at < refresh_by).then_some((role, at))
            });
        if let Some((role, at)) = early {
            note(&format!(
                "warning: {}: `{role}` expires at {at:.0}, before the bundle's `refreshBy`; nothing \
                 extends that",
                repository.gun
            ));
        }
    }
}

/// Reads a private key.
pub(super) fn signing_key(file: &Path) -> Result<SigningKey, Error> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| at(&error))?;
    Ok(SigningKey::from_pem(&text).map_err(|error| at(&error))?)
}
