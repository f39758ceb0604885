//! `vouchsafe bundle push`: a bundle into an OCI registry.

use serde::Serialize;
use vouchsafe_trust::Sha256;

use super::registry::{client, failure};
use crate::args::PushArgs;
use crate::exit::{Error, Outcome};
use crate::printer::Printer;
use crate::runtime;

/// What was pushed. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pushed {
    /// Where it is.
    reference: String,
    /// The digest of the OCI manifest, by which it can be pulled, too.
    digest: Sha256,
    /// How many parts were sent.
    sent: usize,
    /// How many were there already.
    present: usize,
    /// How many bytes were sent.
    bytes: u64,
}

pub(crate) fn run(args: &PushArgs) -> Result<Outcome, Error> {
    let client = client(&args.registry)?;
    super::with_bundle(&args.bundle, |bundle| {
        let parts = bundle.parts();
        let push = client.push(&args.reference, bundle.artifact(), &parts);
        let pushed = runtime::new()?
            .block_on(push)
            .map_err(|error| failure(&error))?;
        let pushed = Pushed {
            reference: args.reference.to_string(),
            digest: pushed.digest,
            sent: pushed.sent,
            present: pushed.present,
            bytes: pushed.bytes,
        };
        Printer::new(args.output.output).print(&pushed, |pushed| {
            format!(
                "{}\n  sha256:{}: {} parts sent, {} were there\n",
                pushed.reference, pushed.digest, pushed.sent, pushed.present
            )
        })?;
        Ok(Outcome::Yes)
    })
}
