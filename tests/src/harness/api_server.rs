//! A real Kubernetes API server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::{Finished, finish, run};
use super::{HarnessError, TempDir};

/// etcd and `kube-apiserver` on loopback: no controller runs, and no node.
#[derive(Debug)]
pub struct ApiServer {
    directory: TempDir,
    kubectl: PathBuf,
}

impl ApiServer {
    /// Starts one, after building it where no built one is found, which takes minutes.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it cannot be built or does not come up.
    pub fn start() -> Result<Self, HarnessError> {
        let programs = run(script().arg("build"))?;
        let server = Self {
            directory: TempDir::new("kubernetes")?,
            kubectl: Path::new(programs.trim()).join("kubectl"),
        };
        run(script().arg("start").arg(server.directory.path()))?;
        // The work of a controller. Without it, no Pod may be made.
        server.succeed(&["create", "serviceaccount", "default"])?;
        Ok(server)
    }

    /// Ends it; its directory stays, with what says where it was.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it cannot be ended.
    pub fn stop(&self) -> Result<(), HarnessError> {
        run(script().arg("stop").arg(self.directory.path())).map(drop)
    }

    /// Runs `kubectl` as an administrator to its end, whatever it says.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if it cannot be run.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Finished, HarnessError> {
        finish(self.command().args(arguments))
    }

    /// Runs a `kubectl` command that has to succeed; returns its stdout.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] with its output if it fails.
    pub fn succeed(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        run(self.command().args(arguments))
    }

    /// How an administrator reaches it, as a file.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// Makes an object.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the API server refuses it.
    pub fn create(&self, object: &Value) -> Result<(), HarnessError> {
        let directory = TempDir::new("manifest")?;
        let file = directory.write("object.json", object.to_string())?;
        run(self.command().args(["create", "-f"]).arg(file)).map(drop)
    }

    /// Makes custom resource definitions, and returns when all that there are can be used.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if the API server refuses one, [`HarnessError::Unexpected`] if they are not ready after ten seconds.
    pub fn define(&self, definitions: &str) -> Result<(), HarnessError> {
        let directory = TempDir::new("definitions")?;
        let file = directory.write("definitions.yaml", definitions)?;
        run(self.command().args(["create", "-f"]).arg(file))?;
        // `kubectl wait` fails at once where one has no conditions yet.
        let established = ["wait", "--for=condition=Established", "crd", "--all"];
        self.wait_until(&established, |finished| finished.code == Some(0))
            .map(drop)
    }

    /// Ends the API server and starts it again; what it has stays.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it does not come up again.
    pub fn restart(&self) -> Result<(), HarnessError> {
        run(script().arg("restart").arg(self.directory.path())).map(drop)
    }

    /// Repeats a `kubectl` command until what it says is as wanted: a new webhook configuration takes
    /// effect a moment after it is stored.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] with what it said last, after ten seconds.
    pub fn wait_until(
        &self,
        arguments: &[&str],
        wanted: impl Fn(&Finished) -> bool,
    ) -> Result<Finished, HarnessError> {
        let started = Instant::now();
        loop {
            let finished = self.kubectl(arguments)?;
            if wanted(&finished) {
                return Ok(finished);
            }
            if started.elapsed() > PATIENCE {
                let what = format!("kubectl {}", arguments.join(" "));
                return Err(HarnessError::unexpected(what)(format!("{finished:?}")));
            }
            thread::sleep(PAUSE);
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(self.kubeconfig());
        command
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kubernetes.sh"))
}

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
