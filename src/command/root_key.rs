//! `vouchsafe root-key`: a repository's root keys, for the operator to compare and pin.

use vouchsafe_syncer::notary::{Backoff, NotaryClient, Pace};
use vouchsafe_syncer::{RootKeys, RootKeysError, fetch_root_keys};

use crate::args::RootKeyArgs;
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_NAME, Printer, note, printable};
use crate::runtime;

pub(crate) fn run(args: &RootKeyArgs) -> Result<Outcome, Error> {
    let (certificates, credentials) = context::login(&args.login)?;
    let client = NotaryClient::new(
        args.server.clone(),
        certificates,
        credentials,
        Pace::default(),
        Backoff::default(),
    )
    .map_err(|error| match &args.login.ca {
        Some(file) => format!("--ca {}: {error}", file.display()),
        None => error.to_string(),
    })?;
    let fetched = runtime::new()?.block_on(fetch_root_keys(&client, &args.gun));
    let keys = fetched.map_err(|error| with_hint(&error))?;
    let printer = Printer::new(args.output.output);
    printer.print(&keys, |keys| {
        keys.keys.iter().map(|key| key.pem.as_str()).collect()
    })?;
    if !printer.is_json() {
        explain(&keys);
    }
    Ok(Outcome::Yes)
}

/// The error, and what can be done about it.
fn with_hint(error: &RootKeysError) -> String {
    let hint = match error {
        RootKeysError::Request(error) if error.is_not_found_by_notary() => {
            Some("nobody published trust data under this name there; check the name")
        }
        RootKeysError::Request(error) => error.hint(),
        RootKeysError::Metadata { .. } | _ => None,
    };
    hint.map_or_else(
        || error.to_string(),
        |hint| format!("{error}\nhint: {hint}"),
    )
}

/// What surrounds the keys; on standard error, so that standard output is PEM and nothing else.
fn explain(keys: &RootKeys) {
    note(&format!(
        "{}: root version {}, {} of {} keys must sign, expires {:.0}",
        keys.gun,
        keys.version,
        keys.threshold,
        keys.keys.len(),
        keys.expires
    ));
    for key in &keys.keys {
        let name = key.common_name.as_deref().unwrap_or("nobody");
        let name = printable(name, MAX_NAME);
        note(&format!(
            "  key ID {} (as listed: {}), made out to {name}",
            key.canonical_key_id, key.key_id
        ));
    }
    note(
        "warning: this is what the server shows, unverified; compare it with the publisher's own key before you pin it",
    );
}
