//! `vouchsafe bundle verify`: check a bundle without taking it in.

use std::path::Path;

use serde::Serialize;
use vouchsafe_airgap::Bundle;
use vouchsafe_airgap::import::{check_statements, prove};
use vouchsafe_airgap::signature::enough_signers;
use vouchsafe_policy::Config;
use vouchsafe_trust::key::{Fingerprint, PublicKey};
use vouchsafe_trust::{Clock as _, Gun, Server, Timestamp};

use super::sign::public_key;
use crate::args::{Common, VerifyArgs};
use crate::clock::SystemClock;
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, Printer, note, printable};

/// What was found. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    name: String,
    sequence: u64,
    /// The keys, among those that were asked for, that signed it.
    signers: Vec<Fingerprint>,
    /// How many have to.
    needed: usize,
    /// The repositories that hold from the pinned keys; nothing where no configuration says which.
    repositories: Option<Vec<Repository>>,
}

/// Whether a repository holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    server: Server,
    gun: Gun,
    result: Found,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// What was found of a repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Found {
    /// It holds.
    Holds,
    /// Its role files are in the bundle that this one adds to.
    InBase,
    /// No rule of the policy asks about it.
    NotAsked,
    /// It does not hold.
    Refused,
}

pub(crate) fn run(args: &VerifyArgs, common: &Common) -> Result<Outcome, Error> {
    let given = args.key.iter();
    let given: Vec<PublicKey> = given
        .map(|file| public_key(file))
        .collect::<Result<_, _>>()?;
    let config = if given.is_empty() {
        Some(context::config(common)?)
    } else {
        None
    };
    let (keys, needed) = if let Some(config) = &config {
        let keys = config.bundles().keys.iter();
        let keys = keys.map(|(_, key)| key.clone()).collect();
        (keys, config.bundles().threshold)
    } else {
        let all = given.len();
        (given, args.threshold.unwrap_or(all))
    };
    if config.is_none() && needed == 0 {
        return Err("--threshold is at least 1".into());
    }
    if keys.len() < needed {
        return Err(format!("{needed} keys have to sign, and {} are given", keys.len()).into());
    }
    super::with_bundle(&args.bundle, |bundle| {
        let now = SystemClock.now();
        let (message, signatures) = (bundle.manifest_bytes(), bundle.signatures());
        let signers = enough_signers(message, signatures, &keys, needed).and_then(|signers| {
            if let Some(config) = &config {
                check_statements(bundle.manifest(), config.bundles(), needed > 0, now)?;
            }
            Ok(signers)
        });
        let signers = match signers {
            Ok(signers) => signers,
            Err(refusal) => {
                super::refused(&args.bundle, &refusal);
                return Ok(Outcome::Refused);
            }
        };
        let repositories = config.map(|config| repositories(&bundle, &config, now));
        let verified = Verified {
            name: bundle.manifest().name.to_string(),
            sequence: bundle.manifest().sequence,
            signers: signers.into_iter().collect(),
            needed,
            repositories: repositories.transpose()?,
        };
        Printer::new(args.output.output).print(&verified, text)?;
        Ok(outcome(&verified, &args.bundle))
    })
}

fn repositories(
    bundle: &Bundle,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<Repository>, Error> {
    let mut found = Vec::new();
    for listed in &bundle.manifest().repositories {
        let (server, gun) = (listed.server.clone(), listed.gun.clone());
        let (result, message) = match config.pins(&server, &gun) {
            None => (Found::NotAsked, None),
            Some(_) if !listed.is_carried() => (Found::InBase, None),
            Some(pins) => match prove(bundle, listed, &pins, None, now)? {
                Ok(_) => (Found::Holds, None),
                Err(unproven) => (Found::Refused, Some(unproven.message)),
            },
        };
        found.push(Repository {
            server,
            gun,
            result,
            message,
        });
    }
    Ok(found)
}

fn outcome(verified: &Verified, path: &Path) -> Outcome {
    let mut outcome = Outcome::Yes;
    for repository in verified.repositories.iter().flatten() {
        if let Some(message) = &repository.message {
            let message = printable(message, MAX_MESSAGE);
            note(&format!(
                "{}: {}: refused: {message}",
                path.display(),
                repository.gun
            ));
            outcome = Outcome::Refused;
        }
    }
    outcome
}

fn text(verified: &Verified) -> String {
    let Verified {
        name,
        sequence,
        signers,
        needed,
        repositories,
    } = verified;
    let mut lines = vec![format!("bundle {name} {sequence} is whole")];
    lines.push(match (needed, signers.len()) {
        (0, _) => "no key is pinned under `bundles.keys`: nobody vouches for it".to_owned(),
        (needed, valid) => format!("{valid} of the keys signed it; {needed} have to"),
    });
    match repositories {
        Some(repositories) => {
            let count = |found: Found| {
                let like = repositories.iter().filter(|it| it.result == found);
                like.count()
            };
            lines.push(format!(
                "{} repositories hold from the pinned keys, {} do not; {} are in the bundle that it adds \
                 to, {} are not asked about here",
                count(Found::Holds),
                count(Found::Refused),
                count(Found::InBase),
                count(Found::NotAsked)
            ));
        }
        None => lines.push(
            "its repositories were not looked at: without --key, those that the configuration pins are"
                .to_owned(),
        ),
    }
    lines.join("\n") + "\n"
}
