//! Follows the configuration and the certificate while the process serves.
//!
//! Each function runs until it is dropped. A new version that is not valid is refused loudly, and
//! what was in use stays in use.

use std::convert::Infallible;
use std::error::Error;
use std::string::FromUtf8Error;
use std::sync::Arc;
use std::time::Duration;

use vouchsafe_policy::{Config, ConfigError};
use vouchsafe_trust::Clock;

use crate::admission::Admission;
use crate::metrics::{Load, Metrics};
use crate::tls::{Certificate, CertificateError, Serving};
use crate::watch::{Unreadable, Watch};

/// What has to be done with a valid new configuration before it decides anything, such as verifying
/// what is stored against its trust roots. An error refuses the configuration.
pub type Prepare = dyn Fn(&Config) -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync;

/// Follows the configuration file, which `watch` names.
pub async fn config(
    mut watch: Watch,
    interval: Duration,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    prepare: Arc<Prepare>,
) -> Infallible {
    loop {
        tokio::time::sleep(interval).await;
        // Preparing reads and writes the store, which is no work for a thread that serves.
        let (admission, prepare) = (Arc::clone(&admission), Arc::clone(&prepare));
        let mut looking = watch.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let outcome = reload_config(&mut looking, &admission, &*prepare);
            (looking, outcome)
        });
        let outcome = match looked.await {
            Ok((looked, outcome)) => {
                watch = looked;
                outcome
            }
            // It panicked; nothing is known to have changed, so it is looked at again.
            Err(failure) => Err(Refused::Failed(failure)),
        };
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                metrics.config_load(Load::Loaded);
                tracing::info!("configuration reloaded");
            }
            Err(error) => {
                metrics.config_load(Load::Refused);
                tracing::error!(%error, "new configuration refused; the previous one stays in use");
            }
        }
    }
}

/// Follows the files of the certificate, chain first, which `watch` names.
pub async fn certificate(
    mut watch: Watch,
    interval: Duration,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
) -> Infallible {
    loop {
        tokio::time::sleep(interval).await;
        match reload_certificate(&mut watch, &*clock) {
            Ok(None) => {}
            Ok(Some(certificate)) => {
                let not_after = certificate.not_after();
                serving.publish(certificate);
                metrics.certificate_load(Load::Loaded);
                metrics.certificate_expiry(not_after);
                tracing::info!(%not_after, "certificate reloaded");
            }
            Err(error) => {
                metrics.certificate_load(Load::Refused);
                let not_after = serving.not_after();
                tracing::error!(%error, %not_after, "new certificate refused; the previous one stays in use");
            }
        }
    }
}

/// Whether there was a new version, which then is in use.
fn reload_config(
    watch: &mut Watch,
    admission: &Admission,
    prepare: &Prepare,
) -> Result<bool, Refused> {
    let Some(contents) = watch.changed()? else {
        return Ok(false);
    };
    let text = String::from_utf8(contents.concat()).map_err(Refused::NotText)?;
    let config = Config::parse(&text, &watch.name())?;
    prepare(&config).map_err(Refused::Unprepared)?;
    admission.replace(config);
    Ok(true)
}

fn reload_certificate(
    watch: &mut Watch,
    clock: &dyn Clock,
) -> Result<Option<Certificate>, Refused> {
    let Some(contents) = watch.changed()? else {
        return Ok(None);
    };
    match contents.as_slice() {
        [chain, key] => Ok(Some(Certificate::from_pem(chain, key, clock.now())?)),
        other => Err(Refused::Files { found: other.len() }),
    }
}

/// Why a new version is not used.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the configuration could not be prepared: {0}")]
    Failed(#[source] tokio::task::JoinError),
    #[error("a certificate is two files, the chain and the key; {found} are watched")]
    Files { found: usize },
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    #[error("the file is no text: {0}")]
    NotText(#[source] FromUtf8Error),
    #[error(transparent)]
    Unprepared(Box<dyn Error + Send + Sync>),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mount, admission, config_text, trust_root};

    const DENY_ALL: &str = "validators: [{name: deny, type: static, approve: false}]
policy: [{pattern: '*', validator: deny}]";

    #[test]
    fn a_valid_configuration_is_prepared_and_then_used() {
        let (admission, _) = admission();
        let before = config_text(&trust_root());
        let mount = Mount::new(&[("config.yaml", &before)]);
        let mut watch = Watch::since(mount.path("config.yaml"), before.as_bytes());
        let used = Arc::clone(&admission);
        let rules = move || used.config().rules().count();
        let seen = rules.clone();
        let prepare = move |config: &Config| {
            assert_eq!(
                (config.rules().count(), seen()),
                (1, 3),
                "not used before it is prepared"
            );
            Ok(())
        };
        assert!(!reload_config(&mut watch, &admission, &prepare).unwrap());
        mount.replace(&[("config.yaml", DENY_ALL)]);
        assert!(reload_config(&mut watch, &admission, &prepare).unwrap());
        assert_eq!(rules(), 1);
    }

    #[test]
    fn an_invalid_configuration_is_refused_and_the_old_one_stays() {
        let (admission, _) = admission();
        let mount = Mount::new(&[("config.yaml", "validators: []")]);
        let mut watch = Watch::since(mount.path("config.yaml"), b"");
        let error = reload_config(&mut watch, &admission, &|_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("config.yaml"), "{error}");
        mount.replace(&[("config.yaml", DENY_ALL)]);
        let refuse = |_: &Config| Err("the store is damaged".into());
        let error = reload_config(&mut watch, &admission, &refuse).unwrap_err();
        assert_eq!(error.to_string(), "the store is damaged");
        assert_eq!(admission.config().rules().count(), 3);
    }
}
