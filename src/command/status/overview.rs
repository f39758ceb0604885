//! All repositories, a line each.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::Timestamp;
use vouchsafe_policy::{BundleSettings, Config};
use vouchsafe_store::{
    ActiveStatus, ImportedBundle, RepositoryState, RepositoryStatus, ServerState, SyncResult,
};
use vouchsafe_trust::{Role, Server};

use super::age::{ago, until};
use super::{Repository, Status};
use crate::printer::{MAX_MESSAGE, MAX_NAME, printable};

pub(super) fn text(status: &Status, config: &Config) -> String {
    let mut parts = Vec::new();
    if status.repositories.is_empty() {
        let next = if config.sync().is_off {
            "take in a bundle (`vouchsafe bundle import`)"
        } else {
            "run `vouchsafe sync`"
        };
        parts.push(format!("nothing is stored; {next}"));
    } else {
        parts.push(table(status).to_string());
    }
    if !status.bundles.is_empty() {
        parts.push(String::new());
        let bundles = status.bundles.iter();
        parts.extend(bundles.map(|it| bundle(it, config.bundles(), status.now)));
    }
    if !status.servers.is_empty() {
        parts.push(String::new());
        parts.extend(
            status
                .servers
                .iter()
                .map(|(server, state)| line(server, state, status.now)),
        );
    }
    parts.join("\n") + "\n"
}

fn table(status: &Status) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(HEADER);
    for Repository {
        status: repository,
        freshness,
        admissible_until,
        ..
    } in &status.repositories
    {
        let mut cells = vec![repository.gun.to_string(), (*freshness).to_owned()];
        cells.extend(versions(&repository.state, status.now));
        cells.push(admissible_until.map_or_else(|| NONE.to_owned(), |at| until(at, status.now)));
        cells.push(last_sync(repository, status.now));
        cells.push(repository.server.to_string());
        table.add_row(cells);
    }
    table
}

/// Tags, versions and the first expiry, as cells.
fn versions(state: &RepositoryState, now: Timestamp) -> [String; 5] {
    let RepositoryState::Active(active) = state else {
        return std::array::from_fn(|_| NONE.to_owned());
    };
    let first = active.roles.values().map(|facts| facts.expires).min();
    [
        active.tags.to_string(),
        version(active, &Role::Root),
        version(active, &Role::Targets),
        version(active, &Role::Timestamp),
        first.map_or_else(|| NONE.to_owned(), |at| until(at, now)),
    ]
}

fn version(active: &ActiveStatus, role: &Role) -> String {
    active
        .roles
        .get(role)
        .map_or_else(|| NONE.to_owned(), |facts| facts.version.to_string())
}

fn last_sync(repository: &RepositoryStatus, now: Timestamp) -> String {
    let Some(outcome) = &repository.last_sync else {
        return NONE.to_owned();
    };
    match &outcome.result {
        SyncResult::Ok => ago(outcome.at, now),
        SyncResult::Err { label, .. } => {
            let label = printable(label, MAX_NAME);
            format!("failed {}: {label}", ago(outcome.at, now))
        }
    }
}

/// How old a bundle is, and what its word counts by the keys that are pinned now.
fn bundle(bundle: &ImportedBundle, settings: &BundleSettings, now: Timestamp) -> String {
    let word = if settings.keys.is_empty() {
        "nobody vouches for it".to_owned()
    } else if settings.is_vouched(&bundle.signers) {
        let refresh_by = bundle.refresh_by;
        let refresh_by = refresh_by.map(|at| format!("; to be refreshed {}", until(at, now)));
        let signers = settings.count(&bundle.signers);
        format!(
            "signed by {signers} of the pinned keys{}",
            refresh_by.unwrap_or_default()
        )
    } else {
        let signers = settings.count(&bundle.signers);
        format!("signed by {signers} of the pinned keys, which is too few for its word to count")
    };
    format!(
        "bundle {} {}: made {}, taken in {}, {word}",
        bundle.name,
        bundle.sequence,
        ago(bundle.created_at, now),
        ago(bundle.imported_at, now),
    )
}

fn line(server: &Server, state: &ServerState, now: Timestamp) -> String {
    let last = state
        .last_pass
        .map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let error = state.last_error.as_ref();
    let error = error.map(|error| format!("; {}", printable(error, MAX_MESSAGE)));
    format!("{server}: last reached {last}{}", error.unwrap_or_default())
}

const HEADER: [&str; 10] = [
    "GUN",
    "STATE",
    "TAGS",
    "ROOT",
    "TARGETS",
    "TIMESTAMP",
    "EXPIRES",
    "ADMITTED",
    "LAST SYNC",
    "SERVER",
];
const NONE: &str = "-";
