//! A client of registries, for bundles.

use std::path::Path;

use reqwest::Client;
use tokio::time::timeout;
use vouchsafe_outbound::http_client_that_stays;
use vouchsafe_trust::Sha256;

use super::artifact::{Artifact, Document, EMPTY};
use super::layout::Layout;
use super::manifests::{check_digest, length};
use super::session::{Access, Session};
use super::{Blob, RegistryError, RegistryOptions, RegistryRef};

/// A client of registries, for bundles.
#[derive(Debug)]
pub struct RegistryClient {
    options: RegistryOptions,
    registry: Client,
    elsewhere: Client,
}

/// What was pushed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pushed {
    /// The digest of the manifest, under which the registry has it besides the tag.
    pub digest: Sha256,
    /// How many blobs were sent.
    pub sent: usize,
    /// How many the registry had already.
    pub present: usize,
    /// How many bytes were sent, without the manifest.
    pub bytes: u64,
}

/// What was pulled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pulled {
    /// The digest of the bundle's manifest.
    pub digest: Sha256,
    /// The digest that the reference led to, as [`RegistryClient::resolve`] tells it: another one where
    /// an index was between.
    pub resolved: Sha256,
    /// How many bytes it has, with the manifest.
    pub bytes: u64,
}

impl RegistryClient {
    /// A client that has made no request yet.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Setup`] if the certificates cannot be read, or there are none at all.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let pace = options.timeouts.pace();
        let certificates = options.certificates.as_deref();
        Ok(Self {
            registry: http_client_that_stays(certificates, certificates.is_some(), pace)?,
            elsewhere: http_client_that_stays(certificates, false, pace)?,
            options,
        })
    }

    /// The digest of what a reference names: enough to know whether anything changed.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] after what may pass was tried again.
    pub async fn resolve(&self, from: &RegistryRef) -> Result<Sha256, RegistryError> {
        let session = Session::new(self, from, Access::Pull);
        self.in_time(from, async {
            match session.stated_digest(from).await? {
                Some(digest) => Ok(digest),
                // Some registries state none; and a reference's own is not taken at its word.
                None => session
                    .fetch(from, &from.manifest_name(), from.digest())
                    .await
                    .map(|(_, digest)| digest),
            }
        })
        .await
    }

    /// Pushes a bundle: the blobs that the registry lacks, then its manifest under the tag.
    ///
    /// A reference with a digest has to state that of the manifest, which is then pushed without a tag.
    /// The empty configuration, `{}`, need not be among the blobs.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotABundle`] if the manifest is that of something else or names what is not
    /// among `blobs`; any other after what may pass was tried again.
    pub async fn push(
        &self,
        to: &RegistryRef,
        manifest: &[u8],
        blobs: &[Blob],
    ) -> Result<Pushed, RegistryError> {
        let what = to.to_string();
        let not_a_bundle = |reason| RegistryError::NotABundle {
            what: what.clone(),
            reason,
        };
        let artifact = Artifact::parse(manifest).map_err(not_a_bundle)?;
        let digest = Sha256::of(manifest);
        check_digest(&what, to.digest(), digest)?;
        let mut needed = Vec::new();
        for (digest, size) in &artifact.blobs {
            needed.push(find(blobs, *digest, *size)?.ok_or_else(|| {
                not_a_bundle(format!("it names sha256:{digest}, which is not there"))
            })?);
        }
        let session = Session::new(self, to, Access::Push);
        self.in_time(to, async {
            let (mut sent, mut bytes) = (0, 0_u64);
            for blob in &needed {
                if session.upload(blob).await? {
                    sent += 1;
                    bytes = bytes.saturating_add(blob.size);
                }
            }
            session.put_manifest(to, manifest, digest).await?;
            tracing::info!(to = %to, %digest, sent, bytes, "pushed a bundle");
            let present = needed.len().saturating_sub(sent);
            Ok(Pushed {
                digest,
                sent,
                present,
                bytes,
            })
        })
        .await
    }

    /// Pulls a bundle as an OCI image layout into the folder `into`, which is made if it is not there.
    ///
    /// Every part has the digest and the length that its manifest states. What lies in the folder
    /// already is taken as it is if it has them, so that a pull that was broken off can go on.
    /// `index.json` comes last: a folder that has it has everything.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] after what may pass was tried again.
    pub async fn pull(&self, from: &RegistryRef, into: &Path) -> Result<Pulled, RegistryError> {
        let session = Session::new(self, from, Access::Pull);
        self.in_time(from, async {
            let layout = Layout::begin(into).await?;
            let name = from.manifest_name();
            let (first, resolved) = session.fetch(from, &name, from.digest()).await?;
            let (manifest, artifact) = match parse(from, &first)? {
                Document::Bundle(artifact) => (first, artifact),
                Document::Index(entry) => session.behind_index(from, &entry).await?,
            };
            let size = artifact.size().saturating_add(length(&manifest));
            let limit = self.options.limits.total;
            if size > limit {
                let what = from.to_string();
                return Err(RegistryError::TooLarge { what, size, limit });
            }
            for (digest, size) in &artifact.blobs {
                session.download(*digest, *size, &layout).await?;
            }
            let digest = layout.finish(&manifest, from.tag()).await?;
            tracing::info!(from = %from, %digest, bytes = size, "pulled a bundle");
            Ok(Pulled {
                digest,
                resolved,
                bytes: size,
            })
        })
        .await
    }

    pub(super) const fn options(&self) -> &RegistryOptions {
        &self.options
    }

    /// Speaks to registries.
    pub(super) const fn registry(&self) -> &Client {
        &self.registry
    }

    /// Speaks to whomever a registry names.
    pub(super) const fn elsewhere(&self) -> &Client {
        &self.elsewhere
    }

    async fn in_time<T>(
        &self,
        target: &RegistryRef,
        work: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let after = self.options.timeouts.total;
        timeout(after, work).await.unwrap_or_else(|_elapsed| {
            let what = target.to_string();
            Err(RegistryError::Timeout { what, after })
        })
    }
}

/// The blob that a manifest names, if it is there.
fn find(blobs: &[Blob], digest: Sha256, size: u64) -> Result<Option<Blob>, RegistryError> {
    let Some(blob) = blobs.iter().find(|blob| blob.digest == digest) else {
        let empty = Blob::of_bytes(EMPTY);
        return Ok((empty.digest == digest && empty.size == size).then_some(empty));
    };
    if blob.size == size {
        return Ok(Some(blob.clone()));
    }
    Err(RegistryError::SizeMismatch {
        what: format!("sha256:{digest}"),
        stated: size,
        found: blob.size,
    })
}

fn parse(from: &RegistryRef, bytes: &[u8]) -> Result<Document, RegistryError> {
    Document::parse(bytes).map_err(|reason| RegistryError::NotABundle {
        what: from.to_string(),
        reason,
    })
}
