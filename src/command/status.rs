//! `vouchsafe status`: what is stored, how old it is, and how the last sync ended.

use std::collections::BTreeMap;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use vouchsafe_store::{ActiveStatus, Reader, RepositoryState, RepositoryStatus, ServerState, SyncResult};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::{Gun, Role, Server};

use crate::args::{Common, StatusArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::freshness;
use crate::printer::Printer;

/// What is stored. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// The time by which ages are counted.
    now: Timestamp,
    /// What is remembered of each Notary server.
    servers: BTreeMap<Server, ServerState>,
    /// The repositories.
    repositories: Vec<Repository>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(flatten)]
    status: RepositoryStatus,
    /// In one word: `fresh`, `stale`, `expired`, `withdrawn`, `unproven` or `unknown`.
    freshness: &'static str,
    /// The tags of each role; only where one repository was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_by_role: Option<BTreeMap<Role, Vec<Target>>>,
}

pub(crate) fn run(args: &StatusArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let reader = context::reader(common, &config)?;
    let now = context::judgement_time(&*reader)?;
    let max_staleness = config.freshness().max_staleness;
    let found = match &args.gun {
        Some(gun) => reader.repository_status(None, gun)?,
        None => reader.status()?,
    };
    let repositories = found
        .into_iter()
        .map(|status| repository(&*reader, args.gun.as_ref(), status, now, max_staleness))
        .collect::<Result<_, Error>>()?;
    let status = Status { now, servers: reader.servers()?, repositories };
    Printer::new(args.output.output).print(&status, |status| match &args.gun {
        Some(gun) => describe(gun, status),
        None => table(status),
    })?;
    let unknown = args.gun.is_some() && status.repositories.is_empty();
    Ok(if unknown { Outcome::No } else { Outcome::Yes })
}

fn repository(
    reader: &dyn Reader,
    asked: Option<&Gun>,
    status: RepositoryStatus,
    now: Timestamp,
    max_staleness: SignedDuration,
) -> Result<Repository, Error> {
    let is_active = matches!(status.state, RepositoryState::Active(_));
    let tags_by_role = match asked {
        Some(gun) if is_active => Some(reader.tags(&status.server, gun)?),
        _ => None,
    };
    let freshness = freshness::word(&status.state, now, max_staleness);
    Ok(Repository { status, freshness, tags_by_role })
}

fn table(status: &Status) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["GUN", "STATE", "TAGS", "ROOT", "TARGETS", "TIMESTAMP", "EXPIRES", "LAST SYNC", "SERVER"]);
    for Repository { status: repository, freshness, .. } in &status.repositories {
        let mut cells = vec![repository.gun.to_string(), (*freshness).to_owned()];
        match &repository.state {
            RepositoryState::Active(active) => cells.extend(versions(active, status.now)),
            _ => cells.extend(std::iter::repeat_n("-".to_owned(), 5)),
        }
        cells.push(last_sync(repository, status.now));
        cells.push(repository.server.to_string());
        table.add_row(cells);
    }
    let mut text = if status.repositories.is_empty() {
        "nothing is stored; run `vouchsafe sync`\n".to_owned()
    } else {
        format!("{table}\n")
    };
    for (server, state) in &status.servers {
        let last = state.last_pass.map_or_else(|| "never".to_owned(), |at| ago(at, status.now));
        text.push_str(&format!("\n{server}: last reached {last}"));
        if let Some(error) = &state.last_error {
            text.push_str(&format!("; {error}"));
        }
    }
    if !status.servers.is_empty() {
        text.push('\n');
    }
    text
}

/// Tags, versions and the first expiry, as cells.
fn versions(active: &ActiveStatus, now: Timestamp) -> [String; 5] {
    let version = |role: &Role| {
        active.roles.get(role).map_or_else(|| "-".to_owned(), |facts| facts.version.to_string())
    };
    let first = active.roles.values().map(|facts| facts.expires).min();
    let expires = first.map_or_else(|| "-".to_owned(), |at| until(at, now));
    [
        active.tags.to_string(),
        version(&Role::Root),
        version(&Role::Targets),
        version(&Role::Timestamp),
        expires,
    ]
}

fn last_sync(repository: &RepositoryStatus, now: Timestamp) -> String {
    match &repository.last_sync {
        None => "-".to_owned(),
        Some(outcome) => match &outcome.result {
            SyncResult::Ok => ago(outcome.at, now),
            SyncResult::Err { label, .. } => format!("failed {}: {label}", ago(outcome.at, now)),
        },
    }
}

/// One repository in full.
fn describe(gun: &Gun, status: &Status) -> String {
    if status.repositories.is_empty() {
        return format!("nothing is known of {gun}; run `vouchsafe sync {gun}`\n");
    }
    let mut text = String::new();
    for repository in &status.repositories {
        text.push_str(&format!("{gun} of {}\n", repository.status.server));
        text.push_str(&format!("  state      {}\n", repository.freshness));
        if let Some(outcome) = &repository.status.last_sync {
            let how = match &outcome.result {
                SyncResult::Ok => "done".to_owned(),
                SyncResult::Err { message, .. } => format!("failed: {message}"),
            };
            text.push_str(&format!("  last sync  {}, {how}\n", ago(outcome.at, status.now)));
        }
        match &repository.status.state {
            RepositoryState::Active(active) => describe_active(active, repository, status.now, &mut text),
            RepositoryState::Withdrawn { at } => text.push_str(&format!(
                "  withdrawn  the server said {} that it no longer has it\n",
                ago(*at, status.now)
            )),
            RepositoryState::Unknown => {}
        }
    }
    text
}

fn describe_active(active: &ActiveStatus, repository: &Repository, now: Timestamp, text: &mut String) {
    if let Some(unproven) = &active.unproven {
        text.push_str(&format!("  unproven   {}\n", unproven.message));
    }
    text.push_str(&format!("  verified   {}\n", ago(active.verified_at, now)));
    for anchor in &active.anchors {
        text.push_str(&format!("  anchor     {anchor}\n"));
    }
    let mut roles = Table::new();
    roles.load_style(NOTHING);
    roles.set_header(["ROLE", "VERSION", "EXPIRES", "TARGETS"]);
    for (role, facts) in &active.roles {
        roles.add_row([
            role.to_string(),
            facts.version.to_string(),
            until(facts.expires, now),
            facts.targets.map_or_else(|| "-".to_owned(), |targets| targets.to_string()),
        ]);
    }
    text.push_str(&format!("\n{roles}\n"));
    let Some(tags) = &repository.tags_by_role else { return };
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["TAG", "ROLE", "DIGEST"]);
    for (role, targets) in tags {
        for target in targets {
            let digest = target.sha256.map_or_else(|| "no SHA-256".to_owned(), |d| format!("sha256:{d}"));
            table.add_row([target.name.clone(), role.to_string(), digest]);
        }
    }
    text.push_str(&format!("\n{table}\n"));
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.duration_since(at)))
}

fn until(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    if left.is_negative() {
        format!("{} ago", span(left.abs()))
    } else {
        format!("in {}", span(left))
    }
}

/// A duration in its largest unit.
fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        ..=119 => format!("{} s", seconds.max(0)),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
