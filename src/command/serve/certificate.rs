//! Where the serving certificate comes from, and how a new one is taken up.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use vouchsafe_cluster::certificate::{Followed, Keeper, Names, follow, keep};
use vouchsafe_policy::Config;
use vouchsafe_policy::config::CertificateSettings;
use vouchsafe_trust::Clock;
use vouchsafe_webhook::metrics::Load;
use vouchsafe_webhook::watch::Watch;
use vouchsafe_webhook::{Certificate, Condition, Metrics, Readiness, Serving, reload};

use super::cluster::Cluster;
use crate::args::ServeArgs;
use crate::clock::SystemClock;
use crate::exit::Error;

/// Where it comes from. The API server judges it by its own clock, not by what this store has seen.
pub(super) enum Source {
    /// Files, which somebody else renews.
    Files { chain: PathBuf, key: PathBuf },
    /// A Secret, which the replicas renew themselves.
    Kept(CertificateSettings),
    /// Made at the start, for trying things out.
    Localhost,
}

impl Source {
    pub(super) fn of(args: &ServeArgs, config: &Config) -> Result<Self, Error> {
        match (&args.tls_cert, &args.tls_key, &config.kubernetes().certificate) {
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => Err(
                "two certificates are configured: --tls-cert names files, and `kubernetes.certificate` has one made\n\
                 hint: leave out one of them"
                    .into(),
            ),
            (Some(chain), Some(key), None) => Ok(Self::Files {
                chain: chain.clone(),
                key: key.clone(),
            }),
            (_, _, Some(settings)) => Ok(Self::Kept(settings.clone())),
            _ => Ok(Self::Localhost),
        }
    }

    /// What is served with at first. Where the certificate is in the cluster, that is one that nobody is to be sent to: the
    /// process is not ready until it has the other one.
    pub(super) fn first(&self, clock: &dyn Clock) -> Result<Certificate, Error> {
        let now = clock.now();
        match self {
            Self::Kept(_) => Ok(Certificate::self_signed(now)?),
            Self::Localhost => {
                tracing::warn!(
                    "no --tls-cert: made a certificate for localhost, which no API server will trust"
                );
                Ok(Certificate::self_signed(now)?)
            }
            Self::Files { chain, key } => {
                let read = |path: &PathBuf| {
                    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
                };
                let certificate = Certificate::from_pem(&read(chain)?, &read(key)?, now);
                Ok(certificate.map_err(|error| format!("{}: {error}", chain.display()))?)
            }
        }
    }

    /// Takes up a renewed certificate, wherever it comes from; keeps the one in the cluster, if this replica leads.
    pub(super) fn follow(self, taking: Taking, cluster: Option<&Cluster>) {
        match (self, cluster) {
            (Self::Files { chain, key }, _) => {
                taking.in_use();
                tokio::spawn(reload::certificate(
                    Watch::new(vec![chain, key]),
                    Watch::INTERVAL,
                    taking.serving,
                    taking.metrics,
                    Arc::new(SystemClock),
                ));
            }
            (Self::Kept(settings), Some(cluster)) => follow_kept(settings, taking, cluster),
            // Without a cluster there is nothing to follow: what was made at the start stays.
            (Self::Kept(_), None) | (Self::Localhost, _) => taking.in_use(),
        }
    }
}

fn follow_kept(settings: CertificateSettings, taking: Taking, cluster: &Cluster) {
    let connection = cluster.connection.clone();
    let CertificateSettings {
        secret,
        service,
        webhook,
    } = settings;
    let namespace = connection.namespace.clone();
    let names = Names { service, namespace };
    let keeper = Keeper {
        connection: connection.clone(),
        secret: secret.clone(),
        webhook,
        names: names.clone(),
        clock: Arc::new(SystemClock),
    };
    tokio::spawn(keep(keeper, cluster.leads.clone()));
    tokio::spawn(async move {
        let take = |followed: Followed| taking.take(&followed);
        follow(&connection, &secret, names, Arc::new(SystemClock), take).await;
    });
}

/// Who is told of a certificate.
pub(super) struct Taking {
    serving: Arc<Serving>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
}

impl Taking {
    pub(super) fn new(
        serving: &Arc<Serving>,
        readiness: &Arc<Readiness>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        Self {
            serving: Arc::clone(serving),
            readiness: Arc::clone(readiness),
            metrics: Arc::clone(metrics),
        }
    }

    /// What is served with now is what is to be served with.
    fn in_use(&self) {
        self.metrics.certificate_expiry(self.serving.not_after());
        self.readiness.set(Condition::Certificate, true);
    }

    fn take(&self, followed: &Followed) {
        match Certificate::from_pem(&followed.chain, &followed.key, SystemClock.now()) {
            Ok(certificate) => {
                let not_after = certificate.not_after();
                self.serving.publish(certificate);
                self.metrics.certificate_load(Load::Loaded);
                self.in_use();
                tracing::info!(%not_after, "took up the certificate of the Secret");
            }
            Err(error) => {
                self.metrics.certificate_load(Load::Refused);
                tracing::error!(%error, "new certificate refused; the previous one stays in use");
            }
        }
    }
}
