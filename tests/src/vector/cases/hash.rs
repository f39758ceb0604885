//! Files that are not what their parents state.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::case::{Case, RELEASES, delegated, slug};
use super::super::json::Json;
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    ["snapshot", "targets", RELEASES, "root"]
        .into_iter()
        .flat_map(each_file)
        .chain(stated())
        .chain(served())
        .collect()
}

fn each_file(role: &'static str) -> [Case; 6] {
    let parent = if role == "snapshot" {
        "timestamp"
    } else {
        "snapshot"
    };
    let name = slug(role);
    let stated = move |edit: fn(&mut Json)| {
        delegated().edit(parent, move |signed| edit(signed.at(&["meta", role])))
    };
    let case = |fault: &str, shows: &str| {
        Case::new(
            format!("{fault}-{name}"),
            format!("{shows}: {role} in {parent}"),
        )
    };
    // A snapshot that misstates the root states another root, to whoever reads it.
    let wrong = |case: Case, repository: Repository, label| match role {
        "root" => case.refused(repository, "snapshot", "root_mismatch"),
        _ => case.refused(repository, role, label),
    };
    let shorter = case(
        "wrong-length-shorter",
        "one byte less is stated than the file has",
    );
    let shorter = wrong(shorter, stated(|meta| add(meta, -1)), "wrong_length");
    let longer = case(
        "wrong-length-longer",
        "one byte more is stated than the file has",
    );
    let longer = wrong(longer, stated(|meta| add(meta, 1)), "wrong_length");
    let sha256 = case("wrong-sha256", "another SHA-256 is stated");
    let sha512 = case(
        "wrong-sha512",
        "the SHA-256 is right, the SHA-512 is another",
    );
    let no_sha256 = stated(|meta| {
        meta.at(&["hashes"]).remove("sha256");
    });
    let no_sha256 =
        case("no-sha256", "only a SHA-512 is stated").refused(no_sha256, parent, "no_hash");
    [
        match role {
            "root" => shorter.client_differs("it looks at a root's hashes alone"),
            _ => shorter,
        },
        longer.client_differs("it takes the stated length as a limit only"),
        wrong(sha256, stated(|meta| flip(meta, "sha256")), "wrong_hash"),
        wrong(sha512, stated(|meta| flip(meta, "sha512")), "wrong_hash"),
        match role {
            RELEASES => no_sha256.client_differs("it wants a SHA-256 of root and targets alone"),
            _ => no_sha256,
        },
        case("no-hashes", "no hash is stated").refused(
            stated(|meta| meta.at(&["hashes"]).members().clear()),
            parent,
            "no_hash",
        ),
    ]
}

fn stated() -> Vec<Case> {
    let sha256_only = ["snapshot", "timestamp"]
        .into_iter()
        .fold(delegated(), |it, parent| {
            it.edit(parent, |signed| {
                for (_, meta) in signed.at(&["meta"]).members() {
                    meta.at(&["hashes"]).remove("sha512");
                }
            })
        });
    let unknown_hash = delegated().edit("timestamp", |signed| {
        signed
            .at(&["meta", "snapshot", "hashes"])
            .push("sha3-256", Json::text("AAAA"));
    });
    let short = delegated().edit("timestamp", |signed| {
        signed
            .at(&["meta", "snapshot", "hashes", "sha256"])
            .set(Json::text("AAAA"));
    });
    vec![
        Case::new(
            "sha256-alone",
            "files are stated by SHA-256 alone, as Notary 0.1 did",
        )
        .accepted(sha256_only)
        .signed("signed", &[], "image"),
        Case::new(
            "unknown-hash-algorithm",
            "a hash of an unknown algorithm is passed over",
        )
        .accepted(unknown_hash)
        .signed("signed", &[], "image"),
        Case::new("short-sha256", "a SHA-256 of three bytes").refused(
            short,
            "timestamp",
            "invalid_member",
        ),
    ]
}

fn served() -> Vec<Case> {
    let altered = |role: &'static str, name: &str| {
        let repository = delegated().edit_served(role, |file| {
            let at = file
                .iter()
                .position(|byte| *byte == b'2')
                .expect("a digit in every file");
            file[at] = b'3';
        });
        Case::new(
            name,
            format!("one byte of the served file is another: {role}"),
        )
        .refused(repository, role, "wrong_hash")
    };
    vec![
        altered("snapshot", "altered-snapshot"),
        altered("targets", "altered-targets"),
        altered(RELEASES, "altered-delegation"),
        Case::new(
            "truncated-targets",
            "the served file lacks its last byte: targets",
        )
        .refused(
            delegated().edit_served("targets", |file| {
                file.pop();
            }),
            "targets",
            "wrong_length",
        ),
        Case::new(
            "padded-targets",
            "the served file has a blank more: targets",
        )
        .refused(
            delegated().edit_served("targets", |file| file.push(b' ')),
            "targets",
            "wrong_length",
        ),
    ]
}

fn add(meta: &mut Json, more: i64) {
    let length = meta.at(&["length"]);
    let Json::Int(number) = length else {
        panic!("a length is a number")
    };
    let changed = number
        .checked_add_signed(more)
        .expect("a length of some bytes");
    length.set(changed.into());
}

fn flip(meta: &mut Json, algorithm: &str) {
    let hash = meta.at(&["hashes", algorithm]);
    let Json::Text(text) = hash else {
        panic!("a hash is text")
    };
    let mut bytes = STANDARD.decode(text).expect("a hash is base64");
    bytes[0] ^= 1;
    hash.set(Json::Text(STANDARD.encode(bytes)));
}
