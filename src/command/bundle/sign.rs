//! `vouchsafe bundle sign`: vouch for a bundle.

use std::fs;
use std::path::Path;

use vouchsafe_airgap::bundle::SignBundleError;
use vouchsafe_airgap::{Bundle, Refusal};
use vouchsafe_trust::key::PublicKey;

use super::finish::signing_key;
use crate::args::SignArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{note, print};

pub(crate) fn run(args: &SignArgs) -> Result<Outcome, Error> {
    // A key that cannot be read is said before a large bundle is.
    let key = args.key.as_deref().map(signing_key).transpose()?;
    super::with_bundle(&args.bundle, |mut bundle| {
        let signed = match (&key, &args.signature, &args.public_key) {
            (Some(key), _, _) => bundle.sign(key),
            (None, Some(signature), Some(public)) => {
                let signature = fs::read(signature)
                    .map_err(|error| format!("{}: {error}", signature.display()))?;
                bundle.attach(&signature, &public_key(public)?)
            }
            (None, _, _) => return Err("say --key, or --signature and --public-key".into()),
        };
        match signed {
            Ok(()) => told(&bundle),
            Err(SignBundleError::Invalid) => {
                let (valid, needed) = (0, 1);
                let label = Refusal::WrongSigner { valid, needed }.label();
                let message = SignBundleError::Invalid.to_string();
                note(&super::refused_line(&args.bundle, label, &message));
                Ok(Outcome::Refused)
            }
            Err(error) => Err(error.into()),
        }
    })
}

fn told(bundle: &Bundle) -> Result<Outcome, Error> {
    let manifest = bundle.manifest();
    let mut text = format!(
        "bundle {} {} is signed by\n",
        manifest.name, manifest.sequence
    );
    for signature in bundle.signatures() {
        text = format!("{text}  {}\n", signature.key);
    }
    print(&text)?;
    Ok(Outcome::Yes)
}

/// Reads a public key that documents can be signed with.
pub(super) fn public_key(file: &Path) -> Result<PublicKey, Error> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| at(&error))?;
    let key = PublicKey::from_pem(&text).map_err(|error| at(&error))?;
    if key.signs_documents() {
        Ok(key)
    } else {
        Err(at(&"bundles are signed with ECDSA P-256 or Ed25519 keys").into())
    }
}
