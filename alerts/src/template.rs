//! How an alert is written: a JSON text with placeholders.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use serde_json::Map;
use vouchsafe_store::{Alert, AlertOutcome};

/// A template that was found to write a JSON object.
pub(crate) struct Template {
    environment: Environment<'static>,
    /// Whether it wrote nothing for an alert that has everything.
    writes_nothing: bool,
}

impl Template {
    /// Compiles `source`, and writes two alerts on trial: one that has everything, and one that has
    /// hardly anything.
    pub(crate) fn compile(source: String) -> Result<Self, TemplateError> {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(escape);
        environment.add_template_owned(NAME, source)?;
        let mut template = Self {
            environment,
            writes_nothing: false,
        };
        // A text that tries to break out, and none at all.
        template.try_out("")?;
        template.writes_nothing = template.try_out("\"x\\\n{{ y }}")?;
        Ok(template)
    }

    /// Whether the template writes nothing, or an empty object, for an alert that has everything.
    pub(crate) const fn writes_nothing(&self) -> bool {
        self.writes_nothing
    }

    /// Writes an alert all of whose texts are `text`; true if nothing comes of it.
    fn try_out(&self, text: &str) -> Result<bool, TemplateError> {
        let alert = Alert {
            outcome: AlertOutcome::Rejected,
            message: text.to_owned(),
            namespace: text.to_owned(),
            kind: text.to_owned(),
            name: text.to_owned(),
            images: text.to_owned(),
            uid: text.to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        let values = Values {
            alert: &alert,
            cluster: text,
            pod_id: text,
            priority: 3,
        };
        Ok(self.write(&values)?.is_none())
    }

    /// The JSON object that the template makes of `values`; `None` if that is nothing, or an object
    /// without members.
    pub(crate) fn write(
        &self,
        values: &Values<'_>,
    ) -> Result<Option<Map<String, serde_json::Value>>, TemplateError> {
        let template = self.environment.get_template(NAME)?;
        let text = template.render(values.context())?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        if text.len() > MAX_TEXT {
            return Err(TemplateError::TooLong { len: text.len() });
        }
        let object: Map<_, _> = serde_json::from_str(&text).map_err(TemplateError::NotAnObject)?;
        Ok((!object.is_empty()).then_some(object))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").finish_non_exhaustive()
    }
}

/// What placeholders stand for.
#[derive(Clone, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) alert: &'a Alert,
    pub(crate) cluster: &'a str,
    pub(crate) pod_id: &'a str,
    pub(crate) priority: u32,
}

impl Values<'_> {
    fn context(&self) -> BTreeMap<&'static str, Value> {
        let alert = self.alert;
        let (result, error) = match alert.outcome {
            AlertOutcome::Admitted => ("admitted", ""),
            AlertOutcome::Rejected => ("rejected", alert.message.as_str()),
            AlertOutcome::Warned => ("warned", alert.message.as_str()),
        };
        let mut message = match alert.outcome {
            AlertOutcome::Warned => "Vouchsafe only warned about a request".to_owned(),
            AlertOutcome::Admitted | AlertOutcome::Rejected => {
                format!("Vouchsafe {result} a request")
            }
        };
        if !alert.message.is_empty() {
            message.push_str(": ");
            message.push_str(&alert.message);
        }
        let texts = [
            ("alert_message", message.as_str()),
            ("cluster", self.cluster),
            ("connaisseur_pod_id", self.pod_id),
            ("error", error),
            ("images", &alert.images),
            ("kind", &alert.kind),
            ("name", &alert.name),
            ("namespace", &alert.namespace),
            ("request_id", &alert.uid),
            ("result", result),
            ("timestamp", &alert.at.to_string()),
            ("vouchsafe_pod_id", self.pod_id),
        ];
        let mut context: BTreeMap<_, _> = texts.map(|(name, text)| (name, text.into())).into();
        context.insert("priority", self.priority.into());
        context
    }
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// What it writes is no JSON object.
    #[error("it does not write a JSON object: {0}")]
    NotAnObject(#[source] serde_json::Error),
    /// It has a placeholder that stands for nothing, or cannot be read at all.
    #[error("{0}")]
    Template(#[from] Error),
    /// What it writes is longer than any receiver takes.
    #[error("it writes {len} bytes; at most {MAX_TEXT} are sent")]
    TooLong {
        /// How much it writes.
        len: usize,
    },
}

/// Writes a value so that it stays within its JSON string, whatever it is.
fn escape(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        let quoted = serde_json::Value::from(text).to_string();
        let within = quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        out.write_str(within.unwrap_or_default())?;
        Ok(())
    } else if value.is_number() {
        write!(out, "{value}")?;
        Ok(())
    } else {
        let kind = value.kind();
        let message = format!("a placeholder stands for a value of the kind {kind}");
        Err(Error::new(ErrorKind::InvalidOperation, message))
    }
}

const NAME: &str = "template";
const MAX_TEXT: usize = 1 << 20;

#[cfg(test)]
mod tests;
