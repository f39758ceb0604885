//! Numbers that are no integers, or that two readers round differently.

use super::super::super::case::{Case, plain};
use super::super::super::json::Json;

pub(super) fn cases() -> Vec<Case> {
    versions()
        .into_iter()
        .chain(customs())
        .chain(elsewhere())
        .collect()
}

fn versions() -> Vec<Case> {
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
                s.at(&["version"]).set(Json::raw(wire, canonical));
            }),
            "targets",
            label,
        )
    });
    let small = [("version-zero", "0"), ("version-negative", "-3")].map(|(name, wire)| {
        Case::new(name, format!("the version is {wire}")).refused(
            plain().edit("targets", move |s| {
                s.at(&["version"]).set(Json::raw(wire, wire));
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
    version.into_iter().chain(small).chain([text]).collect()
}

fn customs() -> [Case; 5] {
    [
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
    })
}

/// Members that Notary's client reads as integers, so that it refuses `1.0` as well.
fn elsewhere() -> [Case; 3] {
    [
        (
            "threshold-point-zero",
            "root",
            &["roles", "targets", "threshold"][..],
            "1.0",
            "1",
        ),
        (
            "length-point-zero",
            "targets",
            &["targets", "signed", "length"],
            "528.0",
            "528",
        ),
        (
            "length-exponent",
            "targets",
            &["targets", "signed", "length"],
            "528e0",
            "528",
        ),
    ]
    .map(|(name, role, path, wire, canonical)| {
        let repository = plain().edit(role, move |s| s.at(path).set(Json::raw(wire, canonical)));
        Case::new(name, format!("`{wire}` in {role}")).refused(repository, role, "not_an_integer")
    })
}
