//! `vouchsafe bundle import`: verify a bundle again, and take it in.

use std::path::{Path, PathBuf};

use serde::Serialize;
use vouchsafe_airgap::bundle::Limits;
use vouchsafe_airgap::import::{Changes, Fate, ImportAnswer, RepositoryReport, check_signers};
use vouchsafe_airgap::{Bundle, ImportError, ImportReport, ImportTerms, import};
use vouchsafe_cluster::publish::PublishReport;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_store::socket::ImportRequest;
use vouchsafe_trust::Timestamp;

use crate::args::{Common, ImportArgs};
use crate::context::{self, Access};
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, MAX_NAME, Printer, note, printable};
use crate::publish;

pub(crate) fn run(args: &ImportArgs, common: &Common) -> Result<Outcome, Error> {
    super::look_for(&args.bundle)?;
    let request = ImportRequest {
        path: std::path::absolute(&args.bundle)?,
        strict: args.strict,
        dry_run: args.dry_run,
    };
    let access = context::access(common, || context::config(common).map(Box::new))?;
    let (answer, published) = match (access, args.publish) {
        (Access::Other(_), Some(_)) => {
            return Err(
                "another process holds the store; to publish, name a store of its own with --store"
                    .into(),
            );
        }
        (Access::Other(remote), None) => (serde_json::from_value(remote.import(&request)?)?, None),
        (Access::Own(config, store), publish) => {
            let take_in = || {
                let now = context::judgement_time(&store)?;
                Ok::<_, Error>(answer(&store, &config, &request, now)?)
            };
            match publish {
                None => (take_in()?, None),
                Some(target) => {
                    let (answer, published) = publish::around(target, &store, &config, take_in)?;
                    (answer, Some(published))
                }
            }
        }
    };
    let done = Done { answer, published };
    let text = |done: &Done| {
        let published = done.published.as_ref().map(publish::line);
        text(&done.answer, args.dry_run) + &published.unwrap_or_default()
    };
    Printer::new(args.output.output).print(&done, text)?;
    let Done { answer, published } = done;
    let outcome = tell(args, &answer);
    if let Some(published) = published {
        tell_what_does_not_travel(&answer);
        publish::tell_failures(&published);
        publish::outcome(&published)?;
    }
    Ok(outcome)
}

/// What became of a bundle. Its JSON form is stable.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(flatten)]
    answer: ImportAnswer,
    /// What came of publishing, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<PublishReport>,
}

/// Says what of a bundle the webhooks do not learn from what is published.
fn tell_what_does_not_travel(answer: &ImportAnswer) {
    if let ImportAnswer::Done(report) = answer
        && (report.vouched || !report.deny.is_empty())
    {
        note(
            "warning: what is published carries neither the signers' word for the bundle nor what it denies; have every \
             replica take it in itself (`bundles.directory`, `bundles.pull`) where these are to count",
        );
    }
}

fn tell(args: &ImportArgs, answer: &ImportAnswer) -> Outcome {
    match answer {
        ImportAnswer::Done(report) => told(report),
        ImportAnswer::Refused { label, message } => {
            note(&super::refused_line(&args.bundle, label, message));
            Outcome::Refused
        }
        ImportAnswer::Strict(report) => {
            tell_failures(report);
            note("nothing was taken in: --strict takes all or nothing");
            Outcome::Refused
        }
    }
}

/// Takes in the bundle that `request` names.
pub(crate) fn answer(
    store: &Store,
    config: &Config,
    request: &ImportRequest,
    now: Timestamp,
) -> Result<ImportAnswer, String> {
    let terms = ImportTerms {
        config,
        now,
        strict: request.strict,
        dry_run: request.dry_run,
    };
    ImportAnswer::new(take_in(store, &request.path, terms))
}

fn take_in(
    store: &Store,
    path: &Path,
    terms: ImportTerms<'_>,
) -> Result<ImportReport, ImportError> {
    let settings = terms.config.bundles();
    let (limits, spool) = (Limits::default(), spool(store));
    let bundle = if settings.threshold > 0 {
        Bundle::open_wanted(path, &limits, &spool, |manifest, signatures| {
            check_signers(manifest, signatures, settings).map(drop)
        })?
    } else {
        Bundle::open(path, &limits, &spool)?
    };
    import(store, &bundle, terms)
}

/// Where bundles are unpacked while they are read: beside the store, where there has to be room.
pub(crate) fn spool(store: &Store) -> PathBuf {
    store.dir().to_path_buf()
}

fn told(report: &ImportReport) -> Outcome {
    tell_failures(report);
    if report.failed() > 0 {
        Outcome::Refused
    } else {
        Outcome::Yes
    }
}

fn tell_failures(report: &ImportReport) {
    for RepositoryReport { server, gun, fate } in &report.repositories {
        if let Fate::Failed { label, message } = fate {
            let message = printable(message, MAX_MESSAGE);
            note(&format!("{gun} of {server}: left out: {label}: {message}"));
        }
    }
}

fn text(answer: &ImportAnswer, dry_run: bool) -> String {
    let report = match answer {
        ImportAnswer::Done(report) => report,
        ImportAnswer::Refused { .. } | ImportAnswer::Strict(_) => return String::new(),
    };
    let mut lines = vec![headline(report, dry_run)];
    for RepositoryReport { gun, fate, .. } in &report.repositories {
        match fate {
            Fate::New { tags } => lines.push(format!("  {gun}: new, {tags} tags")),
            Fate::Updated { changes } => lines.push(format!("  {gun}: {}", describe(changes))),
            Fate::Withdrawn => lines.push(format!("  {gun}: withdrawn")),
            Fate::NotCarried => {
                lines.push(format!(
                    "  {gun}: no longer carried; nobody vouches for it any more"
                ));
            }
            Fate::Failed { .. } | Fate::Kept | Fate::NotAsked | Fate::Unchanged => {}
        }
    }
    for denied in &report.deny {
        let reason = printable(&denied.reason, MAX_MESSAGE);
        lines.push(format!(
            "  denied: {} ({reason})",
            super::inspect::denied(denied)
        ));
    }
    for lifted in &report.lifted {
        let lifted = super::inspect::denied(lifted);
        lines.push(format!("  no longer denied: {lifted}"));
    }
    lines.join("\n") + "\n"
}

fn headline(report: &ImportReport, dry_run: bool) -> String {
    let count = |like: fn(&Fate) -> bool| report.count(like);
    let same = count(|fate| matches!(fate, Fate::Kept | Fate::Unchanged));
    let parts = [
        (count(|fate| matches!(fate, Fate::New { .. })), "new"),
        (
            count(|fate| matches!(fate, Fate::Updated { .. })),
            "updated",
        ),
        (same, "unchanged"),
        (count(|fate| matches!(fate, Fate::Withdrawn)), "withdrawn"),
        (
            count(|fate| matches!(fate, Fate::NotAsked)),
            "not asked about here",
        ),
        (
            count(|fate| matches!(fate, Fate::NotCarried)),
            "no longer carried",
        ),
        (report.failed(), "left out"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let parts = if parts.is_empty() {
        "no repositories".to_owned()
    } else {
        parts.join(", ")
    };
    let verb = match (dry_run, report.known) {
        (true, _) => "would be taken in",
        (false, true) => "was taken in before",
        (false, false) => "is taken in",
    };
    let (name, sequence, signers) = (&report.name, report.sequence, report.signers);
    let word = match (report.vouched, report.refresh_by) {
        (false, _) => "nobody vouches for it".to_owned(),
        (true, None) => format!("signed by {signers} of the pinned keys"),
        (true, Some(until)) => {
            format!("signed by {signers} of the pinned keys, who vouch for it until {until:.0}")
        }
    };
    format!("bundle {name} {sequence} {verb}: {parts}; {word}")
}

fn describe(changes: &Changes) -> String {
    let mut parts = Vec::new();
    let mut list = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            let more = names.len().saturating_sub(MAX_LISTED);
            let shown: Vec<String> = names
                .into_iter()
                .take(MAX_LISTED)
                .map(|name| printable(&name, MAX_NAME))
                .collect();
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("{what} {}{more}", shown.join(", ")));
        }
    };
    list("tags added:", changes.tags_added.iter().cloned().collect());
    list("removed:", changes.tags_removed.iter().cloned().collect());
    list(
        "re-pointed:",
        changes.tags_repointed.keys().cloned().collect(),
    );
    let rotated = changes.keys_rotated.iter();
    list("keys rotated:", rotated.map(ToString::to_string).collect());
    if parts.is_empty() {
        "newer, with the same tags".to_owned()
    } else {
        parts.join("; ")
    }
}

/// How many tags of a repository are listed.
const MAX_LISTED: usize = 8;
