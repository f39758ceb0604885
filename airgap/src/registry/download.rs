//! Fetching blobs.

use reqwest::Method;
use sha2::Digest as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use vouchsafe_outbound::{Cause, body};
use vouchsafe_trust::Sha256;

use super::RegistryError;
use super::layout::{Layout, Part};
use super::session::{Answer, Ask, Session};

impl Session<'_> {
    /// Fetches a blob into a layout, unless it lies there already.
    pub(super) async fn download(
        &self,
        digest: Sha256,
        size: u64,
        layout: &Layout,
    ) -> Result<(), RegistryError> {
        if layout.has(digest, size).await? {
            return Ok(());
        }
        let mut attempts = self.attempts();
        loop {
            match self.download_once(digest, size, layout).await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    async fn download_once(
        &self,
        digest: Sha256,
        size: u64,
        layout: &Layout,
    ) -> Result<(), RegistryError> {
        let what = format!("sha256:{digest}");
        let failed = |cause| RegistryError::of(&what, cause);
        let ask = Ask::new(Method::GET, self.url(&format!("blobs/{what}"))?);
        let answer = self.send(&ask).await.map_err(failed)?;
        if answer.status() != 200 {
            return Err(failed(answer.refusal().await));
        }
        let length = answer.response.content_length();
        if let Some(found) = length.filter(|found| *found != size) {
            return Err(mismatch(what, size, found));
        }
        let mut part = layout.begin_blob().await?;
        let found = self.receive(answer, &what, size, &mut part).await?;
        if found != digest {
            return Err(RegistryError::DigestMismatch {
                what,
                stated: digest,
                found,
            });
        }
        layout.keep(part, digest).await
    }

    /// Writes a body of exactly `size` bytes; returns its digest.
    async fn receive(
        &self,
        mut answer: Answer,
        what: &str,
        size: u64,
        part: &mut Part,
    ) -> Result<Sha256, RegistryError> {
        let idle = self.timeouts().idle;
        let mut hasher = sha2::Sha256::new();
        let mut received = 0_u64;
        loop {
            let next = body::next(&mut answer.response, received, size, answer.speed);
            let piece = match timeout(idle, next).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => break,
                Ok(Err(Cause::TooLarge { length, .. })) => {
                    return Err(mismatch(what.to_owned(), size, length));
                }
                Ok(Err(cause)) => return Err(RegistryError::of(what, cause)),
                Err(_elapsed) => {
                    let after = idle;
                    return Err(RegistryError::of(what, Cause::TooSlow { received, after }));
                }
            };
            hasher.update(&piece);
            let written = part.file.write_all(&piece).await;
            written.map_err(|error| part.failed(error))?;
            received = received.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        if received == size {
            Ok(Sha256::from_bytes(hasher.finalize().into()))
        } else {
            Err(mismatch(what.to_owned(), size, received))
        }
    }
}

const fn mismatch(what: String, stated: u64, found: u64) -> RegistryError {
    RegistryError::SizeMismatch {
        what,
        stated,
        found,
    }
}
