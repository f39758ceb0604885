//! Where in a registry a bundle lies.

use std::fmt;
use std::str::FromStr;

use vouchsafe_trust::image::{Digest, Reference, ReferenceError};
use vouchsafe_trust::name::ServerError;
use vouchsafe_trust::{Server, Sha256};

/// A place in a registry: `registry.internal:5000/trust/bundles:latest`, or `…@sha256:…`.
///
/// The registry is always written. `oci://` and `https://` before it mean the same as nothing; without
/// TLS, `http://` has to be written, for `localhost` too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistryRef {
    server: Server,
    host: Box<str>,
    repository: Box<str>,
    tag: Option<Box<str>>,
    digest: Option<Sha256>,
}

impl RegistryRef {
    /// The registry's host, with the port if one is written.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` where neither tag nor digest are written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written. It counts before a tag.
    pub const fn digest(&self) -> Option<Sha256> {
        self.digest
    }

    /// The base URL of the registry.
    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// How a manifest is named in a URL: by digest, or else by tag.
    pub(super) fn manifest_name(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => DEFAULT_TAG.to_owned(),
        }
    }
}

impl FromStr for RegistryRef {
    type Err = RegistryRefError;

    fn from_str(written: &str) -> Result<Self, RegistryRefError> {
        let (scheme, rest) = match written.split_once("://") {
            Some(("oci" | "https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some((scheme, _)) => {
                let scheme = scheme.chars().take(MAX_SHOWN).collect();
                return Err(RegistryRefError::Scheme { scheme });
            }
            None => ("https", written),
        };
        let (first, path) = rest.split_once('/').unwrap_or((rest, ""));
        if first.contains('@') && !path.is_empty() {
            return Err(RegistryRefError::Credentials);
        }
        if !(first.contains(['.', ':']) || first == "localhost") || path.is_empty() {
            return Err(RegistryRefError::NoRegistry);
        }
        let reference: Reference = rest.parse()?;
        let sha256 = |digest: &Digest| digest.sha256().ok_or(RegistryRefError::NotSha256);
        let digest = reference.digest().map(sha256).transpose()?;
        let name = reference.gun().as_str();
        let (host, repository) = name.split_once('/').ok_or(RegistryRefError::NoRegistry)?;
        let api = if host == HUB { HUB_API } else { host };
        Ok(Self {
            server: format!("{scheme}://{api}").parse()?,
            host: host.into(),
            repository: repository.into(),
            tag: reference.tag().map(Into::into),
            digest,
        })
    }
}

impl fmt::Display for RegistryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.server.is_plain() {
            f.write_str("http://")?;
        }
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@sha256:{digest}")?;
        }
        Ok(())
    }
}

/// Why a string is not a [`RegistryRef`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryRefError {
    /// `user:password@` before the host.
    #[error("it carries credentials; they are given apart from it")]
    Credentials,
    /// No registry before the repository.
    #[error(
        "it names no registry: write its host with a dot or a port, `registry.internal:5000/trust/bundles`"
    )]
    NoRegistry,
    /// A digest of another kind.
    #[error("only SHA-256 digests are known")]
    NotSha256,
    /// Not a name that registries know.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Something else than `oci://`, `https://` and `http://`.
    #[error("`{scheme}://` is none of `oci://`, `https://` and `http://`")]
    Scheme {
        /// What is written.
        scheme: String,
    },
    /// Not a host that can be spoken to.
    #[error("its registry: {0}")]
    Server(#[from] ServerError),
}

const HUB: &str = "docker.io";
/// Where Docker Hub, called by another name, has its API.
const HUB_API: &str = "registry-1.docker.io";
const DEFAULT_TAG: &str = "latest";
/// How much of a foreign text is repeated.
const MAX_SHOWN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_reference_is_a_registry_a_repository_and_a_tag_or_digest() {
        let digest = format!("sha256:{HEX}");
        let pinned = format!("registry.internal/trust/bundles@{digest}");
        let cases = [
            (
                "registry.internal:5000/trust/bundles",
                "https://registry.internal:5000",
                "trust/bundles",
                "latest",
                "registry.internal:5000/trust/bundles:latest",
            ),
            (
                "oci://Registry.Internal/bundles:site-7",
                "https://registry.internal",
                "bundles",
                "site-7",
                "registry.internal/bundles:site-7",
            ),
            (
                "http://localhost:5000/a/b:c",
                "http://localhost:5000",
                "a/b",
                "c",
                "http://localhost:5000/a/b:c",
            ),
            (
                "localhost:5000/a:b",
                "https://localhost:5000",
                "a",
                "b",
                "localhost:5000/a:b",
            ),
            (
                "https://docker.io/team/bundles",
                "https://registry-1.docker.io",
                "team/bundles",
                "latest",
                "docker.io/team/bundles:latest",
            ),
            (
                &pinned,
                "https://registry.internal",
                "trust/bundles",
                &digest,
                &pinned,
            ),
        ];
        for (written, server, repository, name, shown) in cases {
            let reference: RegistryRef = written.parse().unwrap();
            assert_eq!(reference.server().as_str(), server, "{written}");
            assert_eq!(reference.repository(), repository, "{written}");
            assert_eq!(reference.manifest_name(), name, "{written}");
            assert_eq!(reference.to_string(), shown, "{written}");
            assert_eq!(shown.parse(), Ok(reference), "{written}");
        }
    }

    #[test]
    fn what_names_no_place_is_refused_without_repeating_a_password() {
        let sha512 = format!("registry.internal/a@sha512:{}", HEX.repeat(2));
        let cases = [
            ("bundles", "names no registry"),
            ("team/bundles:latest", "names no registry"),
            ("registry.internal", "names no registry"),
            ("registry.internal/", "names no registry"),
            ("docker://registry.internal/a", "`docker://`"),
            ("user:hunter2@registry.internal/a", "credentials"),
            ("registry.internal/A", "lower case"),
            ("registry.internal/a/../b", "not a repository path"),
            (&sha512, "only SHA-256"),
        ];
        for (written, expected) in cases {
            let error = written.parse::<RegistryRef>().unwrap_err();
            assert!(error.to_string().contains(expected), "{written}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
