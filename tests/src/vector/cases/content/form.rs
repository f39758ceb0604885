//! The form of what nobody looks at: Go reads every member of a file into what it should be, and fails where it is something
//! else.

use super::super::super::case::{Case, RELEASES, delegated, plain};
use super::super::super::json::Json;
use super::super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    hashes()
        .into_iter()
        .chain(roots())
        .chain(left_out())
        .chain(read_otherwise())
        .collect()
}

fn changed(role: &'static str, path: &'static [&'static str], value: fn() -> Json) -> Repository {
    plain().edit(role, move |signed| signed.at(path).set(value()))
}

fn added(
    role: &'static str,
    path: &'static [&'static str],
    name: &'static str,
    value: fn() -> Json,
) -> Repository {
    plain().edit(role, move |signed| signed.at(path).push(name, value()))
}

fn invalid(name: &str, shows: &str, repository: Repository, role: &str) -> Case {
    Case::new(name, shows).refused(repository, role, "invalid_member")
}

fn hashes() -> [Case; 4] {
    let snapshot = &["meta", "targets", "hashes"];
    [
        invalid(
            "null-sha512",
            "a `null`: sha512 of targets in the snapshot",
            changed("snapshot", &["meta", "targets", "hashes", "sha512"], || {
                Json::Null
            }),
            "snapshot",
        ),
        invalid(
            "hash-not-base64",
            "a hash of an unknown algorithm is no base64",
            added("snapshot", snapshot, "sha3-256", || Json::text("?")),
            "snapshot",
        ),
        invalid(
            "hash-not-text",
            "a hash of an unknown algorithm is a list of texts",
            added(
                "targets",
                &["targets", "signed", "hashes"],
                "sha3-256",
                || Json::Array(vec!["x".into()]),
            ),
            "targets",
        ),
        Case::new("null-sha256-of-tag", "a `null`: sha256 of a tag")
            .accepted(changed(
                "targets",
                &["targets", "signed", "hashes", "sha256"],
                || Json::Null,
            ))
            .answers("signed", &[], "no_sha256"),
    ]
}

fn roots() -> [Case; 4] {
    let key = || {
        let value = Json::object([("private", Json::Null), ("public", "?".into())]);
        Json::object([("keytype", "ecdsa".into()), ("keyval", value)])
    };
    [
        invalid(
            "consistent-snapshot-text",
            "`consistent_snapshot` is a text",
            changed("root", &["consistent_snapshot"], || "false".into()),
            "root",
        ),
        invalid(
            "role-unknown-truth-value",
            "a root with a further role that is `true`",
            added("root", &["roles"], "root.1", || Json::Bool(true)),
            "root",
        ),
        invalid(
            "key-not-base64",
            "a key that nobody uses is no base64",
            added("root", &["keys"], "unused", key),
            "root",
        ),
        invalid(
            "meta-unknown-text",
            "the snapshot states a file of no role, by a text",
            added("snapshot", &["meta"], "other", || "x".into()),
            "snapshot",
        ),
    ]
}

/// What Go takes for zero where it is missing.
fn left_out() -> [Case; 4] {
    const ZERO: &str = "Go reads what is missing as zero";
    let missing = |name: &str, shows: &str, repository, role, label| {
        Case::new(name, shows)
            .refused(repository, role, label)
            .client_differs(ZERO)
    };
    let without = |path: &'static [&'static str], member: &'static str| {
        plain().edit("targets", move |signed| signed.at(path).remove(member))
    };
    let unsigned = plain().edit_envelope("targets", |file| {
        let one = Json::object([("keyid", "00".into()), ("method", "ecdsa".into())]);
        file.at(&["signatures"]).items().push(one);
    });
    let keys = delegated().edit("targets", |signed| {
        let delegation = &mut signed.at(&["delegations", "roles"]).items()[1];
        delegation.at(&["keyids"]).set(Json::Null);
    });
    let nothing = || Json::object([("x", Json::Int(1))]);
    [
        missing(
            "missing-length-of-tag",
            "`length` of a tag is missing",
            without(&["targets", "signed"], "length"),
            "targets",
            "missing_member",
        ),
        missing(
            "missing-sig",
            "`sig` of a further signature is missing",
            unsigned,
            "targets",
            "missing_member",
        ),
        missing(
            "missing-keytype",
            "`keytype` of a key that nobody uses is missing",
            added("targets", &["delegations", "keys"], "unused", nothing),
            "targets",
            "missing_member",
        ),
        missing(
            "null-keyids-of-delegation",
            "`keyids` of a delegation is `null`",
            keys,
            "targets",
            "invalid_delegation",
        ),
    ]
}

/// What Vouchsafe accepts and the client fails over.
fn read_otherwise() -> [Case; 2] {
    let escaped = plain().edit("timestamp", |signed| {
        let expires = signed.at(&["expires"]);
        let canonical = expires.canonical();
        let wire = String::from_utf8_lossy(&canonical).replacen('2', "\\u0032", 1);
        expires.set(Json::raw(wire, canonical));
    });
    let malformed = delegated().edit_envelope(RELEASES, |file| {
        file.at(&["signed", "version"]).set("x".into());
    });
    [
        Case::new(
            "expires-escaped",
            "`expires` of the timestamp, its first digit as an escape",
        )
        .accepted(escaped)
        .client_differs("it reads a time as it is written, without undoing escapes")
        .signed("signed", &[], "image"),
        Case::new(
            "delegation-unsigned-malformed",
            "a delegation's file is changed so that it has no good signature, and a text for a version",
        )
        .accepted(malformed)
        .client_differs("it reads the file before it looks at signatures, and fails over its form")
        .answers("signed", &[], "delegation_not_signed"),
    ]
}
