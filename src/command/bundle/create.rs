//! `vouchsafe bundle create`: sync, verify, and write what is stored into one file.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_airgap::create::{LeftOut, WhyLeftOut};
use vouchsafe_airgap::{Bundle, Order, gather};
use vouchsafe_policy::{Asked, Config, Purpose};
use vouchsafe_store::{Reader, Store};
use vouchsafe_syncer::{Options, PassReport, Scope};
use vouchsafe_trust::{Gun, Server};

use super::current::Current;
use super::finish::{self, Written};
use super::wanted::{self, Image};
use crate::args::{Common, CreateArgs};
use crate::command::sync;
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, Printer, note, printable};
use crate::runtime;

/// What was made. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    #[serde(flatten)]
    written: Written,
    /// The repositories that were wanted and are not in it.
    left_out: Vec<LeftOut>,
    /// The images that were asked for and would not be admitted.
    unsigned: Vec<Unsigned>,
    /// What could not be brought up to date before.
    unsynced: Vec<String>,
}

/// An image that would not be admitted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unsigned {
    image: String,
    namespace: String,
    message: String,
}

pub(crate) fn run(args: &CreateArgs, common: &Common) -> Result<Outcome, Error> {
    finish::check_directory(&args.directory)?;
    let config = context::config(common)?;
    let images = wanted::images(args, &config)?;
    let asked = wanted::repositories(&images, &config)?;
    match &args.since {
        None => create(args, common, &config, (&images, asked), None),
        Some(since) => super::with_bundle(since, |base| {
            create(args, common, &config, (&images, asked), Some(&base))
        }),
    }
}

fn create(
    args: &CreateArgs,
    common: &Common,
    config: &Config,
    (images, asked): (&BTreeSet<Image>, BTreeSet<(Server, Gun)>),
    base: Option<&Bundle>,
) -> Result<Outcome, Error> {
    let store = context::store(common, config)?;
    context::judgement_time(&store)?;
    let synced = if args.no_sync {
        None
    } else {
        Some(sync_now(&store, config, common, images, &asked)?)
    };
    let now = context::judgement_time(&store)?;
    let wanted = if images.is_empty() {
        wanted::everything(&store, config)?
    } else {
        asked
    };
    let current = match &synced {
        Some(report) => Current::by_pass(report, &wanted, now),
        None => Current::by_memory(&store, &wanted)?,
    };
    let order = order(args, &store, base, (current, now))?;
    let gathered = gather(&store, &wanted, &order, &args.directory)?;
    let lacking = Lacking {
        unsynced: synced.as_ref().map(unsynced).unwrap_or_default(),
        unsigned: unsigned(&store, config, images, now),
        left_out: gathered.left_out.clone(),
        named: if images.is_empty() {
            wanted::named(config)
        } else {
            wanted
        },
    };
    lacking.tell();
    if lacking.forbids(args.allow_missing) {
        note(
            "nothing was written; --allow-missing writes a bundle without what is missing or unsigned",
        );
        let refused = synced.iter().flat_map(sync::failures).any(|it| it.refused);
        return Ok(if refused {
            Outcome::Refused
        } else {
            Outcome::No
        });
    }
    if gathered.manifest.repositories.is_empty() && gathered.manifest.withdrawn.is_empty() {
        note(
            "nothing was written: nothing is stored of what the configuration selects\nhint: where a server has no \
             changefeed, spell its repositories out under `repositories`; `vouchsafe sync` says what it finds",
        );
        return Ok(Outcome::No);
    }
    let written = finish::write(gathered, &store, &args.label, &args.directory, args.split)?;
    let created = Created {
        written,
        left_out: lacking.left_out,
        unsigned: lacking.unsigned,
        unsynced: lacking.unsynced,
    };
    Printer::new(args.output.output).print(&created, |created| created.written.text())?;
    Ok(Outcome::Yes)
}

fn order<'b>(
    args: &CreateArgs,
    store: &Store,
    base: Option<&'b Bundle>,
    (current, now): (Current, Timestamp),
) -> Result<Order<'b>, Error> {
    let label = &args.label;
    let created_at = finish::created_at(label, current.at.min(now))?;
    let name = finish::series(label, "vouchsafe")?;
    if let Some(base) = base.filter(|base| base.manifest().name != name) {
        let base = &base.manifest().name;
        return Err(format!(
            "the bundle of --since is of the series `{base}`, and this one is of `{name}`\nhint: say --name {base}"
        )
        .into());
    }
    let refresh_by = args
        .refresh_by
        .map(|after| finish::refresh_by(created_at, after));
    let sequence = finish::sequence(label, &name, store, base)?;
    Ok(Order {
        audience: label.audience.iter().cloned().collect(),
        refresh_by: refresh_by.transpose()?,
        base: base.map(|base| (base.manifest(), base.manifest_sha256())),
        min_remaining: args.min_remaining,
        unsynced: current.unsynced,
        ..Order::new(name, sequence, created_at, now)
    })
}

/// Brings up to date what is wanted.
fn sync_now(
    store: &Store,
    config: &Config,
    common: &Common,
    images: &BTreeSet<Image>,
    asked: &BTreeSet<(Server, Gun)>,
) -> Result<PassReport, Error> {
    let options = Options::from(config.sync());
    let scope = if images.is_empty() {
        Scope::Due
    } else {
        let guns: BTreeSet<Gun> = asked.iter().map(|(_, gun)| gun.clone()).collect();
        Scope::Only(guns.into_iter().collect())
    };
    runtime::new()?.block_on(async {
        let syncer = sync::syncer(store, config.clone(), &common.secrets, options);
        sync::pass(&syncer, &scope, common).await
    })
}

/// What could not be brought up to date, in words: that it is current cannot be vouched for.
fn unsynced(report: &PassReport) -> Vec<String> {
    let failures = sync::failures(report).map(sync::explain);
    let going_on = report.servers.iter().filter(|it| it.goes_on).map(|it| {
        let server = &it.server;
        format!(
            "{server}: its changefeed goes on after what one pass reads\nhint: say `vouchsafe sync` until it has \
             nothing new"
        )
    });
    failures.chain(going_on).collect()
}

/// The images that admission would deny.
fn unsigned(
    store: &Store,
    config: &Config,
    images: &BTreeSet<Image>,
    now: Timestamp,
) -> Vec<Unsigned> {
    let mut unsigned = Vec::new();
    for Image { image, namespace } in images {
        let asked = Asked {
            image,
            namespace: Some(namespace.as_str()),
            purpose: Purpose::Mutate,
            now,
        };
        let decision = config.decide(&asked, |query| Reader::evidence(store, query), || None);
        if let Some(denial) = decision.denial() {
            unsigned.push(Unsigned {
                image: image.clone(),
                namespace: namespace.clone(),
                message: denial.to_string(),
            });
        }
    }
    unsigned
}

/// What was asked for and cannot be had.
struct Lacking {
    unsynced: Vec<String>,
    unsigned: Vec<Unsigned>,
    left_out: Vec<LeftOut>,
    /// The repositories that somebody named one by one.
    named: BTreeSet<(Server, Gun)>,
}

impl Lacking {
    fn tell(&self) {
        for failure in &self.unsynced {
            note(failure);
        }
        for Unsigned { message, .. } in &self.unsigned {
            note(&printable(message, MAX_MESSAGE));
        }
        for LeftOut { gun, server, why } in &self.left_out {
            note(&format!("{gun} of {server}: {why}"));
        }
    }

    /// Whether there can be no bundle. Nobody would miss what expires soon before it does, so that is not
    /// to be allowed with the rest.
    fn forbids(&self, allow_missing: bool) -> bool {
        let expires = |left: &LeftOut| matches!(left.why, WhyLeftOut::ExpiresSoon { .. });
        let is_lacking = !self.unsynced.is_empty()
            || !self.unsigned.is_empty()
            || self.left_out.iter().any(|left| self.is_missed(left));
        self.left_out.iter().any(expires) || (is_lacking && !allow_missing)
    }

    /// That a server no longer has what nobody named is news to carry, and no lack.
    fn is_missed(&self, left: &LeftOut) -> bool {
        let LeftOut { server, gun, why } = left;
        !matches!(why, WhyLeftOut::Withdrawn { .. })
            || self.named.contains(&(server.clone(), gun.clone()))
    }
}
