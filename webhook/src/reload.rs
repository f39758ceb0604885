//! Follows the configuration and the certificate while the process serves.
//!
//! Each function runs until it is dropped. A new version that is not valid is refused loudly, and
//! what was in use stays in use.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
/// what is stored against its trust roots beside those of the one in use, which goes on deciding
/// meanwhile. An error refuses the configuration.
pub type Prepare =
    dyn Fn(&Config) -> Result<Box<Settle>, Box<dyn Error + Send + Sync>> + Send + Sync;

/// What is left to do once the configuration decides.
pub type Settle = dyn FnOnce() + Send;

/// Who is told of a configuration, and what it has to pass.
#[derive(Clone)]
pub struct Reloading {
    /// Decides by it.
    pub admission: Arc<Admission>,
    /// Counts the versions.
    pub metrics: Arc<Metrics>,
    /// What has to be done before it decides anything.
    pub prepare: Arc<Prepare>,
    /// Hears why the newest version is refused, and of nothing when it is in use.
    pub refused: Arc<dyn Fn(Option<String>) + Send + Sync>,
}

impl fmt::Debug for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading").finish_non_exhaustive()
    }
}

/// Follows the configuration file, which `watch` names.
pub async fn config(mut watch: Watch, interval: Duration, reloading: Reloading) -> Infallible {
    let mut last_error = None;
    // Whether the version that was seen last is the one in use.
    let mut in_use = true;
    loop {
        tokio::time::sleep(interval).await;
        // Preparing reads and writes the store, which is no work for a thread that serves.
        let (mut looking, to_prepare) = (watch.clone(), reloading.clone());
        let may_be_back = in_use && last_error.is_some();
        let looked = tokio::task::spawn_blocking(move || {
            let outcome = look(&mut looking, &to_prepare, may_be_back);
            (looking, outcome)
        });
        let outcome = match looked.await {
            // What fails for another reason than what it says is tried again.
            Ok((_, Err(error @ Refused::Unprepared(_)))) => Err(error),
            Ok((looked, outcome)) => {
                watch = looked;
                match &outcome {
                    Ok(Look::Loaded) => in_use = true,
                    Err(Refused::Invalid(_) | Refused::NotText(_)) => in_use = false,
                    Ok(Look::Same | Look::Back) | Err(_) => {}
                }
                outcome
            }
            // It panicked; nothing is known to have changed, so it is looked at again.
            Err(failure) => Err(Refused::Failed(failure)),
        };
        match outcome {
            Ok(Look::Same) => {}
            Ok(Look::Back) => {
                last_error = None;
                (reloading.refused)(None);
                tracing::info!("the configuration file is again the one in use");
            }
            Ok(Look::Loaded) => {
                last_error = None;
                reloading.metrics.config_load(Load::Loaded);
                (reloading.refused)(None);
                tracing::info!("configuration reloaded");
            }
            Err(error) => {
                let text = error.to_string();
                if last_error.as_ref() == Some(&text) {
                    continue;
                }
                reloading.metrics.config_load(Load::Refused);
                (reloading.refused)(Some(text.clone()));
                last_error = Some(text);
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

/// What a look at the configuration file comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Look {
    /// The version in use is back, after another one was refused.
    Back,
    /// There was a new version, which is in use now.
    Loaded,
    /// Nothing has changed.
    Same,
}

fn look(watch: &mut Watch, reloading: &Reloading, may_be_back: bool) -> Result<Look, Refused> {
    if reload_config(watch, reloading)? {
        return Ok(Look::Loaded);
    }
    if !may_be_back || !watch.is_unchanged() {
        return Ok(Look::Same);
    }
    // What was refused may have been prepared in part.
    let settle = (reloading.prepare)(&reloading.admission.config()).map_err(Refused::Unprepared)?;
    settled(settle);
    Ok(Look::Back)
}

/// Whether there was a new version, which then is in use.
fn reload_config(watch: &mut Watch, reloading: &Reloading) -> Result<bool, Refused> {
    let Some(contents) = watch.changed()? else {
        return Ok(false);
    };
    let text = String::from_utf8(contents.concat()).map_err(Refused::NotText)?;
    let config = Config::parse(&text, &watch.name())?;
    let settle = (reloading.prepare)(&config).map_err(Refused::Unprepared)?;
    reloading.admission.replace(config);
    settled(settle);
    Ok(true)
}

/// What is left to do is done, or fails by itself: the configuration decides already.
fn settled(settle: Box<Settle>) {
    if catch_unwind(AssertUnwindSafe(settle)).is_err() {
        tracing::error!(
            "something failed after a configuration was taken up; it decides nevertheless"
        );
    }
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
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::testing::{Mount, admission, config_text, trust_root};

    const DENY_ALL: &str = "validators: [{name: deny, type: static, approve: false}]
policy: [{pattern: '*', validator: deny}]";

    fn nothing_left() -> Box<Settle> {
        Box::new(|| ())
    }

    fn reloading(admission: &Arc<Admission>, prepare: Arc<Prepare>) -> Reloading {
        Reloading {
            admission: Arc::clone(admission),
            metrics: Metrics::new(Vec::new()),
            prepare,
            refused: Arc::new(|_error| ()),
        }
    }

    #[test]
    fn a_valid_configuration_is_prepared_and_then_used() {
        let (admission, _) = admission();
        let before = config_text(&trust_root());
        let mount = Mount::new(&[("config.yaml", &before)]);
        let mut watch = Watch::since(mount.path("config.yaml"), before.as_bytes());
        let used = Arc::clone(&admission);
        let rules = move || used.config().rules().count();
        let seen = rules.clone();
        let settled = Arc::new(AtomicBool::new(false));
        let marks = Arc::clone(&settled);
        let prepare = move |config: &Config| {
            assert_eq!(
                (config.rules().count(), seen()),
                (1, 3),
                "not used before it is prepared"
            );
            let (seen, settled) = (seen.clone(), Arc::clone(&marks));
            let settle: Box<Settle> = Box::new(move || {
                assert_eq!(seen(), 1, "settled when it is used");
                settled.store(true, Ordering::SeqCst);
            });
            Ok(settle)
        };
        let reloading = reloading(&admission, Arc::new(prepare));
        assert!(!reload_config(&mut watch, &reloading).unwrap());
        mount.replace(&[("config.yaml", DENY_ALL)]);
        assert!(reload_config(&mut watch, &reloading).unwrap());
        assert_eq!(rules(), 1);
        assert!(settled.load(Ordering::SeqCst));
    }

    #[test]
    fn an_invalid_configuration_is_refused_and_the_old_one_stays() {
        let (admission, _) = admission();
        let mount = Mount::new(&[("config.yaml", "validators: []")]);
        let mut watch = Watch::since(mount.path("config.yaml"), b"");
        let lenient = reloading(&admission, Arc::new(|_| Ok(nothing_left())));
        let error = reload_config(&mut watch, &lenient).unwrap_err();
        assert!(error.to_string().contains("config.yaml"), "{error}");
        mount.replace(&[("config.yaml", DENY_ALL)]);
        let refuse = reloading(&admission, Arc::new(|_| Err("the store is damaged".into())));
        let error = reload_config(&mut watch, &refuse).unwrap_err();
        assert_eq!(error.to_string(), "the store is damaged");
        assert_eq!(admission.config().rules().count(), 3);
    }

    /// Waits until `condition` holds.
    async fn until(condition: impl Fn() -> bool) {
        let waiting = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), waiting)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_refusal_is_told_once_until_it_is_over() {
        let (admission, metrics) = admission();
        let before = config_text(&trust_root());
        let mount = Mount::new(&[("config.yaml", &before)]);
        let watch = Watch::since(mount.path("config.yaml"), before.as_bytes());
        let heard: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let tries = Arc::new(AtomicUsize::new(0));
        let (listener, counter) = (Arc::clone(&heard), Arc::clone(&tries));
        let reloading = Reloading {
            admission: Arc::clone(&admission),
            metrics,
            // Works at the third attempt.
            prepare: Arc::new(
                move |_config| match counter.fetch_add(1, Ordering::SeqCst) {
                    0 | 1 => Err("the store is busy".into()),
                    _ => Ok(nothing_left()),
                },
            ),
            refused: Arc::new(move |error| listener.lock().unwrap().push(error)),
        };
        let following = tokio::spawn(config(watch, Duration::from_millis(1), reloading));
        let count = || heard.lock().unwrap().len();
        mount.replace(&[("config.yaml", "policy: x")]);
        until(|| count() == 1).await;
        mount.replace(&[("config.yaml", DENY_ALL)]);
        until(|| count() == 3).await;
        following.abort();
        let heard = heard.lock().unwrap().clone();
        let [Some(broken), Some(busy), None] = heard.as_slice() else {
            panic!("{heard:?}");
        };
        assert!(broken.contains("config.yaml:1:"), "{broken}");
        assert_eq!(busy, "the store is busy");
        assert_eq!(tries.load(Ordering::SeqCst), 3);
        assert_eq!(admission.config().rules().count(), 1);
    }

    #[tokio::test]
    async fn a_refusal_is_over_when_the_version_in_use_is_back() {
        let (admission, metrics) = admission();
        let before = config_text(&trust_root());
        let mount = Mount::new(&[("config.yaml", &before)]);
        let watch = Watch::since(mount.path("config.yaml"), before.as_bytes());
        let heard: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let prepared: Arc<Mutex<Vec<usize>>> = Arc::default();
        let (ear, seen) = (Arc::clone(&heard), Arc::clone(&prepared));
        let reloading = Reloading {
            admission: Arc::clone(&admission),
            metrics,
            prepare: Arc::new(move |config| {
                let rules = config.rules().count();
                seen.lock().unwrap().push(rules);
                if rules == 1 {
                    return Err("the templates are missing".into());
                }
                Ok(nothing_left())
            }),
            refused: Arc::new(move |error| ear.lock().unwrap().push(error)),
        };
        let following = tokio::spawn(config(watch, Duration::from_millis(1), reloading));
        let last = || heard.lock().unwrap().last().cloned();
        // What cannot be prepared, and what cannot even be read.
        for (name, contents) in [("config.yaml", DENY_ALL), ("other.yaml", "")] {
            mount.replace(&[(name, contents)]);
            until(|| last().is_some_and(|error| error.is_some())).await;
            mount.replace(&[("config.yaml", &before)]);
            until(|| last() == Some(None)).await;
        }
        following.abort();
        assert_eq!(admission.config().rules().count(), 3);
        // What the refused version did to the store is undone.
        assert_eq!(prepared.lock().unwrap().last(), Some(&3));
    }
}
