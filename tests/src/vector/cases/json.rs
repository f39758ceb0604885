//! Text that two readers could read as two documents, or that is no document.

use super::super::case::{Case, ROLES, delegated, plain, slug};
use super::super::json::Json;
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    let each = ROLES.into_iter().flat_map(each_role);
    each.chain(bytes())
        .chain(duplicates())
        .chain(variants())
        .chain(numbers())
        .chain(texts())
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

fn numbers() -> Vec<Case> {
    let version = [
        ("version-fraction", "2.5", "2"),
        ("version-point-zero", "2.0", "2"),
        ("version-exponent", "2e0", "2"),
        ("version-minus-zero", "-0", "0"),
        (
            "version-huge",
            "18446744073709551616",
            "-9223372036854775808",
        ),
        ("version-beyond-doubles", "2e400", "2"),
    ]
    .map(|(name, wire, canonical)| {
        let label = if wire == "2e400" {
            "malformed_json"
        } else {
            "not_an_integer"
        };
        Case::new(name, format!("the version is written `{wire}`")).refused(
            plain().edit("targets", move |s| {
                s.at(&["version"]).set(Json::raw(wire, canonical))
            }),
            "targets",
            label,
        )
    });
    let small = [("version-zero", "0"), ("version-negative", "-3")].map(|(name, wire)| {
        Case::new(name, format!("the version is {wire}")).refused(
            plain().edit("targets", move |s| {
                s.at(&["version"]).set(Json::raw(wire, wire))
            }),
            "targets",
            "invalid_member",
        )
    });
    let text = plain().edit("targets", |s| s.at(&["version"]).set("2".into()));
    let text = Case::new("version-text", "the version is a string").refused(
        text,
        "targets",
        "invalid_member",
    );
    let custom = [
        ("custom-fraction", "1.5", "1", false),
        ("custom-point-zero", "1.0", "1", true),
        ("custom-exponent", "1e3", "1000", true),
        (
            "custom-beyond-53-bits",
            "9007199254740993",
            "9007199254740992",
            true,
        ),
        (
            "custom-beyond-64-bits",
            "18446744073709551616",
            "-9223372036854775808",
            true,
        ),
    ]
    .map(|(name, wire, canonical, client)| {
        let case = Case::new(name, format!("`{wire}` in a target's custom data")).refused(
            plain().edit("targets", move |signed| {
                signed
                    .at(&["targets", "signed"])
                    .push("custom", Json::raw(wire, canonical));
            }),
            "targets",
            "not_an_integer",
        );
        if client {
            case.client_differs("it signs numbers as doubles cut to integers")
        } else {
            case
        }
    });
    version
        .into_iter()
        .chain(small)
        .chain([text])
        .chain(custom)
        .collect()
}

fn texts() -> Vec<Case> {
    let custom = |json: Json| {
        plain().edit("targets", move |signed| {
            signed
                .at(&["targets", "signed"])
                .push("custom", json.clone());
        })
    };
    let deep = |levels: usize| {
        let text = "[".repeat(levels) + &"]".repeat(levels);
        custom(Json::raw(text.clone(), text))
    };
    let replacement = "\"\u{fffd}\"";
    let lenient = "it reads what is no character as U+FFFD";
    vec![
        Case::new("invalid-utf-8", "a byte that is not UTF-8 in a string")
            .refused(
                custom(Json::raw(*b"\"\xff\"", replacement)),
                "targets",
                "malformed_json",
            )
            .client_differs(lenient),
        Case::new("invalid-utf-8-overlong", "a slash in two bytes")
            .refused(
                custom(Json::raw(*b"\"\xc0\xaf\"", "\"\u{fffd}\u{fffd}\"")),
                "targets",
                "malformed_json",
            )
            .client_differs(lenient),
        Case::new("lone-surrogate", "half of a surrogate pair")
            .refused(
                custom(Json::raw(r#""\ud83d""#, replacement)),
                "targets",
                "malformed_json",
            )
            .client_differs(lenient),
        Case::new(
            "raw-control-character",
            "a newline in a string, not escaped",
        )
        .refused(
            custom(Json::raw("\"\n\"", "\"\n\"")),
            "targets",
            "malformed_json",
        ),
        Case::new("nested-1000-levels", "arrays in arrays, a thousand deep")
            .refused(deep(1000), "targets", "too_deep")
            .client_differs("it has no limit on `custom`"),
        Case::new(
            "nested-20000-levels",
            "arrays in arrays, twenty thousand deep",
        )
        .refused(deep(20_000), "targets", "too_deep")
        .client_differs("it has no limit on `custom`"),
    ]
}
