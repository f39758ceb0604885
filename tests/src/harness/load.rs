//! Load by `wrk`: requests a second, and how long they took.

use std::process::Command;

use serde::Deserialize;

use super::process::run;
use super::{HarnessError, TempDir};

/// Requests that are made for so long over so many connections, each as soon as the one before is answered.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Where they go.
    pub url: &'a str,
    /// How many at once.
    pub connections: usize,
    /// The file with what [`post`] or [`gets`] makes.
    pub script: &'a str,
    /// For how long, in seconds.
    pub seconds: u32,
}

/// What one [`Load`] came to.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// Answers a second.
    pub rate: f64,
    /// Answers in all.
    pub answers: f64,
    /// How long half of the requests took at most, in microseconds.
    pub p50: f64,
    /// The same of 99 in 100.
    pub p99: f64,
    /// The same of 999 in 1,000.
    pub p999: f64,
}

#[derive(Deserialize)]
struct Counted {
    answers: f64,
    micros: f64,
    bad: u64,
    p50: f64,
    p99: f64,
    p999: f64,
}

impl Load<'_> {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// [`HarnessError`] if `wrk` does not run, or if any answer is missing or no success.
    pub fn run(self) -> Result<Served, HarnessError> {
        let (connections, seconds) = (self.connections.to_string(), format!("{}s", self.seconds));
        let mut wrk = Command::new("wrk");
        wrk.args(["-t", "1", "-c", &connections, "-d", &seconds]);
        let report = run(wrk.args(["-s", self.script, self.url]))?;
        let unexpected = || HarnessError::unexpected(self.url)(&report);
        let line = report.lines().find_map(|line| line.strip_prefix(MARK));
        let counted: Option<Counted> = line.and_then(|line| serde_json::from_str(line).ok());
        let counted = counted
            .filter(|counted| counted.bad == 0)
            .ok_or_else(unexpected)?;
        Ok(Served {
            rate: counted.answers / counted.micros * 1e6,
            answers: counted.answers,
            p50: counted.p50,
            p99: counted.p99,
            p999: counted.p999,
        })
    }
}

/// A script that posts the review, over connections that are kept or over a new one each time. Returns its file.
///
/// # Errors
///
/// [`HarnessError::File`] if it cannot be written.
pub fn post(
    directory: &TempDir,
    name: &str,
    review: &str,
    is_kept: bool,
) -> Result<String, HarnessError> {
    let close = if is_kept {
        ""
    } else {
        "wrk.headers['Connection'] = 'close'\n"
    };
    let lua = format!(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n{close}wrk.body = [==[{review}]==]\n{DONE}"
    );
    written(directory, name, lua)
}

/// A script that gets these paths in turn. Returns its file.
///
/// # Errors
///
/// [`HarnessError::File`] if it cannot be written.
pub fn gets(directory: &TempDir, name: &str, paths: &[String]) -> Result<String, HarnessError> {
    let list = directory.write(&format!("{name}.txt"), paths.join("\n"))?;
    let lua = format!(
        "local paths = {{}}\nfor path in io.lines('{}') do paths[#paths + 1] = path end\nlocal turn = 0\n\
         request = function() turn = turn % #paths + 1; return wrk.format('GET', paths[turn]) end\n{DONE}",
        list.display()
    );
    written(directory, name, lua)
}

fn written(directory: &TempDir, name: &str, lua: String) -> Result<String, HarnessError> {
    Ok(directory.write(name, lua)?.display().to_string())
}

const MARK: &str = "counted ";
const DONE: &str = r#"
done = function(summary, latency, requests)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('counted {"answers": %d, "micros": %d, "bad": %d, "p50": %f, "p99": %f, "p999": %f}\n',
    summary.requests, summary.duration, bad, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
"#;
