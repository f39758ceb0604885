//! Text that two readers could read as two documents, or that is no document.

use super::super::case::{Case, ROLES, delegated, plain, slug};
use super::super::json::Json;
use super::super::repository::Repository;

mod numbers;
mod texts;

pub(super) fn cases() -> Vec<Case> {
    let each = ROLES.into_iter().flat_map(each_role);
    each.chain(bytes())
        .chain(duplicates())
        .chain(variants())
        .chain(numbers::cases())
        .chain(texts::cases())
        .collect()
}

fn each_role(role: &'static str) -> [Case; 3] {
    let name = slug(role);
    let case = |fault: &str, shows: &str, bytes: &'static [u8], label| {
        Case::new(format!("{fault}-{name}"), format!("{shows}: {role}")).refused(
            delegated().edit_bytes(role, |file| *file = bytes.to_vec()),
            role,
            label,
        )
    };
    let trailing = delegated().edit_bytes(role, |file| file.extend(b"{}"));
    [
        Case::new(
            format!("trailing-{name}"),
            format!("a second document after the first: {role}"),
        )
        .refused(trailing, role, "malformed_json"),
        case(
            "array",
            "`[]` instead of an object",
            b"[]",
            "invalid_member",
        ),
        case("empty-file", "no byte at all", b"", "malformed_json"),
    ]
}

fn bytes() -> Vec<Case> {
    let case = |name: &str, shows: &str, edit: fn(&mut Vec<u8>), label| {
        Case::new(name, shows).refused(plain().edit_bytes("targets", edit), "targets", label)
    };
    let blanks = ["root", "targets", "snapshot", "timestamp"]
        .into_iter()
        .fold(plain(), |it, role| {
            it.edit_bytes(role, |file| file.extend(b" \r\n\t\n"))
        });
    vec![
        Case::new("trailing-blanks", "blanks after the document are harmless")
            .accepted(blanks)
            .signed("signed", &[], "image"),
        case(
            "byte-order-mark",
            "a byte order mark",
            |file| {
                file.splice(0..0, *b"\xef\xbb\xbf");
            },
            "malformed_json",
        ),
        case(
            "trailing-zero-byte",
            "a zero byte after the document",
            |file| file.push(0),
            "malformed_json",
        ),
        case(
            "truncated-json",
            "the document ends early, as its parent says it does",
            |file| {
                file.truncate(file.len() / 2);
            },
            "malformed_json",
        ),
        case(
            "null-document",
            "`null` instead of an object",
            |file| *file = b"null".to_vec(),
            "invalid_member",
        ),
        case(
            "text-document",
            "a string instead of an object",
            |file| *file = b"\"\"".to_vec(),
            "invalid_member",
        ),
        case(
            "html-document",
            "a web page, as a proxy in between would serve",
            |file| {
                *file = b"<!DOCTYPE html><title>Sign in</title>".to_vec();
            },
            "malformed_json",
        ),
    ]
}

/// Go takes the last of a repeated member; others take the first.
fn duplicates() -> Vec<Case> {
    let case = |name: &str, what: &str, role: &'static str, repository: Repository| {
        Case::new(
            format!("duplicate-{name}"),
            format!("{what} stands there twice: {role}"),
        )
        .refused(repository, role, "duplicate_member")
        .client_differs("it takes the last")
    };
    let tag = plain()
        .tag("targets", "other", "image")
        .edit("targets", |signed| {
            let other = signed.at(&["targets", "other"]).clone();
            signed.at(&["targets"]).push("signed", other);
        });
    let envelope = plain().edit_envelope("timestamp", |file| {
        let signed = file.at(&["signed"]).clone();
        file.members().insert(0, ("signed".to_owned(), signed));
    });
    let escaped = plain().edit("targets", |signed| {
        let version = signed.take("version");
        signed
            .members()
            .insert(0, ("version".to_owned(), Json::Int(1)));
        signed.push("version", version);
    });
    let escaped = escaped.edit_bytes("targets", |file| {
        let text =
            String::from_utf8_lossy(file).replacen("\"version\":1", "\"\\u0076ersion\":1", 1);
        *file = text.into_bytes();
    });
    let threshold = plain().edit("root", |signed| {
        let role = signed.at(&["roles", "targets"]);
        role.members()
            .insert(0, ("threshold".to_owned(), Json::Int(2)));
    });
    let snapshot = plain().edit("snapshot", |signed| {
        let targets = signed.at(&["meta", "targets"]).clone();
        signed.at(&["meta"]).push("targets", targets);
    });
    vec![
        case(
            "version",
            "`version`",
            "targets",
            plain().edit("targets", |s| s.push("version", 3.into())),
        ),
        case(
            "version-escaped",
            "`version`, once as `\\u0076ersion`,",
            "targets",
            escaped,
        ),
        case("tag", "a tag", "targets", tag),
        case("signed", "`signed`", "timestamp", envelope),
        case("threshold", "a role's `threshold`", "root", threshold),
        case("meta", "`targets`", "snapshot", snapshot),
    ]
}

/// Go matches member names whatever their case, and the last match wins.
fn variants() -> Vec<Case> {
    let case = |name: &str, what: &str, role: &'static str, repository: Repository| {
        Case::new(format!("case-variant-{name}"), format!("{what}: {role}"))
            .refused(repository, role, "ambiguous_member")
            .client_differs("it reads member names whatever their case, and takes the last")
    };
    let push = |role: &'static str, member: &'static str, value: Json| {
        plain().edit(role, move |signed| signed.push(member, value.clone()))
    };
    let threshold = plain().edit("root", |signed| {
        signed.at(&["roles", "targets"]).push("Threshold", 1.into());
    });
    let hashes = plain().edit("targets", |signed| {
        let target = signed.at(&["targets", "signed"]);
        let hashes = target.at(&["hashes"]).clone();
        target.push("Hashes", hashes);
    });
    let tags = plain()
        .tag("targets", "Signed", "other image")
        .tag("targets", "v1", "image");
    vec![
        case(
            "version",
            "`Version` beside `version`",
            "targets",
            push("targets", "Version", 9.into()),
        ),
        case(
            "expires",
            "`EXPIRES` beside `expires`",
            "timestamp",
            push("timestamp", "EXPIRES", "2101-01-01T00:00:00Z".into()),
        ),
        case(
            "long-s",
            "`ver\u{17f}ion`, which folds to `version`, beside it",
            "snapshot",
            push("snapshot", "ver\u{17f}ion", 9.into()),
        ),
        case(
            "threshold",
            "`Threshold` beside `threshold`",
            "root",
            threshold,
        ),
        case(
            "hashes",
            "`Hashes` of a target beside `hashes`",
            "targets",
            hashes,
        ),
        Case::new("case-variant-tags", "tags that differ in case are two tags")
            .accepted(tags)
            .signed("signed", &[], "image")
            .signed("Signed", &[], "other image"),
    ]
}
