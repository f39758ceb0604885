//! `vouchsafe bundle pull`: a bundle out of an OCI registry.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use vouchsafe_trust::Sha256;

use super::registry::{client, failure};
use crate::args::PullArgs;
use crate::exit::{Error, Outcome};
use crate::printer::Printer;
use crate::runtime;

/// What was pulled. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pulled {
    /// The folder, to be given to `vouchsafe bundle import`.
    directory: PathBuf,
    /// The digest of the OCI manifest.
    digest: Sha256,
    /// How many bytes came.
    bytes: u64,
}

pub(crate) fn run(args: &PullArgs) -> Result<Outcome, Error> {
    let client = client(&args.registry)?;
    let directory = &args.directory;
    let at = |error| format!("{}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(at)?;
    let pull = client.pull(&args.reference, directory);
    let pulled = runtime::new()?
        .block_on(pull)
        .map_err(|error| failure(&error))?;
    // What a registry serves may be anything: it is looked at before it is called a bundle.
    super::with_bundle(directory, |_bundle| {
        let pulled = Pulled {
            directory: directory.clone(),
            digest: pulled.digest,
            bytes: pulled.bytes,
        };
        Printer::new(args.output.output).print(&pulled, |pulled| {
            format!(
                "{}\n  sha256:{}; take it in with `vouchsafe bundle import`\n",
                pulled.directory.display(),
                pulled.digest
            )
        })?;
        Ok(Outcome::Yes)
    })
}
