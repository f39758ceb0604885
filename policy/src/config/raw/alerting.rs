//! `alerting` as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::RawSecret;
use crate::config::yaml::At;

/// Who is told of what was admitted and denied.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Alerting")]
pub(in crate::config) struct RawAlerting {
    /// What alerts call this cluster; without it, `not specified`.
    pub(in crate::config) cluster_identifier: Option<String>,
    /// Who is told of what was admitted.
    pub(in crate::config) admit_request: Option<RawReceivers>,
    /// Who is told of what was denied.
    pub(in crate::config) reject_request: Option<RawReceivers>,
    /// Path of the directory that holds the templates that are not built in, each as `NAME.json`.
    pub(in crate::config) template_directory: Option<At<String>>,
}

/// Who is told of one kind of answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Receivers")]
pub(in crate::config) struct RawReceivers {
    /// The receivers; each gets every alert.
    pub(in crate::config) receivers: Option<Vec<At<RawReceiver>>>,
}

/// Where alerts are sent to, and in which form.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Receiver")]
pub(in crate::config) struct RawReceiver {
    /// `slack`, `msteams`, `opsgenie`, `keybase`, `ecs-1-12-0`, or the name of a template in
    /// `templateDirectory`.
    pub(in crate::config) template: At<String>,
    /// The URL that alerts are posted to.
    pub(in crate::config) receiver_url: Option<At<RawSecret>>,
    /// Path of a file that holds the URL.
    pub(in crate::config) receiver_url_file: Option<At<String>>,
    /// What the template's `priority` stands for; without it, 3.
    pub(in crate::config) priority: Option<u32>,
    /// Headers of the request, each as `Name: value`.
    pub(in crate::config) custom_headers: Option<Vec<At<RawSecret>>>,
    /// Path of a file that holds more headers, one a line.
    pub(in crate::config) custom_headers_file: Option<At<String>>,
    /// What overwrites or joins the topmost keys of the rendered template.
    pub(in crate::config) payload_fields: Option<At<BTreeMap<String, serde_json::Value>>>,
    /// Denies what the receiver could not be told of, because its alert could not be queued.
    pub(in crate::config) fail_if_alert_sending_fails: Option<bool>,
}
