//! `vouchsafe bundle pull`: a bundle out of an OCI registry.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use vouchsafe_airgap::registry::RegistryRef;
use vouchsafe_policy::Config;
use vouchsafe_syncer::Schedule;
use vouchsafe_trust::Sha256;

use super::registry::{client, failure};
use crate::args::PullArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{Printer, note};
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

/// Checks where the configuration, which came from `file`, has bundles pulled from, and when.
pub(crate) fn check(config: &Config, file: &Path) -> Result<(), Error> {
    let Some(pull) = &config.bundles().pull else {
        return Ok(());
    };
    let at = |place, written: &str, error: &dyn Display| {
        format!("{}{place}: `{written}`: {error}", file.display())
    };
    let reference: Result<RegistryRef, _> = pull.reference.parse();
    reference.map_err(|error| at(pull.reference_place, &pull.reference, &error))?;
    let schedule: Result<Schedule, _> = pull.schedule.parse();
    schedule.map_err(|error| at(pull.schedule_place, &pull.schedule, &error))?;
    Ok(())
}

pub(crate) fn run(args: &PullArgs) -> Result<Outcome, Error> {
    let client = client(&args.registry)?;
    let directory = &args.directory;
    let at = |error| format!("{}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(at)?;
    check_empty(directory)?;
    let pull = client.pull(&args.reference, directory);
    let pulled = match runtime::new()?.block_on(pull) {
        Ok(pulled) => pulled,
        // What came is not what it should be, rather than nothing coming.
        Err(error) if REFUSED.contains(&error.label()) => {
            note(&format!(
                "{}: refused: {}: {}",
                args.reference,
                error.label(),
                failure(&error)
            ));
            return Ok(Outcome::Refused);
        }
        Err(error) => return Err(failure(&error).into()),
    };
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

/// A pull begins with taking away what would make a layout look complete; it must be nobody else's. One that
/// was broken off may go on.
fn check_empty(directory: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if !["blobs", "oci-layout", ".part"]
            .iter()
            .any(|own| name == *own)
        {
            return Err(format!("{}: the folder is not empty", directory.display()).into());
        }
    }
    Ok(())
}

/// What a registry is refused for, by the labels of its errors.
const REFUSED: [&str; 4] = [
    "digest_mismatch",
    "not_a_bundle",
    "size_mismatch",
    "too_large",
];
