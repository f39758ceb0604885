//! `vouchsafe bundle deny`: bad news that cannot wait.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_airgap::{Order, gather};
use vouchsafe_trust::{Denied, DeniedThing};

use super::finish;
use crate::args::{Common, DenyArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::Printer;

pub(crate) fn run(args: &DenyArgs, common: &Common) -> Result<Outcome, Error> {
    let digests = args.digest.iter().copied().map(DeniedThing::Digest);
    let guns = args.gun.iter().cloned().map(DeniedThing::Gun);
    let keys = args.key.iter().copied().map(DeniedThing::Key);
    let named: BTreeSet<DeniedThing> = digests.chain(guns).chain(keys).collect();
    if named.is_empty() {
        return Err("nothing is named\nhint: say --digest, --gun or --key".into());
    }
    let reason = args.reason.clone().unwrap_or_default();
    if !args.lift && reason.trim().is_empty() {
        return Err("--reason is empty; whoever is denied is shown it".into());
    }
    finish::check_directory(&args.directory)?;
    let config = context::config(common)?;
    let store = context::store(common, &config)?;
    let now = context::judgement_time(&store)?;
    let label = &args.label;
    // A series of its own, whose numbers do not hang on those of trust data.
    let name = finish::series(label, "deny")?;
    let sequence = finish::sequence(label, &name, &store, None)?;
    // An earlier list may not have arrived, so each repeats what is denied still.
    let made = store.made(name.as_str())?.unwrap_or_default();
    let mut deny: BTreeMap<DeniedThing, String> = made
        .deny
        .into_iter()
        .filter(|denied| !named.contains(&denied.what))
        .map(|denied| (denied.what, denied.reason))
        .collect();
    let lift = if args.lift {
        named.into_iter().collect()
    } else {
        deny.extend(named.into_iter().map(|what| (what, reason.clone())));
        Vec::new()
    };
    let deny = deny
        .into_iter()
        .map(|(what, reason)| Denied { what, reason });
    let created_at = finish::created_at(label, now)?;
    let order = Order {
        audience: label.audience.iter().cloned().collect(),
        deny: deny.collect(),
        lift,
        ..Order::new(name, sequence, created_at, now)
    };
    let gathered = gather(&store, &BTreeSet::new(), &order, &args.directory)?;
    let written = finish::write(gathered, &store, label, &args.directory, None)?;
    Printer::new(args.output.output).print(&written, finish::Written::text)?;
    Ok(Outcome::Yes)
}
