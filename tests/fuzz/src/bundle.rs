//! Bundle files: read, verified, and taken in as far as a dry run goes.

mod assemble;

use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use tempfile::TempDir;
use vouchsafe_airgap::bundle::Limits;
use vouchsafe_airgap::{Bundle, ImportTerms, import};
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_trust::update::{Expiry, Terms};
use vouchsafe_trust::{Gun, Timestamp};

use crate::agreement::Judge;
use crate::input::Input;
use crate::program::{BASES, GUN, root_keys};
use assemble::assembled;

pub(crate) fn run(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let bytes = match input.below(4) {
        0 => input.rest().to_vec(),
        1 => zstd::bulk::compress(input.rest(), 1).expect("it compresses"),
        kind => {
            let archive = assembled(&mut input);
            match kind {
                2 => archive,
                _ => zstd::bulk::compress(&archive, 1).expect("it compresses"),
            }
        }
    };
    // One at a time: there is one file.
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write(&place.file, bytes).expect("the file is written");
    let Ok(bundle) = Bundle::open(&place.file, &limits(), place.folder.path()) else {
        return false;
    };
    for listed in &bundle.manifest().repositories {
        let Ok(metadata) = bundle.repository(listed) else {
            continue;
        };
        assert_eq!(metadata.gun, listed.gun, "the repository");
        let pins = place.config.pins(&listed.server, &listed.gun);
        let Some(pins) = pins else {
            continue;
        };
        let terms = Terms {
            pins: &pins,
            accepted: None,
            now: now(),
            expiry: Expiry::EnforceAuthority,
            limits: vouchsafe_trust::update::Limits::default(),
        };
        drop(vouchsafe_trust::verify(&metadata, terms));
    }
    let taken = [false, true].map(|strict| {
        let terms = ImportTerms {
            config: &place.config,
            now: now(),
            strict,
            dry_run: true,
        };
        import(&place.store, &bundle, terms).is_ok()
    });
    taken == [true, true]
}

static PLACE: LazyLock<Mutex<Place>> = LazyLock::new(|| Mutex::new(Place::new()));

struct Place {
    folder: TempDir,
    file: PathBuf,
    store: Store,
    config: Config,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let opened = Store::open(&folder.path().join("store"), now()).expect("a store opens");
        let config = crate::admission::config();
        let judge = Judge {
            gun: GUN.parse::<Gun>().expect("a GUN"),
            pins: vec![root_keys()[0].public_key_pem()],
            now: now(),
            expiry: Expiry::Enforce,
            certificate_name: vouchsafe_trust::pin::Check::Enforce,
            certificate_validity: vouchsafe_trust::pin::Check::Enforce,
        };
        let agreed = judge.judge(&BASES[1], None).expect("a base is good");
        let server = "notary.example.com".parse().expect("a server");
        opened
            .store
            .commit(&server, &agreed.verified)
            .expect("it is stored");
        Self {
            file: folder.path().join("bundle"),
            folder,
            store: opened.store,
            config,
        }
    }
}

/// What the tests of memory can be sure of: nothing here is larger.
fn limits() -> Limits {
    Limits {
        unpacked: 8 << 20,
        manifest: 1 << 20,
        index: 1 << 20,
        repository: 1 << 20,
        window_log: 21,
        ..Limits::default()
    }
}

fn now() -> Timestamp {
    crate::admission::now()
}

/// An archive of one repository.
pub(crate) fn sample() -> Vec<u8> {
    assembled(&mut Input::new(&[1, 1, 0, 1]))
}
