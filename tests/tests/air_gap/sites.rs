//! The two sites.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use vouchsafe_tests::harness::notary_client::{Tag, digest};
use vouchsafe_tests::harness::process::{Finished, run};
use vouchsafe_tests::harness::reviewed::Reviewed;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Configuration, Namespace, NotaryClient, NotaryServer, TempDir, Vouchsafe,
    admission,
};

/// The site with a network: a Notary server, a publisher, and whoever makes bundles.
pub(crate) struct Connected {
    pub(crate) keys: BundleKeys,
    pub(crate) publisher: NotaryClient,
    pub(crate) vouchsafe: Vouchsafe,
    pub(crate) server: NotaryServer,
    pub(crate) certificates: Certificates,
    /// Where bundles are made.
    pub(crate) out: TempDir,
    // Whatever runs in it is stopped before it ends.
    pub(crate) namespace: Namespace,
}

/// Two keys that have to sign bundles, of both kinds, and one that has no say.
pub(crate) struct BundleKeys {
    directory: TempDir,
}

/// A bundle that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Its file, or its parts.
    pub(crate) files: Vec<PathBuf>,
    /// What `vouchsafe bundle` said of it.
    pub(crate) said: Value,
}

/// The site without a network: `vouchsafe serve`, and the folder into which bundles are laid.
pub(crate) struct Gapped {
    pub(crate) serving: Serving,
    pub(crate) vouchsafe: Vouchsafe,
    pub(crate) certificates: Certificates,
    /// The folder that `vouchsafe serve` watches.
    pub(crate) inbox: TempDir,
    pub(crate) namespace: Namespace,
}

impl Connected {
    /// A server with the repositories [`APP`], [`BASE`] and [`OLD`], in each of which the tag `1.0` is signed.
    pub(crate) fn new() -> Self {
        let namespace = Namespace::new().unwrap();
        let certificates = Certificates::new().unwrap();
        let (server, publisher, key) = namespace.inside(|| {
            let server = NotaryServer::tls(&certificates).unwrap();
            let authority = certificates.authority_file();
            let publisher = NotaryClient::publisher(&server.url(), Some(&authority)).unwrap();
            for gun in [APP, BASE, OLD] {
                publisher.init(gun).unwrap();
                publisher.sign(gun, &Tag::of("1.0", "one"), &[]).unwrap();
            }
            for gun in LATER {
                publisher.init_unpublished(gun).unwrap();
            }
            let key = publisher.root_public_key(APP).unwrap();
            (server, publisher, key)
        });
        let configuration = validators(&server.url(), &certificates, &key);
        Self {
            keys: BundleKeys::new(),
            publisher,
            vouchsafe: Vouchsafe::new(&configuration.to_string()).unwrap(),
            server,
            certificates,
            out: TempDir::new("bundles").unwrap(),
            namespace,
        }
    }

    /// The publisher's root key, as it was when this was made.
    pub(crate) fn configuration(&self) -> Configuration {
        let text = fs::read_to_string(self.vouchsafe.config_file()).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        let key = &config["validators"][0]["trustRoots"][0]["key"];
        validators(
            &self.server.url(),
            &self.certificates,
            key.as_str().unwrap(),
        )
    }

    /// Does something as the publisher, whose server is in reach.
    pub(crate) fn publish<T: Send>(&self, what: impl FnOnce(&NotaryClient) -> T + Send) -> T {
        self.namespace.inside(|| what(&self.publisher))
    }

    /// Signs a tag.
    pub(crate) fn sign(&self, gun: &str, name: &str, image: &str) {
        self.publish(|publisher| publisher.sign(gun, &Tag::of(name, image), &[]))
            .unwrap();
    }

    /// Makes a bundle for [`SITE`], vouched for by both keys for 35 days.
    pub(crate) fn bundle(&self, more: &[&str]) -> Made {
        let signed = self.keys.sign_options(&["courier", "security"]);
        let label = ["--audience", SITE, "--refresh-by", "35d"].map(str::to_owned);
        let mut arguments: Vec<String> = label.into_iter().chain(signed).collect();
        arguments.extend(more.iter().map(ToString::to_string));
        self.make("create", &arguments)
    }

    /// Makes a bundle for [`SITE`] that denies the digest of this image, vouched for by both keys.
    pub(crate) fn deny(&self, image: &str) -> Made {
        let bad = format!("sha256:{}", digest(image));
        let said = ["--digest", &bad, "--reason", "it phones home"];
        let said = said.into_iter().chain(["--audience", SITE]);
        let mut arguments: Vec<String> = said.map(str::to_owned).collect();
        arguments.extend(self.keys.sign_options(&["courier", "security"]));
        self.make("deny", &arguments)
    }

    /// Makes a bundle as these arguments say.
    pub(crate) fn make(&self, command: &str, arguments: &[String]) -> Made {
        let directory = self.out.path().display().to_string();
        let mut all = vec!["bundle", command, "-o", "json", "--directory", &directory];
        all.extend(arguments.iter().map(String::as_str));
        let said = self.namespace.inside(|| self.vouchsafe.json(&all, &[0]));
        let said = said.unwrap();
        let files = said["files"].as_array().unwrap().iter();
        Made {
            files: files.map(|it| it.as_str().unwrap().into()).collect(),
            said,
        }
    }
}

impl BundleKeys {
    fn new() -> Self {
        let directory = TempDir::new("bundle-keys").unwrap();
        for (name, kind) in [
            ("courier", &["ed25519"][..]),
            ("security", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
            ("stranger", &["ed25519"]),
        ] {
            let private = directory.path().join(format!("{name}.pem"));
            let public = directory.path().join(format!("{name}.pub"));
            run(Command::new("openssl")
                .args(["genpkey", "-algorithm"])
                .args(kind)
                .arg("-out")
                .arg(&private))
            .unwrap();
            run(Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(&private)
                .arg("-out")
                .arg(&public))
            .unwrap();
        }
        Self { directory }
    }

    /// The private key's file.
    pub(crate) fn private(&self, name: &str) -> String {
        let file = self.directory.path().join(format!("{name}.pem"));
        file.display().to_string()
    }

    /// The public key.
    pub(crate) fn public(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(format!("{name}.pub"))).unwrap()
    }

    /// Options that have these sign.
    pub(crate) fn sign_options(&self, names: &[&str]) -> Vec<String> {
        let options = names
            .iter()
            .flat_map(|name| ["--sign".to_owned(), self.private(name)]);
        options.collect()
    }
}

impl Made {
    /// The file of one that is not split.
    pub(crate) fn file(&self) -> &Path {
        assert_eq!(self.files.len(), 1, "{:?}", self.files);
        &self.files[0]
    }

    /// Its file's name.
    pub(crate) fn name(&self) -> &str {
        self.file().file_name().unwrap().to_str().unwrap()
    }

    /// Its number.
    pub(crate) fn sequence(&self) -> u64 {
        self.said["sequence"].as_u64().unwrap()
    }
}

impl Gapped {
    /// A site that knows what is pinned and whose word counts, and nothing else.
    pub(crate) fn new(connected: &Connected) -> Self {
        Self::start(connected, Namespace::new().unwrap(), |vouchsafe| vouchsafe)
    }

    /// The same in this namespace, with what is special about `vouchsafe`.
    pub(crate) fn start(
        connected: &Connected,
        namespace: Namespace,
        with: impl FnOnce(Vouchsafe) -> Vouchsafe,
    ) -> Self {
        let inbox = TempDir::new("inbox").unwrap();
        let configuration = configuration(connected, inbox.path());
        let vouchsafe = with(Vouchsafe::new(&configuration.to_string()).unwrap());
        let certificates = Certificates::new().unwrap();
        let serving = namespace.inside(|| vouchsafe.serve_unready(&certificates));
        Self {
            serving: serving.unwrap(),
            vouchsafe,
            certificates,
            inbox,
            namespace,
        }
    }

    /// Copies a bundle into the folder, whole at once, under this name.
    pub(crate) fn lay(&self, bundle: &Made, name: &str) {
        let new = self.inbox.path().join(format!(".{name}"));
        fs::copy(bundle.file(), &new).unwrap();
        fs::rename(new, self.inbox.path().join(name)).unwrap();
    }

    /// Waits until the metrics have this line.
    pub(crate) fn wait_for_metric(&self, line: &str) {
        let has = |metrics: &str| metrics.lines().any(|it| it == line);
        let waited = self
            .namespace
            .inside(|| self.serving.wait_for("/metrics", has));
        waited.unwrap_or_else(|error| panic!("no {line}: {error}\n{}", self.serving.log()));
    }

    /// Waits until so many bundles came to this.
    pub(crate) fn wait_for_result(&self, result: &str, count: u32) {
        self.wait_for_metric(&format!(
            "vouchsafe_bundles_total{{result=\"{result}\"}} {count}.0"
        ));
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        self.namespace.inside(|| self.serving.metric(name)).unwrap()
    }

    /// A page of the plain HTTP port.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        self.namespace.inside(|| self.serving.page(path)).unwrap()
    }

    /// Asks about a Pod with one image, as an API server does.
    pub(crate) fn ask(&self, path: &str, image: &str) -> Reviewed {
        let review = admission::pod_review(&[image]);
        let asked = self
            .namespace
            .inside(|| self.serving.ask(&self.certificates, path, &review));
        asked.unwrap()
    }

    /// Asserts that a tag is admitted, pinned to the digest of this image; and that `/validate` takes that.
    #[track_caller]
    pub(crate) fn admits(&self, gun: &str, tag: &str, image: &str) {
        let pinned = format!("{gun}:{tag}@sha256:{}", digest(image));
        let asked = self.ask("/mutate", &format!("{gun}:{tag}"));
        assert!(asked.is_allowed(), "{gun}:{tag}: {asked:?}");
        assert_eq!(asked.replaced(), std::slice::from_ref(&pinned));
        assert!(asked.warnings().is_empty(), "{asked:?}");
        let asked = self.ask("/validate", &pinned);
        assert!(asked.is_allowed(), "{pinned}: {asked:?}");
    }

    /// Asserts that an image is denied, by both endpoints, with this label and these words.
    #[track_caller]
    pub(crate) fn denies(&self, image: &str, label: &str, words: &[&str]) {
        for path in ["/mutate", "/validate"] {
            self.ask(path, image).assert_denied(label, words);
        }
    }

    /// Runs a command beside `vouchsafe serve`, whatever it says.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.namespace
            .inside(|| self.vouchsafe.run(arguments))
            .unwrap()
    }

    /// What is known of everything, without what changes by itself.
    pub(crate) fn state(&self) -> Value {
        let status = ["status", "-o", "json"];
        let status = self.namespace.inside(|| self.vouchsafe.json(&status, &[0]));
        let mut status = status.unwrap();
        status["now"] = Value::Null;
        status
    }
}

/// The Notary server and the publisher's key; bundles are made of what is below `registry.example.com/team`.
fn validators(url: &str, certificates: &Certificates, key: &str) -> Configuration {
    Configuration::new()
        .notary(url, Some(certificates.authority_pem()), key)
        .with("repositories", json!(["registry.example.com/team/*"]))
        .rule("registry.example.com/team/*:*")
}

fn configuration(connected: &Connected, inbox: &Path) -> Configuration {
    let key = |name| json!({"name": name, "key": connected.keys.public(name)});
    let keys = ["courier", "security"].map(key);
    let bundles = json!({"audience": SITE, "threshold": 2, "directory": inbox, "keys": keys});
    connected
        .configuration()
        .setting("sync", json!({"schedule": "never"}))
        .setting("freshness", json!({"freshnessFrom": "bundle"}))
        .setting("bundles", bundles)
}

pub(crate) const APP: &str = "registry.example.com/team/app";
pub(crate) const BASE: &str = "registry.example.com/team/base";
pub(crate) const OLD: &str = "registry.example.com/team/old";
/// Made at once, under the same root key, and published later.
pub(crate) const LATER: [&str; 2] = ["registry.example.com/team/a", "registry.example.com/team/b"];
/// What the gapped site is called.
pub(crate) const SITE: &str = "site-a";
