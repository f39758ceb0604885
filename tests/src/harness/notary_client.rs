//! The real `notary` client.

mod listing;
mod signer_key;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use self::listing::ListedTarget;
pub use self::signer_key::SignerKey;
use super::process::run;
use super::root_key::{der_of_public_key, hex, listed_root_keys, public_half};
use super::{HarnessError, TempDir};

/// Debian's `notary` command with a trust directory of its own: a publisher with keys, or a verifier with none.
#[derive(Debug)]
pub struct NotaryClient {
    directory: TempDir,
}

/// What a fresh client believes of a repository before it has seen it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TrustPinning {
    /// The first root that arrives.
    FirstUse,
    /// Roots that list one of these certificates (TUF key IDs); of no other repository, the first root that arrives is believed.
    RootKeyIds {
        /// The repository.
        gun: String,
        /// The TUF key IDs of its root certificates.
        key_ids: Vec<String>,
    },
}

/// A tag to be signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// The tag's name, `latest`.
    pub name: String,
    /// The manifest's SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// The manifest's size in bytes.
    pub size: u64,
}

impl Tag {
    /// A tag that points to something that is called so, as [`digest`] has it.
    pub fn of(name: &str, image: &str) -> Self {
        Self {
            name: name.to_owned(),
            sha256: digest(image),
            size: 528,
        }
    }
}

/// A digest of something that is called so, in hexadecimal digits.
pub fn digest(image: &str) -> String {
    hex(&Sha256::digest(image))
}

/// A role whose key can be replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RotatedRole {
    /// The root role, to a new key of the publisher.
    Root,
    /// The targets role, to a new key of the publisher.
    Targets,
    /// The snapshot role, to a new key of the publisher.
    Snapshot,
    /// The snapshot role, to a new key of the server.
    SnapshotToServer,
    /// The timestamp role, to a new key of the server.
    Timestamp,
}

impl NotaryClient {
    /// A publisher without keys yet. `authority` is the PEM file of the server's certificate authority, if it has one.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if its directory cannot be made.
    pub fn publisher(url: &str, authority: Option<&Path>) -> Result<Self, HarnessError> {
        Self::verifier(url, authority, &TrustPinning::FirstUse)
    }

    /// A client with an empty trust directory, which knows of a repository what `pinning` says.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if its directory cannot be made.
    pub fn verifier(
        url: &str,
        authority: Option<&Path>,
        pinning: &TrustPinning,
    ) -> Result<Self, HarnessError> {
        let directory = TempDir::new("notary-client")?;
        let trust = directory.path().join("trust");
        let mut config =
            json!({"trust_dir": trust, "remote_server": {"url": url, "root_ca": authority}});
        if let (TrustPinning::RootKeyIds { gun, key_ids }, Value::Object(config)) =
            (pinning, &mut config)
        {
            config.insert("trust_pinning".to_owned(), json!({"certs": {gun: key_ids}}));
        }
        directory.write("client.json", config.to_string())?;
        Ok(Self { directory })
    }

    /// Creates a repository and publishes its first metadata (root version 1).
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] with the client's words if it fails, as for every command below.
    pub fn init(&self, gun: &str) -> Result<(), HarnessError> {
        self.notary(&["init", "--publish", gun]).map(drop)
    }

    /// Creates a repository without publishing it. A key rotation before the first publish makes its first published root version 2.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn init_unpublished(&self, gun: &str) -> Result<(), HarnessError> {
        self.notary(&["init", gun]).map(drop)
    }

    /// Stages a tag for the given roles (none: `targets`), replacing what the tag pointed to.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn add(&self, gun: &str, tag: &Tag, roles: &[&str]) -> Result<(), HarnessError> {
        let size = tag.size.to_string();
        let roles = roles.join(",");
        let mut arguments = vec!["addhash", gun, &tag.name, &size, "--sha256", &tag.sha256];
        if !roles.is_empty() {
            arguments.extend(["--roles", &roles]);
        }
        self.notary(&arguments).map(drop)
    }

    /// Stages the removal of a tag from the given roles (none: `targets`).
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn remove(&self, gun: &str, tag: &str, roles: &[&str]) -> Result<(), HarnessError> {
        let roles = roles.join(",");
        let mut arguments = vec!["remove", gun, tag];
        if !roles.is_empty() {
            arguments.extend(["--roles", &roles]);
        }
        self.notary(&arguments).map(drop)
    }

    /// Publishes what is staged.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn publish(&self, gun: &str) -> Result<(), HarnessError> {
        self.notary(&["publish", gun]).map(drop)
    }

    /// Signs a tag: [`NotaryClient::add`] and [`NotaryClient::publish`].
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn sign(&self, gun: &str, tag: &Tag, roles: &[&str]) -> Result<(), HarnessError> {
        self.add(gun, tag, roles)?;
        self.publish(gun)
    }

    /// Replaces the key of a role and publishes that.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn rotate(&self, gun: &str, role: RotatedRole) -> Result<(), HarnessError> {
        let arguments: &[&str] = match role {
            RotatedRole::Root => return self.rotate_root(gun),
            RotatedRole::Targets => &["key", "rotate", gun, "targets"],
            RotatedRole::Snapshot => &["key", "rotate", gun, "snapshot"],
            RotatedRole::SnapshotToServer => {
                &["key", "rotate", gun, "snapshot", "--server-managed"]
            }
            RotatedRole::Timestamp => &["key", "rotate", gun, "timestamp", "--server-managed"],
        };
        self.notary(arguments).map(drop)
    }

    /// Stages a delegation to the given keys; `paths` are prefixes of tags, none means every tag. The threshold is always 1: the
    /// client cannot set another.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn delegate(
        &self,
        gun: &str,
        role: &str,
        keys: &[&SignerKey],
        paths: &[&str],
    ) -> Result<(), HarnessError> {
        let joined = paths.join(",");
        let files: Vec<String> = keys
            .iter()
            .map(|key| key.public_key_file().display().to_string())
            .collect();
        let mut arguments = vec!["delegation", "add", gun, role];
        arguments.extend(files.iter().map(String::as_str));
        if paths.is_empty() {
            arguments.push("--all-paths");
        } else {
            arguments.extend(["--paths", &joined]);
        }
        self.notary(&arguments).map(drop)
    }

    /// Stages the removal of a whole delegation, or of one key from it.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn undelegate(
        &self,
        gun: &str,
        role: &str,
        key: Option<&SignerKey>,
    ) -> Result<(), HarnessError> {
        let mut arguments = vec!["delegation", "remove", gun, role];
        arguments.extend(key.map(SignerKey::id));
        arguments.push("--yes");
        self.notary(&arguments).map(drop)
    }

    /// Deletes a repository, here and on the server.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`].
    pub fn delete(&self, gun: &str) -> Result<(), HarnessError> {
        self.notary(&["delete", gun, "--remote"]).map(drop)
    }

    /// Every target that this client believes, after an update from the server. `roles` are searched instead of `targets`.
    ///
    /// With the server unreachable the client answers from what it has: ask a fresh [`NotaryClient::verifier`] to be sure.
    ///
    /// # Errors
    ///
    /// As [`NotaryClient::init`]; [`HarnessError::Unexpected`] if its table cannot be read.
    pub fn list(&self, gun: &str, roles: &[&str]) -> Result<Vec<ListedTarget>, HarnessError> {
        let roles = roles.join(",");
        let mut arguments = vec!["list", gun];
        if !roles.is_empty() {
            arguments.extend(["--roles", &roles]);
        }
        listing::parse(&self.notary(&arguments)?)
    }

    /// The public half of the private key that signs a repository's root, as the PEM that operators pin.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if this client holds no such key.
    pub fn root_public_key(&self, gun: &str) -> Result<String, HarnessError> {
        let listed = listed_root_keys(&self.updated_root(gun)?)?;
        let keys = self.trust_directory().join("private");
        for entry in fs::read_dir(&keys).map_err(HarnessError::file(&keys))? {
            let path = entry.map_err(HarnessError::file(&keys))?.path();
            let text = fs::read_to_string(&path).map_err(HarnessError::file(&path))?;
            if !text.contains("\nrole: root\n") {
                continue;
            }
            let public = public_half(&path, PASSPHRASE)?;
            let der = der_of_public_key(&public)?;
            if listed.iter().any(|(_, key)| *key == der) {
                return Ok(public);
            }
        }
        Err(HarnessError::Unexpected {
            what: keys.display().to_string(),
            detail: format!("no root key of {gun}"),
        })
    }

    /// The TUF key IDs of a repository's root certificates, for [`TrustPinning::RootKeyIds`].
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if this client has not seen the repository.
    pub fn root_key_ids(&self, gun: &str) -> Result<Vec<String>, HarnessError> {
        Ok(listed_root_keys(&self.updated_root(gun)?)?
            .into_iter()
            .map(|(id, _)| id)
            .collect())
    }

    /// Where the client keeps keys and metadata.
    pub fn trust_directory(&self) -> PathBuf {
        self.directory.path().join("trust")
    }

    /// Runs any command of the client and returns its stdout.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] with the client's words if it fails.
    pub fn notary(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        run(self.command(arguments).stdin(Stdio::null()))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("notary");
        command
            .arg("-c")
            .arg(self.directory.path().join("client.json"))
            .args(arguments);
        for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
            command.env(format!("NOTARY_{role}_PASSPHRASE"), PASSPHRASE);
        }
        command
    }

    /// The client asks before it replaces a root key and takes the answer from stdin alone.
    fn rotate_root(&self, gun: &str) -> Result<(), HarnessError> {
        let answer = self.directory.write("answer", "yes\n")?;
        let answer = fs::File::open(&answer).map_err(HarnessError::file(&answer))?;
        let mut command = self.command(&["key", "rotate", gun, "root"]);
        let output = command
            .stdin(answer)
            .output()
            .map_err(|source| HarnessError::Start {
                program: "notary".to_owned(),
                source,
            })?;
        if output.status.success() {
            return Ok(());
        }
        Err(HarnessError::Command {
            command: format!("notary key rotate {gun} root"),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }

    /// The newest root, by way of the client's cache, which a key rotation alone does not renew.
    fn updated_root(&self, gun: &str) -> Result<Vec<u8>, HarnessError> {
        self.list(gun, &[])?;
        let path = self
            .trust_directory()
            .join("tuf")
            .join(gun)
            .join("metadata/root.json");
        fs::read(&path).map_err(HarnessError::file(path))
    }
}

// For keys that live as long as one test.
const PASSPHRASE: &str = "test-passphrase";
