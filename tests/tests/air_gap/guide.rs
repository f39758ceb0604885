//! The commands of `docs/air-gap.md`, run as they stand there, one after the other, each on its site.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::notary_client::Tag;
use vouchsafe_tests::harness::process::{Finished, finish};
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Namespace, NotaryClient, NotaryServer, TempDir, Vouchsafe,
};

use super::sites::APP;

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let guide = Guide::new();
    let text = fs::read_to_string(PAGE).unwrap();
    let mut serving = None;
    let mut ran = 0;
    for (info, block) in blocks(&text) {
        let (kind, site) = info.split_once(' ').unwrap_or((info, ""));
        match (kind, site) {
            ("yaml", "connected") => guide.connected.configure(&guide.real(block, &[])),
            ("yaml", "gapped") => {
                guide.pin(block, &["courier", "security"]);
                serving = Some(guide.serve());
            }
            ("yaml", "rules") => has_metrics(&guide, serving.as_ref().unwrap(), block),
            ("sh", "connected") => guide.connected.succeeds(&guide.moved(block)),
            ("sh", "gapped") => guide.gapped.succeeds(&guide.moved(block)),
            ("sh", "gapped soon") => guide.gapped.succeeds_soon(&guide.moved(block)),
            ("sh", "gapped, new key added") => {
                let config = config_of_the_gapped_site(&text);
                guide.pin(config, &["courier", "security", "courier-2"]);
                guide.wait_for_configuration(serving.as_ref().unwrap(), 1);
                guide.gapped.succeeds(&guide.moved(block));
            }
            ("sh", "gapped, old key taken out") => {
                guide.pin(config_of_the_gapped_site(&text), &["courier-2", "security"]);
                guide.wait_for_configuration(serving.as_ref().unwrap(), 2);
                guide.gapped.succeeds(&guide.moved(block));
            }
            ("text" | "", _) => continue,
            _ => panic!("what is to become of `{info}`?\n{block}"),
        }
        ran += 1;
    }
    assert!(ran > 20, "{ran} blocks");
    // Of the key that was taken out, nothing rests on it: neither the word nor the deny list.
    let legacy = "registry.example.com/team/legacy:1.0";
    let checked = guide
        .gapped
        .run(&format!("vouchsafe check {legacy} {APP}:1.4"));
    assert!(checked.stdout.contains("ticket 4711"), "{checked:?}");
    assert!(
        checked.stdout.contains(&format!("{APP}:1.4 may run")),
        "{checked:?}"
    );
    let status = guide.gapped.run("vouchsafe status").stdout;
    assert_eq!(
        status.matches("signed by 2 of the pinned keys").count(),
        2,
        "{status}"
    );
}

/// The rules for Prometheus are about metrics that there are.
fn has_metrics(guide: &Guide, serving: &Serving, rules: &str) {
    let page = guide.gapped.namespace.inside(|| serving.page("/metrics"));
    let page = page.unwrap().1;
    let names = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut seen = 0;
    for name in names.filter(|name| name.starts_with("vouchsafe_")) {
        let family = name.trim_end_matches("_total");
        assert!(
            page.contains(&format!("# TYPE {family} ")),
            "{name}\n{page}"
        );
        seen += 1;
    }
    assert!(seen > 4, "{seen} metrics");
}

/// The two sites, as the guide has them.
struct Guide {
    connected: Site,
    gapped: Site,
    media: TempDir,
    inbox: TempDir,
    certificates: Certificates,
    publisher_key: String,
    server: NotaryServer,
}

/// A site: where commands are run.
struct Site {
    vouchsafe: Vouchsafe,
    directory: TempDir,
    namespace: Namespace,
}

impl Guide {
    fn new() -> Self {
        let connected = Site::new();
        let (server, key) = connected.namespace.inside(|| {
            let server = NotaryServer::plain().unwrap();
            let publisher = NotaryClient::publisher(&server.url(), None).unwrap();
            publisher.init(APP).unwrap();
            publisher.sign(APP, &Tag::of("1.4", "image"), &[]).unwrap();
            let key = publisher.root_public_key(APP).unwrap();
            (server, key)
        });
        Self {
            connected,
            gapped: Site::new(),
            media: TempDir::new("media").unwrap(),
            inbox: TempDir::new("inbox").unwrap(),
            certificates: Certificates::new().unwrap(),
            publisher_key: key,
            server,
        }
    }

    /// A text with the folders of this run.
    fn moved(&self, text: &str) -> String {
        let (media, inbox) = (self.media.path(), self.inbox.path());
        text.replace("/media/courier", &media.display().to_string())
            .replace("/var/lib/vouchsafe-bundles", &inbox.display().to_string())
    }

    /// A configuration with the server and keys of this run: the publisher's, and then these.
    fn real(&self, text: &str, keys: &[&str]) -> String {
        let public = |name: &&str| {
            let file = self.connected.directory.path().join(format!("{name}.pub"));
            fs::read_to_string(file).unwrap()
        };
        let mut pems = vec![self.publisher_key.clone()];
        pems.extend(keys.iter().map(public));
        let mut real = String::new();
        let mut pems = pems.into_iter();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() == BEGIN {
                for line in pems.next().unwrap().lines() {
                    real = format!("{real}      {line}\n");
                }
                lines
                    .by_ref()
                    .take_while(|line| line.trim() != END)
                    .for_each(drop);
            } else {
                real = format!("{real}{line}\n");
            }
        }
        // What the guide has no place for yet.
        for (name, pem) in keys.iter().skip(2).zip(pems) {
            let pem = pem.replace('\n', "\n      ");
            real = format!("{real}  - name: {name}\n    key: |\n      {}\n", pem.trim());
        }
        self.moved(&real).replace(
            "host: notary.example.com",
            &format!("host: {}", self.server.url()),
        )
    }

    /// Configures the gapped site, with these keys for bundles.
    fn pin(&self, config: &str, keys: &[&str]) {
        self.gapped.configure(&self.real(config, keys));
    }

    fn serve(&self) -> Serving {
        let Site {
            vouchsafe,
            namespace,
            ..
        } = &self.gapped;
        let serving = namespace.inside(|| vouchsafe.serve_unready(&self.certificates));
        serving.unwrap()
    }

    fn wait_for_configuration(&self, serving: &Serving, number: u32) {
        let line = format!("\nvouchsafe_config_loads_total{{result=\"loaded\"}} {number}\n");
        let loaded = |page: &str| page.contains(&line);
        let waited = self
            .gapped
            .namespace
            .inside(|| serving.wait_for("/metrics", loaded));
        waited.unwrap();
    }
}

impl Site {
    fn new() -> Self {
        Self {
            vouchsafe: Vouchsafe::new("").unwrap(),
            directory: TempDir::new("site").unwrap(),
            namespace: Namespace::new().unwrap(),
        }
    }

    fn configure(&self, configuration: &str) {
        self.vouchsafe.configure(configuration).unwrap();
    }

    /// Runs a script in the site's folder.
    #[expect(
        clippy::disallowed_methods,
        reason = "where the other programs are that the guide calls"
    )]
    fn run(&self, script: &str) -> Finished {
        let binary = self.vouchsafe.binary().parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script])
            .current_dir(self.directory.path())
            .env("PATH", path)
            .env("VOUCHSAFE_CONFIG", self.vouchsafe.config_file())
            .env("VOUCHSAFE_STORE", self.vouchsafe.store());
        self.namespace.inside(|| finish(&mut bash)).unwrap()
    }

    fn succeeds(&self, script: &str) {
        let finished = self.run(script);
        assert_eq!(finished.code, Some(0), "{script}\n{finished:#?}");
    }

    fn succeeds_soon(&self, script: &str) {
        let started = Instant::now();
        while self.run(script).code != Some(0) {
            if started.elapsed() > PATIENCE {
                return self.succeeds(script);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn config_of_the_gapped_site(text: &str) -> &str {
    let mut blocks = blocks(text).into_iter();
    blocks.find(|(info, _)| *info == "yaml gapped").unwrap().1
}

/// The fenced blocks of a page: what stands behind the fence, and what is within.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut parts = page.split("```").skip(1);
    let mut blocks = Vec::new();
    while let Some(block) = parts.next() {
        blocks.push(block.split_once('\n').unwrap());
        parts.next();
    }
    blocks
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/air-gap.md");
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
const PATIENCE: Duration = Duration::from_secs(30);
