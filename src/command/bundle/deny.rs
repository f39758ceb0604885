//! `vouchsafe bundle deny`: bad news that cannot wait.

use std::collections::BTreeSet;

use vouchsafe_airgap::{Order, gather};
use vouchsafe_trust::{Denied, DeniedThing};

use super::create::NO_TIME;
use super::finish;
use crate::args::{Common, DenyArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::Printer;

pub(crate) fn run(args: &DenyArgs, common: &Common) -> Result<Outcome, Error> {
    let digests = args.digest.iter().copied().map(DeniedThing::Digest);
    let guns = args.gun.iter().cloned().map(DeniedThing::Gun);
    let keys = args.key.iter().copied().map(DeniedThing::Key);
    let deny: BTreeSet<Denied> = digests
        .chain(guns)
        .chain(keys)
        .map(|what| Denied {
            what,
            reason: args.reason.clone().unwrap_or_default(),
        })
        .collect();
    if deny.is_empty() && !args.lift {
        return Err(
            "nothing is named that is to be denied\nhint: say --digest, --gun or --key; or --lift, to deny \
             nothing any longer"
                .into(),
        );
    }
    if deny.iter().any(|it| it.reason.trim().is_empty()) {
        return Err("--reason is empty; whoever is denied is shown it".into());
    }
    finish::check_directory(&args.directory)?;
    let config = context::config(common)?;
    let store = context::store(common, &config)?;
    let now = context::judgement_time(&store)?;
    let label = &args.label;
    // A series of its own: the next bundle of another one would lift what this one denies.
    let name = finish::series(label, "deny")?;
    let order = Order {
        sequence: finish::sequence(label, &name, &store, None)?,
        name,
        audience: label.audience.iter().cloned().collect(),
        created_at: finish::created_at(label, now)?,
        refresh_by: None,
        base: None,
        min_remaining: NO_TIME,
        deny: deny.into_iter().collect(),
    };
    let gathered = gather(&store, &BTreeSet::new(), &order, &args.directory)?;
    let written = finish::write(gathered, label, &args.directory, None)?;
    store.record_made(written.name.as_str(), written.sequence)?;
    Printer::new(args.output.output).print(&written, finish::Written::text)?;
    Ok(Outcome::Yes)
}
