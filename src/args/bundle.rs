//! The command line of `vouchsafe bundle`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use vouchsafe_airgap::Name;
use vouchsafe_airgap::registry::RegistryRef;
use vouchsafe_policy::config::parse_duration;
use vouchsafe_trust::{Gun, KeyId, Sha256};

use super::{LoginArgs, OutputArgs, PublishTarget};

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Sync, verify, and write what is stored into one file.
    ///
    /// Without images or manifests, everything that the configuration selects. The file is named
    /// NAME-UTC-SEQUENCE.tar.zst. Nothing is written if something that was asked for is missing,
    /// unsigned, refused or about to expire.
    Create(CreateArgs),
    /// Make a bundle that only says what is to be denied: bad news that cannot wait.
    ///
    /// It counts only once it is signed, and adds to what earlier bundles of the same name list: what
    /// one lists stays denied until another one lifts it.
    Deny(DenyArgs),
    /// Sign a bundle: vouch that it is complete, and fresh until its `refreshBy`.
    ///
    /// The signature is over the manifest in the bundle and goes into the file beside those that
    /// are there. It says nothing about who signed the images; their own signatures do.
    Sign(SignArgs),
    /// Check a bundle without taking it in.
    ///
    /// That it is whole, that the pinned keys signed it, that it is for this site, and that every
    /// repository holds from the pinned root keys. What was taken in before is not looked at.
    Verify(VerifyArgs),
    /// Show what a bundle says that it holds. Needs no key, and proves nothing.
    Inspect(InspectArgs),
    /// List the images of a bundle as REPOSITORY@DIGEST, for tools that carry images.
    Images(ImagesArgs),
    /// Say what a bundle changes beside another one. Needs no key, and proves nothing.
    Diff(DiffArgs),
    /// Verify everything in a bundle again from the pinned keys, and take it into the store.
    ///
    /// All at once or not at all; what does not hold is left out and reported. Works while
    /// `vouchsafe serve` holds the store, which then does it.
    Import(ImportArgs),
    /// Let a series of bundles begin anew: its numbers, and what it denies.
    ///
    /// Forgets which bundle of the series was taken in last, after asking.
    ///
    /// For a series whose numbers began anew, or whose keys are gone. What its bundles brought stays, and
    /// older versions of that are refused as before. Works while `vouchsafe serve` holds the store.
    Forget(ForgetBundleArgs),
    /// Push a bundle to an OCI registry.
    Push(PushArgs),
    /// Pull a bundle from an OCI registry into a folder.
    Pull(PullArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Images, as a Pod would name them; each has to be signed.
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Manifests (YAML, many documents), whose images are meant; `-` for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Folder for the bundle; it has to exist.
    #[arg(short = 'd', long, value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) label: LabelArgs,
    /// Until when whoever signs the bundle vouches that it is fresh: a time from now, such as 35d.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) refresh_by: Option<SignedDuration>,
    /// Refuse what would expire sooner than this, such as 7d. With --refresh-by, timestamps may.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "0s")]
    pub(crate) min_remaining: SignedDuration,
    /// Write only what changed since this bundle, which must have been taken in first.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) since: Option<PathBuf>,
    /// Cut the file into parts of at most this size, such as 650M.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) split: Option<u64>,
    /// Write the bundle without what was asked for and is missing or unsigned.
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Use what is stored as it is.
    #[arg(long)]
    pub(crate) no_sync: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What a bundle is called, and by whom it is signed.
#[derive(Args, Debug)]
pub(crate) struct LabelArgs {
    /// Series that the bundle belongs to; without it, `vouchsafe`, or `deny` for what is to be denied.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<Name>,
    /// Number in the series; without it, the next one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sequence: Option<u64>,
    /// Site or cluster that it is for; others will refuse it. Can be said several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) audience: Vec<Name>,
    /// Private key (PEM) to sign it with at once, as `vouchsafe bundle sign` does.
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: Vec<PathBuf>,
    /// When it is made; without it, now. The same contents, name, number and time are the same file.
    #[arg(long, value_name = "TIME")]
    pub(crate) created_at: Option<Timestamp>,
}

#[derive(Args, Debug)]
pub(crate) struct DenyArgs {
    /// Digest of a manifest, such as sha256:…; denied in whatever repository it is.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) digest: Vec<Sha256>,
    /// Repository, such as docker.io/library/nginx; all of it is denied.
    #[arg(long, value_name = "GUN", value_parser = super::gun)]
    pub(crate) gun: Vec<Gun>,
    /// TUF key ID, as `notary key list` shows it; whatever depends on the key is denied.
    #[arg(long, value_name = "ID")]
    pub(crate) key: Vec<KeyId>,
    /// Why; shown to whoever is denied.
    #[arg(long, value_name = "TEXT", required_unless_present = "lift")]
    pub(crate) reason: Option<String>,
    /// Deny what is named no longer, which an earlier bundle of the same name listed.
    #[arg(long, conflicts_with = "reason")]
    pub(crate) lift: bool,
    /// Folder for the bundle; it has to exist.
    #[arg(short = 'd', long, value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) label: LabelArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    /// The bundle: one file; sign before you split it.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Private key, PEM: ECDSA P-256 or Ed25519, as `openssl genpkey` makes it.
    #[arg(long, value_name = "FILE", required_unless_present = "signature")]
    pub(crate) key: Option<PathBuf>,
    /// A signature that was made elsewhere over the manifest, by openssl or cosign, to be added.
    #[arg(
        long,
        value_name = "FILE",
        requires = "public_key",
        conflicts_with = "key"
    )]
    pub(crate) signature: Option<PathBuf>,
    /// Public key (PEM) of whoever made that signature.
    #[arg(long, value_name = "FILE", requires = "signature")]
    pub(crate) public_key: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Public key (PEM) of somebody who has to have signed it, instead of those of the
    /// configuration; then nothing else of the configuration counts either.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// How many of the keys have to have signed; without it, all.
    #[arg(long, value_name = "N", requires = "key")]
    pub(crate) threshold: Option<usize>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Write the manifest and the signatures into this folder, to check them with other tools.
    #[arg(long, value_name = "DIR")]
    pub(crate) extract: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImagesArgs {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// The earlier bundle.
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The later bundle.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The bundle: a file, the first part of a split one, or the folder of an OCI image layout.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Take in nothing if one repository does not hold.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Say what would come of it, and take in nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Then publish what is stored: as `TrustRepository` objects in the cluster, whose webhooks take them in.
    #[arg(long, value_name = "WHERE", conflicts_with = "dry_run")]
    pub(crate) publish: Option<PublishTarget>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ForgetBundleArgs {
    /// The series.
    #[arg(value_name = "NAME")]
    pub(crate) name: Name,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PushArgs {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Where to, such as registry.internal/trust/bundle:latest; over TLS unless http:// is written
    /// before it.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: RegistryRef,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PullArgs {
    /// Where from, such as registry.internal/trust/bundle:latest.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: RegistryRef,
    /// Folder to pull into, as an OCI image layout; must not exist or be empty.
    #[arg(short = 'd', long, value_name = "DIR")]
    pub(crate) directory: PathBuf,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How to reach a registry.
#[derive(Args, Debug)]
pub(crate) struct RegistryArgs {
    #[command(flatten)]
    pub(crate) login: LoginArgs,
    /// Docker configuration file with credentials; without it, the one of the user, if there is one.
    #[arg(long, value_name = "FILE", conflicts_with = "username")]
    pub(crate) docker_config: Option<PathBuf>,
}

pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn digest(text: &str) -> Result<Sha256, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.parse().map_err(|error| format!("{error}"))
}

/// A number of bytes, such as 650M: K, M and G are powers of 1,000, as media are sold.
fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is not a size such as 650M");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_error| bad())?;
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return Err(bad()),
    };
    let size = number.checked_mul(unit).ok_or_else(bad)?;
    if size < SMALLEST_PART {
        return Err(format!("a part has at least {SMALLEST_PART} bytes"));
    }
    Ok(size)
}

/// Smaller parts are a typing error.
const SMALLEST_PART: u64 = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_media_are_sold() {
        assert_eq!(size("650M"), Ok(650_000_000));
        assert_eq!(size("1024"), Ok(1_024));
        assert_eq!(size("2G"), Ok(2_000_000_000));
        for bad in ["", "M", "650MB", "-1", "1", "99999999999G", "6 M"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }
}
