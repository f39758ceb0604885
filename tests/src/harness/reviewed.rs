//! What the webhook answered, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::HarnessError;

/// The `response` of an `AdmissionReview`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reviewed(Value);

impl Reviewed {
    /// Takes apart what `answer` says to `asked`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if it answers another request.
    pub fn of(asked: &Value, answer: &Value) -> Result<Self, HarnessError> {
        let uid =
            |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let response = answer.pointer("/response").cloned();
        match response {
            Some(response) if uid(&response, "/uid") == uid(asked, "/request/uid") => {
                Ok(Self(response))
            }
            _ => Err(HarnessError::Unexpected {
                what: "AdmissionReview".to_owned(),
                detail: answer.to_string(),
            }),
        }
    }

    /// Whether the object is admitted.
    pub fn is_allowed(&self) -> bool {
        self.0.pointer("/allowed") == Some(&Value::Bool(true))
    }

    /// Why it is denied; empty if it is not.
    pub fn message(&self) -> &str {
        self.text("/status/message")
    }

    /// What is warned of.
    pub fn warnings(&self) -> Vec<&str> {
        let warnings = self.0.pointer("/warnings").and_then(Value::as_array);
        warnings
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The audit annotation `decision`: `allow`, `warn` or `deny`.
    pub fn decision(&self) -> &str {
        self.text("/auditAnnotations/decision")
    }

    /// The audit annotation `images`: each image and what became of it.
    pub fn images(&self) -> &str {
        self.text("/auditAnnotations/images")
    }

    /// What the patch puts into the object, in its order.
    pub fn replaced(&self) -> Vec<String> {
        let operations = self.patch().unwrap_or_default();
        let value = |operation: &Value| operation.pointer("/value")?.as_str().map(str::to_owned);
        operations.iter().filter_map(value).collect()
    }

    /// Holds it to be a denial with this label in the audit annotation `images`, and these words in its message.
    ///
    /// # Panics
    ///
    /// If it is another answer.
    #[track_caller]
    pub fn assert_denied(&self, label: &str, words: &[&str]) {
        let is_denied = !self.is_allowed() && self.decision() == "deny";
        assert!(
            is_denied && self.images().contains(label),
            "not denied as {label}: {self:?}"
        );
        for word in words {
            assert!(self.message().contains(word), "no {word}: {self:?}");
        }
    }

    fn patch(&self) -> Option<Vec<Value>> {
        let patch = STANDARD.decode(self.0.pointer("/patch")?.as_str()?).ok()?;
        serde_json::from_slice(&patch).ok()
    }

    fn text(&self, at: &str) -> &str {
        self.0
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}
