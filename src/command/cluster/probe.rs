//! `vouchsafe cluster probe`.

use std::fs;

use vouchsafe_cluster::probe::{Answer, Probed};
use vouchsafe_cluster::wait::ready_replica;
use vouchsafe_cluster::{ConnectError, Connection, webhooks};
use vouchsafe_policy::config::KubernetesSettings;

use super::named;
use crate::args::ProbeArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, print, printable};

pub(super) async fn run(args: &ProbeArgs, settings: &KubernetesSettings) -> Result<Outcome, Error> {
    let namespace = args.namespace.as_ref().or(settings.namespace.as_ref());
    // Who names everything needs no API server.
    let connection = Connection::new(namespace.map(String::as_str)).await;
    let configured = settings.certificate.as_ref().map(|it| &it.service);
    let service = named(args.service.as_ref(), configured);
    let url = match &args.url {
        Some(url) => url.clone(),
        None => replica(connection.as_ref(), &service).await?,
    };
    let called = match &args.server_name {
        Some(name) => name.clone(),
        None => format!("{service}.{}.svc", known(connection.as_ref())?.namespace),
    };
    let authorities = match &args.ca_file {
        Some(file) => fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => announced(args, settings, known(connection.as_ref())?).await?,
    };
    let probed = Probed::new(&url, &authorities, Some(&called))?;
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
    let namespace = args.pod_namespace.as_str();
    for image in &args.unsigned {
        let answer = probed.ask(false, image, namespace).await?;
        say(!answer.allowed, &format!("{image} {}", words(&answer)))?;
    }
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

fn known<'c>(connection: Result<&'c Connection, &ConnectError>) -> Result<&'c Connection, Error> {
    Ok(connection.map_err(ToString::to_string)?)
}

/// A replica that is ready, by address: a program without the C library finds no names of a cluster by itself.
async fn replica(
    connection: Result<&Connection, &ConnectError>,
    service: &str,
) -> Result<String, Error> {
    let address = ready_replica(known(connection)?, service).await?;
    let address =
        address.ok_or_else(|| format!("no replica behind the Service `{service}` is ready"));
    Ok(format!("https://{}", address?))
}

/// Whom the API server is told to trust.
async fn announced(
    args: &ProbeArgs,
    settings: &KubernetesSettings,
    connection: &Connection,
) -> Result<Vec<u8>, Error> {
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
