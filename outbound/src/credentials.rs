//! User names and passwords, and where they are kept.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use vouchsafe_trust::Server;

mod docker;

use docker::{authority, from_docker_config};

/// Where a user name and a password come from. Files are read whenever they are needed, since
/// Kubernetes changes them while the process runs.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A Docker `config.json`, with an entry for the server.
    DockerConfig(PathBuf),
    /// The same, as a default: without the file or an entry there are no credentials.
    DockerConfigIfAny(PathBuf),
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

/// What to show for an identity.
#[derive(Clone, Debug)]
pub(super) enum Login {
    /// What a token service gives tokens for (OAuth 2.0 refresh token).
    IdentityToken(SecretString),
    /// A user name and a password.
    Password {
        username: String,
        password: SecretString,
    },
}

impl Credentials {
    /// Reads the login for `server`; none only from [`Credentials::DockerConfigIfAny`].
    pub(super) fn login(&self, server: &Server) -> Result<Option<Login>, CredentialsError> {
        let (username, password) = match self {
            Self::DockerConfig(path) => return from_docker_config(path, server).map(Some),
            Self::DockerConfigIfAny(path) => return docker::login_if_any(path, server),
            Self::Files { username, password } => (line(username)?, line(password)?.into()),
            Self::Inline { username, password } => (username.clone(), password.clone()),
            Self::Secret(folder) => return from_secret(folder, server).map(Some),
        };
        Ok(Some(Login::Password { username, password }))
    }
}

impl Login {
    /// The value of an `Authorization` header (RFC 7617), without the scheme; an identity token
    /// goes into none.
    pub(super) fn basic(&self) -> Option<String> {
        let Self::Password { username, password } = self else {
            return None;
        };
        let password = password.expose_secret();
        Some(STANDARD.encode(format!("{username}:{password}")))
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
    Ok(Login::Password {
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

    fn username(login: Option<Login>) -> String {
        match login {
            Some(Login::Password { username, .. }) => username,
            other => panic!("{other:?}"),
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
        assert_eq!(username(login().unwrap()), "docker");
        write(
            SECRET_FILE,
            "username: yaml\npassword: hunter2\nextra: ignored\n",
        );
        assert_eq!(username(login().unwrap()), "yaml");
        write(
            SECRET_FILE,
            "{username: yaml, password: p, registry: 'https://notary.example.com:4443'}",
        );
        assert_eq!(username(login().unwrap()), "yaml");
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
        let login = credentials.login(&server).unwrap().unwrap();
        assert!(!format!("{credentials:?} {login:?}").contains("hunter2"));
        assert_eq!(login.basic().unwrap(), "dXNlcjpodW50ZXIy");
    }
}
