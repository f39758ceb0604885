//! Fills a real Notary server with many repositories, through the routes that publishers use.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use reqwest::{Certificate, Client, RequestBuilder, Url};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Builder;
use tokio::sync::Mutex;

use super::root_key::hex;
use super::{Certificates, HarnessError, NotaryServer};
use crate::vector::json::Json;
use crate::vector::key::Key;
use crate::vector::repository::{Files, Repository};

/// A publisher of repositories named by a number, each in the shape that `docker trust sign` leaves: the same tags in `targets/releases`
/// and in `targets/alice`, keys of its own for every role but root. The server holds the timestamp keys.
#[derive(Debug)]
pub struct Generator {
    server: Url,
    authority: Option<Certificate>,
    tags: usize,
    /// The server with keys of its own dies of two requests at once that make keys ("concurrent map writes").
    turn: Mutex<()>,
}

impl Generator {
    /// A publisher to `server` of repositories with so many tags.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if the server's address or the authority is none.
    pub fn new(
        server: &NotaryServer,
        certificates: Option<&Certificates>,
        tags: usize,
    ) -> Result<Self, HarnessError> {
        let authority = certificates.map(|it| Certificate::from_pem(it.authority_pem().as_bytes()));
        Ok(Self {
            server: Url::parse(&server.url()).map_err(HarnessError::unexpected("server"))?,
            authority: authority
                .transpose()
                .map_err(HarnessError::unexpected("authority"))?,
            tags,
            turn: Mutex::new(()),
        })
    }

    /// The repository of this number.
    pub fn gun(number: usize) -> String {
        format!("{PREFIX}team-{}/app-{number}", number % 50)
    }

    /// The root key of all of them, as an operator pins it.
    pub fn root_key_pem() -> String {
        root_key().public_key_pem()
    }

    /// The image that a tag of a repository points to; its digest is [`digest_of`](crate::vector::repository::digest_of) it.
    pub fn image(gun: &str, tag: usize, generation: u64) -> String {
        format!("{gun} {tag} {generation}")
    }

    /// Publishes repositories `0..count` in their first generation, or what changed in another: all tags point elsewhere. The generations of a
    /// repository must be published in order, from 1.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] or [`HarnessError::Answer`] for the first repository that the server does not take.
    pub fn publish(&self, count: usize, generation: u64) -> Result<(), HarnessError> {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let publishers: Vec<_> = (0..PUBLISHERS)
                .map(|_| scope.spawn(|| self.publish_next(&next, count, generation)))
                .collect();
            publishers
                .into_iter()
                .try_for_each(|it| it.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    fn publish_next(
        &self,
        next: &AtomicUsize,
        count: usize,
        generation: u64,
    ) -> Result<(), HarnessError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(HarnessError::unexpected("runtime"))?;
        // Already set where several publish, or several times.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        #[expect(
            clippy::disallowed_methods,
            reason = "no static binary, and on loopback"
        )]
        let mut client = Client::builder();
        if let Some(authority) = &self.authority {
            client = client.tls_certs_only([authority.clone()]);
        }
        let client = client.build().map_err(HarnessError::unexpected("client"))?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            runtime.block_on(self.publish_one(&client, &Self::gun(number), generation))?;
        }
    }

    async fn publish_one(
        &self,
        client: &Client,
        gun: &str,
        generation: u64,
    ) -> Result<(), HarnessError> {
        let request = client.get(self.route(gun, "timestamp.key")?);
        let key = self.answer(request).await?;
        let timestamp = listed(&key)?;
        let repository = self.repository(gun, generation, timestamp);
        let unchanged =
            |name: &str| generation > 1 && ["root.json", "targets.json"].contains(&name);
        let mut files = repository.files();
        files.retain(|name, _| !unchanged(name));
        let body = form(&files);
        let request = client.post(self.route(gun, "")?);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.answer(request.header("content-type", kind).body(body))
            .await?;
        Ok(())
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, HarnessError> {
        let _turn = self.turn.lock().await;
        let response = request.send().await;
        let response = response.map_err(HarnessError::unexpected("a publisher's request"))?;
        let (status, url) = (response.status(), response.url().clone());
        let body = response.bytes().await;
        let body = body.map_err(HarnessError::unexpected(url.clone()))?;
        if status.is_success() {
            return Ok(body.into());
        }
        Err(HarnessError::Answer {
            request: url.to_string(),
            answer: format!("{status} {}", String::from_utf8_lossy(&body)),
        })
    }

    fn route(&self, gun: &str, file: &str) -> Result<Url, HarnessError> {
        let path = format!("/v2/{gun}/_trust/tuf/{file}");
        self.server
            .join(&path)
            .map_err(HarnessError::unexpected(path))
    }

    fn repository(
        &self,
        gun: &str,
        generation: u64,
        (timestamp_id, timestamp_key): (String, Json),
    ) -> Repository {
        let key = |role: &str| [Key::p256(&format!("{role} of {gun}"))];
        let mut repository = Repository::with_root_key(root_key())
            .edit("root", move |root| {
                let id = Json::Array(vec![Json::Text(timestamp_id.clone())]);
                root.at(&["roles", "timestamp", "keyids"]).set(id);
                let keys = root.at(&["keys"]);
                keys.remove(&Key::p256("timestamp").id());
                keys.push(&timestamp_id, timestamp_key.clone());
                keys.members().sort_by(|a, b| a.0.cmp(&b.0));
            })
            .keys("targets", &key("targets"))
            .version("targets", 1)
            .keys("snapshot", &key("snapshot"))
            .version("snapshot", generation);
        for (nanoseconds, role) in (1..).zip(DELEGATIONS) {
            // Notary's client reads the clock for each, so no two files of a repository are the same.
            let expires = format!("2100-01-01T00:00:00.{nanoseconds:09}Z");
            repository = repository
                .delegate(role, &key("alice"), &[""])
                .expires(role, &expires)
                .version(role, generation);
            for tag in 0..self.tags {
                let image = Self::image(gun, tag, generation);
                repository = repository.tag(role, &format!("v{tag}"), &image);
            }
        }
        repository
    }
}

/// One key for all, made out to all.
fn root_key() -> Key {
    Key::p256("root").certified(&format!("{PREFIX}*"))
}

/// A public key that the server made, as root lists it, with its ID.
fn listed(answer: &[u8]) -> Result<(String, Json), HarnessError> {
    let key: Value =
        serde_json::from_slice(answer).map_err(HarnessError::unexpected("timestamp.key"))?;
    let text = |pointer: &str| {
        let found = key.pointer(pointer).and_then(Value::as_str);
        found
            .map(Json::text)
            .ok_or_else(|| HarnessError::unexpected("timestamp.key")(format!("no {pointer}")))
    };
    let value = Json::object([("private", Json::Null), ("public", text("/keyval/public")?)]);
    let key = Json::object([("keytype", text("/keytype")?), ("keyval", value)]);
    Ok((hex(&Sha256::digest(key.canonical())), key))
}

/// What a publisher uploads: everything but the timestamp.
fn form(files: &Files) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file) in files {
        let role = name.trim_end_matches(".json");
        if role == "timestamp" || role.strip_suffix(".root").is_some() {
            continue;
        }
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{role}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

const PREFIX: &str = "registry.example.com/";
const DELEGATIONS: [&str; 2] = ["targets/alice", "targets/releases"];
const BOUNDARY: &str = "vouchsafe-generator";
/// Few: the memory back end can be killed by parallel requests.
const PUBLISHERS: usize = 2;
