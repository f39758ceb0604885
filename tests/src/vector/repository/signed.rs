//! The `signed` object of each role, in the words of Notary.

use super::super::json::Json;
use super::super::key::Key;
use super::{Repository, Role};

/// The root: every base role's keys and threshold, and the certificates of former root keys.
pub(super) fn root(repository: &Repository) -> Json {
    let base = ["root", "snapshot", "targets", "timestamp"];
    let listed = base.iter().flat_map(|name| &repository.role(name).keys);
    let roles = base.map(|name| (name, trust(repository.role(name))));
    common(
        "Root",
        repository.role("root"),
        [
            ("consistent_snapshot", Json::Bool(false)),
            ("keys", keys(listed.chain(&repository.retired))),
            ("roles", Json::object(roles)),
        ],
    )
}

/// Targets or a delegation: its targets, and the delegations whose parent it is.
pub(super) fn targets(repository: &Repository, name: &str, role: &Role) -> Json {
    let children: Vec<_> = repository
        .roles
        .iter()
        .filter(|(child, _)| {
            child
                .rsplit_once('/')
                .is_some_and(|(parent, _)| parent == name)
        })
        .collect();
    let roles = children.iter().map(|(name, child)| {
        let paths = child.paths.iter().map(Json::text).collect();
        let Json::Object(members) = trust(child) else {
            unreachable!("trust is an object")
        };
        let more = [
            ("name".to_owned(), Json::text(name)),
            ("paths".to_owned(), Json::Array(paths)),
        ];
        Json::object(members.into_iter().chain(more))
    });
    let delegations = [
        (
            "keys",
            keys(children.iter().flat_map(|(_, child)| &child.keys)),
        ),
        ("roles", Json::Array(roles.collect())),
    ];
    common(
        "Targets",
        role,
        [
            ("delegations", Json::object(delegations)),
            ("targets", Json::object(role.targets.clone())),
        ],
    )
}

/// Snapshot or timestamp: which files there are.
pub(super) fn listing(name: &str, role: &Role, meta: Vec<(&str, Json)>) -> Json {
    let kind = if name == "snapshot" {
        "Snapshot"
    } else {
        "Timestamp"
    };
    common(kind, role, [("meta", Json::object(meta))])
}

fn common<const N: usize>(kind: &str, role: &Role, members: [(&str, Json); N]) -> Json {
    let common = [
        ("_type", kind.into()),
        ("expires", role.expires.as_str().into()),
        ("version", Json::Int(role.version)),
    ];
    Json::object(common.into_iter().chain(members))
}

fn trust(role: &Role) -> Json {
    let ids = role.keys.iter().map(|key| Json::Text(key.id())).collect();
    Json::object([
        ("keyids", Json::Array(ids)),
        ("threshold", Json::Int(role.threshold)),
    ])
}

fn keys<'a, I: Iterator<Item = &'a Key>>(keys: I) -> Json {
    let mut keys: Vec<_> = keys.map(|key| (key.id(), key.to_json())).collect();
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    keys.dedup_by(|a, b| a.0 == b.0);
    Json::object(keys)
}
