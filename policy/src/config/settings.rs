//! Settings beside validators and policy.

use jiff::SignedDuration;

use super::bundles::BundleSettings;
use super::duration::parse_duration;
use super::error::{Place, Problem, nearest};
use super::raw::{RawFeatures, RawFreshness, RawHistory, RawSync};
use super::yaml::At;

/// When and how trust data is fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyncSettings {
    /// A cron expression of five fields, as text.
    pub schedule: String,
    /// Whether nothing is fetched, since no server can be reached: the schedule is `never`.
    pub is_off: bool,
    /// Where that stands in the file; unknown for the default.
    pub schedule_place: Place,
    /// How many requests a server gets at once; at least one.
    pub per_server: usize,
    /// Whether repositories are discovered from the servers' changefeeds.
    pub changefeed: bool,
    /// Whether repositories are discovered from the images that the cluster's objects name.
    pub cluster: bool,
}

/// How old trust data may be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FreshnessSettings {
    /// How long after the expiry of timestamp or snapshot an image is still admitted.
    pub max_staleness: SignedDuration,
    /// Whose word says how fresh trust data is.
    pub from: FreshnessFrom,
}

/// Whose word says how fresh trust data is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FreshnessFrom {
    /// Also that of whoever signed the bundle which brought it.
    Bundle,
    /// The Notary server's alone.
    #[default]
    Timestamp,
}

/// How long superseded digests stay admissible.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HistorySettings {
    /// How long a digest that a tag pointed to before stays admissible.
    pub retain: SignedDuration,
}

/// Switches of admission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Features {
    /// Whether everything is admitted, with a warning where it would be denied.
    pub detection_mode: bool,
    /// Whether an object's images are admitted that its owner has.
    pub child_approval: bool,
    /// Whether an update's images are admitted that the object had before.
    pub unchanged_approval: bool,
    /// Which objects are denied and patched.
    pub resources: ResourceValidationMode,
}

/// Which objects are denied and patched.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResourceValidationMode {
    /// All that run images.
    #[default]
    All,
    /// Pods; the others are only warned about.
    PodsOnly,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            schedule: DEFAULT_SCHEDULE.to_owned(),
            is_off: false,
            schedule_place: Place::default(),
            per_server: usize::from(DEFAULT_PER_SERVER),
            changefeed: true,
            cluster: false,
        }
    }
}

impl Default for Features {
    fn default() -> Self {
        Self {
            detection_mode: false,
            child_approval: true,
            unchanged_approval: false,
            resources: ResourceValidationMode::All,
        }
    }
}

/// Reads `features`; adds to `warnings` what is allowed and does nothing.
pub(super) fn features(
    raw: Option<RawFeatures>,
    file_name: &str,
    warnings: &mut Vec<String>,
) -> Result<Features, At<Problem>> {
    let RawFeatures {
        detection_mode,
        automatic_child_approval,
        automatic_unchanged_approval,
        resource_validation_mode,
    } = raw.unwrap_or_default();
    let resources = match &resource_validation_mode {
        None => ResourceValidationMode::All,
        // Connaisseur takes either spelling of the letters.
        Some(mode) if mode.value.eq_ignore_ascii_case("all") => ResourceValidationMode::All,
        Some(mode) if mode.value.eq_ignore_ascii_case("podsOnly") => {
            ResourceValidationMode::PodsOnly
        }
        Some(mode) => {
            return Err(mode.fault(Problem::Value {
                key: "resourceValidationMode",
                value: mode.value.clone(),
                nearest: nearest(&mode.value, ["all", "podsOnly"]),
                expected: "`all` or `podsOnly`",
            }));
        }
    };
    let pods_only = resources == ResourceValidationMode::PodsOnly;
    let asked = automatic_child_approval.as_ref();
    if let Some(at) = asked.filter(|asked| asked.value && pods_only) {
        warnings.push(format!(
            "{file_name}{}: `automaticChildApproval` does nothing with `resourceValidationMode: \
             podsOnly`: the owners of Pods are not proven then",
            at.place
        ));
    }
    Ok(Features {
        detection_mode: detection_mode.unwrap_or(false),
        child_approval: !pods_only && asked.is_none_or(|asked| asked.value),
        unchanged_approval: automatic_unchanged_approval.unwrap_or(false),
        resources,
    })
}

/// Reads `history`.
pub(super) fn history(raw: Option<&RawHistory>) -> Result<HistorySettings, At<Problem>> {
    let retain = raw.and_then(|history| history.retain.as_ref());
    Ok(HistorySettings {
        retain: retain.map_or(Ok(SignedDuration::ZERO), duration)?,
    })
}

/// Reads `freshness`.
pub(super) fn freshness(raw: Option<&RawFreshness>) -> Result<FreshnessSettings, At<Problem>> {
    let max_staleness = raw.and_then(|freshness| freshness.max_staleness.as_ref());
    let from = match raw.and_then(|freshness| freshness.freshness_from.as_ref()) {
        None => FreshnessFrom::Timestamp,
        Some(from) => match from.value.as_str() {
            "timestamp" => FreshnessFrom::Timestamp,
            "bundle" => FreshnessFrom::Bundle,
            other => {
                return Err(from.fault(Problem::Value {
                    key: "freshnessFrom",
                    value: other.to_owned(),
                    nearest: nearest(other, ["timestamp", "bundle"]),
                    expected: "`timestamp` or `bundle`",
                }));
            }
        },
    };
    Ok(FreshnessSettings {
        max_staleness: max_staleness.map_or(Ok(SignedDuration::ZERO), duration)?,
        from,
    })
}

/// Checks that a word which is to count can be told from anybody's.
pub(super) fn check_freshness_from(
    raw: &RawFreshness,
    bundles: &BundleSettings,
) -> Result<(), At<Problem>> {
    let from = raw.freshness_from.as_ref();
    match from.filter(|from| from.value == "bundle" && bundles.keys.is_empty()) {
        Some(from) => Err(from.fault(Problem::Needs {
            key: "freshnessFrom: bundle",
            other: "bundles.keys",
        })),
        None => Ok(()),
    }
}

/// Reads `sync`.
pub(super) fn sync(raw: RawSync) -> Result<SyncSettings, At<Problem>> {
    let is_off = raw.schedule.as_ref().is_some_and(|it| it.value == NEVER);
    let schedule = match raw.schedule.as_ref().filter(|_| !is_off) {
        Some(schedule) => cron(schedule).map_err(|fault| word(schedule).unwrap_or(fault))?,
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
        is_off,
        schedule_place: raw.schedule.map(|at| at.place).unwrap_or_default(),
        per_server: usize::from(per_server),
        changefeed: discover.changefeed.unwrap_or(true),
        cluster: discover.cluster.unwrap_or_default(),
    })
}

fn duration(written: &At<String>) -> Result<SignedDuration, At<Problem>> {
    parse_duration(&written.value).map_err(|error| written.fault(error.into()))
}

/// The fault of a word where a schedule belongs: the one word that there is may be meant.
fn word(written: &At<String>) -> Option<At<Problem>> {
    let word = written.value.trim();
    let is_word = word.chars().all(|c| c.is_ascii_alphabetic());
    is_word.then(|| {
        written.fault(Problem::Value {
            key: "schedule",
            value: word.to_owned(),
            nearest: nearest(&word.to_ascii_lowercase(), [NEVER]),
            expected: "a cron expression of five fields such as `*/5 * * * *`, or `never`",
        })
    })
}

/// Looks at the form only: which fields a schedule can have is the scheduler's business.
pub(super) fn cron(written: &At<String>) -> Result<String, At<Problem>> {
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
/// The schedule of a site without a way out.
const NEVER: &str = "never";
/// A Notary server on a database remembers each hash that it meets in a map without a lock, which all routes look into but
/// that of a version, and Go ends a process that writes a map while another request looks into it (0.7.0, the last
/// release). With four requests at once, neither of two first syncs of 10,000 repositories got to its end.
const DEFAULT_PER_SERVER: u16 = 1;
/// More than any Notary server answers faster for.
const MAX_PER_SERVER: u16 = 64;
