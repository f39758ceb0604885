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
    /// A Kubernetes secret, mounted as a folder: `secret.yaml` with `username`, `password` and, at
    /// will, the `registry` that they are for; or else `.dockerconfigjson`.
    Secret(PathBuf),
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
            Self::Secret(folder) => from_secret(folder, server),
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
    /// The file has no user name and password for the server.
    #[error("{} has no credentials for {authority}", .path.display())]
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

/// `secret.yaml` counts before `.dockerconfigjson`, as in Connaisseur.
fn from_secret(folder: &Path, server: &Server) -> Result<Login, CredentialsError> {
    let path = folder.join(SECRET_FILE);
    // Whether it is there is asked first: one that cannot be read must not be passed over.
    if !path.exists() {
        return from_docker_config(&folder.join(DOCKER_CONFIG_FILE), server);
    }
    let text = contents(&path)?;
    // Neither the YAML reader's words nor its snippet are passed on: they may hold the password.
    let secret: SecretFile =
        serde_saphyr::from_str(&text).map_err(|_error| CredentialsError::WrongForm {
            path: path.clone(),
            expected: "a YAML mapping with `username` and `password`",
        })?;
    let is_meant = |registry: &String| authority(registry) == server.authority();
    if !secret.registry.as_ref().is_none_or(is_meant) {
        let authority = server.authority().to_owned();
        return Err(CredentialsError::NoEntry { path, authority });
    }
    Ok(Login {
        username: secret.username,
        password: secret.password.into(),
    })
}

#[derive(Deserialize)]
struct SecretFile {
    username: String,
    password: String,
    registry: Option<String>,
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

const SECRET_FILE: &str = "secret.yaml";
const DOCKER_CONFIG_FILE: &str = ".dockerconfigjson";
/// The most that is read of a file; Kubernetes keeps Secrets below this.
const MAX_FILE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use vouchsafe_tests::harness::TempDir;

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
    fn a_secret_is_a_folder_whose_yaml_counts_first() {
        let folder = TempDir::new("secret").unwrap();
        let server: Server = "notary.example.com:4443".parse().unwrap();
        let login = || Credentials::Secret(folder.path().to_path_buf()).login(&server);
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert!(
            login()
                .unwrap_err()
                .to_string()
                .contains(".dockerconfigjson")
        );
        let config = r#"{"auths": {"notary.example.com:4443": {"auth": "ZG9ja2VyOnA="}}}"#;
        write(DOCKER_CONFIG_FILE, config);
        assert_eq!(login().unwrap().username, "docker");
        write(
            SECRET_FILE,
            "username: yaml\npassword: hunter2\nextra: ignored\n",
        );
        assert_eq!(login().unwrap().username, "yaml");
        write(
            SECRET_FILE,
            "{username: yaml, password: p, registry: 'https://notary.example.com:4443'}",
        );
        assert_eq!(login().unwrap().username, "yaml");
        write(
            SECRET_FILE,
            "{username: yaml, password: p, registry: other.example.com}",
        );
        let error = login().unwrap_err().to_string();
        assert!(
            error.ends_with("has no credentials for notary.example.com:4443"),
            "{error}"
        );
        for broken in [
            "hunter2",
            "username: u",
            "username: u\npassword: [hunter2]",
            "{",
        ] {
            write(SECRET_FILE, broken);
            let error = login().unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{error:?}"
            );
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
