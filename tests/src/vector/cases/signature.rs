//! Signatures that are damaged, missing, repeated, or made by the wrong key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::case::{Case, RELEASES, ROLES, delegated, root_key, slug};
use super::super::json::Json;
use super::super::key::{Key, der_signature};
use super::dropping;

pub(super) fn cases() -> Vec<Case> {
    ROLES
        .into_iter()
        .flat_map(each_role)
        .chain(single())
        .collect()
}

fn each_role(role: &'static str) -> [Case; 4] {
    let name = slug(role);
    let case = |fault: &str, shows: &str| {
        Case::new(
            format!("signature-{fault}-{name}"),
            format!("{shows}: {role}"),
        )
    };
    let drop = |case, repository| {
        dropping(
            case,
            repository,
            role,
            "threshold_not_met",
            "delegation_not_signed",
        )
    };
    let damaged = delegated().edit_envelope(role, tamper_all);
    let missing = delegated().edit_envelope(role, |file| file.at(&["signatures"]).items().clear());
    let (own, second) = (own_key(role), Key::p256("second"));
    let second = if role == "root" {
        second.certified(super::super::case::GUN)
    } else {
        second
    };
    let repeated = delegated()
        .keys(role, &[own.clone(), second])
        .threshold(role, 2)
        .signed_by(role, &[own.clone(), own]);
    let other = delegated().signed_by(role, &[other_key(role)]);
    [
        drop(
            case("damaged", "one bit of the signature is flipped"),
            damaged,
        ),
        case("missing", "an empty list of signatures").refused(missing, role, "no_signatures"),
        drop(
            case("repeated", "one key signs twice where two must sign"),
            repeated,
        ),
        drop(
            case("other-role", "signed by the key of another role alone"),
            other,
        ),
    ]
}

fn single() -> Vec<Case> {
    let role = "timestamp";
    let odd = |name: &str, shows: &str| Case::new(format!("signature-{name}"), shows);
    let both = [Key::p256("timestamp"), Key::p256("unlisted")];
    let damaged = delegated()
        .keys(role, &both)
        .edit_envelope(role, |f| tamper(f, 1, flip));
    let upper = delegated().edit_envelope(role, |file| set_method(file, "ECDSA"));
    let accepted = [
        odd(
            "unlisted-beside-good",
            "a signature by an unlisted key is passed over",
        )
        .accepted(delegated().signed_by(role, &both)),
        odd(
            "damaged-beside-good",
            "a damaged signature is passed over where enough are good",
        )
        .accepted(damaged),
        odd("method-upper-case", "`ECDSA` is `ecdsa`, as in Notary").accepted(upper),
    ];
    let stuffed = delegated().edit_envelope(role, |file| stuff(file, 1100));
    let not_base64 = |file: &mut Json| signature(file, 0).at(&["sig"]).set("%%%%".into());
    let refused = [
        odd("too-many", "more signatures than any genuine file has")
            .refused(stuffed, role, "invalid_member")
            .client_differs("it has no such limit"),
        odd("not-base64", "a signature that is not base64").refused(
            delegated().edit_envelope(role, not_base64),
            role,
            "invalid_member",
        ),
    ];
    let accepted = accepted
        .into_iter()
        .map(|case| case.signed("signed", &[], "image"));
    accepted.chain(refused).chain(worthless()).collect()
}

type Edit = fn(&mut Json);

/// Signatures that count for nothing.
fn worthless() -> impl Iterator<Item = Case> {
    let edits: [(&str, &str, Edit); 6] = [
        ("method-unknown", "an unknown method", |file| {
            set_method(file, "rot13");
        }),
        (
            "method-of-another-key-type",
            "a method that does not fit the key",
            |file| {
                set_method(file, "rsapss");
            },
        ),
        (
            "der-encoded",
            "ECDSA as DER instead of r‖s in fixed width",
            |file| {
                tamper(file, 0, der_signature);
            },
        ),
        (
            "shortened",
            "an ECDSA signature that lacks a byte",
            |file| {
                tamper(file, 0, |signature| signature[..63].into());
            },
        ),
        ("zero", "an ECDSA signature of zeros", |file| {
            tamper(file, 0, |_| vec![0; 64]);
        }),
        (
            "of-other-content",
            "a good signature, moved to other content",
            |file| {
                file.at(&["signed", "version"]).set(9.into());
            },
        ),
    ];
    edits.into_iter().map(|(name, shows, edit)| {
        Case::new(
            format!("signature-{name}"),
            format!("counts for nothing: {shows}"),
        )
        .refused(
            delegated().edit_envelope("timestamp", edit),
            "timestamp",
            "threshold_not_met",
        )
    })
}

fn own_key(role: &str) -> Key {
    match role {
        "root" => root_key(),
        RELEASES => Key::p256("alice"),
        _ => Key::p256(role),
    }
}

fn other_key(role: &str) -> Key {
    Key::p256(match role {
        "targets" => "snapshot",
        "snapshot" => "timestamp",
        _ => "targets",
    })
}

fn signature(file: &mut Json, index: usize) -> &mut Json {
    &mut file.at(&["signatures"]).items()[index]
}

fn tamper_all(file: &mut Json) {
    for index in 0..file.at(&["signatures"]).items().len() {
        tamper(file, index, flip);
    }
}

/// Changes the bytes of a signature.
fn tamper(file: &mut Json, index: usize, change: impl Fn(&[u8]) -> Vec<u8>) {
    let sig = signature(file, index).at(&["sig"]);
    let Json::Text(text) = sig else {
        panic!("a signature is text")
    };
    let bytes = STANDARD.decode(text).expect("a signature is base64");
    sig.set(Json::Text(STANDARD.encode(change(&bytes))));
}

fn flip(signature: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    bytes[20] ^= 1;
    bytes
}

fn set_method(file: &mut Json, method: &str) {
    signature(file, 0).at(&["method"]).set(method.into());
}

fn stuff(file: &mut Json, count: usize) {
    let members = [
        ("keyid", "x".into()),
        ("method", "x".into()),
        ("sig", "".into()),
    ];
    let extra = vec![Json::object(members); count];
    file.at(&["signatures"]).items().extend(extra);
}
