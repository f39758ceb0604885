//! `vouchsafe review`: answers admission reviews or manifests from a file, by the very code that
//! answers the API server.

pub(crate) mod input;
mod object;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vouchsafe_policy::Config;
use vouchsafe_webhook::{Admission, Examined, ImageReport, Metrics, Webhook, runs_images};

use self::input::{documents, objects, read, text};
pub(crate) use self::object::Object;
use crate::age::Age;
use crate::args::{Common, ReviewArgs};
use crate::context::{self, FixedClock};
use crate::exit::{Error, Outcome};
use crate::lookup::Lookup;
use crate::printer::{Printer, print};

/// The answer for one object. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// `Kind namespace/name`.
    object: String,
    /// Whether it would be admitted; `None` if its kind runs no images.
    allowed: Option<bool>,
    /// Its distinct images, and what was decided about each.
    images: Vec<ImageAnswer>,
    /// The images that would be replaced: where, and by what.
    replaced: Vec<Replacement>,
    /// Why it would be denied, and what to do.
    message: Option<String>,
    /// What should be known besides.
    warnings: Vec<String>,
}

/// The answer for one image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageAnswer {
    /// The image as it is written.
    image: String,
    /// The pattern of the rule that decided.
    rule: Option<String>,
    /// The validator that the rule asked.
    validator: Option<String>,
    /// `allow`, `warn` or `deny`.
    decision: &'static str,
    /// A stable, short name of why.
    reason: &'static str,
    /// The signed digest.
    digest: Option<String>,
    /// How old the proof is.
    freshness: Option<Age>,
    /// What the image would be replaced by.
    pinned: Option<String>,
    /// Why it would be denied or warned about, and what to do.
    message: Option<String>,
}

impl From<ImageReport> for ImageAnswer {
    fn from(report: ImageReport) -> Self {
        Self {
            image: report.image,
            rule: report.rule,
            validator: report.validator,
            decision: report.outcome.decision(),
            reason: report.outcome.reason(),
            digest: report.digest.map(|digest| format!("sha256:{digest}")),
            freshness: report.freshness.map(Age::from),
            pinned: report.pinned,
            message: report.message,
        }
    }
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
    let config = context::with_bundles(&config, lookup.reader())?;
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
    Printer::new(args.output.output).print(&answers, |answers| table::text(answers))?;
    lookup.finish()?;
    let denied = answers.iter().any(|answer| answer.allowed == Some(false));
    Ok(if denied { Outcome::No } else { Outcome::Yes })
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
        let (answer, _images) = ask(admission, review)?;
        print(&(serde_json::to_string_pretty(&answer)? + "\n"))?;
        if !Response::of(answer)?.allowed {
            outcome = Outcome::No;
        }
    }
    Ok(outcome)
}

fn ask(admission: &Admission, review: &Value) -> Result<(Value, Vec<ImageReport>), Error> {
    let deadline = Instant::now() + DEADLINE;
    let body = review.to_string();
    let Examined { answer, images } = admission.examine(Webhook::Mutate, body.as_bytes(), deadline);
    Ok((serde_json::from_slice(&answer)?, images))
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
    let object = Object::read(object, namespace)?;
    let mut answer = Answer {
        object: format!("{} {}/{}", object.kind, object.namespace, object.name),
        allowed: None,
        images: Vec::new(),
        replaced: Vec::new(),
        message: None,
        warnings: Vec::new(),
    };
    if !object.runs_images() {
        if let Some(group_judged) = group_of(object.kind) {
            answer.allowed = Some(false);
            answer.message = Some(elsewhere(object.kind, object.group, group_judged));
        }
        return Ok(answer);
    }
    let (response, images) = ask(admission, &object.review())?;
    let response = Response::of(response)?;
    answer.images = images.into_iter().map(ImageAnswer::from).collect();
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

/// The API groups whose objects run images.
const GROUPS: [&str; 3] = ["", "apps", "batch"];
/// Nobody waits for the answer but whoever asked.
const DEADLINE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
