//! What a Lease says, and who may write what into it. Pure: times are given.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use tokio::time::Instant;

use super::Timing;

/// A Lease, and since when it has been seen to say what it says.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    object: Object,
    since: Instant,
}

impl Observed {
    pub(super) const fn new(object: Object, since: Instant) -> Self {
        Self { object, since }
    }

    /// What is seen `now`, after what was seen before.
    pub(super) fn again(before: Option<Self>, object: Object, now: Instant) -> Self {
        let same = before.filter(|before| before.object.spec == object.spec);
        Self {
            object,
            since: same.map_or(now, |before| before.since),
        }
    }

    /// Who holds it, if anybody does.
    pub(super) fn holder(&self) -> Option<&str> {
        let holder = self.object.spec.as_ref()?.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    pub(super) fn is_held_by(&self, identity: &str) -> bool {
        self.holder() == Some(identity)
    }

    /// Whether anybody may take it: nobody holds it, or the holder has been silent for longer than it asked for, and than
    /// `duration`. What it asked for counts up to [`LONGEST`] only.
    pub(super) fn is_free(&self, duration: Duration, now: Instant) -> bool {
        let spec = self.object.spec.as_ref();
        let asked = spec.and_then(|spec| spec.lease_duration_seconds);
        let asked = asked.and_then(|seconds| u64::try_from(seconds).ok());
        let asked = Duration::from_secs(asked.unwrap_or_default()).min(LONGEST);
        self.holder().is_none() || now.duration_since(self.since) > asked.max(duration)
    }

    /// The same Lease, taken by somebody else.
    pub(super) fn taken(&self, identity: &str, timing: Timing, now: Timestamp) -> Object {
        let before = self.object.spec.as_ref();
        let transitions = before.and_then(|spec| spec.lease_transitions);
        let spec = LeaseSpec {
            lease_transitions: Some(transitions.unwrap_or_default().saturating_add(1)),
            ..held(identity, timing, now)
        };
        self.saying(spec)
    }

    /// The same Lease, held on.
    pub(super) fn renewed(&self, now: Timestamp) -> Object {
        let spec = self.object.spec.clone().unwrap_or_default();
        self.saying(LeaseSpec {
            renew_time: Some(MicroTime(now)),
            ..spec
        })
    }

    /// The same Lease, held by nobody.
    pub(super) fn released(&self, now: Timestamp) -> Object {
        let spec = self.object.spec.clone().unwrap_or_default();
        self.saying(LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            renew_time: Some(MicroTime(now)),
            ..spec
        })
    }

    fn saying(&self, spec: LeaseSpec) -> Object {
        Object {
            spec: Some(spec),
            ..self.object.clone()
        }
    }
}

/// A Lease that nobody held before.
pub(super) fn first(name: &str, identity: &str, timing: Timing, now: Timestamp) -> Object {
    Object {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            lease_transitions: Some(0),
            ..held(identity, timing, now)
        }),
    }
}

fn held(identity: &str, timing: Timing, now: Timestamp) -> LeaseSpec {
    let seconds = i32::try_from(timing.duration.as_secs()).unwrap_or(i32::MAX);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(seconds.max(1)),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        ..LeaseSpec::default()
    }
}

/// The holder's name with what no other process has.
pub(super) fn unique(holder: &str) -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{holder}_{random:016x}")
}

/// The longest that a silent holder is waited for: what stands there could be anything.
const LONGEST: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn timing() -> Timing {
        Timing::default()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lease(identity: &str, second: i64) -> Object {
        first("leader", identity, timing(), at(second))
    }

    #[test]
    fn a_lease_is_free_once_it_was_seen_unchanged_for_its_duration() {
        let start = Instant::now();
        let mut observed = Observed::again(None, lease("a", 0), start);
        let just = start + timing().duration;
        let after = just + Duration::from_millis(1);
        assert!(!observed.is_free(timing().duration, just));
        // Seen again, and the same: counted from the first time.
        observed = Observed::again(Some(observed), lease("a", 0), just);
        assert!(observed.is_free(timing().duration, after));
        // Renewed: counted from when that was seen, whatever the holder's clock says.
        observed = Observed::again(Some(observed), lease("a", -1_000_000), after);
        assert!(!observed.is_free(timing().duration, after + timing().duration));
        assert!(observed.is_free(timing().duration, after + timing().duration * 2));
    }

    #[test]
    fn what_changes_nothing_in_the_lease_is_no_renewal() {
        let start = Instant::now();
        let observed = Observed::new(lease("a", 0), start);
        let mut labelled = lease("a", 0);
        labelled.metadata.resource_version = Some("2".to_owned());
        let observed = Observed::again(Some(observed), labelled, start + HOUR);
        assert!(observed.is_free(timing().duration, start + HOUR));
        // What is written is conditioned on what was read last.
        let taken = observed.taken("b", timing(), at(9));
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("2"));
    }

    #[test]
    fn a_duration_that_the_holder_asked_for_counts_within_bounds() {
        let start = Instant::now();
        for (asked, waited) in [(i32::MAX, 60), (30, 30), (1, 15), (0, 15), (-5, 15)] {
            let mut object = lease("a", 0);
            object.spec.as_mut().unwrap().lease_duration_seconds = Some(asked);
            let observed = Observed::new(object, start);
            let waited = Duration::from_secs(waited);
            let is_free = |after| observed.is_free(timing().duration, start + after);
            assert!(!is_free(waited), "{asked}");
            assert!(is_free(waited + Duration::from_millis(1)), "{asked}");
        }
    }

    #[test]
    fn a_lease_without_a_holder_is_free_at_once() {
        let start = Instant::now();
        let held = Observed::new(lease("a", 0), start);
        let released = Observed::new(held.released(at(1)), start);
        let empty = Observed::new(Object::default(), start);
        for observed in [released, empty] {
            assert_eq!(observed.holder(), None);
            assert!(!observed.is_held_by(""), "{observed:?}");
            assert!(observed.is_free(timing().duration, start));
        }
    }

    #[test]
    fn who_takes_a_lease_counts_on_and_who_renews_it_does_not() {
        let start = Instant::now();
        let first = Observed::new(lease("a", 0), start);
        let taken = Observed::new(first.taken("b", timing(), at(20)), start);
        let renewed = taken.renewed(at(22)).spec.unwrap();
        assert_eq!(renewed.holder_identity.as_deref(), Some("b"));
        assert_eq!(renewed.lease_transitions, Some(1));
        assert_eq!(renewed.acquire_time, Some(MicroTime(at(20))));
        assert_eq!(renewed.renew_time, Some(MicroTime(at(22))));
        assert_eq!(renewed.lease_duration_seconds, Some(15));
    }

    #[test]
    fn two_processes_of_one_name_are_two_holders() {
        assert_ne!(unique("pod"), unique("pod"));
    }
}
