//! The command line, as typed. Nothing here reads a file.

mod bundle;
mod cluster;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::{Gun, Server};

pub(crate) use bundle::{
    BundleCommand, CreateArgs, DenyArgs, DiffArgs, ForgetBundleArgs, ImagesArgs, ImportArgs,
    InspectArgs, LabelArgs, PullArgs, PushArgs, RegistryArgs, SignArgs, VerifyArgs,
};
pub(crate) use cluster::{ClusterCommand, ProbeArgs, RemoveWebhooksArgs, WaitArgs};

/// Decides which container images may run, from Notary signatures that were verified beforehand.
///
/// `vouchsafe sync` pulls trust data from Notary servers, verifies all of it against the root keys
/// that the configuration pins, and stores it. `vouchsafe serve` answers Kubernetes admission
/// requests from that store alone. `check`, `review` and `status` say what it would answer and why.
///
/// Exit status: 0 yes or done, 1 no (not trusted, findings), 2 could not tell (usage, I/O),
/// 3 refused by verification.
#[derive(Debug, Parser)]
#[command(
    name = "vouchsafe",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "VOUCHSAFE_CONFIG",
        default_value = "/etc/vouchsafe/config.yaml"
    )]
    pub(crate) config: PathBuf,
    /// Directory of the store. Commands that only read it work while `vouchsafe serve` holds it.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "VOUCHSAFE_STORE",
        default_value = "/var/lib/vouchsafe"
    )]
    pub(crate) store: PathBuf,
    /// Folder with a folder for each secret that the configuration names (`auth.secretName`).
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "VOUCHSAFE_SECRETS",
        default_value = "/etc/vouchsafe/secrets"
    )]
    pub(crate) secrets: PathBuf,
    /// Log more; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How log lines look; they go to standard error.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where what is stored is published.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PublishTarget {
    /// The API server of the cluster: that of the Pod's service account, or of KUBECONFIG.
    Kubernetes,
}

/// How a command prints its result.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OutputArgs {
    /// How the result is printed; `json` is stable and documented.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// How a command prints its result.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For programs.
    Json,
    /// For people.
    Text,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pull trust data from the Notary servers, verify it and store it.
    ///
    /// A running `vouchsafe serve` holds the store and syncs by itself; this is for a store that
    /// nobody holds.
    Sync(SyncArgs),
    /// Answer Kubernetes admission requests from the store.
    ///
    /// Syncs at its start and then on `sync.schedule`. Answers POST requests to /mutate and
    /// /validate; GET /health, /ready and /metrics say how it is. A changed configuration or
    /// certificate is taken up without a restart.
    Serve(ServeArgs),
    /// Say what admission would answer for an image, and why.
    Check(CheckArgs),
    /// Answer admission reviews or manifests from a file, as admission would.
    Review(ReviewArgs),
    /// Show what is stored: repositories, tags, versions, expiry, freshness, last sync.
    Status(StatusArgs),
    /// Drop everything that is stored and remembered of a repository, after asking.
    Forget(ForgetArgs),
    /// Judge by the clock again after it was ahead and set right, after asking.
    ///
    /// The latest time seen is stored, and no earlier one is judged by: a clock that was ahead for a
    /// while would have everything expire too early. This drops that time and nothing else. Works
    /// while `vouchsafe serve` holds the store.
    ResetClock(ResetClockArgs),
    /// Carry trust data across an air gap: one file that proves itself.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Install and keep Vouchsafe in a cluster; the Helm chart runs these.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Check the configuration, or print its schema.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Fetch a repository's root keys from a server, for you to compare and pin.
    ///
    /// Nothing is verified: compare what is shown with the key that the publisher gives you before
    /// you pin it. Needs no configuration and no store.
    RootKey(RootKeyArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    /// Repositories to sync, such as docker.io/library/nginx; without any, all that the configuration selects.
    #[arg(value_name = "GUN", value_parser = gun)]
    pub(crate) guns: Vec<Gun>,
    /// Go on, at the times of `sync.schedule` (cron, UTC).
    #[arg(long, conflicts_with = "guns")]
    pub(crate) watch: bool,
    /// Poll every repository, whatever the servers' changefeeds say.
    #[arg(long)]
    pub(crate) full: bool,
    /// Then publish what is stored: as `TrustRepository` objects in the cluster, whose webhooks take them in.
    #[arg(long, value_name = "WHERE", conflicts_with = "watch")]
    pub(crate) publish: Option<PublishTarget>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Address for admission requests, over TLS.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// Certificate chain, PEM. Without one, a certificate for localhost is made. Reloaded when the
    /// file changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Also count as Connaisseur does (`connaisseur_*`), for dashboards that were made for it.
    #[arg(long)]
    pub(crate) connaisseur_metrics: bool,
    /// What alerts call this process.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub(crate) pod_name: Option<String>,
    /// Address for health, readiness and metrics over plain HTTP; without it they are on the TLS
    /// port.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_listen: Option<SocketAddr>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Images, as a Pod would name them.
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,
    /// Namespace of the Pod, for rules that hold in some namespaces only.
    #[arg(short, long, value_name = "NS", default_value = "default")]
    pub(crate) namespace: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ReviewArgs {
    /// Admission reviews (JSON) or manifests (YAML, many documents); `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Namespace of objects that name none.
    #[arg(short, long, value_name = "NS", default_value = "default")]
    pub(crate) namespace: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// One repository, with its tags; without it, all.
    #[arg(value_name = "GUN", value_parser = gun)]
    pub(crate) gun: Option<Gun>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ForgetArgs {
    /// The repository, such as docker.io/library/nginx.
    #[arg(value_name = "GUN", value_parser = gun)]
    pub(crate) gun: Gun,
    /// Forget what one server said only; without it, every server.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<Server>,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ResetClockArgs {
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration file; say what each rule selects, and which can never win.
    Check(ConfigCheckArgs),
    /// Print the configuration's JSON Schema.
    Schema,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigCheckArgs {
    /// Say instead which rule wins for this image, and why no other does.
    #[arg(long, value_name = "IMAGE", conflicts_with = "strict")]
    pub(crate) image: Option<Reference>,
    /// Namespace of the Pod that runs the image.
    #[arg(
        short,
        long,
        value_name = "NS",
        default_value = "default",
        requires = "image"
    )]
    pub(crate) namespace: String,
    /// Exit with 1 if there is a warning or a rule that can never win.
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RootKeyArgs {
    /// The repository, such as docker.io/library/nginx.
    #[arg(value_name = "GUN", value_parser = gun)]
    pub(crate) gun: Gun,
    /// The Notary server.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) login: LoginArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How to reach a server that no configuration names.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Certificates that replace the system's roots for this server, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// User name, where the server asks for one; the password is read from `VOUCHSAFE_PASSWORD`.
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    #[arg(long, env = "VOUCHSAFE_PASSWORD", hide = true, hide_env_values = true)]
    pub(crate) password: Option<String>,
}

/// Reads a repository's name. Who writes an image instead is told its repository.
fn gun(text: &str) -> Result<Gun, String> {
    text.parse().map_err(|error| {
        let image: Option<Reference> = text.parse().ok();
        image.map_or_else(
            || format!("{error}"),
            |image| format!("{error}; did you mean `{}`?", image.gun()),
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_image_in_place_of_a_repository_is_answered_with_its_repository() {
        assert_eq!(
            gun("docker.io/library/nginx").unwrap().as_str(),
            "docker.io/library/nginx"
        );
        for image in ["nginx", "docker.io/library/nginx:1.27"] {
            let error = gun(image).unwrap_err();
            assert!(
                error.ends_with("did you mean `docker.io/library/nginx`?"),
                "{error}"
            );
        }
        assert!(!gun("not an image").unwrap_err().contains("did you mean"));
    }
}
