//! The command line of `vouchsafe cluster`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::bundle::duration;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Print the definitions of the custom resources, as YAML.
    Crds,
    /// Wait until the webhook can be called.
    ///
    /// A replica has to be ready, and there has to be a certificate where it is self-managed. Names that are not given are those of `kubernetes.certificate` in the configuration, where there is one. It needs to list
    /// endpoint slices in the namespace, and to get the Secret where the certificate is self-managed.
    Wait(WaitArgs),
    /// Ask the webhook as the API server does.
    ///
    /// Says whether it answers as it should. Where it says whether it is ready, it has to be; each image that nobody signed has to be denied, and each that is signed has to be
    /// allowed. Without --ca-file the authorities are read from the validating webhook configuration, which it then needs to get.
    Probe(ProbeArgs),
    /// Delete the webhook configurations of both kinds.
    ///
    /// The API server then asks nobody any more. It is no error if there are none. It needs to delete them.
    RemoveWebhooks(RemoveWebhooksArgs),
}

#[derive(Args, Debug)]
pub(crate) struct WaitArgs {
    /// How long at most.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub(crate) timeout: SignedDuration,
    /// The Service in front of the replicas.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// The Secret with the self-managed certificate.
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: Option<String>,
    /// The namespace of both; by default that of the configuration, or of the Pod.
    #[arg(short, long, value_name = "NS")]
    pub(crate) namespace: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ProbeArgs {
    /// Where the webhook is, such as `https://10.96.0.20`; by default a ready replica of the Service.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The Service in front of the replicas.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// The namespace of the Service; by default that of the configuration, or of the Pod.
    #[arg(short, long, value_name = "NS")]
    pub(crate) namespace: Option<String>,
    /// Authorities to trust, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The name of the validating webhook configuration with the authorities.
    #[arg(long, value_name = "NAME", conflicts_with = "ca_file")]
    pub(crate) webhook: Option<String>,
    /// The name that the certificate has to be of; by default SERVICE.NS.svc.
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// An image that is signed; can be given several times.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) signed: Vec<String>,
    /// An image that nobody signed; can be given several times.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) unsigned: Vec<String>,
    /// The namespace of the Pods that are asked about.
    #[arg(long, value_name = "NS", default_value = "default")]
    pub(crate) pod_namespace: String,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveWebhooksArgs {
    /// Their name.
    #[arg(long, value_name = "NAME")]
    pub(crate) webhook: Option<String>,
}
