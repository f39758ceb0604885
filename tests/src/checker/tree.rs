//! From the newest root down: timestamp, snapshot, targets, delegations.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::file::{File, fits};
use super::json::Value;
use super::keys::{RoleKeys, listed};
use super::roots::Roots;
use super::{Claims, Delegation, Objection, Terms, demand, require};
use crate::vector::repository::Metadata;

/// Checks everything below the roots.
pub(super) fn check(
    repository: &Metadata,
    roots: Roots,
    terms: &Terms<'_>,
) -> Result<Claims, Objection> {
    let mut tree = Tree {
        repository,
        terms,
        claims: Claims {
            root: roots.newest.bytes.clone(),
            anchors: roots.anchors,
            ..Claims::default()
        },
        snapshot: Value::Null,
    };
    tree.claims.roles.insert("root".to_owned(), roots.newest);
    let keys = |role| require(roots.keys.get(role), role, "it has no keys");

    let timestamp = tree.base(
        "timestamp",
        "Timestamp",
        &repository.timestamp,
        keys("timestamp")?,
    )?;
    let meta = require(
        timestamp.signed.get("meta"),
        "timestamp",
        "it states nothing",
    )?;
    let stated = require(meta.get("snapshot"), "timestamp", "it states no snapshot")?;
    demand(
        fits(stated, &repository.snapshot),
        "snapshot",
        "it is not the stated file",
    )?;

    let snapshot = tree.base(
        "snapshot",
        "Snapshot",
        &repository.snapshot,
        keys("snapshot")?,
    )?;
    let meta = require(snapshot.signed.get("meta"), "snapshot", "it states nothing")?;
    let stated = require(meta.get("root"), "snapshot", "it states no root")?;
    demand(
        fits(stated, &tree.claims.root),
        "snapshot",
        "it states another root",
    )?;
    let stated = require(meta.get("targets"), "snapshot", "it states no targets")?;
    demand(
        fits(stated, &repository.targets),
        "targets",
        "it is not the stated file",
    )?;
    tree.snapshot = meta.clone();

    let targets = tree.base("targets", "Targets", &repository.targets, keys("targets")?)?;
    tree.delegate("targets", &targets, &[String::new()])?;

    let before = terms.before.map(|before| before.newest.clone());
    let mut newest = before.unwrap_or_default();
    newest.extend(tree.claims.roles.clone());
    tree.claims.newest = newest;
    Ok(tree.claims)
}

struct Tree<'a> {
    repository: &'a Metadata,
    terms: &'a Terms<'a>,
    claims: Claims,
    /// What the snapshot states, by role.
    snapshot: Value,
}

impl Tree<'_> {
    /// Checks and takes in the file of a base role.
    fn base(
        &mut self,
        role: &str,
        kind: &str,
        bytes: &[u8],
        keys: &RoleKeys,
    ) -> Result<File, Objection> {
        let file = File::read(role, kind, bytes)?;
        demand(
            file.is_signed_by(keys),
            role,
            "too few of its keys signed it",
        )?;
        let accepted = file.accept(role, keys, self.terms)?;
        self.claims.roles.insert(role.to_owned(), accepted);
        Ok(file)
    }

    /// Takes in what `file` of `role` names, and the roles that it delegates to. `open` are the prefixes
    /// of the targets that it may name itself.
    fn delegate(&mut self, role: &str, file: &File, open: &[String]) -> Result<(), Objection> {
        let named = named(file);
        let named = require(named, role, "its targets make no sense")?;
        self.claims.targets.insert(role.to_owned(), named);
        let Some(delegations) = file.signed.get("delegations") else {
            return Ok(());
        };
        let keys = delegations
            .get("keys")
            .map_or(Some(BTreeMap::new()), listed);
        let keys = require(keys, role, "its keys are not what their IDs say")?;
        let children = delegations.get("roles").map_or(Some(&[][..]), Value::items);
        for child in require(children, role, "its delegations are no list")? {
            let name = child.get("name").and_then(Value::text).unwrap_or_default();
            let known = self.claims.delegations.contains_key(name);
            demand(
                is_child(role, name) && !known,
                role,
                "it delegates to no child of its own",
            )?;
            let keys = RoleKeys::read(child, &keys);
            let keys = require(keys, role, "a delegation has no keys")?;
            let paths = child.get("paths").map_or(Some(&[][..]), Value::items);
            let paths = require(paths, role, "the paths of a delegation are no list")?;
            let texts: Option<Vec<&str>> = paths.iter().map(Value::text).collect();
            let mut paths = require(texts, role, "the paths of a delegation are no texts")?;
            paths.retain(|path| open.iter().any(|open| path.starts_with(open)));
            let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            self.child(name, &keys, &paths)?;
        }
        Ok(())
    }

    fn child(&mut self, name: &str, keys: &RoleKeys, paths: &[String]) -> Result<(), Objection> {
        let stated = self.snapshot.get(name).cloned();
        let Some(stated) = stated else {
            let before = self.terms.before.and_then(|before| before.newest.get(name));
            let same = before.is_some_and(|before| before.keys.is_subset(&keys.counting()));
            let state = if same {
                Delegation::Vanished
            } else {
                Delegation::Unpublished
            };
            self.claims.delegations.insert(name.to_owned(), state);
            return Ok(());
        };
        let bytes = require(
            self.repository.delegations.get(name),
            name,
            "it is not there",
        )?;
        demand(fits(&stated, bytes), name, "it is not the stated file")?;
        if !is_signed(name, bytes, keys)? {
            let state = Delegation::UnderSigned;
            self.claims.delegations.insert(name.to_owned(), state);
            return Ok(());
        }
        let file = File::read(name, "Targets", bytes)?;
        let accepted = file.accept(name, keys, self.terms)?;
        self.claims.roles.insert(name.to_owned(), accepted);
        let speaks = Delegation::Speaks(paths.to_vec());
        self.claims.delegations.insert(name.to_owned(), speaks);
        self.delegate(name, &file, paths)
    }
}

/// Whether enough keys of a delegation signed its file, whatever stands in it.
fn is_signed(role: &str, bytes: &[u8], keys: &RoleKeys) -> Result<bool, Objection> {
    let document = require(Value::parse(bytes), role, "it is not strict JSON")?;
    let signed = require(document.get("signed"), role, "it has no `signed`")?;
    let signatures = document.get("signatures").and_then(Value::items);
    let signatures = require(signatures, role, "it has no signatures")?;
    demand(!signatures.is_empty(), role, "it has no signatures")?;
    let message = signed.canonical().into_bytes();
    let signers = keys.signers(&message, signatures, |_| true);
    Ok(signers.len() >= keys.threshold)
}

/// The targets of a file: their SHA-256, where they have one.
fn named(file: &File) -> Option<BTreeMap<String, Option<Vec<u8>>>> {
    let Some(targets) = file.signed.get("targets") else {
        return Some(BTreeMap::new());
    };
    let mut named = BTreeMap::new();
    for (name, target) in targets.members()? {
        target.get("length")?.natural()?;
        let hash = match target.get("hashes")?.get("sha256") {
            Some(hash) => Some(STANDARD.decode(hash.text()?).ok()?),
            None => None,
        };
        if hash.as_ref().is_some_and(|hash| hash.len() != 32) {
            return None;
        }
        named.insert(name.clone(), hash);
    }
    Some(named)
}

/// Whether `child` names a role one level below `parent`, as Notary lets it be called.
fn is_child(parent: &str, child: &str) -> bool {
    let last = child
        .strip_prefix(parent)
        .and_then(|rest| rest.strip_prefix('/'));
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    child.len() <= 255 && last.is_some_and(|last| !last.is_empty() && last.chars().all(is_name))
}
