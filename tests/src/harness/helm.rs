//! The `helm` client.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::HarnessError;
use super::process::run;

/// The program, built where no built one is found.
///
/// # Errors
///
/// [`HarnessError::Command`] if it cannot be built.
pub fn program() -> Result<PathBuf, HarnessError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/helm.sh");
    let program = run(Command::new(script).arg("build"))?;
    Ok(PathBuf::from(program.trim()))
}
