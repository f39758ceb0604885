//! `vouchsafe bundle diff`: what a bundle changes beside another one.

use std::fmt::Display;

use vouchsafe_airgap::contents::{Change, Diff, RepositoryChange, diff};
use vouchsafe_trust::Sha256;

use super::inspect::denied;
use crate::args::DiffArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, MAX_NAME, Printer, printable};

pub(crate) fn run(args: &DiffArgs) -> Result<Outcome, Error> {
    super::with_bundle(&args.old, |old| {
        super::with_bundle(&args.new, |new| {
            let diff = diff(&old, &new)?;
            Printer::new(args.output.output).print(&diff, text)?;
            Ok(if diff.is_empty() {
                Outcome::Yes
            } else {
                Outcome::No
            })
        })
    })
}

fn text(diff: &Diff) -> String {
    let mut lines = vec![format!("sequence {}", change(&diff.sequence))];
    if let Some(refresh_by) = &diff.refresh_by {
        lines.push(format!("refresh by {}", change(refresh_by)));
    }
    let listed = |sign: &str, listed: &vouchsafe_airgap::contents::Listed| {
        format!("{sign} {} of {}", listed.gun, listed.server)
    };
    lines.extend(diff.added.iter().map(|it| listed("+", it)));
    lines.extend(diff.removed.iter().map(|it| listed("-", it)));
    for changed in &diff.changed {
        lines.push(listed("~", &changed.repository));
        lines.extend(
            details(changed)
                .into_iter()
                .map(|line| format!("    {line}")),
        );
    }
    let withdrawn = diff.withdrawn.added.iter();
    lines.extend(withdrawn.map(|it| format!("! {} is withdrawn", it.gun)));
    let reason = |text: &str| printable(text, MAX_MESSAGE);
    let news = diff.deny.added.iter();
    lines.extend(news.map(|it| format!("! denies {} ({})", denied(it), reason(&it.reason))));
    let no_longer = diff.deny.removed.iter();
    lines.extend(no_longer.map(|it| format!("! no longer denies {}", denied(it))));
    lines.push(format!("{} repositories are the same", diff.unchanged));
    lines.join("\n") + "\n"
}

fn details(changed: &RepositoryChange) -> Vec<String> {
    let mut lines = Vec::new();
    for tag in &changed.tags {
        let digest = |digest: Option<Sha256>| {
            digest.map_or_else(|| "nothing".to_owned(), |digest| format!("sha256:{digest}"))
        };
        let name = printable(&tag.tag, MAX_NAME);
        let (role, from, to) = (&tag.role, digest(tag.digest.from), digest(tag.digest.to));
        lines.push(format!("tag {name} ({role}): {from} -> {to}"));
    }
    for (role, keys) in &changed.keys {
        let came = keys.added.iter().map(|key| format!("+{key}"));
        let went = keys.removed.iter().map(|key| format!("-{key}"));
        let keys: Vec<String> = came.chain(went).collect();
        lines.push(format!("keys of {role}: {}", keys.join(" ")));
    }
    for (role, versions) in &changed.versions {
        lines.push(format!("{role}: version {}", change(versions)));
    }
    for (role, expires) in &changed.expires {
        lines.push(format!("{role}: expires {}", change(expires)));
    }
    if let Some(reason) = &changed.not_compared {
        lines.push(format!(
            "tags and keys are not compared: {}",
            printable(reason, MAX_MESSAGE)
        ));
    }
    lines
}

fn change<T: Display>(change: &Change<T>) -> String {
    let shown = |value: &Option<T>| {
        let value = value.as_ref();
        value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
    };
    format!("{} -> {}", shown(&change.from), shown(&change.to))
}
