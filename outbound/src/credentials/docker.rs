//! Docker's `config.json`. Credential helpers are not run.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use vouchsafe_trust::Server;

use super::{CredentialsError, Login, contents};

/// Reads the login for `server`, which has to be there.
pub(super) fn from_docker_config(path: &Path, server: &Server) -> Result<Login, CredentialsError> {
    read(path)?
        .login(server)
        .ok_or_else(|| CredentialsError::NoEntry {
            path: path.to_owned(),
            authority: server.authority().to_owned(),
        })
}

/// Reads the login for `server`, if the file is there and has one.
pub(super) fn login_if_any(
    path: &Path,
    server: &Server,
) -> Result<Option<Login>, CredentialsError> {
    // One that is there and cannot be read must not be passed over.
    if !path.exists() {
        return Ok(None);
    }
    Ok(read(path)?.login(server))
}

/// Host and port of a key of `auths`, which may be written as a URL.
pub(super) fn authority(key: &str) -> String {
    key.parse::<Server>().map_or_else(
        |_error| key.to_owned(),
        |server| server.authority().to_owned(),
    )
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl Config {
    fn login(&self, server: &Server) -> Option<Login> {
        let authorities = match server.authority() {
            // Docker keeps the login to its Hub under the address of an API that is long gone.
            hub @ "registry-1.docker.io" => [hub, "index.docker.io"],
            authority => [authority; 2],
        };
        let of = |(key, entry): (&String, &Entry)| {
            authorities
                .contains(&authority(key).as_str())
                .then(|| entry.login())
        };
        self.auths.iter().find_map(of).flatten()
    }
}

impl Entry {
    fn login(&self) -> Option<Login> {
        let written = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        // Beside one, `auth` is a name without a password.
        if let Some(token) = written(&self.identitytoken) {
            return Some(Login::IdentityToken(token.into()));
        }
        if let Some(auth) = written(&self.auth) {
            let decoded = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
            // Docker pads the password with NULs.
            let (username, password) = decoded.trim_end_matches('\0').split_once(':')?;
            return Some(Login::Password {
                username: username.to_owned(),
                password: password.into(),
            });
        }
        Some(Login::Password {
            username: self.username.clone()?,
            password: self.password.clone()?.into(),
        })
    }
}

fn read(path: &Path) -> Result<Config, CredentialsError> {
    let text = contents(path)?;
    serde_json::from_str(&text).map_err(|_error| CredentialsError::WrongForm {
        path: path.to_owned(),
        expected: "a Docker `config.json`",
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use vouchsafe_tests::harness::TempDir;

    use super::super::Credentials;
    use super::*;

    fn login_from(config: &str, server: &str) -> Option<(String, String)> {
        let config: Config = serde_json::from_str(config).unwrap();
        Some(match config.login(&server.parse().unwrap())? {
            Login::IdentityToken(token) => ("token".to_owned(), token.expose_secret().to_owned()),
            Login::Password { username, password } => {
                (username, password.expose_secret().to_owned())
            }
        })
    }

    #[test]
    fn a_docker_config_is_looked_up_by_host_and_port() {
        let config = r#"{"auths": {
            "https://notary.example.com/v1/": {"auth": "dXNlcjpwOnc="},
            "notary.example.com:4443": {"username": "u", "password": "p"},
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"},
            "x.azurecr.io": {"auth": "MDAwMDo=", "identitytoken": "t"},
            "empty.example.com": {}
        }, "credsStore": "x"}"#;
        let user = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        let cases = [
            ("https://notary.example.com", user("user", "p:w")),
            ("https://notary.example.com:4443/notary", user("u", "p")),
            ("https://registry-1.docker.io", user("hub", "p")),
            ("https://x.azurecr.io", user("token", "t")),
            ("https://empty.example.com", None),
            ("https://other.example.com", None),
        ];
        for (server, expected) in cases {
            assert_eq!(login_from(config, server), expected, "{server}");
        }
    }

    #[test]
    fn a_default_file_may_be_missing_or_have_no_entry_but_not_be_unreadable() {
        let folder = TempDir::new("docker-config").unwrap();
        let server: Server = "registry.example.com".parse().unwrap();
        let path = folder.path().join("config.json");
        let login = || Credentials::DockerConfigIfAny(path.clone()).login(&server);
        assert!(login().unwrap().is_none());
        let write = |text: &str| folder.write("config.json", text).unwrap();
        write(r#"{"auths": {"other.example.com": {"auth": "dTpw"}}}"#);
        assert!(login().unwrap().is_none());
        write(r#"{"auths": {"registry.example.com": {"auth": "dTpw"}}}"#);
        assert!(login().unwrap().is_some());
        write("hunter2");
        let error = login().unwrap_err();
        assert!(
            matches!(error, CredentialsError::WrongForm { .. }),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
