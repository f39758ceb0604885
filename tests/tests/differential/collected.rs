//! Vouchsafe as it runs: the syncer and its store, against a server.

use std::sync::Arc;

use tokio::runtime::Runtime;
use vouchsafe_store::Store;
use vouchsafe_syncer::notary::Backoff;
use vouchsafe_syncer::{Options, Progress, Scope, Syncer};
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{ScriptedServer, TempDir};
use vouchsafe_tests::vector::Files;
use vouchsafe_trust::{Gun, Pins, Role, Server, Timestamp};

use crate::compared::{Answer, View};
use crate::pinned::{Pinned, Stopped};

/// What histories are collected with, one after the other.
#[derive(Debug)]
pub(crate) struct Site {
    runtime: Runtime,
    store: Store,
    _directory: TempDir,
}

/// A repository that is collected.
#[derive(Debug)]
pub(crate) struct Collected<'a> {
    site: &'a Site,
    served_by: ScriptedServer,
    server: Server,
    gun: Gun,
    syncer: Syncer,
}

impl Site {
    pub(crate) fn new(now: Timestamp) -> Self {
        let directory = TempDir::new("differential-store").unwrap();
        let store = Store::open(&directory.path().join("store"), now)
            .unwrap()
            .store;
        Self {
            runtime: Runtime::new().unwrap(),
            store,
            _directory: directory,
        }
    }

    pub(crate) fn collect(&self, gun: Gun, pins: Pins, now: Timestamp) -> Collected<'_> {
        let served_by = ScriptedServer::plain().unwrap();
        let server: Server = served_by.url().parse().unwrap();
        // An earlier history may have had the same port.
        self.store.forget(Some(&server), &gun).unwrap();
        let options = Options {
            changefeed: false,
            backoff: Backoff {
                attempts: 1,
                ..Backoff::default()
            },
            ..Options::default()
        };
        let pinned = Arc::new(Pinned {
            server: server.clone(),
            pins,
        });
        let syncer = Syncer::new(self.store.clone(), pinned, Arc::new(Stopped(now)), options);
        Collected {
            site: self,
            served_by,
            server,
            gun,
            syncer,
        }
    }
}

impl Collected<'_> {
    pub(crate) fn url(&self) -> String {
        self.served_by.url()
    }

    /// Serves files, as a server that lies about hashes has them.
    pub(crate) fn serve(&self, files: &Files) {
        let files = RoleFiles::hostile().with_files(files.clone());
        self.served_by.serve(self.gun.as_str(), files);
    }

    pub(crate) fn update(&self) -> Answer {
        let progress: Arc<dyn Progress> = Arc::new(());
        let scope = Scope::Only(vec![self.gun.clone()]);
        let report = self
            .site
            .runtime
            .block_on(self.syncer.pass(&scope, &progress));
        match report
            .servers
            .iter()
            .find_map(|server| server.failures.first())
        {
            Some(failure) => Answer::Refused {
                role: failure
                    .role
                    .as_ref()
                    .map(Role::to_string)
                    .unwrap_or_default(),
                label: failure.label,
                words: format!("{failure:?}"),
            },
            None => Answer::Accepted(Box::new(View::stored(
                &self.site.store,
                &self.server,
                &self.gun,
            ))),
        }
    }
}
