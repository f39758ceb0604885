//! How a registry is reached from the command line.

use std::path::PathBuf;

use vouchsafe_airgap::registry::{Credentials, RegistryClient, RegistryError, RegistryOptions};

use crate::args::RegistryArgs;
use crate::context;
use crate::exit::Error;

/// The client for a registry.
pub(super) fn client(args: &RegistryArgs) -> Result<RegistryClient, Error> {
    let (certificates, login) = context::login(&args.login)?;
    let options = RegistryOptions {
        certificates,
        credentials: login.or_else(|| docker_config(args)),
        ..RegistryOptions::default()
    };
    Ok(RegistryClient::new(options).map_err(|error| failure(&error))?)
}

/// The Docker configuration file that was named, or the user's, if there is one.
fn docker_config(args: &RegistryArgs) -> Option<Credentials> {
    if let Some(file) = &args.docker_config {
        return Some(Credentials::DockerConfig(file.clone()));
    }
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".docker")))?;
    Some(Credentials::DockerConfigIfAny(folder.join("config.json")))
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
