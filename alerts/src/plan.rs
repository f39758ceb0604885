//! Who is told, and in which form: what a configuration says, ready to be used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vouchsafe_policy::config::{Source, UrlError};
use vouchsafe_policy::{Alerting, Receiver};
use vouchsafe_store::Alert;
use vouchsafe_trust::Sha256;

use crate::post;
use crate::template::{Template, TemplateError, Values};

/// The receivers of a configuration, each with a template that was tried out.
#[derive(Debug)]
pub struct Plan {
    cluster: String,
    receivers: BTreeMap<Sha256, Arc<Planned>>,
    warnings: Vec<String>,
}

/// A receiver and how alerts for it are written.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) receiver: Receiver,
    template: Template,
}

impl Plan {
    /// Reads and tries out the templates that `alerting` names.
    ///
    /// # Errors
    ///
    /// [`PlanError`] with the first receiver whose template cannot be used.
    pub fn load(alerting: &Alerting) -> Result<Self, PlanError> {
        let mut plan = Self {
            cluster: alerting.cluster_identifier.clone(),
            receivers: BTreeMap::new(),
            warnings: Vec::new(),
        };
        for receiver in alerting.receivers() {
            check_url(receiver)?;
            let source = source(receiver, alerting.template_directory.as_deref())?;
            let template = Template::compile(source).map_err(|source| PlanError::Template {
                receiver: receiver.name.clone(),
                template: receiver.template.clone(),
                source,
            })?;
            if template.writes_nothing() {
                plan.warnings.push(format!(
                    "the template `{}` writes nothing, so nothing is sent to the receiver `{}`",
                    receiver.template, receiver.name
                ));
            }
            let planned = Planned {
                receiver: receiver.clone(),
                template,
            };
            plan.receivers
                .insert(receiver.id.fingerprint(), Arc::new(planned));
        }
        Ok(plan)
    }

    /// What can be used, and probably is not what was meant.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(crate) const fn receivers(&self) -> &BTreeMap<Sha256, Arc<Planned>> {
        &self.receivers
    }

    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }
}

impl Planned {
    /// The body of the request that tells of `alert`; `None` if the template writes nothing.
    pub(crate) fn body(
        &self,
        alert: &Alert,
        cluster: &str,
        pod_id: &str,
    ) -> Result<Option<Vec<u8>>, TemplateError> {
        let object = self.template.write(&Values {
            alert,
            cluster,
            pod_id,
            priority: self.receiver.priority,
        })?;
        Ok(object.map(|mut object| {
            object.extend(self.receiver.payload_fields.clone());
            serde_json::Value::Object(object).to_string().into_bytes()
        }))
    }
}

/// Why the alerting of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The template cannot be used.
    #[error("alerting: the template `{template}` of the receiver `{receiver}`: {source}")]
    Template {
        /// The receiver.
        receiver: String,
        /// The template.
        template: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// There is no template of that name.
    #[error(
        "alerting: the receiver `{receiver}` has no template `{template}`: built in are `ecs-1-12-0`, \
         `keybase`, `msteams`, `opsgenie` and `slack`, and no `templateDirectory` is configured"
    )]
    Unknown {
        /// The receiver.
        receiver: String,
        /// The template.
        template: String,
    },
    /// The URL is none after all. Never carries any part of it.
    #[error("alerting: the URL of the receiver `{receiver}` cannot be used: {source}")]
    Url {
        /// The receiver.
        receiver: String,
        /// Why.
        source: UrlError,
    },
    /// The template's file cannot be read.
    #[error("alerting: the template of the receiver `{receiver}` cannot be read: {}: {source}", path.display())]
    Unreadable {
        /// The receiver.
        receiver: String,
        /// The template's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The rules for hosts are more than the configuration knows; the HTTP client has them.
fn check_url(receiver: &Receiver) -> Result<(), PlanError> {
    let Source::Inline(url) = &receiver.url else {
        return Ok(());
    };
    post::parse(url).map(drop).map_err(|source| PlanError::Url {
        receiver: receiver.name.clone(),
        source,
    })
}

fn source(receiver: &Receiver, directory: Option<&Path>) -> Result<String, PlanError> {
    let built_in = BUILT_IN.iter().find(|(name, _)| *name == receiver.template);
    if let Some((_, text)) = built_in {
        return Ok((*text).to_owned());
    }
    let directory = directory.ok_or_else(|| PlanError::Unknown {
        receiver: receiver.name.clone(),
        template: receiver.template.clone(),
    })?;
    let path = directory.join(format!("{}.json", receiver.template));
    read(&path).map_err(|source| PlanError::Unreadable {
        receiver: receiver.name.clone(),
        path,
        source,
    })
}

fn read(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?.take(MAX_FILE);
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if file.limit() == 0 {
        let reason = format!("longer than {MAX_FILE} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    Ok(text)
}

/// The templates that need no file, by name.
pub(crate) const BUILT_IN: [(&str, &str); 5] = [
    ("ecs-1-12-0", include_str!("../templates/ecs-1-12-0.json")),
    ("keybase", include_str!("../templates/keybase.json")),
    ("msteams", include_str!("../templates/msteams.json")),
    ("opsgenie", include_str!("../templates/opsgenie.json")),
    ("slack", include_str!("../templates/slack.json")),
];

const MAX_FILE: u64 = 256 << 10;

#[cfg(test)]
mod tests;
