//! `vouchsafe reset-clock`: forget that the clock was ahead.

use vouchsafe_trust::Clock as _;

use crate::args::{Common, ResetClockArgs};
use crate::clock::SystemClock;
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{ask, note, print};

pub(crate) fn run(args: &ResetClockArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let reader = context::reader(common, &config)?;
    let latest = reader.latest_time()?;
    let now = SystemClock.now();
    let Some(latest) = latest.filter(|latest| *latest > now) else {
        note(&format!(
            "nothing to reset: the clock says {now:.0}, and no later time was seen"
        ));
        return Ok(Outcome::No);
    };
    let question = format!(
        "The clock says {now:.0}, but {latest:.0} was seen before. Judge by the clock again? If it \
         is wrong, expired trust data counts as fresh."
    );
    if !args.yes && !ask(&question)? {
        note("nothing was reset");
        return Ok(Outcome::No);
    }
    reader.reset_latest_time(now)?;
    print(&format!(
        "the latest time seen is {now:.0}; it was {latest:.0}\n"
    ))?;
    Ok(Outcome::Yes)
}
