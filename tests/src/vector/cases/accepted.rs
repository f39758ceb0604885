//! What genuine publishers write, odd as it may look.

use super::super::case::{Case, delegated, plain};
use super::super::json::Json;

pub(super) fn cases() -> Vec<Case> {
    let usual = [
        Case::new("plain", "a repository whose tags stand in `targets`")
            .accepted(plain())
            .signed("signed", &[], "image")
            .answers("unsigned", &[], "not_signed"),
        Case::new("delegated", "a repository as `docker trust sign` leaves it")
            .accepted(delegated())
            .signed("signed", &[], "image")
            .signed("signed", &["alice"], "image")
            .signed("signed", &["releases", "alice"], "image")
            .answers("unsigned", &[], "not_signed"),
    ];
    usual
        .into_iter()
        .chain(writing())
        .chain(tag_names())
        .collect()
}

fn writing() -> Vec<Case> {
    let unknown = ["root", "targets", "snapshot", "timestamp"]
        .into_iter()
        .fold(plain(), |it, role| {
            it.edit(role, |signed| {
                signed.push("x-note", Json::Array(vec!["text".into(), Json::Null]));
            })
            .edit_envelope(role, |file| file.push("x-unsigned", Json::Bool(true)))
        });
    let custom = plain().edit("targets", |signed| {
        let members = [
            ("B", Json::Int(1)),
            ("a b", Json::Bool(false)),
            ("a", Json::text("\n\t\u{1}</>")),
        ];
        signed
            .at(&["targets", "signed"])
            .push("custom", Json::object(members));
    });
    let pretty = plain().edit_bytes("targets", |file| {
        let value: serde_json::Value =
            serde_json::from_slice(file).expect("it was written as JSON");
        *file = serde_json::to_vec_pretty(&value).expect("what was read can be written");
    });
    let shuffled = plain().edit("targets", |signed| signed.members().reverse());
    let empty = plain().edit("targets", |signed| {
        signed.at(&["targets"]).members().clear();
    });
    let consistent = plain().edit("root", |signed| {
        signed.at(&["consistent_snapshot"]).set(Json::Bool(true));
    });
    let large = plain().edit("targets", |signed| {
        signed
            .at(&["targets", "signed", "length"])
            .set((1 << 53).into());
    });
    vec![
        Case::new("unknown-members", "members that nobody knows")
            .accepted(unknown)
            .signed("signed", &[], "image"),
        Case::new(
            "custom-data",
            "custom data whose canonical form has raw control characters",
        )
        .accepted(custom)
        .signed("signed", &[], "image"),
        Case::new("pretty-printed", "a file with blanks that are not signed")
            .accepted(pretty)
            .signed("signed", &[], "image"),
        Case::new(
            "members-in-another-order",
            "members that are not in canonical order",
        )
        .accepted(shuffled)
        .signed("signed", &[], "image"),
        Case::new("no-targets", "nothing is signed")
            .accepted(empty)
            .answers("signed", &[], "not_signed"),
        Case::new(
            "consistent-snapshot",
            "`consistent_snapshot` is true, which nobody looks at",
        )
        .accepted(consistent)
        .signed("signed", &[], "image"),
        Case::new(
            "largest-integer",
            "a target of 2^53 bytes, the largest exact number",
        )
        .accepted(large)
        .signed("signed", &[], "image"),
    ]
}

fn tag_names() -> Vec<Case> {
    let names = [
        ("html", "a<b>&c"),
        ("quotes", "q\"uote\\back"),
        ("unicode", "ünïcødé-😀-e\u{301}"),
        ("separators", "ls\u{2028}ps\u{2029}end"),
        ("surrogate-order", "\u{ffff}"),
        ("delete", "del\u{7f}"),
        ("slashes", "a/b/../c"),
    ];
    names
        .map(|(name, tag)| {
            let repository = names
                .iter()
                .fold(plain(), |it, (_, tag)| it.tag("targets", tag, "image"));
            let shows =
                format!("a tag with characters that JSON encoders treat differently: {name}");
            Case::new(format!("tag-name-{name}"), shows)
                .accepted(repository)
                .signed(tag, &[], "image")
        })
        .into()
}
