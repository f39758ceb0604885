//! The webhook as the API server calls it.

use std::time::Duration;

use kube::api::{GetParams, PostParams};
use kube::core::Request;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use serde_json::{Value, json};
use tokio::time::timeout;

/// A webhook that is asked.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "the client has no Debug")]
pub struct Probed {
    client: Client,
}

/// What the webhook answers about an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Whether it may run.
    pub allowed: bool,
    /// What users are told.
    pub message: String,
    /// What it is replaced by, if it is.
    pub replaced_by: Option<String>,
}

/// Why the webhook was not heard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It answers something else than it was asked for.
    #[error("the webhook answers with something else than it was asked: {0}")]
    Answer(String),
    /// Whom to trust is not said in PEM.
    #[error("the authorities are not PEM: {0}")]
    Authorities(#[source] pem::Error),
    /// It was called in vain.
    #[error("the webhook cannot be called: {0}")]
    Call(#[from] kube::Error),
    /// It did not answer in time.
    #[error("the webhook did not answer within {PATIENCE:?}")]
    Slow,
    /// Where it is makes no sense.
    #[error("`{0}` is no URL of a webhook, such as https://vouchsafe.vouchsafe.svc")]
    Url(String),
}

impl Probed {
    /// The webhook at `url`, trusted if one of `authorities` (PEM) vouches for it under `name`, or else under the host of `url`.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] if either cannot be used. Nothing is sent yet.
    pub fn new(url: &str, authorities: &[u8], name: Option<&str>) -> Result<Self, ProbeError> {
        let bad = || ProbeError::Url(url.to_owned());
        let mut config = Config::new(url.trim_end_matches('/').parse().ok().ok_or_else(bad)?);
        if config.cluster_url.scheme_str() != Some("https") {
            return Err(bad());
        }
        let authorities: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(authorities)
            .map(|each| each.map(|each| each.to_vec()))
            .collect::<Result<_, _>>()
            .map_err(ProbeError::Authorities)?;
        config.root_cert = Some(authorities);
        config.tls_server_name = name.map(str::to_owned);
        config.read_timeout = Some(PATIENCE);
        config.default_retry = false;
        let client = Client::try_from(config)?;
        Ok(Self { client })
    }

    /// Whether it says that it is ready, and in which words it does or does not. Nothing where it says so on another port only.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] if it does not answer.
    pub async fn is_ready(&self) -> Result<Option<(bool, String)>, ProbeError> {
        let request = Request::new("").get("ready", &GetParams::default());
        let request = request.map_err(kube::Error::BuildRequest)?;
        match within(self.client.request_text(request)).await {
            Ok(text) => Ok(Some((true, text))),
            Err(ProbeError::Call(kube::Error::Api(status))) => match status.code {
                404 => Ok(None),
                _ => Ok(Some((false, status.message.clone()))),
            },
            Err(error) => Err(error),
        }
    }

    /// What `/mutate` (or else `/validate`) answers to a Pod of this image in this namespace. Nothing is made of it.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] if it does not answer, or something else.
    pub async fn ask(
        &self,
        mutate: bool,
        image: &str,
        namespace: &str,
    ) -> Result<Answer, ProbeError> {
        let path = if mutate { "/mutate" } else { "/validate" };
        let body = review(image, namespace).to_string().into_bytes();
        let request = Request::new(path).create(&PostParams::default(), body);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let answer: Value = within(self.client.request(request)).await?;
        read(&answer).ok_or_else(|| {
            let text: String = answer.to_string().chars().take(MAX_SHOWN).collect();
            ProbeError::Answer(text)
        })
    }
}

async fn within<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, ProbeError> {
    match timeout(PATIENCE, call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ProbeError::Slow),
    }
}

/// The review of the creation of a Pod, as the API server sends it.
fn review(image: &str, namespace: &str) -> Value {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": "vouchsafe-probe", "namespace": namespace, "operation": "CREATE",
            "userInfo": {"username": "vouchsafe-probe"},
            "object": {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "vouchsafe-probe", "namespace": namespace},
                "spec": {"containers": [{"name": "probe", "image": image}]},
            },
            "oldObject": null, "dryRun": true,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        },
    })
}

fn read(answer: &Value) -> Option<Answer> {
    let response = answer.get("response")?;
    if response.get("uid")?.as_str()? != UID {
        return None;
    }
    let message = response.pointer("/status/message").and_then(Value::as_str);
    Some(Answer {
        allowed: response.get("allowed")?.as_bool()?,
        message: message.unwrap_or_default().to_owned(),
        replaced_by: match response.get("patch") {
            None | Some(Value::Null) => None,
            Some(patch) => Some(replaced(patch.as_str()?)?),
        },
    })
}

/// The image of the one container, by a JSON patch in base64.
fn replaced(patch: &str) -> Option<String> {
    use base64::Engine as _;
    let patch = base64::engine::general_purpose::STANDARD
        .decode(patch)
        .ok()?;
    let patch: Vec<Value> = serde_json::from_slice(&patch).ok()?;
    patch.iter().find_map(|operation| {
        let is_image = operation.get("path")?.as_str()? == "/spec/containers/0/image";
        is_image.then(|| operation.get("value")?.as_str().map(str::to_owned))?
    })
}

const UID: &str = "5e6a4d4e-6b1c-4bb7-9a0e-7d1f0c2b9a11";
/// As long as an API server waits at most, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart_and_that_to_another_question_is_none() {
        let denied =
            json!({"response": {"uid": UID, "allowed": false, "status": {"message": "no"}}});
        let denied = read(&denied).unwrap();
        assert!(!denied.allowed && denied.message == "no");
        // [{"op":"replace","path":"/spec/containers/0/image","value":"a@b"}]
        let patch = "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9zcGVjL2NvbnRhaW5lcnMvMC9pbWFnZSIsInZhbHVlIjoiYUBiIn1d";
        let pinned = json!({"response": {"uid": UID, "allowed": true, "patch": patch}});
        assert_eq!(read(&pinned).unwrap().replaced_by.as_deref(), Some("a@b"));
        for other in [
            json!({}),
            json!({"response": {"uid": "other", "allowed": true}}),
            json!({"response": {"uid": UID}}),
            json!({"response": {"uid": UID, "allowed": true, "patch": "?"}}),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }

    #[test]
    fn only_a_webhook_over_tls_is_asked() {
        for url in ["http://vouchsafe.svc", "vouchsafe.svc", "https://"] {
            let refused = Probed::new(url, b"", None).err();
            assert!(matches!(refused, Some(ProbeError::Url(_))), "{url}");
        }
    }
}
