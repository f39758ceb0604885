//! `vouchsafe review`: answers admission reviews or manifests from a file, by the very code that
//! answers the API server.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vouchsafe_policy::Config;
use vouchsafe_webhook::{Admission, Metrics, Webhook, runs_images};

use crate::args::{Common, ReviewArgs};
use crate::context::{self, FixedClock};
use crate::exit::{Error, Outcome};
use crate::lookup::Lookup;
use crate::printer::{MAX_MESSAGE, Printer, print, printable};

/// The answer for one object. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// `Kind namespace/name`.
    object: String,
    /// Whether it would be admitted; `None` if its kind runs no images.
    allowed: Option<bool>,
    /// The images that would be replaced: where, and by what.
    replaced: Vec<Replacement>,
    /// Why it would be denied, and what to do.
    message: Option<String>,
    /// What should be known besides.
    warnings: Vec<String>,
}

/// One operation of the answer's JSON patch.
#[derive(Debug, Deserialize, Serialize)]
struct Replacement {
    path: String,
    #[serde(rename(deserialize = "value"))]
    image: String,
}

pub(crate) fn run(args: &ReviewArgs, common: &Common) -> Result<Outcome, Error> {
    let documents = documents(&read(&args.file)?, &args.file)?;
    let documents: Vec<Value> = documents.into_iter().flat_map(objects).collect();
    let config = context::config(common)?;
    let lookup = Arc::new(Lookup::new(context::reader(common, &config)?));
    let admission = admission(config, &lookup)?;
    let is_review = |document: &Value| text(document, "kind") == "AdmissionReview";
    if documents.iter().all(is_review) {
        let outcome = answer_reviews(&admission, &documents)?;
        lookup.finish()?;
        return Ok(outcome);
    }
    if documents.iter().any(is_review) {
        return Err("admission reviews and manifests in one file; review them one by one".into());
    }
    let answers = documents
        .iter()
        .map(|object| answer_object(&admission, object, &args.namespace))
        .collect::<Result<Vec<_>, Error>>()?;
    Printer::new(args.output.output)
        .print(&answers, |answers| answers.iter().map(text_of).collect())?;
    lookup.finish()?;
    let denied = answers.iter().any(|answer| answer.allowed == Some(false));
    Ok(if denied { Outcome::No } else { Outcome::Yes })
}

fn read(file: &Path) -> Result<String, Error> {
    let at = |error: io::Error| format!("{}: {error}", file.display());
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin()
            .take(MAX_INPUT)
            .read_to_string(&mut text)
            .map_err(at)?;
        return Ok(text);
    }
    Ok(fs::read_to_string(file).map_err(at)?)
}

/// The documents of a YAML text, of which JSON is one, or JSON texts one after another; empty ones
/// are left out.
fn documents(text: &str, file: &Path) -> Result<Vec<Value>, Error> {
    let json: serde_json::Result<Vec<Value>> = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect();
    let documents = match json {
        Ok(documents) => documents,
        Err(_) => serde_saphyr::from_multiple(text)
            .map_err(|error| format!("{}: {}", file.display(), error.without_snippet()))?,
    };
    let documents: Vec<Value> = documents
        .into_iter()
        .filter(|value| !value.is_null())
        .collect();
    if documents.is_empty() {
        return Err(format!("{}: no object in it", file.display()).into());
    }
    Ok(documents)
}

/// A document's objects: itself, or the items of a list, which may be lists.
fn objects(mut document: Value) -> Vec<Value> {
    let of_list = ["apiVersion", "kind"].map(|member| text(&document, member).to_owned());
    let [api_version, kind] = of_list;
    let Some(item_kind) = kind.strip_suffix("List") else {
        return vec![document];
    };
    match document.get_mut("items") {
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => {
            let items = std::mem::take(items).into_iter();
            let items = items.map(|item| typed(item, &api_version, item_kind));
            items.flat_map(objects).collect()
        }
        Some(_) | None => vec![document],
    }
}

/// An item of a list: in a `PodList` of the API server, only the list says what they are.
fn typed(mut item: Value, api_version: &str, kind: &str) -> Value {
    if let Value::Object(members) = &mut item
        && !kind.is_empty()
        && !members.contains_key("kind")
    {
        members.insert("apiVersion".to_owned(), api_version.into());
        members.insert("kind".to_owned(), kind.into());
    }
    item
}

/// The string at a member; empty where there is none.
fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn admission(config: Config, lookup: &Arc<Lookup>) -> Result<Admission, Error> {
    let clock = Arc::new(FixedClock(context::judgement_time(lookup.reader())?));
    let lookup = Arc::clone(lookup);
    let lookup = Box::new(move |query: &_| lookup.evidence(query));
    Ok(Admission::new(
        config,
        lookup,
        clock,
        Metrics::new(Vec::new()),
    ))
}

/// Prints what the API server would get for each review, one after another.
fn answer_reviews(admission: &Admission, reviews: &[Value]) -> Result<Outcome, Error> {
    let mut outcome = Outcome::Yes;
    for review in reviews {
        let answer = ask(admission, review)?;
        print(&(serde_json::to_string_pretty(&answer)? + "\n"))?;
        if !Response::of(answer)?.allowed {
            outcome = Outcome::No;
        }
    }
    Ok(outcome)
}

fn ask(admission: &Admission, review: &Value) -> Result<Value, Error> {
    let deadline = Instant::now() + DEADLINE;
    let answer = admission.review(Webhook::Mutate, review.to_string().as_bytes(), deadline);
    Ok(serde_json::from_slice(&answer)?)
}

/// What admission answered, as far as it is shown.
#[derive(Deserialize)]
struct Response {
    allowed: bool,
    patch: Option<String>,
    status: Option<Status>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Status {
    message: Option<String>,
}

impl Response {
    fn of(answer: Value) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Review {
            response: Response,
        }
        let Review { response } = serde_json::from_value(answer)?;
        Ok(response)
    }

    fn replaced(&self) -> Result<Vec<Replacement>, Error> {
        let Some(patch) = &self.patch else {
            return Ok(Vec::new());
        };
        Ok(serde_json::from_slice(&STANDARD.decode(patch)?)?)
    }
}

fn answer_object(admission: &Admission, object: &Value, namespace: &str) -> Result<Answer, Error> {
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    if kind.is_empty() {
        return Err("an object without `kind`: not a Kubernetes manifest".into());
    }
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let namespace = metadata
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or(namespace);
    let name = [text(metadata, "name"), text(metadata, "generateName")];
    let name = name
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default();
    let mut answer = Answer {
        object: format!("{kind} {namespace}/{name}"),
        allowed: None,
        replaced: Vec::new(),
        message: None,
        warnings: Vec::new(),
    };
    if !runs_images(group, kind) {
        if let Some(group_judged) = group_of(kind) {
            answer.allowed = Some(false);
            answer.message = Some(elsewhere(kind, group, group_judged));
        }
        return Ok(answer);
    }
    let gvk = json!({"group": group, "version": version, "kind": kind});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "review", "kind": gvk, "requestKind": gvk, "operation": "CREATE",
        "namespace": namespace, "name": name, "object": object,
    }});
    let response = Response::of(ask(admission, &review)?)?;
    answer.allowed = Some(response.allowed);
    answer.replaced = response.replaced()?;
    answer.message = response.status.and_then(|status| status.message);
    answer.warnings = response.warnings;
    Ok(answer)
}

/// The API group in which objects of this kind run images, if there is one.
fn group_of(kind: &str) -> Option<&'static str> {
    GROUPS.into_iter().find(|group| runs_images(group, kind))
}

/// Why an object is not judged that runs images by its kind, though not by its group.
fn elsewhere(kind: &str, group: &str, group_judged: &str) -> String {
    let name = |group: &str| match group {
        "" => "the core API group".to_owned(),
        group => format!("the API group `{group}`"),
    };
    format!(
        "a {kind} of {} is not known to run images, and refused where it is sent to the webhook; \
         write it as one of {}",
        name(group),
        name(group_judged)
    )
}

fn text_of(answer: &Answer) -> String {
    let verdict = match answer.allowed {
        None => "runs no images",
        Some(true) => "would be admitted",
        Some(false) => "would be denied",
    };
    let mut lines = vec![format!(
        "{} {verdict}",
        printable(&answer.object, MAX_MESSAGE)
    )];
    if let Some(message) = answer
        .message
        .as_ref()
        .filter(|_| answer.allowed == Some(false))
    {
        let message = message.lines().map(|line| printable(line, MAX_MESSAGE));
        lines.extend(message.map(|line| format!("  {line}")));
    }
    let replaced = answer.replaced.iter();
    lines.extend(replaced.map(|replaced| {
        let image = printable(&replaced.image, MAX_MESSAGE);
        format!("  {} {image}", replaced.path)
    }));
    lines.extend(
        answer
            .warnings
            .iter()
            .map(|warning| format!("  warning: {}", printable(warning, MAX_MESSAGE))),
    );
    lines.join("\n") + "\n"
}

/// The API groups whose objects run images.
const GROUPS: [&str; 3] = ["", "apps", "batch"];
/// Manifests of a whole cluster are far smaller.
const MAX_INPUT: u64 = 1 << 30;
/// Nobody waits for the answer but whoever asked.
const DEADLINE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
