//! Role files whose signatures are good and whose contents are not.

use super::super::case::{Case, ROLES, delegated, plain, slug};
use super::super::json::Json;
use super::super::repository::{Repository, meta as meta_of};

mod form;

pub(super) fn cases() -> Vec<Case> {
    let each = ROLES.into_iter().flat_map(each_role);
    each.chain(missing())
        .chain(missing_files())
        .chain(nulls())
        .chain(meta())
        .chain(roles())
        .chain(form::cases())
        .collect()
}

fn each_role(role: &'static str) -> [Case; 4] {
    let name = slug(role);
    let case =
        |fault: &str, shows: &str| Case::new(format!("{fault}-{name}"), format!("{shows}: {role}"));
    let bytes = |text: &'static str| delegated().edit_bytes(role, |file| *file = text.into());
    let kind = if matches!(role, "root" | "timestamp") {
        "Targets"
    } else {
        "Root"
    };
    // A root lists the keys that sign it, so it has to be read before.
    let unsigned = if role == "root" {
        "missing_member"
    } else {
        "no_signatures"
    };
    let wrong = delegated().edit(role, |signed| signed.at(&["_type"]).set(kind.into()));
    let lower = delegated().edit(role, |signed| {
        let kind = signed.at(&["_type"]);
        let Json::Text(text) = kind else {
            panic!("a type is text")
        };
        *text = text.to_lowercase();
    });
    [
        case("empty-object", "`{}`").refused(bytes("{}"), role, "missing_member"),
        case(
            "empty-signed",
            "`signed` is an empty object, without signatures",
        )
        .refused(bytes(r#"{"signed":{},"signatures":[]}"#), role, unsigned),
        case("wrong-type", "`_type` is that of another role").refused(wrong, role, "wrong_type"),
        case(
            "wrong-type-lower-case",
            "`_type` in lower case, as TUF 1.0 has it",
        )
        .refused(lower, role, "wrong_type"),
    ]
}

fn without(role: &'static str, path: &'static [&'static str], member: &'static str) -> Repository {
    plain().edit(role, move |signed| {
        signed.at(path).remove(member);
    })
}

fn missing() -> Vec<Case> {
    let case = |name: &str, role: &'static str, path, member: &'static str, label| {
        Case::new(
            format!("missing-{name}"),
            format!("`{member}` is missing: {role}"),
        )
        .refused(without(role, path, member), role, label)
    };
    vec![
        case("version", "targets", &[], "version", "missing_member"),
        case("type", "targets", &[], "_type", "missing_member"),
        case("keys", "root", &[], "keys", "missing_member"),
        case("role-root", "root", &["roles"], "root", "missing_member"),
        case(
            "role-targets",
            "root",
            &["roles"],
            "targets",
            "missing_member",
        ),
        case(
            "role-snapshot",
            "root",
            &["roles"],
            "snapshot",
            "missing_member",
        ),
        case(
            "role-timestamp",
            "root",
            &["roles"],
            "timestamp",
            "missing_member",
        ),
        case(
            "threshold",
            "root",
            &["roles", "targets"],
            "threshold",
            "missing_member",
        ),
        case(
            "snapshot-in-timestamp",
            "timestamp",
            &["meta"],
            "snapshot",
            "invalid_member",
        ),
        case(
            "root-in-snapshot",
            "snapshot",
            &["meta"],
            "root",
            "invalid_member",
        ),
        case(
            "targets-in-snapshot",
            "snapshot",
            &["meta"],
            "targets",
            "invalid_member",
        ),
    ]
}

fn missing_files() -> [Case; 2] {
    [("targets.json", "targets"), ("snapshot.json", "snapshot")].map(|(file, role)| {
        Case::new(
            format!("missing-file-{role}"),
            format!("the server has no {file}"),
        )
        .refused(plain().withheld(file), role, "file_missing")
    })
}

/// Go reads `null` as if the member were not there.
fn nulls() -> Vec<Case> {
    let null = |role: &'static str, path: &'static [&'static str]| {
        plain().edit(role, move |signed| signed.at(path).set(Json::Null))
    };
    let envelope = |member: &'static str| {
        plain().edit_envelope("targets", move |file| file.at(&[member]).set(Json::Null))
    };
    let refused = |name: &str, role: &'static str, repository, label| {
        Case::new(
            format!("null-{name}"),
            format!("a `null`: {name} of {role}"),
        )
        .refused(repository, role, label)
    };
    vec![
        refused(
            "version",
            "targets",
            null("targets", &["version"]),
            "missing_member",
        ),
        refused(
            "type",
            "targets",
            null("targets", &["_type"]),
            "missing_member",
        ),
        refused(
            "meta",
            "snapshot",
            null("snapshot", &["meta"]),
            "missing_member",
        ),
        refused("roles", "root", null("root", &["roles"]), "missing_member"),
        refused("signed", "targets", envelope("signed"), "missing_member"),
        refused(
            "signatures",
            "targets",
            envelope("signatures"),
            "no_signatures",
        ),
        refused(
            "sha256",
            "timestamp",
            null("timestamp", &["meta", "snapshot", "hashes", "sha256"]),
            "no_hash",
        ),
        Case::new("null-targets", "`targets` is null: nothing is signed")
            .accepted(null("targets", &["targets"]))
            .answers("signed", &[], "not_signed"),
        Case::new("null-delegations", "`delegations` is null: there are none")
            .accepted(null("targets", &["delegations"]))
            .signed("signed", &[], "image"),
    ]
}

fn meta() -> Vec<Case> {
    let other_root = plain().edit("snapshot", |signed| {
        let targets = signed.at(&["meta", "targets"]).clone();
        signed.at(&["meta", "root"]).set(targets);
    });
    let older = plain().files();
    let older_root = plain().next_root().edit("snapshot", move |signed| {
        signed
            .at(&["meta", "root"])
            .set(meta_of(&older["root.json"]));
    });
    vec![
        Case::new(
            "snapshot-lists-another-root",
            "the snapshot lists a root that nobody serves",
        )
        .refused(other_root, "snapshot", "root_mismatch"),
        Case::new(
            "snapshot-lists-older-root",
            "the snapshot lists the root before the newest",
        )
        .refused(older_root, "snapshot", "root_mismatch"),
    ]
}

fn roles() -> Vec<Case> {
    let unlisted_key = plain().edit("root", |signed| {
        let id = "00".repeat(32);
        signed
            .at(&["roles", "targets", "keyids"])
            .items()
            .push(id.as_str().into());
    });
    let bad_id = plain().edit("root", |signed| {
        signed
            .at(&["roles", "targets", "keyids"])
            .items()
            .push("not a key ID".into());
    });
    let extra = plain().edit("root", |signed| {
        let role = signed.at(&["roles", "root"]).clone();
        signed.at(&["roles"]).push("root.1", role);
    });
    let length = plain().edit("targets", |signed| {
        signed
            .at(&["targets", "signed", "length"])
            .set(Json::raw("-1", "-1"));
    });
    vec![
        Case::new(
            "role-with-unlisted-key",
            "a role names a key that `keys` does not list",
        )
        .refused(unlisted_key, "root", "invalid_member"),
        Case::new(
            "role-with-malformed-key-id",
            "a role names a key by what is no key ID",
        )
        .refused(bad_id, "root", "invalid_member"),
        Case::new(
            "role-unknown",
            "a root with a further role, as old versions of Notary wrote",
        )
        .accepted(extra)
        .signed("signed", &[], "image"),
        Case::new("negative-length", "a target's length is -1")
            .refused(length, "targets", "invalid_member")
            .client_differs("it does not look at a target\'s length"),
    ]
}
