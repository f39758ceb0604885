//! `vouchsafe bundle`: trust data across an air gap, as one file.

mod create;
mod current;
mod deny;
mod diff;
mod finish;
mod forget;
mod images;
mod import;
mod inspect;
mod pull;
mod push;
mod registry;
mod sign;
mod verify;
mod wanted;

use std::path::Path;

use vouchsafe_airgap::bundle::Limits;
use vouchsafe_airgap::{Bundle, OpenBundleError, Refusal};

use crate::args::{BundleCommand, Common};
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, note, printable};

pub(crate) use import::answer as import_answer;
pub(crate) use pull::check as check_pull;
pub(crate) use registry::failure as registry_failure;

pub(crate) fn run(command: &BundleCommand, common: &Common) -> Result<Outcome, Error> {
    match command {
        BundleCommand::Create(args) => create::run(args, common),
        BundleCommand::Deny(args) => deny::run(args, common),
        BundleCommand::Diff(args) => diff::run(args),
        BundleCommand::Forget(args) => forget::run(args, common),
        BundleCommand::Images(args) => images::run(args),
        BundleCommand::Import(args) => import::run(args, common),
        BundleCommand::Inspect(args) => inspect::run(args),
        BundleCommand::Pull(args) => pull::run(args),
        BundleCommand::Push(args) => push::run(args),
        BundleCommand::Sign(args) => sign::run(args),
        BundleCommand::Verify(args) => verify::run(args, common),
    }
}

/// Opens a bundle and hands it to `go_on`; one that is refused is told, and is no error.
fn with_bundle(
    path: &Path,
    go_on: impl FnOnce(Bundle) -> Result<Outcome, Error>,
) -> Result<Outcome, Error> {
    look_for(path)?;
    match Bundle::open(path, &Limits::default(), &std::env::temp_dir()) {
        Ok(bundle) => go_on(bundle),
        Err(OpenBundleError::Refused(refusal)) => {
            refused(path, &refusal);
            Ok(Outcome::Refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// Says of what cannot be a bundle what is probably meant.
fn look_for(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    if path.is_dir() && !path.join("index.json").exists() {
        return Err(format!(
            "{shown}: a folder, but not that of an OCI image layout: it has no index.json\nhint: name the \
             bundle's file"
        )
        .into());
    }
    let mut first_part = path.as_os_str().to_owned();
    first_part.push(".part001");
    if path.exists() || Path::new(&first_part).exists() {
        Ok(())
    } else {
        Err(format!("{shown}: no such file").into())
    }
}

fn refused(path: &Path, refusal: &Refusal) {
    note(&refused_line(path, refusal.label(), &refusal.to_string()));
}

/// The line that says so; the message repeats what the bundle says, which may be several.
fn refused_line(path: &Path, label: &str, message: &str) -> String {
    let (path, message) = (path.display(), printable(message, MAX_MESSAGE));
    format!("{path}: refused: {label}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bundle_says_begins_no_line_of_its_own() {
        let found = "x\nbundle site 9 is whole".to_owned();
        let refusal = Refusal::UnknownFormat { found };
        let line = refused_line(Path::new("b"), refusal.label(), &refusal.to_string());
        assert!(!line.contains('\n'), "{line}");
    }
}
