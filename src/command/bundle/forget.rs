//! `vouchsafe bundle forget`: let a series of bundles begin anew.

use crate::args::{Common, ForgetBundleArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{ask, note, print};

pub(crate) fn run(args: &ForgetBundleArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let reader = context::reader(common, &config)?;
    let name = args.name.as_str();
    let bundles = reader.bundles()?;
    let Some(bundle) = bundles.iter().find(|bundle| bundle.name == name) else {
        note(&format!("no bundle of the series {name} was taken in"));
        return Ok(Outcome::No);
    };
    let denied = match bundle.deny.len() {
        0 => String::new(),
        1 => ", and the one thing that it denies is let in again".to_owned(),
        count => format!(", and the {count} things that it denies are let in again"),
    };
    let question = format!(
        "Forget that bundle {name} {} was taken in? Older ones of the series will be taken in again{denied}.",
        bundle.sequence
    );
    if !args.yes && !ask(&question)? {
        note("nothing was forgotten");
        return Ok(Outcome::No);
    }
    reader.forget_bundle(name)?;
    print(&format!("forgot the series {name}\n"))?;
    Ok(Outcome::Yes)
}
