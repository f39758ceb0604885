//! Fetching and sending manifests.

use reqwest::Method;
use vouchsafe_outbound::Cause;
use vouchsafe_trust::Sha256;

use super::artifact::{Artifact, Descriptor, MANIFEST};
use super::session::{Answer, Ask, Session};
use super::{RegistryError, RegistryRef};

impl Session<'_> {
    /// The digest that the registry states of what a reference names, if it states one.
    pub(super) async fn stated_digest(
        &self,
        from: &RegistryRef,
    ) -> Result<Option<Sha256>, RegistryError> {
        let what = from.to_string();
        let url = self.url(&format!("manifests/{}", from.manifest_name()))?;
        let ask = Ask::new(Method::HEAD, url).accepting_manifests();
        let mut attempts = self.attempts();
        loop {
            let failure = match self.send(&ask).await {
                Ok(answer) if answer.status() == 200 => {
                    let found = content_digest(&answer);
                    if let Some(found) = found {
                        check_digest(&what, from.digest(), found)?;
                    }
                    return Ok(found);
                }
                Ok(answer) => answer.refusal().await,
                Err(cause) => cause,
            };
            attempts.after(RegistryError::of(&what, failure)).await?;
        }
    }

    /// Fetches a manifest or index by name; its bytes and their digest, which is `expected` where that is
    /// known.
    pub(super) async fn fetch(
        &self,
        from: &RegistryRef,
        name: &str,
        expected: Option<Sha256>,
    ) -> Result<(Vec<u8>, Sha256), RegistryError> {
        let what = from.to_string();
        let url = self.url(&format!("manifests/{name}"))?;
        let ask = Ask::new(Method::GET, url).accepting_manifests();
        let mut attempts = self.attempts();
        loop {
            let failure = match self.send(&ask).await {
                Ok(answer) if answer.status() == 200 => {
                    let stated = content_digest(&answer);
                    match answer.body(MAX_MANIFEST).await {
                        Ok(bytes) => {
                            let found = Sha256::of(&bytes);
                            check_digest(&what, expected.or(stated), found)?;
                            return Ok((bytes, found));
                        }
                        Err(Cause::TooLarge { length, limit }) => {
                            let what = format!("the manifest of {what}");
                            let size = length;
                            return Err(RegistryError::TooLarge { what, size, limit });
                        }
                        Err(cause) => cause,
                    }
                }
                Ok(answer) => answer.refusal().await,
                Err(cause) => cause,
            };
            attempts.after(RegistryError::of(&what, failure)).await?;
        }
    }

    /// The manifest that an index leads to.
    pub(super) async fn behind_index(
        &self,
        from: &RegistryRef,
        entry: &Descriptor,
    ) -> Result<(Vec<u8>, Artifact), RegistryError> {
        let name = format!("sha256:{}", entry.digest);
        let (manifest, _) = self.fetch(from, &name, Some(entry.digest)).await?;
        let what = from.to_string();
        if length(&manifest) != entry.size {
            let (stated, found) = (entry.size, length(&manifest));
            return Err(RegistryError::SizeMismatch {
                what,
                stated,
                found,
            });
        }
        let artifact = Artifact::parse(&manifest);
        let artifact = artifact.map_err(|reason| RegistryError::NotABundle { what, reason })?;
        Ok((manifest, artifact))
    }

    pub(super) async fn put_manifest(
        &self,
        to: &RegistryRef,
        manifest: &[u8],
        digest: Sha256,
    ) -> Result<(), RegistryError> {
        let what = to.to_string();
        let url = self.url(&format!("manifests/{}", to.manifest_name()))?;
        let ask = Ask::new(Method::PUT, url).with_body(MANIFEST, manifest.to_vec());
        let mut attempts = self.attempts();
        loop {
            let failure = match self.send(&ask).await {
                Ok(answer) if matches!(answer.status(), 200..=204) => {
                    let found = content_digest(&answer).unwrap_or(digest);
                    return check_digest(&what, Some(digest), found);
                }
                Ok(answer) => answer.refusal().await,
                Err(cause) => cause,
            };
            attempts.after(RegistryError::of(&what, failure)).await?;
        }
    }
}

/// Holds a digest against the one that is expected, if any is.
pub(super) fn check_digest(
    what: &str,
    expected: Option<Sha256>,
    found: Sha256,
) -> Result<(), RegistryError> {
    match expected.filter(|stated| *stated != found) {
        None => Ok(()),
        Some(stated) => Err(RegistryError::DigestMismatch {
            what: what.to_owned(),
            stated,
            found,
        }),
    }
}

fn content_digest(answer: &Answer) -> Option<Sha256> {
    let digest = answer.header("docker-content-digest")?;
    digest.strip_prefix("sha256:")?.parse().ok()
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The most that registries themselves take.
const MAX_MANIFEST: u64 = 4 << 20;
