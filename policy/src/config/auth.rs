//! Credentials for a Notary server.

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use super::error::Problem;
use super::raw::RawAuth;
use super::yaml::At;

/// Credentials for a Notary server. Files are not read here.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Written into the configuration.
    Basic {
        /// The user's name.
        username: String,
        /// The password; its `Debug` is redacted.
        password: SecretString,
    },
    /// A Docker `config.json`.
    DockerConfig {
        /// Its path.
        file: PathBuf,
    },
    /// One file for each of the two.
    Files {
        /// Path of the file with the user's name.
        username: PathBuf,
        /// Path of the file with the password.
        password: PathBuf,
    },
    /// A Kubernetes secret, mounted as a folder.
    Secret {
        /// The secret's name, which is the folder's.
        name: String,
    },
}

impl PartialEq for Auth {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Basic { username, password },
                Self::Basic {
                    username: other_name,
                    password: other_password,
                },
            ) => {
                username == other_name && password.expose_secret() == other_password.expose_secret()
            }
            (Self::DockerConfig { file }, Self::DockerConfig { file: other }) => file == other,
            (
                Self::Files { username, password },
                Self::Files {
                    username: other_name,
                    password: other_password,
                },
            ) => username == other_name && password == other_password,
            (Self::Secret { name }, Self::Secret { name: other }) => name == other,
            _ => false,
        }
    }
}

impl Eq for Auth {}

/// Reads `auth`.
pub(super) fn auth(raw: At<RawAuth>) -> Result<Auth, At<Problem>> {
    let At { value: raw, place } = raw;
    if let Some(secret) = raw.secret_name {
        return secret_name(secret);
    }
    let basic = (raw.username, raw.password);
    let files = (raw.username_file, raw.password_file);
    match (basic, files, raw.docker_config_file) {
        ((Some(username), Some(password)), (None, None), None) => Ok(Auth::Basic {
            username,
            password: password.0,
        }),
        ((None, None), (Some(username), Some(password)), None) => Ok(Auth::Files {
            username: username.into(),
            password: password.into(),
        }),
        ((None, None), (None, None), Some(file)) => Ok(Auth::DockerConfig { file: file.into() }),
        _ => Err(At {
            value: Problem::Auth,
            place,
        }),
    }
}

/// A secret's name becomes the name of a folder, so it must not lead out of the one that it is in.
fn secret_name(written: At<String>) -> Result<Auth, At<Problem>> {
    let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    let name = &written.value;
    let is_name = !name.is_empty() && name.len() <= MAX_SECRET_NAME && !name.starts_with('.');
    if !is_name || !name.chars().all(fits) {
        return Err(written.fault(Problem::Value {
            key: "secretName",
            value: name.chars().take(MAX_SECRET_NAME).collect(),
            nearest: None,
            expected: "the name of a Kubernetes secret: lower-case letters, digits, `-` and `.`",
        }));
    }
    Ok(Auth::Secret {
        name: written.value,
    })
}

/// A DNS subdomain name (RFC 1123), as Kubernetes takes it.
const MAX_SECRET_NAME: usize = 253;
