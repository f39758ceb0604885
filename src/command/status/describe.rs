//! One repository in full.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::Timestamp;
use vouchsafe_store::{ActiveStatus, RepositoryState, SyncResult};
use vouchsafe_trust::Gun;

use super::age::{ago, until};
use super::{Repository, Status};
use crate::printer::{MAX_MESSAGE, MAX_NAME, printable};

pub(super) fn text(gun: &Gun, status: &Status) -> String {
    if status.repositories.is_empty() {
        return format!("nothing is known of {gun}; run `vouchsafe sync {gun}`\n");
    }
    let described = status
        .repositories
        .iter()
        .map(|repository| describe(repository, status.now));
    described.collect::<Vec<_>>().join("\n")
}

fn describe(repository: &Repository, now: Timestamp) -> String {
    let status = &repository.status;
    let mut lines = vec![
        format!("{} of {}", status.gun, status.server),
        format!("  state      {}", repository.freshness),
    ];
    if let Some(at) = repository.admissible_until {
        lines.push(format!("  admitted   {} ({at:.0})", until(at, now)));
    }
    if let Some(outcome) = &status.last_sync {
        let how = match &outcome.result {
            SyncResult::Ok => "done".to_owned(),
            SyncResult::Err { message, .. } => {
                format!("failed: {}", printable(message, MAX_MESSAGE))
            }
        };
        lines.push(format!("  last sync  {}, {how}", ago(outcome.at, now)));
    }
    match &status.state {
        RepositoryState::Active(active) => {
            lines.extend(proof(active, now));
            lines.push(format!("\n{}", roles(active, now)));
            lines.push(format!("\n{}", tags(repository)));
        }
        RepositoryState::Withdrawn { at } => {
            let ago = ago(*at, now);
            lines.push(format!(
                "  withdrawn  the server said {ago} that it no longer has it"
            ));
        }
        RepositoryState::Unknown => {}
    }
    lines.join("\n") + "\n"
}

/// When it was verified, and what holds it.
fn proof(active: &ActiveStatus, now: Timestamp) -> Vec<String> {
    let unproven = active
        .unproven
        .iter()
        .map(|why| format!("  unproven   {}", printable(&why.message, MAX_MESSAGE)));
    let verified = format!("  verified   {}", ago(active.verified_at, now));
    let vouch = active.vouch.iter().map(|vouch| {
        let (bundle, sequence) = (&vouch.bundle, vouch.sequence);
        format!(
            "  brought by bundle {bundle} {sequence}, made {}",
            ago(vouch.created_at, now)
        )
    });
    let anchors = active
        .anchors
        .iter()
        .map(|anchor| format!("  anchor     {anchor}"));
    unproven
        .chain([verified])
        .chain(vouch)
        .chain(anchors)
        .collect()
}

fn roles(active: &ActiveStatus, now: Timestamp) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["ROLE", "VERSION", "EXPIRES", "TARGETS"]);
    for (role, facts) in &active.roles {
        let targets = facts
            .targets
            .map_or_else(|| "-".to_owned(), |targets| targets.to_string());
        let expires = until(facts.expires, now);
        table.add_row([
            role.to_string(),
            facts.version.to_string(),
            expires,
            targets,
        ]);
    }
    table
}

fn tags(repository: &Repository) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["TAG", "ROLE", "DIGEST"]);
    for (role, targets) in repository.tags_by_role.iter().flatten() {
        for target in targets {
            let digest = target.sha256.map(|digest| format!("sha256:{digest}"));
            let digest = digest.unwrap_or_else(|| "no SHA-256".to_owned());
            table.add_row([printable(&target.name, MAX_NAME), role.to_string(), digest]);
        }
    }
    table
}
