//! How a registry is reached from the command line.

use std::fs;
use std::path::PathBuf;

use vouchsafe_airgap::registry::{Credentials, RegistryClient, RegistryError, RegistryOptions};

use crate::args::RegistryArgs;
use crate::exit::Error;

/// The client for a registry.
pub(super) fn client(args: &RegistryArgs) -> Result<RegistryClient, Error> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let options = RegistryOptions {
        certificates: args.ca.as_ref().map(read).transpose()?,
        credentials: credentials(args)?,
        ..RegistryOptions::default()
    };
    Ok(RegistryClient::new(options).map_err(|error| failure(&error))?)
}

fn credentials(args: &RegistryArgs) -> Result<Option<Credentials>, Error> {
    if let Some(username) = &args.username {
        let password = args.password.clone();
        let password = password.ok_or("--username needs a password: set VOUCHSAFE_PASSWORD")?;
        return Ok(Some(Credentials::Inline {
            username: username.clone(),
            password: password.into(),
        }));
    }
    if let Some(file) = &args.docker_config {
        return Ok(Some(Credentials::DockerConfig(file.clone())));
    }
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".docker")));
    Ok(folder.map(|folder| Credentials::DockerConfigIfAny(folder.join("config.json"))))
}

/// The error, and what can be done about it.
pub(crate) fn failure(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    match error.hint() {
        Some(hint) => format!("{text}\nhint: {hint}"),
        None => text,
    }
}
