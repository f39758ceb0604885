//! Who is told of what was admitted and denied.

mod header;
mod url;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use vouchsafe_trust::Sha256;

pub use self::header::{Header, HeaderError};
pub use self::url::{ReceiverUrl, UrlError};
use super::error::{Place, Problem};
use super::raw::{RawAlerting, RawReceiver, RawReceivers, RawSecret};
use super::yaml::At;

/// Who is told of what was admitted and denied. Files that it names are not read here.
#[derive(Clone, Debug)]
pub struct Alerting {
    /// What alerts call this cluster.
    pub cluster_identifier: String,
    /// Who is told of what was admitted, in the order of the configuration.
    pub admit: Vec<Receiver>,
    /// Who is told of what was denied, in the order of the configuration.
    pub reject: Vec<Receiver>,
    /// Where the templates are that are not built in.
    pub template_directory: Option<PathBuf>,
}

impl Alerting {
    /// All receivers: those of what was admitted, then those of what was denied.
    pub fn receivers(&self) -> impl Iterator<Item = &Receiver> {
        self.admit.iter().chain(&self.reject)
    }
}

impl Default for Alerting {
    /// Nobody.
    fn default() -> Self {
        Self {
            cluster_identifier: DEFAULT_CLUSTER.to_owned(),
            admit: Vec::new(),
            reject: Vec::new(),
            template_directory: None,
        }
    }
}

/// Where alerts are sent to, and in which form.
#[derive(Clone)]
pub struct Receiver {
    /// Which receiver it is, whatever becomes of the configuration around it.
    pub id: ReceiverId,
    /// Its name for people and metrics: list, template and place in the list, as in
    /// `reject/slack/0`.
    pub name: String,
    /// The name of its template.
    pub template: String,
    /// The URL that alerts are posted to.
    pub url: Source<ReceiverUrl>,
    /// What the template's `priority` stands for.
    pub priority: u32,
    /// Headers of the request.
    pub headers: Vec<Header>,
    /// A file that holds more headers, one a line.
    pub headers_file: Option<PathBuf>,
    /// What overwrites or joins the topmost keys of the rendered template.
    pub payload_fields: Map<String, Value>,
    /// Whether a request is denied whose alert to this receiver cannot be queued.
    pub deny_unless_queued: bool,
}

impl fmt::Debug for Receiver {
    /// Leaves out what stands in the payload fields, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.payload_fields.keys().collect();
        f.debug_struct("Receiver")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("url", &self.url)
            .field("priority", &self.priority)
            .field("headers", &self.headers)
            .field("headers_file", &self.headers_file)
            .field("payload_fields", &fields)
            .field("deny_unless_queued", &self.deny_unless_queued)
            .finish_non_exhaustive()
    }
}

/// A value that is written into the configuration, or kept in a file of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source<T> {
    /// The path of the file.
    File(PathBuf),
    /// The value.
    Inline(T),
}

/// Which receiver an alert is for: a fingerprint of its list, its template and its URL, or its
/// URL's file. So a receiver stays the same while its headers, priority or neighbours change, and
/// what waits for it goes to no other one.
///
/// Where several receivers share all three, what tells them apart is part of it too: their headers
/// and payload fields.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ReceiverId(Sha256);

impl ReceiverId {
    /// The fingerprint, by which the store knows the receiver.
    pub const fn fingerprint(&self) -> Sha256 {
        self.0
    }

    fn of(parts: &[&str]) -> Self {
        let mut text = String::new();
        for part in parts {
            // With its length, so that no two lists of parts make one text.
            text.push_str(&part.len().to_string());
            text.push(':');
            text.push_str(part);
        }
        Self(Sha256::of(text.as_bytes()))
    }
}

/// Which answers a receiver is told of.
#[derive(Clone, Copy)]
enum Occasion {
    Admit,
    Reject,
}

impl Occasion {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Reject => "reject",
        }
    }
}

/// Reads `alerting`.
pub(super) fn alerting(raw: Option<RawAlerting>) -> Result<Alerting, At<Problem>> {
    let Some(raw) = raw else {
        return Ok(Alerting::default());
    };
    let directory = raw
        .template_directory
        .as_ref()
        .map(|written| path("templateDirectory", written));
    let cluster = raw.cluster_identifier;
    Ok(Alerting {
        cluster_identifier: cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned()),
        admit: receivers(Occasion::Admit, raw.admit_request)?,
        reject: receivers(Occasion::Reject, raw.reject_request)?,
        template_directory: directory.transpose()?,
    })
}

fn receivers(occasion: Occasion, raw: Option<RawReceivers>) -> Result<Vec<Receiver>, At<Problem>> {
    let raw = raw.and_then(|list| list.receivers).unwrap_or_default();
    let mut receivers = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let place = raw.place;
        receivers.push((receiver(occasion, index, raw)?, place));
    }
    tell_apart(&mut receivers)?;
    Ok(receivers
        .into_iter()
        .map(|(receiver, _)| receiver)
        .collect())
}

fn receiver(
    occasion: Occasion,
    index: usize,
    raw: At<RawReceiver>,
) -> Result<Receiver, At<Problem>> {
    let At { value: raw, place } = raw;
    let template = template(&raw.template)?;
    let url = url_source(raw.receiver_url, raw.receiver_url_file.as_ref(), place)?;
    let headers: Result<Vec<Header>, _> = raw
        .custom_headers
        .unwrap_or_default()
        .iter()
        .map(header)
        .collect();
    let headers_file = raw
        .custom_headers_file
        .as_ref()
        .map(|written| path("customHeadersFile", written));
    let payload_fields = match raw.payload_fields {
        Some(fields) if fields.value.is_empty() => {
            return Err(fields.fault(Problem::Empty {
                key: "payloadFields",
            }));
        }
        Some(fields) => fields.value.into_iter().collect(),
        None => Map::new(),
    };
    let (kind, location) = match &url {
        Source::File(path) => ("file", path.to_string_lossy()),
        Source::Inline(url) => ("url", url.expose().into()),
    };
    Ok(Receiver {
        id: ReceiverId::of(&[occasion.as_str(), &template, kind, &location]),
        name: format!("{}/{template}/{index}", occasion.as_str()),
        template,
        url,
        priority: raw.priority.unwrap_or(DEFAULT_PRIORITY),
        headers: headers?,
        headers_file: headers_file.transpose()?,
        payload_fields,
        deny_unless_queued: raw.fail_if_alert_sending_fails.unwrap_or(false),
    })
}

/// Gives the receivers of a list that share template and URL an identity each.
fn tell_apart(receivers: &mut [(Receiver, Place)]) -> Result<(), At<Problem>> {
    let mut sharing = BTreeMap::<ReceiverId, usize>::new();
    for (receiver, _) in receivers.iter() {
        *sharing.entry(receiver.id).or_default() += 1;
    }
    let mut lines = BTreeMap::new();
    for (receiver, place) in receivers {
        if sharing.get(&receiver.id).is_some_and(|count| *count > 1) {
            receiver.id = distinct_id(receiver);
        }
        if let Some(line) = lines.insert(receiver.id, place.line) {
            let value = Problem::SameReceiver { line };
            return Err(At {
                value,
                place: *place,
            });
        }
    }
    Ok(())
}

fn distinct_id(receiver: &Receiver) -> ReceiverId {
    let base = receiver.id.fingerprint().to_string();
    let fields = Value::Object(receiver.payload_fields.clone()).to_string();
    let file = receiver.headers_file.as_ref();
    let file = file.map(|path| path.to_string_lossy().into_owned());
    let file = file.unwrap_or_default();
    let mut parts = vec![&*base, &fields, &file];
    for header in &receiver.headers {
        parts.extend([header.name(), header.value().expose_secret()]);
    }
    ReceiverId::of(&parts)
}

fn template(written: &At<String>) -> Result<String, At<Problem>> {
    let name = &written.value;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > MAX_TEMPLATE_NAME || !name.bytes().all(is_plain) {
        return Err(written.fault(Problem::Value {
            key: "template",
            value: name.clone(),
            nearest: None,
            expected: "a name of letters, digits, `.`, `_` and `-`",
        }));
    }
    Ok(name.clone())
}

fn url_source(
    inline: Option<At<RawSecret>>,
    file: Option<&At<String>>,
    place: Place,
) -> Result<Source<ReceiverUrl>, At<Problem>> {
    match (inline, file) {
        (Some(url), None) => ReceiverUrl::new(url.value.0.clone())
            .map(Source::Inline)
            .map_err(|source| url.fault(Problem::ReceiverUrl(source))),
        (None, Some(file)) => path("receiverUrlFile", file).map(Source::File),
        (Some(_), Some(file)) => Err(file.fault(Problem::Exclusive {
            key: "receiverUrlFile",
            other: "receiverUrl",
        })),
        (None, None) => Err(At {
            value: Problem::MissingKey {
                key: "receiverUrl".to_owned(),
            },
            place,
        }),
    }
}

fn header(written: &At<RawSecret>) -> Result<Header, At<Problem>> {
    let line: &SecretString = &written.value.0;
    Header::parse(line.expose_secret()).map_err(|source| written.fault(Problem::Header(source)))
}

fn path(key: &'static str, written: &At<String>) -> Result<PathBuf, At<Problem>> {
    if written.value.is_empty() {
        return Err(written.fault(Problem::Value {
            key,
            value: String::new(),
            nearest: None,
            expected: "a path",
        }));
    }
    Ok(PathBuf::from(&written.value))
}

const DEFAULT_CLUSTER: &str = "not specified";
const DEFAULT_PRIORITY: u32 = 3;
/// File names have an end, and so have the labels of metrics.
const MAX_TEMPLATE_NAME: usize = 64;
