//! Whether a bundle is looked at at all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use vouchsafe_policy::{BundleSettings, Config};
use vouchsafe_store::{ImportedBundle, Store};
use vouchsafe_trust::key::{Fingerprint, PublicKey};
use vouchsafe_trust::{Denied, DeniedThing};

use super::ImportError;
use crate::Refusal;
use crate::bundle::{Bundle, OpenBundleError};
use crate::manifest::{MAX_DENIED, Manifest};
use crate::signature::{Signature, enough_signers};

/// A bundle that may be taken in, and on whose word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The pinned keys that signed it.
    pub signers: BTreeSet<Fingerprint>,
    /// These, and those whose signatures of the same bundle were good when it was taken in before: a copy
    /// that lacks some takes nothing back.
    pub ever_signed: BTreeSet<Fingerprint>,
    /// Whether enough of them did for their word to count.
    pub is_vouched: bool,
    /// Whether it was taken in before.
    pub is_known: bool,
    /// When the latest one of its series was made, this one included.
    pub latest: Timestamp,
    /// What is denied by the series once this is taken in.
    pub deny: Vec<Denied>,
    /// What was denied by the series, and is no longer then.
    pub lifted: Vec<Denied>,
}

/// Decides whether `bundle` may be taken in here, whatever is in its repositories.
///
/// # Errors
///
/// [`ImportError::Bundle`] with the [`Refusal`], or [`ImportError::Store`].
pub fn admit(
    store: &Store,
    bundle: &Bundle,
    config: &Config,
    now: Timestamp,
) -> Result<Standing, ImportError> {
    let manifest = bundle.manifest();
    let settings = config.bundles();
    // Who signs comes first: nothing else of what a stranger says is worth an answer.
    let signers = check_signers(bundle.manifest_bytes(), bundle.signatures(), settings);
    let signers = signers.map_err(refused)?;
    let is_vouched = settings.is_vouched(&signers);
    check_statements(manifest, settings, is_vouched, now).map_err(refused)?;
    let last = store.bundle(manifest.name.as_str())?;
    // A number that nobody vouched for could be any, and must not keep out what somebody vouches for.
    let binds = |last: &ImportedBundle| !is_vouched || settings.is_vouched(&last.signers);
    let is_known = check_sequence(bundle, last.as_ref(), binds)?;
    let (deny, lifted) = denied(manifest, last.as_ref())?;
    let before = last.iter().filter(|_| is_known);
    let before = before.flat_map(|last| last.signers.iter().copied());
    Ok(Standing {
        ever_signed: signers.iter().copied().chain(before).collect(),
        signers,
        is_vouched,
        is_known,
        latest: last.as_ref().map_or(manifest.created_at, |last| {
            last.created_at.max(manifest.created_at)
        }),
        deny,
        lifted,
    })
}

/// What the series denies once `manifest` is taken in, and what it denied before and does no longer.
///
/// The lists of a series add up: news that is lost on the way, or is made by somebody who does not know
/// of earlier news, must not let in again what these keep out. Only what is lifted by name is, and not by
/// a bundle that was made before the latest one: where that one's number does not bind, it may come later.
fn denied(
    manifest: &Manifest,
    last: Option<&ImportedBundle>,
) -> Result<(Vec<Denied>, Vec<Denied>), ImportError> {
    let is_older = last.is_some_and(|last| manifest.created_at < last.created_at);
    let lift = manifest.lift.iter().filter(|_| !is_older);
    let lift: BTreeSet<&DeniedThing> = lift.collect();
    let before = last.iter().flat_map(|last| last.deny.iter().cloned());
    let (lifted, kept): (Vec<Denied>, Vec<Denied>) =
        before.partition(|denied| lift.contains(&denied.what));
    let new = manifest.deny.iter().cloned();
    // The latest reason counts.
    let all = kept.into_iter().chain(new);
    let all: BTreeMap<DeniedThing, String> =
        all.map(|denied| (denied.what, denied.reason)).collect();
    if all.len() > MAX_DENIED {
        return Err(refused(Refusal::TooLarge {
            what: "what the series denies".to_owned(),
            limit: u64::try_from(MAX_DENIED).unwrap_or(u64::MAX),
            unit: "entries",
        }));
    }
    let all = all.into_iter();
    let deny = all.map(|(what, reason)| Denied { what, reason }).collect();
    Ok((deny, lifted))
}

/// The pinned keys that signed `manifest`, if as many did as have to.
///
/// # Errors
///
/// [`Refusal::Unsigned`] or [`Refusal::WrongSigner`].
pub fn check_signers(
    manifest: &[u8],
    signatures: &[Signature],
    settings: &BundleSettings,
) -> Result<BTreeSet<Fingerprint>, Refusal> {
    let keys: Vec<PublicKey> = settings.keys.iter().map(|(_, key)| key.clone()).collect();
    enough_signers(manifest, signatures, &keys, settings.threshold)
}

/// Checks what a manifest says of itself: that it is for whom the settings say is here, made by now, and
/// that its news counts.
///
/// # Errors
///
/// [`Refusal::WrongAudience`], [`Refusal::ClockBehind`] or [`Refusal::NotVouchedFor`].
pub fn check_statements(
    manifest: &Manifest,
    settings: &BundleSettings,
    is_vouched: bool,
    now: Timestamp,
) -> Result<(), Refusal> {
    check_audience(manifest, settings)?;
    check_clock(manifest, now)?;
    check_news(manifest, is_vouched)
}

/// Checks that news counts, if a bundle brings some: it only does from who vouches.
///
/// # Errors
///
/// [`Refusal::NotVouchedFor`].
fn check_news(manifest: &Manifest, is_vouched: bool) -> Result<(), Refusal> {
    let brings_news = !manifest.deny.is_empty() || !manifest.lift.is_empty();
    if brings_news && !is_vouched {
        return Err(Refusal::NotVouchedFor);
    }
    Ok(())
}

/// Checks that a bundle is for whom the settings say is here.
///
/// # Errors
///
/// [`Refusal::WrongAudience`].
fn check_audience(manifest: &Manifest, settings: &BundleSettings) -> Result<(), Refusal> {
    let here = settings.audience.as_deref();
    let fits = manifest.audience.is_empty()
        || manifest
            .audience
            .iter()
            .any(|name| Some(name.as_str()) == here);
    if fits {
        return Ok(());
    }
    Err(Refusal::WrongAudience {
        audience: manifest.audience.iter().map(ToString::to_string).collect(),
        here: here.map(str::to_owned),
    })
}

/// Checks that a bundle was not made later than it is: a clock that is behind would take for fresh what
/// has long expired.
///
/// # Errors
///
/// [`Refusal::ClockBehind`].
fn check_clock(manifest: &Manifest, now: Timestamp) -> Result<(), Refusal> {
    let created_at = manifest.created_at;
    if created_at.duration_since(now) > LEEWAY {
        return Err(Refusal::ClockBehind { created_at, now });
    }
    Ok(())
}

/// Whether the bundle was taken in before; an error if it would lead back.
fn check_sequence(
    bundle: &Bundle,
    last: Option<&ImportedBundle>,
    binds: impl Fn(&ImportedBundle) -> bool,
) -> Result<bool, ImportError> {
    let manifest = bundle.manifest();
    let offered = manifest.sequence;
    // Whoever signs it now: it is the same to the last byte.
    if last.is_some_and(|last| last.manifest == bundle.manifest_sha256()) {
        return Ok(true);
    }
    if let Some(last) = last.filter(|last| binds(last)) {
        if offered < last.sequence {
            return Err(refused(Refusal::OldSequence {
                offered,
                last: last.sequence,
            }));
        }
        if offered == last.sequence {
            return Err(refused(Refusal::SequenceReused {
                sequence: offered,
                before: last.manifest,
            }));
        }
    }
    let Some(base) = &manifest.base else {
        return Ok(false);
    };
    // What it leaves out is told by digest, so a number that does not bind does no harm here.
    let reaches = last.is_some_and(|last| {
        last.sequence > base.sequence
            || (last.sequence == base.sequence && last.manifest == base.manifest)
    });
    if reaches {
        return Ok(false);
    }
    Err(refused(Refusal::BaseMissing {
        base: base.sequence,
        last: last.map(|last| last.sequence),
    }))
}

fn refused(refusal: Refusal) -> ImportError {
    ImportError::Bundle(OpenBundleError::Refused(refusal))
}

/// How far two clocks may be apart that are both right.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);
