//! `vouchsafe forget`: drop what is stored and remembered of a repository.

use crate::args::{Common, ForgetArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{ask, note, print};

pub(crate) fn run(args: &ForgetArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let reader = context::reader(common, &config)?;
    let known = reader.repository_status(args.server.as_ref(), &args.gun)?;
    if known.is_empty() {
        note(&format!("nothing is known of {}", args.gun));
        return Ok(Outcome::No);
    }
    let servers: Vec<_> = known
        .iter()
        .map(|status| status.server.to_string())
        .collect();
    let question = format!(
        "Forget {} of {}? Its images are denied until the next sync, and older versions of its \
         trust data will be accepted again.",
        args.gun,
        servers.join(", ")
    );
    if !args.yes && !ask(&question)? {
        note("nothing was forgotten");
        return Ok(Outcome::No);
    }
    let forgotten = reader.forget(args.server.as_ref(), &args.gun)?;
    print(&format!(
        "forgot {} ({forgotten} of {} servers)\n",
        args.gun,
        servers.len()
    ))?;
    Ok(Outcome::Yes)
}
