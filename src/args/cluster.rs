//! `vouchsafe cluster …`, as typed.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Print the definitions of the custom resources, as YAML.
    Crds,
}
