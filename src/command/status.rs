//! `vouchsafe status`: what is stored, how old it is, and how the last sync ended.

mod age;
mod describe;
mod overview;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_policy::Config;
use vouchsafe_store::{
    ImportedBundle, Reader, RefusedConfig, RepositoryState, RepositoryStatus, ServerState,
};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::{Gun, Role, Server};

use crate::args::{Common, StatusArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::freshness;
use crate::printer::{MAX_MESSAGE, Printer, note, printable};

/// What is stored. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// The time by which ages are counted.
    now: Timestamp,
    /// The newest version of the configuration, if `vouchsafe serve` refused it and goes on by the
    /// one before.
    refused_config: Option<RefusedConfig>,
    /// What is remembered of each Notary server.
    servers: BTreeMap<Server, ServerState>,
    /// The latest bundle of each series that was taken in.
    bundles: Vec<ImportedBundle>,
    /// The repositories.
    repositories: Vec<Repository>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(flatten)]
    status: RepositoryStatus,
    /// In one word, as [`freshness::word`] says it.
    freshness: &'static str,
    /// When its images cease to be admitted, unless it is brought up to date before; nothing where none
    /// are now.
    admissible_until: Option<Timestamp>,
    /// The tags of each role; only where one repository was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_by_role: Option<BTreeMap<Role, Vec<Target>>>,
}

pub(crate) fn run(args: &StatusArgs, common: &Common) -> Result<Outcome, Error> {
    let (config, reader) = context::config_and_reader(common)?;
    let now = context::judgement_time(&*reader)?;
    let found = match &args.gun {
        Some(gun) => reader.repository_status(None, gun)?,
        None => reader.status()?,
    };
    let repositories = found
        .into_iter()
        .map(|status| repository(&*reader, args.gun.as_ref(), status, &config, now))
        .collect::<Result<_, Error>>()?;
    let status = Status {
        now,
        refused_config: reader.refused_config()?,
        servers: reader.servers()?,
        bundles: reader.bundles()?,
        repositories,
    };
    if let Some(RefusedConfig { at, error }) = &status.refused_config {
        let error = printable(error, MAX_MESSAGE);
        note(&format!(
            "warning: the configuration was refused at {at:.0}, and the previous one is in use: {error}"
        ));
    }
    Printer::new(args.output.output).print(&status, |status| match &args.gun {
        Some(gun) => describe::text(gun, status),
        None => overview::text(status, &config),
    })?;
    let unknown = args.gun.is_some() && status.repositories.is_empty();
    Ok(if unknown { Outcome::No } else { Outcome::Yes })
}

fn repository(
    reader: &dyn Reader,
    asked: Option<&Gun>,
    status: RepositoryStatus,
    config: &Config,
    now: Timestamp,
) -> Result<Repository, Error> {
    let is_active = matches!(status.state, RepositoryState::Active(_));
    let tags_by_role = match asked {
        Some(gun) if is_active => Some(reader.tags(&status.server, gun)?),
        _ => None,
    };
    let freshness = freshness::word(&status, config, now);
    let admissible_until = freshness::admissible_until(&status, config, freshness, now);
    Ok(Repository {
        status,
        freshness,
        admissible_until,
        tags_by_role,
    })
}
