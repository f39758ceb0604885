//! User names and passwords, and where they are kept.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use vouchsafe_trust::Server;

/// Where a user name and a password come from. Files are read whenever they are needed, since
/// Kubernetes changes them while the process runs.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A Docker `config.json`, with an entry for the server.
    DockerConfig(PathBuf),
    /// One file each; a trailing line break does not count.
    Files {
        /// The file with the user name.
        username: PathBuf,
        /// The file with the password.
        password: PathBuf,
    },
    /// The values themselves.
    Inline {
        /// The user name.
        username: String,
        /// The password.
        password: SecretString,
    },
}

/// A user name and a password.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: SecretString,
}

impl Credentials {
    /// Reads the login for `server`.
    pub(super) fn login(&self, server: &Server) -> Result<Login, CredentialsError> {
        match self {
            Self::DockerConfig(path) => from_docker_config(path, server),
            Self::Files { username, password } => Ok(Login {
                username: line(username)?,
                password: line(password)?.into(),
            }),
            Self::Inline { username, password } => Ok(Login {
                username: username.clone(),
                password: password.clone(),
            }),
        }
    }
}

impl Login {
    /// The value of an `Authorization` header (RFC 7617), without the scheme.
    pub(super) fn basic(&self) -> String {
        let (username, password) = (&self.username, self.password.expose_secret());
        STANDARD.encode(format!("{username}:{password}"))
    }
}

/// Why configured credentials cannot be used. Never carries any part of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The Docker configuration has no user name and password for the server.
    #[error("{} has no `auth` for {authority}", .path.display())]
    NoEntry {
        /// The file.
        path: PathBuf,
        /// Host and port of the server.
        authority: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{} is not {expected}", .path.display())]
    WrongForm {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: std::collections::BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl DockerAuth {
    fn login(&self) -> Option<Login> {
        if let Some(auth) = self.auth.as_deref().filter(|auth| !auth.is_empty()) {
            let decoded = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
            // Docker pads the password with NULs.
            let (username, password) = decoded.trim_end_matches('\0').split_once(':')?;
            return Some(Login {
                username: username.to_owned(),
                password: password.into(),
            });
        }
        Some(Login {
            username: self.username.clone()?,
            password: self.password.clone()?.into(),
        })
    }
}

fn from_docker_config(path: &Path, server: &Server) -> Result<Login, CredentialsError> {
    let text = contents(path)?;
    let config: DockerConfig =
        serde_json::from_str(&text).map_err(|_error| CredentialsError::WrongForm {
            path: path.to_owned(),
            expected: "a Docker `config.json`",
        })?;
    config
        .auths
        .iter()
        .find(|(key, _)| authority(key) == server.authority())
        .and_then(|(_, auth)| auth.login())
        .ok_or_else(|| CredentialsError::NoEntry {
            path: path.to_owned(),
            authority: server.authority().to_owned(),
        })
}

/// Host and port of a key of `auths`, which may be written as a URL.
fn authority(key: &str) -> String {
    key.parse::<Server>().map_or_else(
        |_error| key.to_owned(),
        |server| server.authority().to_owned(),
    )
}

fn line(path: &Path) -> Result<String, CredentialsError> {
    let text = contents(path)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn contents(path: &Path) -> Result<String, CredentialsError> {
    let unreadable = |source| CredentialsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

/// The most that is read of a file; Kubernetes keeps Secrets below this.
const MAX_FILE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn login_from(config: &str, server: &str) -> Option<(String, String)> {
        let config: DockerConfig = serde_json::from_str(config).unwrap();
        let server: Server = server.parse().unwrap();
        let found = config
            .auths
            .iter()
            .find(|(key, _)| authority(key) == server.authority());
        let login = found.and_then(|(_, auth)| auth.login())?;
        Some((login.username, login.password.expose_secret().to_owned()))
    }

    #[test]
    fn a_docker_config_is_looked_up_by_host_and_port() {
        let config = r#"{"auths": {
            "https://notary.example.com/v1/": {"auth": "dXNlcjpwOnc="},
            "notary.example.com:4443": {"username": "u", "password": "p"},
            "empty.example.com": {}
        }, "credsStore": "x"}"#;
        let user = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        let cases = [
            ("https://notary.example.com", user("user", "p:w")),
            ("https://notary.example.com:4443/notary", user("u", "p")),
            ("https://empty.example.com", None),
            ("https://other.example.com", None),
        ];
        for (server, expected) in cases {
            assert_eq!(login_from(config, server), expected, "{server}");
        }
    }

    #[test]
    fn nothing_prints_a_password() {
        let credentials = Credentials::Inline {
            username: "user".to_owned(),
            password: "hunter2".into(),
        };
        let server = "notary.example.com".parse().unwrap();
        let login = credentials.login(&server).unwrap();
        assert!(!format!("{credentials:?} {login:?}").contains("hunter2"));
        assert_eq!(login.basic(), "dXNlcjpodW50ZXIy");
    }
}
