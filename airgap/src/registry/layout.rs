//! Writing an OCI image layout (OCI image specification 1.1, image-layout).

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::Digest as _;
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt as _, BufWriter};
use vouchsafe_trust::Sha256;

use super::RegistryError;
use super::artifact::{ARTIFACT_TYPE, Descriptor, INDEX, MANIFEST};

/// A layout that is being written.
#[derive(Debug)]
pub(super) struct Layout {
    folder: PathBuf,
}

/// A blob that is being written; removed again unless it is kept.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    pub(super) file: BufWriter<File>,
    kept: bool,
}

impl Layout {
    /// Begins one in a folder, which is made if it is not there. What made it complete is removed.
    pub(super) async fn begin(folder: &Path) -> Result<Self, RegistryError> {
        let layout = Self {
            folder: folder.to_owned(),
        };
        let blobs = layout.blobs();
        fs::create_dir_all(&blobs).await.map_err(failed(&blobs))?;
        let index = folder.join(INDEX_FILE);
        match fs::remove_file(&index).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&index)(error)),
            _ => Ok(layout),
        }
    }

    /// Whether it has a blob already, whole.
    pub(super) async fn has(&self, digest: Sha256, size: u64) -> Result<bool, RegistryError> {
        let path = self.blobs().join(digest.to_string());
        let length = fs::symlink_metadata(&path).await.ok();
        if !length.is_some_and(|found| found.is_file() && found.len() == size) {
            return Ok(false);
        }
        let read = path.clone();
        let found = tokio::task::spawn_blocking(move || digest_of(&read)).await;
        let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
        Ok(found.map_err(failed(&path))? == digest)
    }

    /// Begins a blob; one at a time.
    pub(super) async fn begin_blob(&self) -> Result<Part, RegistryError> {
        let path = self.folder.join(PART_FILE);
        // Not through a link that somebody may have put there.
        drop(fs::remove_file(&path).await);
        let mut options = File::options();
        let file = options.write(true).create_new(true).open(&path).await;
        let file = file.map_err(failed(&path))?;
        Ok(Part {
            path,
            file: BufWriter::with_capacity(BUFFER, file),
            kept: false,
        })
    }

    /// Keeps a blob whose digest was checked.
    pub(super) async fn keep(&self, mut part: Part, digest: Sha256) -> Result<(), RegistryError> {
        part.file.flush().await.map_err(failed(&part.path))?;
        let path = self.blobs().join(digest.to_string());
        fs::rename(&part.path, &path).await.map_err(failed(&path))?;
        part.kept = true;
        Ok(())
    }

    /// Writes the manifest and what makes the layout complete; returns the manifest's digest.
    pub(super) async fn finish(
        &self,
        manifest: &[u8],
        tag: Option<&str>,
    ) -> Result<Sha256, RegistryError> {
        let digest = Sha256::of(manifest);
        self.write(manifest, &self.blobs().join(digest.to_string()))
            .await?;
        let version = json!({"imageLayoutVersion": "1.0.0"}).to_string();
        self.write(version.as_bytes(), &self.folder.join("oci-layout"))
            .await?;
        let tag = tag.map(|tag| (REF_NAME.to_owned(), tag.to_owned()));
        let descriptor = Descriptor {
            media_type: MANIFEST.to_owned(),
            digest,
            size: u64::try_from(manifest.len()).unwrap_or(u64::MAX),
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            annotations: tag.into_iter().collect::<BTreeMap<_, _>>(),
        };
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]});
        self.write(index.to_string().as_bytes(), &self.folder.join(INDEX_FILE))
            .await?;
        Ok(digest)
    }

    /// Writes a whole file in one step.
    async fn write(&self, bytes: &[u8], path: &Path) -> Result<(), RegistryError> {
        let mut part = self.begin_blob().await?;
        let written = part.file.write_all(bytes).await;
        written.map_err(failed(&part.path))?;
        part.file.flush().await.map_err(failed(&part.path))?;
        fs::rename(&part.path, path).await.map_err(failed(path))?;
        part.kept = true;
        Ok(())
    }

    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs").join("sha256")
    }
}

impl Part {
    /// The error that failed writing is.
    pub(super) fn failed(&self, source: io::Error) -> RegistryError {
        failed(&self.path)(source)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn digest_of(path: &Path) -> io::Result<Sha256> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            None | Some([]) => return Ok(Sha256::from_bytes(hasher.finalize().into())),
            Some(piece) => hasher.update(piece),
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> RegistryError {
    let path = path.to_owned();
    move |source| RegistryError::File { path, source }
}

const INDEX_FILE: &str = "index.json";
/// What is being written, until it is whole.
const PART_FILE: &str = ".part";
/// The annotation that tools take for the name of an entry.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const BUFFER: usize = 256 << 10;
