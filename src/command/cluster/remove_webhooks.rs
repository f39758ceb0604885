//! `vouchsafe cluster remove-webhooks`.

use vouchsafe_cluster::{Connection, webhooks};
use vouchsafe_policy::config::KubernetesSettings;

use super::named;
use crate::args::RemoveWebhooksArgs;
use crate::exit::{Error, Outcome};
use crate::printer::print;

pub(super) async fn run(
    args: &RemoveWebhooksArgs,
    settings: &KubernetesSettings,
) -> Result<Outcome, Error> {
    let connection = Connection::new(None).await?;
    let configured = settings.certificate.as_ref().map(|it| &it.webhook);
    let name = named(args.webhook.as_ref(), configured);
    let removed = webhooks::remove_webhooks(&connection.client, &name).await?;
    for kind in &removed {
        print(&format!("deleted {kind} {name}\n"))?;
    }
    if removed.is_empty() {
        print(&format!("there are no webhook configurations `{name}`\n"))?;
    }
    Ok(Outcome::Yes)
}
