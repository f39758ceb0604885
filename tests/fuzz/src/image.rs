//! Image references, and the other names that come from outside: GUNs, digests, roles, servers, times.

use vouchsafe_tests::checker;
use vouchsafe_trust::image::{Digest, Reference};
use vouchsafe_trust::time::parse_rfc3339;
use vouchsafe_trust::{Gun, KeyId, Role, Server, Sha256};

pub(crate) fn run(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    if let Ok(gun) = text.parse::<Gun>() {
        assert_eq!(gun.as_str(), text, "a GUN is spelled in one way");
        assert!(
            text.split('/').all(|part| !matches!(part, "" | "." | "..")),
            "a clean path"
        );
    }
    if let Ok(server) = text.parse::<Server>() {
        assert_eq!(
            server.as_str().parse(),
            Ok(server.clone()),
            "a server read again"
        );
        assert!(!server.authority().is_empty(), "a server has a host");
    }
    if let Ok(role) = text.parse::<Role>() {
        assert_eq!(role.to_string(), text, "a role is spelled in one way");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text, "a digest is spelled in one way");
    }
    if let Ok(sha256) = text.parse::<Sha256>() {
        assert_eq!(sha256.to_string(), text, "a SHA-256 is spelled in one way");
    }
    drop(text.parse::<KeyId>());
    if let Ok(time) = parse_rfc3339(text) {
        let theirs = checker::rfc3339(text);
        assert_eq!(Some(time.as_nanosecond()), theirs, "a time");
    }
    reference(text)
}

fn reference(text: &str) -> bool {
    let Ok(reference) = text.parse::<Reference>() else {
        return false;
    };
    let gun = reference.gun().as_str();
    assert_eq!(
        gun.to_lowercase(),
        repository(text).to_lowercase(),
        "the repository"
    );
    assert_eq!(gun.parse().as_ref(), Ok(reference.gun()), "it is a GUN");
    // A host of one word is one only as long as it has a capital.
    let host = gun.split('/').next().unwrap_or_default();
    if !host.contains(['.', ':']) && host != "localhost" {
        return true;
    }
    let canonical = reference.canonical();
    let again: Reference = canonical.parse().expect("what is spelled out reads");
    assert_eq!(again.canonical(), canonical, "spelled out again");
    assert_eq!(
        (again.gun(), again.tag(), again.digest()),
        (reference.gun(), reference.tag(), reference.digest()),
        "the same image"
    );
    let digest = Sha256::of(text.as_bytes());
    let pinned: Reference = reference
        .pinned(&digest)
        .parse()
        .expect("what is pinned reads");
    assert_eq!(pinned.gun(), reference.gun(), "pinned: the repository");
    let pinned = pinned.digest().map(Digest::to_string);
    assert_eq!(
        pinned,
        Some(format!("sha256:{digest}")),
        "pinned: the digest"
    );
    true
}

/// The repository of a good reference, as `distribution/reference` splits one: what stands before the
/// first slash is a host if it could not be a path.
fn repository(text: &str) -> String {
    let name = text.split('@').next().unwrap_or_default();
    // A colon before the last slash stands before a port.
    let tag = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let name = tag.map_or(name, |(name, _)| name);
    let is_host = |part: &str| {
        part.contains(['.', ':']) || part == "localhost" || part.to_lowercase() != part
    };
    match name.split_once('/') {
        Some((host, path)) if is_host(host) => {
            let hub = host == "index.docker.io" || host == "docker.io";
            match (hub, path.contains('/')) {
                (true, true) => format!("docker.io/{path}"),
                (true, false) => format!("docker.io/library/{path}"),
                (false, _) => name.to_owned(),
            }
        }
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}
