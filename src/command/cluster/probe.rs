//! `vouchsafe cluster probe`.

use std::fs;

use vouchsafe_cluster::probe::{Answer, Probed};
use vouchsafe_cluster::{Connection, webhooks};
use vouchsafe_policy::config::KubernetesSettings;

use super::named;
use crate::args::ProbeArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, print, printable};

pub(super) async fn run(args: &ProbeArgs, settings: &KubernetesSettings) -> Result<Outcome, Error> {
    let authorities = authorities(args, settings).await?;
    let probed = Probed::new(&args.url, &authorities, args.server_name.as_deref())?;
    let mut good = true;
    let mut say = |holds: bool, what: &str| {
        good &= holds;
        print(&format!("{} {what}\n", if holds { "ok  " } else { "FAIL" }))
    };
    if let Some((is_ready, text)) = probed.is_ready().await? {
        let text = printable(&text, MAX_MESSAGE);
        let words = if is_ready {
            "ready".to_owned()
        } else {
            format!("not ready: {text}")
        };
        say(is_ready, &words)?;
    }
    let namespace = args.namespace.as_str();
    let unsigned = probed.ask(false, &args.unsigned, namespace).await?;
    say(
        !unsigned.allowed,
        &format!("{} {}", args.unsigned, words(&unsigned)),
    )?;
    for image in &args.signed {
        let pinned = probed.ask(true, image, namespace).await?;
        say(pinned.allowed, &format!("{image} {}", words(&pinned)))?;
        // What the API server then asks about.
        let last = pinned.replaced_by.as_ref().unwrap_or(image);
        let proven = probed.ask(false, last, namespace).await?;
        say(proven.allowed, &format!("{last} {}", words(&proven)))?;
    }
    Ok(if good { Outcome::Yes } else { Outcome::No })
}

fn words(answer: &Answer) -> String {
    let message = printable(&answer.message, MAX_MESSAGE);
    match (&answer.replaced_by, answer.allowed) {
        (Some(image), true) => format!("is allowed, as {}", printable(image, MAX_MESSAGE)),
        (None, true) => "is allowed".to_owned(),
        (_, false) => format!("is denied: {message}"),
    }
}

/// Whom to trust: a file, or whom the API server is told to trust.
async fn authorities(args: &ProbeArgs, settings: &KubernetesSettings) -> Result<Vec<u8>, Error> {
    if let Some(file) = &args.ca_file {
        let read = fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
        return Ok(read?);
    }
    let connection = Connection::new(None).await?;
    let configured = settings.certificate.as_ref().map(|it| &it.webhook);
    let name = named(args.webhook.as_ref(), configured);
    let announced = webhooks::announced(&connection.client, &name).await;
    let announced = announced.map_err(|error| {
        format!("the ValidatingWebhookConfiguration `{name}` cannot be read: {error}\nhint: name a file with --ca-file")
    })?;
    announced.ok_or_else(|| {
        format!("the ValidatingWebhookConfiguration `{name}` names no authorities").into()
    })
}
