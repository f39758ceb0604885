//! `vouchsafe cluster`: what installs and keeps Vouchsafe in a cluster.

use std::fmt::Write as _;

use crate::args::{ClusterCommand, Common};
use crate::exit::{Error, Outcome};
use crate::printer::print;

pub(crate) fn run(command: &ClusterCommand, _common: &Common) -> Result<Outcome, Error> {
    match command {
        ClusterCommand::Crds => {
            let mut text = String::new();
            for mut definition in vouchsafe_cluster::trust_repository::definitions() {
                // An API server fills in the status; nobody writes it.
                definition.status = None;
                let yaml = serde_saphyr::to_string(&definition)?;
                write!(text, "---\n{yaml}")?;
            }
            print(&text)?;
            Ok(Outcome::Yes)
        }
    }
}
