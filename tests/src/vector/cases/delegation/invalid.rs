//! Delegations that fail the file which makes them.

use super::super::super::case::{Case, delegated};
use super::super::super::json::Json;

pub(super) fn cases() -> Vec<Case> {
    let named = |name: &'static str| {
        delegated().edit("targets", move |signed| {
            let mut role = signed.at(&["delegations", "roles"]).items()[1].clone();
            role.at(&["name"]).set(name.into());
            signed.at(&["delegations", "roles"]).items().push(role);
        })
    };
    let cases = [
        ("grandchild", "targets/alice/nested"),
        ("base-role", "root"),
        ("itself", "targets"),
        ("without-prefix", "releases"),
        ("upper-case", "targets/Alice"),
        ("dots", "targets/.."),
        ("double-slash", "targets//alice"),
        ("trailing-slash", "targets/bob/"),
        ("blank", "targets/a b"),
        ("empty", ""),
    ];
    let mut cases: Vec<_> = cases
        .into_iter()
        .map(|(slug, name)| {
            Case::new(
                format!("delegation-name-{slug}"),
                format!("targets delegates to `{name}`"),
            )
            .refused(named(name), "targets", "invalid_delegation")
        })
        .collect();
    let unknown_key = delegated().edit("targets", |signed| {
        let id = "00".repeat(32);
        signed.at(&["delegations", "roles"]).items()[1]
            .at(&["keyids"])
            .items()
            .push(id.as_str().into());
    });
    let foreign_child = delegated().edit("targets/alice", |signed| {
        let trust = [
            ("keyids", Json::Array(Vec::new())),
            ("name", "targets/releases/nested".into()),
            ("paths", Json::Array(vec!["".into()])),
            ("threshold", 1.into()),
        ];
        signed
            .at(&["delegations", "roles"])
            .items()
            .push(Json::object(trust));
    });
    cases.extend([
        Case::new(
            "delegation-unknown-key-id",
            "a delegation names a key that is not listed",
        )
        .refused(unknown_key, "targets", "invalid_delegation"),
        Case::new("delegation-listed-twice", "one delegation is listed twice").refused(
            named("targets/alice"),
            "targets",
            "invalid_delegation",
        ),
        Case::new(
            "delegation-of-foreign-child",
            "a delegation delegates to another one's child",
        )
        .refused(foreign_child, "targets/alice", "invalid_delegation"),
    ]);
    cases
}
