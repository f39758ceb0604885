//! The built `vouchsafe` binary.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{Request, exchange};
use super::port::PortLease;
use super::process::{Finished, Process, finish, run};
use super::reviewed::Reviewed;
use super::{Certificates, HarnessError, TempDir};

/// `vouchsafe` with a configuration file and a store directory of its own.
#[derive(Debug)]
pub struct Vouchsafe {
    binary: PathBuf,
    /// A program that runs the binary, with its arguments; none if that is empty.
    wrapper: Vec<String>,
    /// Where `vouchsafe serve` answers reviews.
    listen: Ipv4Addr,
    directory: TempDir,
}

/// A running `vouchsafe serve`.
#[derive(Debug)]
pub struct Serving {
    process: Process,
    webhook: PortLease,
    metrics: PortLease,
}

impl Vouchsafe {
    /// Takes the binary that stands beside this test, building it where it is missing, and writes the configuration.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it cannot be built, [`HarnessError::File`] if the configuration cannot be written.
    pub fn new(configuration: &str) -> Result<Self, HarnessError> {
        let vouchsafe = Self {
            binary: binary()?,
            wrapper: Vec::new(),
            listen: Ipv4Addr::LOCALHOST,
            directory: TempDir::new("vouchsafe")?,
        };
        vouchsafe.configure(configuration)?;
        Ok(vouchsafe)
    }

    /// Has every command run by another program, such as `strace`, with these arguments before it.
    #[must_use]
    pub fn under(self, wrapper: &[&str]) -> Self {
        Self {
            wrapper: wrapper.iter().map(ToString::to_string).collect(),
            ..self
        }
    }

    /// Has `vouchsafe serve` answer reviews on every address, which is for a namespace that is cut off.
    #[must_use]
    pub fn listening_everywhere(self) -> Self {
        Self {
            listen: Ipv4Addr::UNSPECIFIED,
            ..self
        }
    }

    /// Replaces the configuration file, in one step.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if it cannot be written.
    pub fn configure(&self, configuration: &str) -> Result<(), HarnessError> {
        let new = self.directory.write("config.yaml.new", configuration)?;
        std::fs::rename(&new, self.config_file()).map_err(HarnessError::file(new))
    }

    /// Runs a command to its end, whatever it says.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the binary cannot be run.
    pub fn run(&self, arguments: &[&str]) -> Result<Finished, HarnessError> {
        finish(self.command().args(arguments))
    }

    /// Runs a command to its end with these environment variables besides.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the binary cannot be run.
    pub fn run_with(
        &self,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<Finished, HarnessError> {
        finish(
            self.command()
                .envs(environment.iter().copied())
                .args(arguments),
        )
    }

    /// Runs a command that has to succeed; returns its stdout.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] with its output if it fails.
    pub fn succeed(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        run(self.command().args(arguments))
    }

    /// Starts a command without waiting for it, to be killed or looked at.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the binary cannot be run.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Process, HarnessError> {
        Process::start(
            self.command().args(arguments),
            &self.directory.path().join("spawned.log"),
        )
    }

    /// Starts `vouchsafe serve` and waits until it says that it is ready.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] with its log if it does not within ten seconds.
    pub fn serve(&self, certificates: &Certificates) -> Result<Serving, HarnessError> {
        self.serve_with(certificates, &[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    ///
    /// As [`Vouchsafe::serve`].
    pub fn serve_with(
        &self,
        certificates: &Certificates,
        arguments: &[&str],
    ) -> Result<Serving, HarnessError> {
        let mut serving = self.start_serving(self.serve_command(certificates, arguments))?;
        serving.wait_until_ready()?;
        Ok(serving)
    }

    /// Starts `vouchsafe serve` as a replica in a cluster, which it reaches by this kubeconfig and has its certificate from. It is
    /// ready later, see [`Serving::wait_until_ready`].
    ///
    /// # Errors
    ///
    /// As [`Vouchsafe::serve_unready`].
    pub fn serve_in_cluster(&self, kubeconfig: &Path) -> Result<Serving, HarnessError> {
        let mut command = self.command();
        command.env("KUBECONFIG", kubeconfig).arg("serve");
        self.start_serving(command)
    }

    /// Starts `vouchsafe serve` and waits only until it answers on its metrics port.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] with its log if it does not within ten seconds.
    pub fn serve_unready(&self, certificates: &Certificates) -> Result<Serving, HarnessError> {
        self.start_serving(self.serve_command(certificates, &[]))
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("config.yaml")
    }

    /// The store directory.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// The folder with a folder for each secret; it does not exist yet.
    pub fn secrets(&self) -> PathBuf {
        self.directory.path().join("secrets")
    }

    /// Its own directory, for files that a command takes.
    pub fn directory(&self) -> &TempDir {
        &self.directory
    }

    fn serve_command(&self, certificates: &Certificates, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command
            .arg("serve")
            .arg("--tls-cert")
            .arg(certificates.leaf_file())
            .arg("--tls-key")
            .arg(certificates.leaf_key_file())
            .args(arguments);
        command
    }

    fn start_serving(&self, mut command: Command) -> Result<Serving, HarnessError> {
        let (webhook, metrics) = (PortLease::new()?, PortLease::new()?);
        command.args([
            "--listen",
            &SocketAddr::from((self.listen, webhook.number())).to_string(),
            "--metrics-listen",
            &metrics.address().to_string(),
        ]);
        let mut process = Process::start(&mut command, &self.directory.path().join("serve.log"))?;
        process.wait_until_listening(metrics.address())?;
        Ok(Serving {
            process,
            webhook,
            metrics,
        })
    }

    fn command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        command
            .env("VOUCHSAFE_CONFIG", self.config_file())
            .env("VOUCHSAFE_STORE", self.store())
            .env("VOUCHSAFE_SECRETS", self.secrets());
        command
    }
}

impl Serving {
    /// Waits until it says that it is ready.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotReady`] with its log if it does not within ten seconds.
    pub fn wait_until_ready(&mut self) -> Result<(), HarnessError> {
        let metrics = self.metrics.address();
        self.process.wait_until(READY_DEADLINE, || {
            exchange(metrics, "localhost", &get("/ready"))
                .is_ok_and(|response| response.status == 200)
        })?;
        self.process.wait_until_listening(self.webhook.address())
    }

    /// `https://localhost:PORT` of the admission endpoints.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.webhook.number())
    }

    /// The port of the admission endpoints.
    pub fn port(&self) -> u16 {
        self.webhook.number()
    }

    /// Where the plain HTTP port is.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics.address()
    }

    /// A page of the plain HTTP port: `/metrics`, `/health`, `/ready`. Status and text.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Socket`] if nothing answers.
    pub fn page(&self, path: &str) -> Result<(u16, String), HarnessError> {
        let response = exchange(self.metrics.address(), "localhost", &get(path))?;
        Ok((
            response.status,
            String::from_utf8_lossy(&response.body).into_owned(),
        ))
    }

    /// Posts an `AdmissionReview` to `/mutate` or `/validate` over TLS and returns the answered one.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the request fails, [`HarnessError::Unexpected`] if the answer is no JSON.
    pub fn review(
        &self,
        certificates: &Certificates,
        path: &str,
        review: &Value,
    ) -> Result<Value, HarnessError> {
        let directory = TempDir::new("review")?;
        let file = directory.write("review.json", review.to_string())?;
        let mut curl = Command::new("curl");
        curl.args([
            "-fsS",
            "-H",
            "Content-Type: application/json",
            "--data-binary",
            &format!("@{}", file.display()),
        ]);
        let answer = run(curl
            .arg("--cacert")
            .arg(certificates.authority_file())
            .arg(format!("{}{path}", self.url())))?;
        serde_json::from_str(&answer).map_err(HarnessError::unexpected("AdmissionReview"))
    }

    /// Sends a review as [`Serving::review`] does, and takes the answer apart.
    ///
    /// # Errors
    ///
    /// As [`Serving::review`]; [`HarnessError::Unexpected`] if it answers another request.
    pub fn ask(
        &self,
        certificates: &Certificates,
        path: &str,
        review: &Value,
    ) -> Result<Reviewed, HarnessError> {
        Reviewed::of(review, &self.review(certificates, path, review)?)
    }

    /// The value of a metric, named with its labels as `/metrics` writes them; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// As [`Serving::page`].
    pub fn metric(&self, name: &str) -> Result<Option<f64>, HarnessError> {
        let (_, metrics) = self.page("/metrics")?;
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        Ok(metrics.lines().find_map(value))
    }

    /// Waits until a page is as wanted; returns it.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] with the page if it is not within a minute.
    pub fn wait_for(
        &self,
        page: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, HarnessError> {
        let started = Instant::now();
        loop {
            let (_, text) = self.page(page)?;
            if wanted(&text) {
                return Ok(text);
            }
            if started.elapsed() > PAGE_DEADLINE {
                return Err(HarnessError::Unexpected {
                    what: page.to_owned(),
                    detail: text,
                });
            }
            thread::sleep(POLL);
        }
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The process, to be signalled, killed or waited for.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The binary of the same build as the running test: `target/<profile>/vouchsafe` beside `target/<profile>/deps/<test>`, or beside a
/// program of this crate.
fn binary() -> Result<PathBuf, HarnessError> {
    let test = std::env::current_exe().map_err(HarnessError::file("the running test"))?;
    let folder = test.parent().unwrap_or_else(|| Path::new("."));
    let profile = folder.parent().filter(|_| folder.ends_with("deps"));
    let profile = profile.unwrap_or(folder);
    let binary = profile.join("vouchsafe");
    // One at a time, or every test of a run would build it.
    let lock =
        File::create(profile.join(".vouchsafe-build")).map_err(HarnessError::file(profile))?;
    lock.lock().map_err(HarnessError::file(profile))?;
    if !binary.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "build",
            "--locked",
            "--package",
            "vouchsafe",
            "--manifest-path",
        ]);
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        run(&mut cargo)?;
    }
    Ok(binary)
}

fn get(path: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        target: path.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

const READY_DEADLINE: Duration = Duration::from_secs(10);
/// The configuration is looked at every ten seconds, and the machine may be busy.
const PAGE_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
