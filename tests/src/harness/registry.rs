//! The real registry.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::http::{Request, Response, exchange};
use super::notary_client::Tag;
use super::port::PortLease;
use super::process::Process;
use super::root_key::hex;
use super::token_issuer::{ISSUER, SERVICE, TokenIssuer};
use super::{Certificates, HarnessError, TempDir};

/// Debian's `docker-registry` on loopback.
#[derive(Debug)]
pub struct Registry {
    _directory: TempDir,
    port: PortLease,
    _process: Process,
}

/// An image that a [`Registry`] holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
    /// The repository with its registry, `localhost:PORT/team/app`: also its GUN.
    pub repository: String,
    /// The tag with the manifest's digest and size: what a publisher signs.
    pub tag: Tag,
}

/// Who gets in.
#[derive(Clone, Copy, Debug, Default)]
pub enum Admittance<'service> {
    /// Anyone.
    #[default]
    Open,
    /// [`ACCOUNT`], by password.
    Basic,
    /// Who has a token that a service at this address gives, which this issuer signed.
    Token {
        /// The address, `http://localhost:PORT/token`.
        realm: &'service str,
        /// The issuer.
        issuer: &'service TokenIssuer,
    },
}

impl Admittance<'_> {
    fn configuration(self, directory: &TempDir) -> Result<Value, HarnessError> {
        Ok(match self {
            Self::Open => json!({}),
            Self::Basic => {
                let accounts = directory.write("htpasswd", HTPASSWD)?;
                json!({"htpasswd": {"realm": "registry", "path": accounts}})
            }
            Self::Token { realm, issuer } => {
                let bundle = directory.write("issuer.crt", issuer.certificate_pem())?;
                json!({"token": {
                    "realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle,
                }})
            }
        })
    }
}

impl Image {
    /// `REPOSITORY:TAG`.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag.name)
    }

    /// `REPOSITORY:TAG@sha256:DIGEST`.
    pub fn pinned_reference(&self) -> String {
        format!("{}@sha256:{}", self.reference(), self.tag.sha256)
    }
}

impl Registry {
    /// Starts a registry with nothing in it, without TLS or accounts.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the program is missing, [`HarnessError::NotReady`] if it does not come up.
    pub fn start() -> Result<Self, HarnessError> {
        Self::start_with(None, Admittance::Open)
    }

    /// Starts a registry with nothing in it, with TLS if it gets certificates.
    ///
    /// # Errors
    ///
    /// As [`Registry::start`].
    pub fn start_with(
        certificates: Option<&Certificates>,
        admittance: Admittance<'_>,
    ) -> Result<Self, HarnessError> {
        let directory = TempDir::new("registry")?;
        let port = PortLease::new()?;
        let tls = certificates.map_or_else(
            || json!({}),
            |certificates| json!({"certificate": certificates.leaf_file(), "key": certificates.leaf_key_file()}),
        );
        let config = json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": directory.path().join("data")}},
            "http": {"addr": port.address().to_string(), "tls": tls},
            "auth": admittance.configuration(&directory)?,
        });
        // JSON is YAML.
        let file = directory.write("registry.yaml", config.to_string())?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(file);
        let mut process = Process::start(&mut command, &directory.path().join("registry.log"))?;
        process.wait_until_listening(port.address())?;
        Ok(Self {
            _directory: directory,
            port,
            _process: process,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// `localhost:PORT`, the first component of its images' names.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port.number())
    }

    /// Pushes an image of one small layer; other `content` makes another digest.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Answer`] if the registry refuses it.
    pub fn push(&self, repository: &str, tag: &str, content: &str) -> Result<Image, HarnessError> {
        let layer = content.as_bytes();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        });
        let config = config.to_string();
        self.push_blob(repository, layer)?;
        self.push_blob(repository, config.as_bytes())?;

        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(config.as_bytes()), "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": layer.len()}],
        });
        let manifest = manifest.to_string().into_bytes();
        let size = u64::try_from(manifest.len()).unwrap_or_default();
        let sha256 = hex(&Sha256::digest(&manifest));
        let put = Request::put(
            &format!("/v2/{repository}/manifests/{tag}"),
            MANIFEST,
            manifest,
        );
        self.expect_created(&put)?;
        Ok(Image {
            repository: format!("{}/{repository}", self.host()),
            tag: Tag {
                name: tag.to_owned(),
                sha256,
                size,
            },
        })
    }

    fn push_blob(&self, repository: &str, blob: &[u8]) -> Result<(), HarnessError> {
        let post = Request::post(
            &format!("/v2/{repository}/blobs/uploads/"),
            "application/octet-stream",
            Vec::new(),
        );
        let accepted = self.exchange(&post)?;
        let location = accepted.header("location").unwrap_or_default();
        // Absolute, with this registry's host, as the `Host` header said.
        let path = location
            .find("/v2/")
            .and_then(|start| location.get(start..))
            .ok_or_else(|| HarnessError::Answer {
                request: post.line(),
                answer: format!("status {}, location {location:?}", accepted.status),
            })?;
        let put = Request::put(
            &format!("{path}&digest={}", digest_of(blob)),
            "application/octet-stream",
            blob.to_vec(),
        );
        self.expect_created(&put)
    }

    fn expect_created(&self, request: &Request) -> Result<(), HarnessError> {
        let response = self.exchange(request)?;
        if response.status == 201 {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&response.body).into_owned();
        Err(HarnessError::Answer {
            request: request.line(),
            answer: format!("status {}: {body}", response.status),
        })
    }

    fn exchange(&self, request: &Request) -> Result<Response, HarnessError> {
        exchange(self.port.address(), &self.host(), request)
    }
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// User and password of [`Admittance::Basic`].
pub const ACCOUNT: (&str, &str) = ("courier", "hunter2");

/// [`ACCOUNT`] as `htpasswd -B` writes it, with the least cost.
const HTPASSWD: &str = "courier:$2b$04$i1vH0nT2/QyuhCT8dkMSg.32vkHlUBbkttVvn3mIVgYTNJxCT63IK\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
