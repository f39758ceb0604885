//! `vouchsafe bundle inspect`: what a bundle says that it holds.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use vouchsafe_airgap::Bundle;
use vouchsafe_airgap::contents::{Inspection, Summary, inspect};
use vouchsafe_trust::{Denied, DeniedThing};

use crate::args::InspectArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, Printer, note, printable, trimmed};

pub(crate) fn run(args: &InspectArgs) -> Result<Outcome, Error> {
    super::with_bundle(&args.bundle, |bundle| {
        if let Some(folder) = &args.extract {
            extract(&bundle, folder)?;
        }
        Printer::new(args.output.output).print(&inspect(&bundle), text)?;
        Ok(Outcome::Yes)
    })
}

/// Writes what other tools check: the manifest, and each signature as it is and in base64.
fn extract(bundle: &Bundle, folder: &Path) -> Result<(), Error> {
    let write = |name: &str, contents: &[u8]| {
        let path = folder.join(name);
        let written = fs::write(&path, contents);
        written.map_err(|error| format!("{}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    write("manifest.json", bundle.manifest_bytes())?;
    for signature in bundle.signatures() {
        write(&format!("{}.sig", signature.key), &signature.bytes)?;
        let encoded = STANDARD.encode(&signature.bytes);
        write(&format!("{}.sig.b64", signature.key), encoded.as_bytes())?;
    }
    note(&format!(
        "wrote the manifest and its signatures to {}",
        folder.display()
    ));
    Ok(())
}

fn text(inspection: &Inspection) -> String {
    let mut lines = vec![
        format!("bundle     {} {}", inspection.name, inspection.sequence),
        format!("manifest   sha256:{}", inspection.manifest),
        format!(
            "made       {:.0} by {}",
            inspection.created_at,
            printable(&inspection.generator, MAX_MESSAGE)
        ),
    ];
    lines.extend(
        inspection
            .refresh_by
            .map(|at| format!("refresh by {at:.0}")),
    );
    if !inspection.audience.is_empty() {
        let names: Vec<String> = inspection
            .audience
            .iter()
            .map(ToString::to_string)
            .collect();
        lines.push(format!("for        {}", names.join(", ")));
    }
    if let Some(base) = &inspection.base {
        lines.push(format!(
            "adds to    {} (sha256:{})",
            base.sequence, base.manifest
        ));
    }
    if inspection.signatures.is_empty() {
        lines.push("signed     by nobody".to_owned());
    }
    let signatures = inspection.signatures.iter();
    lines.extend(signatures.map(|key| format!("signed     by {key}, as it says")));
    if !inspection.repositories.is_empty() {
        lines.push(format!(
            "\n{}",
            trimmed(&table(&inspection.repositories).to_string())
        ));
    }
    for gone in &inspection.withdrawn {
        lines.push(format!(
            "withdrawn  {} of {} at {:.0}",
            gone.gun, gone.server, gone.at
        ));
    }
    for entry in &inspection.deny {
        let reason = printable(&entry.reason, MAX_MESSAGE);
        lines.push(format!("denies     {} ({reason})", denied(entry)));
    }
    lines.push("\nNothing of this is verified: `vouchsafe bundle verify` does that.".to_owned());
    lines.join("\n") + "\n"
}

fn table(repositories: &[Summary]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["GUN", "TAGS", "BYTES", "FIRST EXPIRY", "ROLE", "SERVER"]);
    for repository in repositories {
        let (at, role) = match &repository.first_expiry {
            Some(first) => (format!("{:.0}", first.at), first.role.to_string()),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let bytes = if repository.carried {
            repository.size.to_string()
        } else {
            "as before".to_owned()
        };
        table.add_row([
            repository.gun.to_string(),
            repository.tags.to_string(),
            bytes,
            at,
            role,
            repository.server.to_string(),
        ]);
    }
    table
}

/// What is denied, in words.
pub(super) fn denied(denied: &Denied) -> String {
    match &denied.what {
        DeniedThing::Digest(digest) => format!("the digest sha256:{digest}"),
        DeniedThing::Gun(gun) => format!("the repository {gun}"),
        DeniedThing::Key(key) => format!("what depends on the key {key}"),
    }
}
