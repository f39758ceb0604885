//! `vouchsafe review`: answers admission reviews or manifests from a file, by the very code that
//! answers the API server.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use serde::Serialize;
use serde_json::{Value, json};
use vouchsafe_policy::Config;
use vouchsafe_store::{ReadError, Reader};
use vouchsafe_webhook::{Admission, Metrics, Webhook, runs_images};

use crate::args::{Common, ReviewArgs};
use crate::context::{self, FixedClock};
use crate::exit::{Error, Outcome};
use crate::printer::{Printer, print};

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

#[derive(Debug, Serialize)]
struct Replacement {
    path: String,
    image: String,
}

pub(crate) fn run(args: &ReviewArgs, common: &Common) -> Result<Outcome, Error> {
    let text = read(&args.file)?;
    let documents = documents(&text, &args.file)?;
    let config = context::config(common)?;
    let admission = admission(config, common)?;
    if let [review] = documents.as_slice()
        && review["kind"] == "AdmissionReview"
    {
        return answer_review(&admission, review);
    }
    let objects: Vec<Value> = documents.into_iter().flat_map(objects).collect();
    let answers = objects
        .iter()
        .map(|object| answer_object(&admission, object, &args.namespace))
        .collect::<Result<Vec<_>, Error>>()?;
    Printer::new(args.output.output)
        .print(&answers, |answers| answers.iter().map(text_of).collect())?;
    let denied = answers.iter().any(|answer| answer.allowed == Some(false));
    Ok(if denied { Outcome::No } else { Outcome::Yes })
}

fn read(file: &Path) -> Result<String, Error> {
    let at = |error: io::Error| format!("{}: {error}", file.display());
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().take(MAX_INPUT).read_to_string(&mut text).map_err(at)?;
        return Ok(text);
    }
    Ok(fs::read_to_string(file).map_err(at)?)
}

/// The documents of a YAML text, of which JSON is one; empty ones are left out.
fn documents(text: &str, file: &Path) -> Result<Vec<Value>, Error> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let documents: Vec<Value> = documents.into_iter().filter(|value| !value.is_null()).collect();
    if documents.is_empty() {
        return Err(format!("{}: no object in it", file.display()).into());
    }
    Ok(documents)
}

/// A document's objects: itself, or the items of a `List`.
fn objects(document: Value) -> Vec<Value> {
    let is_list = document["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match document.get("items").and_then(Value::as_array) {
        Some(items) if is_list => items.clone(),
        _ => vec![document],
    }
}

fn admission(config: Config, common: &Common) -> Result<Admission, Error> {
    let reader = context::reader(common, &config)?;
    let clock = Arc::new(FixedClock(context::judgement_time(&*reader)?));
    let reader: Arc<dyn Reader + Send + Sync> = reader.into();
    let lookup = Box::new(move |query: &_| -> Result<_, ReadError> { reader.evidence(query) });
    Ok(Admission::new(config, lookup, clock, Metrics::new(Vec::new())))
}

/// Prints what the API server would get for a review.
fn answer_review(admission: &Admission, review: &Value) -> Result<Outcome, Error> {
    let answer = ask(admission, review)?;
    print(&(serde_json::to_string_pretty(&answer)? + "\n"))?;
    let allowed = answer["response"]["allowed"] == true;
    Ok(if allowed { Outcome::Yes } else { Outcome::No })
}

fn ask(admission: &Admission, review: &Value) -> Result<Value, Error> {
    let deadline = Instant::now() + DEADLINE;
    let answer = admission.review(Webhook::Mutate, review.to_string().as_bytes(), deadline);
    Ok(serde_json::from_slice(&answer)?)
}

fn answer_object(admission: &Admission, object: &Value, namespace: &str) -> Result<Answer, Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or(namespace);
    let name = metadata["name"].as_str().or(metadata["generateName"].as_str());
    let mut answer = Answer {
        object: format!("{kind} {namespace}/{}", name.unwrap_or_default()),
        allowed: None,
        replaced: Vec::new(),
        message: None,
        warnings: Vec::new(),
    };
    if kind.is_empty() {
        return Err("an object without `kind`: not a Kubernetes manifest".into());
    }
    if !runs_images(group, &kind) {
        return Ok(answer);
    }
    let gvk = json!({"group": group, "version": version, "kind": kind});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "review", "kind": gvk, "requestKind": gvk, "operation": "CREATE",
        "namespace": namespace, "name": name, "object": object,
    }});
    let response = ask(admission, &review)?["response"].take();
    answer.allowed = Some(response["allowed"] == true);
    answer.message = response["status"]["message"].as_str().map(str::to_owned);
    let warnings = response["warnings"].as_array().into_iter().flatten();
    answer.warnings = warnings.map(text).collect();
    answer.replaced = replacements(&response)?;
    Ok(answer)
}

fn replacements(response: &Value) -> Result<Vec<Replacement>, Error> {
    use base64::Engine as _;
    let Some(patch) = response["patch"].as_str() else { return Ok(Vec::new()) };
    let patch = base64::engine::general_purpose::STANDARD.decode(patch)?;
    let patch: Vec<Value> = serde_json::from_slice(&patch)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let replacement =
        |op: &Value| Replacement { path: text(&op["path"]), image: text(&op["value"]) };
    Ok(patch.iter().map(replacement).collect())
}

fn text_of(answer: &Answer) -> String {
    let verdict = match answer.allowed {
        None => "runs no images",
        Some(true) => "would be admitted",
        Some(false) => "would be denied",
    };
    let mut lines = vec![format!("{} {verdict}", answer.object)];
    if let Some(message) = answer.message.as_ref().filter(|_| answer.allowed == Some(false)) {
        lines.extend(message.lines().map(|line| format!("  {line}")));
    }
    let replaced = answer.replaced.iter();
    lines.extend(replaced.map(|replaced| format!("  {} {}", replaced.path, replaced.image)));
    lines.extend(answer.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines.join("\n") + "\n"
}

/// Manifests of a whole cluster are far smaller.
const MAX_INPUT: u64 = 1 << 30;
/// Nobody waits for the answer but whoever asked.
const DEADLINE: Duration = Duration::from_secs(60);
