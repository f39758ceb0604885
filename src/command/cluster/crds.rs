//! `vouchsafe cluster crds`.

use std::fmt::Write as _;

use vouchsafe_cluster::trust_repository::definitions;

use crate::exit::{Error, Outcome};
use crate::printer::print;

pub(super) fn run() -> Result<Outcome, Error> {
    let mut text = String::new();
    for mut definition in definitions() {
        // An API server fills in the status; nobody writes it.
        definition.status = None;
        let yaml = serde_saphyr::to_string(&definition)?;
        write!(text, "---\n{yaml}")?;
    }
    print(&text)?;
    Ok(Outcome::Yes)
}
