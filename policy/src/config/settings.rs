//! Settings beside validators and policy, and what is not supported of them yet.

use jiff::SignedDuration;

use super::duration::parse_duration;
use super::error::{Place, Problem, nearest};
use super::raw::{RawConfig, RawFeatures, RawFreshness, RawHistory, RawSync};
use super::yaml::At;

/// When and how trust data is fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyncSettings {
    /// A cron expression of five fields, as text.
    pub schedule: String,
    /// Where that stands in the file; unknown for the default.
    pub schedule_place: Place,
    /// How many requests a server gets at once; at least one.
    pub per_server: usize,
    /// Whether repositories are discovered from the servers' changefeeds.
    pub changefeed: bool,
}

/// How old trust data may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FreshnessSettings {
    /// How long after the expiry of timestamp or snapshot an image is still admitted.
    pub max_staleness: SignedDuration,
}

/// Refuses what later versions will know. Ignoring it would be worse: somebody relies on it.
pub(super) fn check_supported(raw: &RawConfig) -> Result<(), At<Problem>> {
    let not_yet = |at: Option<Place>, key: &'static str| match at {
        Some(place) => {
            let value = Problem::NotSupportedYet { key };
            Err(At { value, place })
        }
        None => Ok(()),
    };
    let mirrors = raw.mirrors.as_ref().filter(|list| !list.value.is_empty());
    not_yet(mirrors.map(|list| list.place), "mirrors")?;
    let deny = raw.deny.as_ref().filter(|list| !list.value.is_empty());
    not_yet(deny.map(|list| list.place), "deny")?;
    let discover = raw.sync.as_ref().and_then(|sync| sync.discover.as_ref());
    let cluster = discover.and_then(|discover| discover.cluster.as_ref());
    not_yet(switched_on(cluster), "sync.discover.cluster: true")?;
    let Some(features) = &raw.features else {
        return Ok(());
    };
    let RawFeatures {
        detection_mode,
        automatic_child_approval,
        automatic_unchanged_approval,
        resource_validation_mode,
    } = features;
    for (switch, key) in [
        (detection_mode, "features.detectionMode: true"),
        (
            automatic_child_approval,
            "features.automaticChildApproval: true",
        ),
        (
            automatic_unchanged_approval,
            "features.automaticUnchangedApproval: true",
        ),
    ] {
        not_yet(switched_on(switch.as_ref()), key)?;
    }
    match resource_validation_mode {
        Some(mode) if mode.value.eq_ignore_ascii_case("podsOnly") => not_yet(
            Some(mode.place),
            "features.resourceValidationMode: podsOnly",
        ),
        Some(mode) if !mode.value.eq_ignore_ascii_case("all") => Err(mode.fault(Problem::Value {
            key: "resourceValidationMode",
            value: mode.value.clone(),
            nearest: nearest(&mode.value, ["all"]),
            expected: "`all`",
        })),
        Some(_) | None => Ok(()),
    }
}

/// Reads `history`, of which nothing is supported yet.
pub(super) fn check_history(raw: Option<&RawHistory>) -> Result<(), At<Problem>> {
    match raw.and_then(|history| history.retain.as_ref()) {
        Some(retain) if duration(retain)? > SignedDuration::ZERO => {
            Err(retain.fault(Problem::NotSupportedYet {
                key: "history.retain",
            }))
        }
        Some(_) | None => Ok(()),
    }
}

/// Reads `freshness`.
pub(super) fn freshness(raw: Option<&RawFreshness>) -> Result<FreshnessSettings, At<Problem>> {
    let max_staleness = raw.and_then(|freshness| freshness.max_staleness.as_ref());
    Ok(FreshnessSettings {
        max_staleness: max_staleness.map_or(Ok(SignedDuration::ZERO), duration)?,
    })
}

/// Reads `sync`.
pub(super) fn sync(raw: RawSync) -> Result<SyncSettings, At<Problem>> {
    let schedule = match &raw.schedule {
        Some(schedule) => cron(schedule)?,
        None => DEFAULT_SCHEDULE.to_owned(),
    };
    let per_server = match raw.per_server {
        Some(limit) if !(1..=MAX_PER_SERVER).contains(&limit.value) => {
            return Err(limit.fault(Problem::Type {
                expected: format!("a number from 1 to {MAX_PER_SERVER}"),
            }));
        }
        Some(limit) => limit.value,
        None => DEFAULT_PER_SERVER,
    };
    let discover = raw.discover.unwrap_or_default();
    Ok(SyncSettings {
        schedule,
        schedule_place: raw.schedule.map(|at| at.place).unwrap_or_default(),
        per_server: usize::from(per_server),
        changefeed: discover.changefeed.unwrap_or(true),
    })
}

fn switched_on(switch: Option<&At<bool>>) -> Option<Place> {
    switch.filter(|switch| switch.value).map(|at| at.place)
}

fn duration(written: &At<String>) -> Result<SignedDuration, At<Problem>> {
    parse_duration(&written.value).map_err(|error| written.fault(error.into()))
}

/// Looks at the form only: which fields a schedule can have is the scheduler's business.
fn cron(written: &At<String>) -> Result<String, At<Problem>> {
    let is_field = |field: &str| {
        field
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | ',' | '-' | '/' | '?'))
    };
    let fields: Vec<&str> = written.value.split_whitespace().collect();
    if fields.len() == 5 && fields.iter().all(|field| is_field(field)) {
        Ok(fields.join(" "))
    } else {
        let schedule = written.value.clone();
        Err(written.fault(Problem::Schedule { schedule }))
    }
}

const DEFAULT_SCHEDULE: &str = "*/5 * * * *";
const DEFAULT_PER_SERVER: u16 = 4;
/// More than any Notary server answers faster for.
const MAX_PER_SERVER: u16 = 64;
