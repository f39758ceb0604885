//! `AdmissionReview`, the message between an API server and its webhooks: the only file that knows
//! its members.
//!
//! A request is read in one pass into what admission looks at, borrowing from the body; everything
//! else is skipped without being kept. A member that stands twice is refused wherever it is looked
//! at: the API server never writes such a thing, and two readers may disagree about its meaning.

mod uid;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::text::{Text, printable};
use crate::workload::{Object, OldObject};

use uid::MAX_UID;
pub(crate) use uid::find_uid;

/// A request as it was read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request<'a> {
    /// The API server's identifier of this request.
    #[serde(borrow)]
    pub(crate) uid: Text<'a>,
    /// What kind of object it is about.
    #[serde(borrow)]
    pub(crate) kind: GroupKind<'a>,
    /// The subresource, empty for the object itself.
    #[serde(borrow, default)]
    pub(crate) sub_resource: Text<'a>,
    /// The namespace, empty for objects that have none.
    #[serde(borrow, default)]
    pub(crate) namespace: Text<'a>,
    /// The object's name, empty while the API server has not made it up.
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    /// What is done.
    pub(crate) operation: Operation,
    /// The object as it shall be.
    #[serde(borrow)]
    pub(crate) object: Option<Object<'a>>,
    /// The object as it was.
    #[serde(borrow)]
    pub(crate) old_object: Option<OldObject<'a>>,
    /// Whether nothing of it will be kept.
    #[serde(default)]
    pub(crate) dry_run: Option<bool>,
}

impl Request<'_> {
    /// The object's name, or the beginning of it.
    pub(crate) fn object_name(&self) -> &str {
        let metadata = self.object.as_ref().map(|object| &object.metadata);
        let generated = metadata.map(|metadata| metadata.generate_name.as_str());
        let named = metadata.map(|metadata| metadata.name.as_str());
        [Some(self.name.as_str()), named, generated]
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .unwrap_or_default()
    }
}

/// Group and kind of an object.
#[derive(Debug, Deserialize)]
pub(crate) struct GroupKind<'a> {
    /// The API group, empty for the core one.
    #[serde(borrow, default)]
    pub(crate) group: Text<'a>,
    /// The kind.
    #[serde(borrow)]
    pub(crate) kind: Text<'a>,
}

/// What a request does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Operation {
    /// Opens a connection to an object.
    Connect,
    /// Makes an object.
    Create,
    /// Deletes an object.
    Delete,
    /// Changes an object.
    Update,
}

/// Reads a request.
///
/// # Errors
///
/// [`Undecodable`] where the body is no `AdmissionReview` that carries a request.
pub(crate) fn read(body: &[u8]) -> Result<(ApiVersion, Request<'_>), Undecodable> {
    // What is skipped is not looked into otherwise, and JSON is UTF-8 all through (RFC 8259 §8.1).
    let text = std::str::from_utf8(body).map_err(|error| Undecodable::Json(error.to_string()))?;
    // serde quotes what it did not expect, which may be all of the body.
    let review: Review<'_> = serde_json::from_str(text)
        .map_err(|error| Undecodable::Json(printable(&error.to_string(), MAX_FAULT)))?;
    let version = ApiVersion::of(review.api_version.as_str());
    let (Some(version), "AdmissionReview") = (version, review.kind.as_str()) else {
        return Err(Undecodable::OtherKind {
            kind: printable(review.kind.as_str(), MAX_QUOTED),
            api_version: printable(review.api_version.as_str(), MAX_QUOTED),
        });
    };
    let request = review.request.ok_or(Undecodable::NoRequest)?;
    if request.uid.as_str().len() > MAX_UID {
        return Err(Undecodable::LongUid);
    }
    Ok((version, request))
}

/// Why a body is no request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Undecodable {
    /// It is not JSON, or not of the right shape.
    #[error("the AdmissionReview cannot be read: {0}")]
    Json(String),
    /// Its identifier is none that an API server makes.
    #[error("the uid of the AdmissionReview is longer than {MAX_UID} bytes")]
    LongUid,
    /// It carries no request.
    #[error("the AdmissionReview carries no request")]
    NoRequest,
    /// It is something else.
    #[error(
        "expected an AdmissionReview of admission.k8s.io/v1, found `{kind}` of `{api_version}`"
    )]
    OtherKind {
        /// Its kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
}

/// The versions of the message. They differ in nothing that is looked at, and an answer has to be of
/// the request's version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) enum ApiVersion {
    /// The current version.
    #[default]
    #[serde(rename = "admission.k8s.io/v1")]
    V1,
    /// Its forerunner.
    #[serde(rename = "admission.k8s.io/v1beta1")]
    V1Beta1,
}

impl ApiVersion {
    fn of(text: &str) -> Option<Self> {
        match text {
            "admission.k8s.io/v1" => Some(Self::V1),
            "admission.k8s.io/v1beta1" => Some(Self::V1Beta1),
            _ => None,
        }
    }
}

/// An answer to a request.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Why not, where the request is denied.
    pub(crate) denial: Option<String>,
    /// What to change in the object.
    pub(crate) patch: Vec<Replace>,
    /// What the user should see.
    pub(crate) warnings: Vec<String>,
    /// What the audit log should keep.
    pub(crate) audit: Audit,
}

/// The audit annotations of an answer.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Audit {
    /// `allow`, `warn` or `deny`.
    pub(crate) decision: &'static str,
    /// What was decided about which image.
    pub(crate) images: String,
}

/// One operation of a JSON patch (RFC 6902): `replace`.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename = "replace")]
pub(crate) struct Replace {
    /// Where, as a JSON pointer.
    pub(crate) path: String,
    /// By what.
    pub(crate) value: String,
}

impl Answer {
    /// Yes, with what the audit log should know of the images.
    pub(crate) fn allowed(images: impl Into<String>) -> Self {
        Self::admitted("allow", images)
    }

    /// Yes, by this `decision`.
    pub(crate) fn admitted(decision: &'static str, images: impl Into<String>) -> Self {
        Self {
            audit: Audit {
                decision,
                images: images.into(),
            },
            ..Self::default()
        }
    }

    /// No, with why, and what the audit log should know of the images.
    pub(crate) fn denied(why: String, images: impl Into<String>) -> Self {
        Self {
            denial: Some(why),
            audit: Audit {
                decision: "deny",
                images: images.into(),
            },
            ..Self::default()
        }
    }

    /// The answer as the API server reads it.
    pub(crate) fn write(self, version: ApiVersion, uid: &str) -> Vec<u8> {
        let allowed = self.denial.is_none();
        // A patch and its type go together, or the API server refuses the answer.
        let patch = match self.patch.as_slice() {
            [] => None,
            patch => serde_json::to_vec(patch)
                .ok()
                .map(|json| STANDARD.encode(json)),
        };
        let response = Response {
            uid,
            allowed,
            status: self.denial.map(|message| Status {
                outcome: "Failure",
                message,
                reason: "Forbidden",
                code: 403,
            }),
            patch_type: patch.is_some().then_some("JSONPatch"),
            patch,
            warnings: self.warnings,
            audit_annotations: self.audit,
        };
        let review = ReviewOut {
            api_version: version,
            kind: "AdmissionReview",
            response,
        };
        // Strings, numbers and maps with string keys always serialise; were it otherwise, an empty
        // body would be a denial too.
        let mut written = Vec::with_capacity(COMMON_LEN);
        match serde_json::to_writer(&mut written, &review) {
            Ok(()) => written,
            Err(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(borrow, default)]
    api_version: Text<'a>,
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(borrow)]
    request: Option<Request<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewOut<'a> {
    api_version: ApiVersion,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    audit_annotations: Audit,
}

#[derive(Debug, Serialize)]
struct Status {
    #[serde(rename = "status")]
    outcome: &'static str,
    message: String,
    reason: &'static str,
    code: u16,
}

/// More than most answers take.
const COMMON_LEN: usize = 1024;

/// How much is told of what serde says.
const MAX_FAULT: usize = 256;

/// How much is told of a string that should be another one.
const MAX_QUOTED: usize = 64;

#[cfg(test)]
mod tests;
