//! The grammar of references: which characters stand where.

/// Docker Hub, the registry where none is written.
pub(super) const HUB: &str = "docker.io";
/// Another name of Docker Hub, which runtimes replace.
pub(super) const LEGACY_HUB: &str = "index.docker.io";
/// Where Docker Hub keeps repositories whose name has one component.
pub(super) const LIBRARY: &str = "library/";

/// Splits the registry host from the rest.
///
/// The first component is a host if it has a `.` or `:`, is `localhost`, or has an upper-case
/// letter, which no repository has. A name of one component is always on Docker Hub, whatever it
/// looks like.
pub(super) fn split_host(written: &str) -> (&str, &str) {
    match written.split_once('/') {
        Some((LEGACY_HUB, rest)) => (HUB, rest),
        Some((first, rest))
            if first == "localhost"
                || first
                    .bytes()
                    .any(|byte| matches!(byte, b'.' | b':' | b'A'..=b'Z')) =>
        {
            (first, rest)
        }
        Some(_) | None => (HUB, written),
    }
}

/// Whether `text` is an image ID: it would name an image in the runtime's own store.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `text` is a digest, or the beginning of one: a runtime looks that up among the images that
/// it already has, whatever registry they came from (containerd `LocalResolve`).
pub(super) fn is_local_id(text: &str) -> bool {
    let algorithm = text.split_once(':').map(|(algorithm, _)| algorithm);
    algorithm.is_some_and(|algorithm| {
        matches!(
            algorithm.to_ascii_lowercase().as_str(),
            "sha256" | "sha384" | "sha512"
        )
    })
}

/// Whether `text` is a host: a DNS name or an IPv6 address in brackets, and a port at will.
///
/// A name with underscores is no DNS name, and counts as one where it has no port: the grammar then
/// reads the whole name as a path, of which the resolver takes the first component as the host.
pub(super) fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => return is_ipv6(address),
        Some((address, port)) if is_ipv6(address) => ("", port.strip_prefix(':')),
        Some(_) => return false,
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => return is_dns_name(text) || is_component(text),
        },
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port.is_some_and(is_port) && (text.starts_with('[') || is_dns_name(name))
}

/// Whether `text` is the path of a repository within its registry.
pub(super) fn is_path(text: &str) -> bool {
    text.len() <= MAX_PATH && text.split('/').all(is_component)
}

/// Whether `text` is a tag.
pub(super) fn is_tag(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= MAX_TAG
        && text.bytes().next().is_some_and(is_first)
        && text
            .bytes()
            .all(|byte| is_first(byte) || matches!(byte, b'.' | b'-'))
}

/// Whether `text` is lower-case letters and digits, separated by `.`, `_`, `__` or any number of
/// `-`.
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let separators = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let separated = separators.into_iter().all(|separator| {
        matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
    });
    separated
        && text.bytes().next().is_some_and(is_alphanumeric)
        && text.bytes().last().is_some_and(is_alphanumeric)
}

fn is_dns_name(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

fn is_ipv6(address: &str) -> bool {
    !address.is_empty()
        && address
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
}

/// Longest path, without the host.
const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;
