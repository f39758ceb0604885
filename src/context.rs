//! What commands share: the configuration, the clock, and the store, whoever holds it.

use std::borrow::Borrow;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use vouchsafe_alerts::Plan;
use vouchsafe_policy::Config;
use vouchsafe_store::{ImportedBundle, OpenError, Opened, Reader, RemoteStore, Store, StoreError};
use vouchsafe_syncer::notary::Credentials;
use vouchsafe_trust::{Clock, Denied, Gun, Pins, Server};

use crate::args::{Common, LoginArgs};
use crate::clock::SystemClock;
use crate::exit::Error;
use crate::printer::note;

/// Reads and checks the configuration file.
pub(crate) fn config(common: &Common) -> Result<Config, Error> {
    config_with_text(common).map(|(config, _)| config)
}

/// Reads and checks the configuration file; returns its text, too, to notice when it changes.
pub(crate) fn config_with_text(common: &Common) -> Result<(Config, String), Error> {
    let path = &common.config;
    let unreadable = |source| {
        let path = path.display();
        format!("{path}: {source}\nhint: name the file with --config or VOUCHSAFE_CONFIG")
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_CONFIG)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let config = Config::parse_all(&text, &path.display().to_string())?;
    Ok((config, text))
}

/// Who is told of alerts, and how.
pub(crate) fn alert_plan(config: &Config, file: &Path) -> Result<Plan, Error> {
    let plan = Plan::load(config.alerting());
    Ok(plan.map_err(|error| format!("{}: {error}", file.display()))?)
}

/// Opens the store for a command that writes it.
///
/// Trust data that was verified under other pins is verified again first.
pub(crate) fn store(common: &Common, config: &Config) -> Result<Store, Error> {
    let opened = open(common).map_err(unopened)?;
    taken_up(opened, config)
}

/// A store that this process holds, with the configuration that it goes by, or the process that holds it.
pub(crate) enum Access<C> {
    Own(C, Store),
    Other(RemoteStore),
}

/// The store for a command that has the process that holds it do the same, where there is one: by the configuration that
/// is in use there, so that `config` is not asked for.
pub(crate) fn access<C: Borrow<Config>>(
    common: &Common,
    config: impl FnOnce() -> Result<C, Error>,
) -> Result<Access<C>, Error> {
    let began = Instant::now();
    if let Some(remote) = remote(common) {
        return Ok(Access::Other(remote));
    }
    // One that takes a question and does not answer is not asked twice.
    let is_stuck = began.elapsed() >= UNTIL_ASKED;
    let config = config()?;
    let error = match open(common) {
        Ok(opened) => {
            let store = taken_up(opened, config.borrow())?;
            return Ok(Access::Own(config, store));
        }
        Err(error) => error,
    };
    let asks = matches!(error, OpenError::Held { .. }) && !is_stuck;
    match asks.then(|| remote(common)).flatten() {
        Some(remote) => Ok(Access::Other(remote)),
        None => Err(unopened(error)),
    }
}

/// Opens the store, unless a process holds it that can be asked.
///
/// One that begins holds the store some time before it can be asked, and one that ends a little longer. So whoever holds it
/// is given a few seconds to do either.
fn open(common: &Common) -> Result<Opened, OpenError> {
    let started = Instant::now();
    loop {
        match Store::open(&common.store, SystemClock.now()) {
            Err(OpenError::Held { .. })
                if started.elapsed() < UNTIL_ASKED && !takes_questions(common) =>
            {
                sleep(BETWEEN_LOOKS);
            }
            opened => return opened,
        }
    }
}

/// Whether a process takes questions about the store, answered or not.
fn takes_questions(common: &Common) -> bool {
    UnixStream::connect(socket_path(&common.store)).is_ok()
}

fn unopened(error: OpenError) -> Error {
    if !matches!(error, OpenError::Held { .. }) {
        return error.into();
    }
    format!(
        "{error}\nhint: a running `vouchsafe serve` or `vouchsafe sync --watch` syncs by itself, on `sync.schedule`; \
         `vouchsafe status` shows when it last did; to make bundles, name a store of their own with --store"
    )
    .into()
}

fn taken_up(opened: Opened, config: &Config) -> Result<Store, Error> {
    if let Some(path) = &opened.set_aside {
        note(&format!(
            "warning: the store was damaged or of another format; it is kept as {} and begins empty",
            path.display()
        ));
    }
    reverify(&opened.store, config, SystemClock.now())?;
    Ok(opened.store)
}

/// Verifies again what was verified under other pins than the configuration's.
pub(crate) fn reverify(store: &Store, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    let pins = |server: &Server, gun: &Gun| -> Option<Pins> { config.pins(server, gun) };
    let report = store.reverify(&pins, now)?;
    for (server, error) in &report.unproven {
        note(&format!(
            "warning: no longer proven by the pins ({server}): {error}"
        ));
    }
    Ok(())
}

/// Verifies again under the pins of two configurations, so that the rules of both find what they
/// demand while one takes the place of the other.
pub(crate) fn reverify_for_both(
    store: &Store,
    before: &Config,
    after: &Config,
    now: Timestamp,
) -> Result<(), StoreError> {
    let pins = |server: &Server, gun: &Gun| -> Option<Pins> {
        match (before.pins(server, gun), after.pins(server, gun)) {
            (Some(before), Some(after)) => Some(before.or(after)),
            (before, after) => before.or(after),
        }
    };
    store.reverify(&pins, now)?;
    Ok(())
}

/// The configuration, and the store to read.
///
/// While a process holds the store, that goes by a configuration of its own; so one with a fault is
/// said, and keeps nobody from looking: everything is shown as it is without any settings.
pub(crate) fn config_and_reader(
    common: &Common,
) -> Result<(Config, Box<dyn Reader + Send + Sync>), Error> {
    match config(common) {
        Ok(config) => {
            let reader = reader(common, &config)?;
            Ok((config, reader))
        }
        Err(error) => match remote(common) {
            Some(remote) => {
                note(&format!(
                    "warning: {error}\nwarning: so states are shown as they are without any settings"
                ));
                Ok((Config::default(), Box::new(remote)))
            }
            None => Err(error),
        },
    }
}

/// What bundles list to be denied. Each was signed as the configuration demanded when it was taken in;
/// that another key is pinned by now lets nothing in.
pub(crate) fn denied(bundles: &[ImportedBundle]) -> Vec<Denied> {
    bundles
        .iter()
        .flat_map(|it| it.deny.iter().cloned())
        .collect()
}

/// The configuration, with what the bundles deny that were taken in.
pub(crate) fn with_bundles(config: &Config, reader: &dyn Reader) -> Result<Config, Error> {
    let denied = denied(&reader.bundles()?);
    Ok(config.with_denied(denied))
}

/// The process that holds the store, if there is one.
pub(crate) fn remote(common: &Common) -> Option<RemoteStore> {
    let socket = socket_path(&common.store);
    socket
        .exists()
        .then(|| RemoteStore::connect(&socket).ok())?
}

/// The store to read: through the process that holds it, or opened here.
pub(crate) fn reader(
    common: &Common,
    config: &Config,
) -> Result<Box<dyn Reader + Send + Sync>, Error> {
    if !common.store.exists() {
        return Err(format!(
            "{}: there is no store\nhint: run `vouchsafe sync` first, or name the store with --store",
            common.store.display()
        )
        .into());
    }
    Ok(match access(common, || Ok(config))? {
        Access::Own(_, store) => Box::new(store),
        Access::Other(remote) => Box::new(remote),
    })
}

/// The certificates and credentials that the command line gives for a server.
pub(crate) fn login(args: &LoginArgs) -> Result<(Option<String>, Option<Credentials>), Error> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let certificates = args.ca.as_ref().map(read).transpose()?;
    if args.username.is_some() && args.password.is_none() {
        return Err("--username needs a password: set VOUCHSAFE_PASSWORD".into());
    }
    let credentials = args.username.clone().zip(args.password.clone());
    let credentials = credentials.map(|(username, password)| Credentials::Inline {
        username,
        password: password.into(),
    });
    Ok((certificates, credentials))
}

/// The system's clock, which a store never lets run backwards.
#[derive(Clone, Debug)]
pub(crate) struct StoreClock(pub(crate) Store);

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        self.0.observe_time(SystemClock.now()).now
    }
}

/// A clock that stands still: everything of one command is judged at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedClock(pub(crate) Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The Unix socket beside a store.
pub(crate) fn socket_path(store: &Path) -> PathBuf {
    store.join(vouchsafe_store::socket::SOCKET)
}

/// The time to judge by: the clock's, or the latest that the store has seen.
pub(crate) fn judgement_time(reader: &dyn Reader) -> Result<Timestamp, Error> {
    let now = SystemClock.now();
    let latest = reader.latest_time()?;
    if let Some(warning) = clock_warning(latest, now) {
        note(&format!("warning: {warning}"));
    }
    Ok(latest.map_or(now, |latest| latest.max(now)))
}

/// What an operator should know where time was seen that the clock has yet to reach.
pub(crate) fn clock_warning(latest: Option<Timestamp>, now: Timestamp) -> Option<String> {
    // Another process looks at the clock a moment later than this one.
    let latest = latest.filter(|latest| latest.duration_since(now) > BEHIND)?;
    Some(format!(
        "the clock is behind: it says {now:.0}, but {latest:.0} was seen before, by which \
         everything is judged; if the clock is right, say `vouchsafe reset-clock`"
    ))
}

/// How long whoever holds the store may take until it can be asked.
const UNTIL_ASKED: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How far the clock may be behind before anybody is told.
const BEHIND: SignedDuration = SignedDuration::from_mins(1);
/// A configuration is text that people write; what is beyond this is cut off, and no longer valid.
const MAX_CONFIG: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_is_told_with_both_times() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        assert_eq!(clock_warning(None, now), None);
        for seconds in [-100, 0, 60] {
            let latest = now + SignedDuration::from_secs(seconds);
            assert_eq!(clock_warning(Some(latest), now), None);
        }
        let warning = clock_warning(Some(now + SignedDuration::from_secs(61)), now).unwrap();
        for words in [
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:01:01Z",
            "reset-clock",
        ] {
            assert!(warning.contains(words), "{warning}");
        }
    }
}
