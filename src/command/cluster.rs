//! `vouchsafe cluster`: what installing and removing it in a cluster takes, beside serving.

mod crds;
mod probe;
mod remove_webhooks;
mod wait;

use vouchsafe_policy::config::KubernetesSettings;

use crate::args::{ClusterCommand, Common};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::runtime;

pub(crate) fn run(command: &ClusterCommand, common: &Common) -> Result<Outcome, Error> {
    match command {
        ClusterCommand::Crds => crds::run(),
        ClusterCommand::Wait(args) => {
            let settings = settings(common)?;
            runtime::new()?.block_on(wait::run(args, &settings))
        }
        ClusterCommand::Probe(args) => {
            let settings = settings(common)?;
            runtime::new()?.block_on(probe::run(args, &settings))
        }
        ClusterCommand::RemoveWebhooks(args) => {
            let settings = settings(common)?;
            runtime::new()?.block_on(remove_webhooks::run(args, &settings))
        }
    }
}

/// The settings of the configuration; where there is no such file, none are set.
fn settings(common: &Common) -> Result<KubernetesSettings, Error> {
    if common.config.exists() {
        Ok(context::config(common)?.kubernetes().clone())
    } else {
        Ok(KubernetesSettings::default())
    }
}

/// What was typed, or else what is configured, or else the name that everything has by default.
fn named(typed: Option<&String>, configured: Option<&String>) -> String {
    typed.or(configured).map_or("vouchsafe", |it| it).to_owned()
}
