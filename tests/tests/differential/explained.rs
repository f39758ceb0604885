//! What explains that Vouchsafe and the client part.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vouchsafe_tests::harness::reference::Outcome;
use vouchsafe_tests::history::{Kind, Step};
use vouchsafe_tests::vector::Files;

use crate::client::Memory;
use crate::compared::View;
use crate::followed::{Course, ids};
use crate::rules::{Lenient, Refusal, Sign};
use crate::verified::version;

impl Course<'_> {
    /// A refusal, with what can explain it.
    pub(crate) fn refusal<'r>(
        &mut self,
        role: &'r str,
        label: &'r str,
        step: &Step,
    ) -> Refusal<'r> {
        let gun = &self.history.gun;
        let served = step.files.get(&format!("{role}.json"));
        let remembered = self.client.file(Memory::Before, gun, role);
        let both = served.zip(remembered.as_ref());
        let both = both.map(|(served, before)| (served.as_slice(), before.as_slice()));
        let mut signs = BTreeSet::new();
        let agreed = self.client.file(Memory::Agreed, gun, role);
        let known = remembered.iter().chain(&agreed);
        if served.is_some_and(|served| known.into_iter().any(|it| served.len() < it.len())) {
            signs.insert(Sign::Shorter);
        }
        if both
            .is_some_and(|(served, before)| served != before && version(served) == version(before))
        {
            signs.insert(Sign::Fork);
        }
        if role == "root" && self.roots_ahead(step) > Some(1) {
            signs.insert(Sign::Further);
        }
        self.client.copy(Memory::Agreed, Memory::Own);
        let pins = ids(&self.history.pins);
        if !self.ask_of(&pins, &step.files).accepted {
            signs.insert(Sign::Repeated);
        }
        Refusal {
            role,
            label,
            kind: step.kind,
            signs,
        }
    }

    /// By how many versions the served root is ahead of the one that both accepted.
    fn roots_ahead(&self, step: &Step) -> Option<u64> {
        let agreed = self
            .client
            .file(Memory::Agreed, &self.history.gun, "root")?;
        version(step.files.get("root.json")?)?.checked_sub(version(&agreed)?)
    }

    /// The rule by which the client refuses what Vouchsafe accepts. It is shown by a client that accepts it where the rule does
    /// not hold, if there can be one; that client's memory is then the own one.
    pub(crate) fn lenient(
        &mut self,
        step: &Step,
        view: &View,
        refusal: &Outcome,
    ) -> Option<(Lenient, Option<Outcome>)> {
        let pins = ids(&self.history.pins);
        if let Some(rule) = self.form_or_strength(step, view, refusal) {
            return Some((rule, None));
        }
        // Versions can start again where the root rotated keys, and for the client in its next run.
        let is_rotated = self.roots_ahead(step) > Some(0);
        let again = is_rotated.then(|| self.ask_of(&pins, &step.files));
        if let Some(again) = again.filter(|again| again.accepted) {
            return Some((Lenient::FloorReset, Some(again)));
        }
        self.client.copy(Memory::Agreed, Memory::Own);
        let mut forgetful = self.ask_of(&pins, &step.files);
        if !forgetful.accepted && is_rotated {
            forgetful = self.ask_of(&pins, &step.files);
        }
        if forgetful.accepted {
            return Some((Lenient::Unfinished, Some(forgetful)));
        }
        if let Some(rule) = self.form_or_strength(step, view, &forgetful) {
            return Some((rule, None));
        }
        let (rule, outcome) = self.otherwise_pinned(step, &pins)?;
        if outcome.accepted {
            return Some((rule, Some(outcome)));
        }
        let rule = self.form_or_strength(step, view, &outcome)?;
        Some((rule, None))
    }

    /// The rule by which the client fails over a delegation that counts for nothing here.
    fn form_or_strength(&self, step: &Step, view: &View, refusal: &Outcome) -> Option<Lenient> {
        if self.history.has_weak_keys && WEAK.iter().any(|words| refusal.error.contains(words)) {
            return Some(Lenient::WeakDelegation);
        }
        let is_malformed = FORM.iter().any(|kind| refusal.error_type.contains(kind))
            || refusal.error.contains("UnmarshalJSON");
        let is_unsigned = step.kind == Kind::NotResigned && view.has_under_signed();
        if is_malformed && is_unsigned {
            return Some(Lenient::UnsignedAndMalformed);
        }
        let is_time = refusal.error_type == "*time.ParseError";
        (is_time && step.what.contains("escape expires")).then_some(Lenient::EscapedTime)
    }

    /// The rule that is about pins.
    fn otherwise_pinned(&mut self, step: &Step, pins: &[String]) -> Option<(Lenient, Outcome)> {
        self.client.forget(Memory::Own);
        let listed = served_root_keys(&step.files);
        let rule = if listed.iter().any(|(id, _)| pins.contains(id)) {
            Lenient::SomeKeysPinned
        } else if listed.iter().any(|(_, text)| self.is_pinned(text)) {
            Lenient::PinOfAKey
        } else {
            let first = ids(&self.history.first_keys);
            let outcome = self.ask_of(&first, &self.history.origin);
            if !outcome.accepted {
                return None;
            }
            Lenient::OldPin
        };
        let all: Vec<_> = listed.into_iter().map(|(id, _)| id).collect();
        let mut outcome = self.ask_of(&all, &step.files);
        if !outcome.accepted {
            // Versions that start again take another run.
            outcome = self.ask_of(&all, &step.files);
        }
        Some((rule, outcome))
    }

    /// Whether a pinned key is within a listed certificate.
    fn is_pinned(&self, certificate: &str) -> bool {
        let Some(certificate) = der_of(certificate) else {
            return false;
        };
        let pins = self
            .history
            .pins
            .iter()
            .filter_map(|key| der_of(&key.public_key_pem()));
        let mut pins = pins.filter(|key| !key.is_empty());
        pins.any(|key| certificate.windows(key.len()).any(|within| within == key))
    }
}

/// The key IDs that the served root lists for its own role, with what `keys` has for them.
fn served_root_keys(files: &Files) -> Vec<(String, String)> {
    let root = files
        .get("root.json")
        .map(Vec::as_slice)
        .unwrap_or_default();
    let root: serde_json::Value = serde_json::from_slice(root).unwrap_or_default();
    let ids = root.pointer("/signed/roles/root/keyids");
    let ids = ids.and_then(|ids| ids.as_array()).into_iter().flatten();
    ids.filter_map(|id| {
        let id = id.as_str()?;
        let public = root
            .pointer(&format!("/signed/keys/{id}/keyval/public"))?
            .as_str()?;
        let pem = STANDARD.decode(public).ok()?;
        Some((id.to_owned(), String::from_utf8(pem).ok()?))
    })
    .collect()
}

/// What the first block of a PEM text holds.
fn der_of(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----\n")?;
    let (body, _) = rest.split_once("-----END")?;
    STANDARD.decode(body.replace('\n', "")).ok()
}

/// The client's words for a weak key.
const WEAK: [&str; 2] = [
    "RSA bit length is too short",
    "uses invalid SHA1 signature algorithm",
];
/// The types of the client's errors about the form of a file.
const FORM: [&str; 4] = [
    "json.",
    "time.ParseError",
    "base64.",
    "data.ErrInvalidMetadata",
];
