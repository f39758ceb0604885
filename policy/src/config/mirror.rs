//! Mirrors: from what is written to what holds.

use std::collections::BTreeMap;

use vouchsafe_trust::image::Reference;

use super::error::Problem;
use super::raw::RawMirror;
use super::yaml::At;
use crate::mirror::{Mirror, Mirrors};

/// Reads `mirrors`.
pub(super) fn mirrors(raw: Vec<RawMirror>) -> Result<Mirrors, At<Problem>> {
    let mut places = BTreeMap::new();
    let mut mirrors = Vec::new();
    for RawMirror { from, to } in raw {
        let mirror = Mirror {
            from: registry(&from, "from")?,
            to: registry(&to, "to")?,
        };
        if let Some(line) = places.insert(mirror.from.clone(), from.place.line) {
            return Err(from.fault(Problem::DuplicateName {
                what: "mirror",
                name: mirror.from,
                line,
            }));
        }
        mirrors.push(mirror);
    }
    Ok(Mirrors::new(mirrors))
}

/// A registry, or a registry and a path, as canonical references spell it.
fn registry(written: &At<String>, key: &'static str) -> Result<String, At<Problem>> {
    let fault = |nearest: Option<String>| {
        written.fault(Problem::Value {
            key,
            value: written.value.clone(),
            nearest,
            expected: "a registry, or a registry and a path: `registry.example.com/hub`",
        })
    };
    // With components behind it, it has to be a repository of that registry.
    let read = |text: &str| {
        let below: Reference = format!("{text}{BELOW}").parse().ok()?;
        let plain = below.tag() == Some("latest") && below.digest().is_none();
        let name = below.gun().as_str().strip_suffix(BELOW)?;
        plain.then(|| name.to_owned())
    };
    let name = read(&written.value).ok_or_else(|| fault(None))?;
    let host = |text: &str| {
        text.split('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let (meant, found) = (host(&written.value), host(&name));
    if meant != found && meant != "index.docker.io" {
        // Without a dot or a port in it, the first component is a path on Docker Hub.
        return Err(fault(Some(name)));
    }
    Ok(name)
}

/// Two components, so that nothing is put between them and the registry.
const BELOW: &str = "/a/b";
