//! What processes used so far (proc(5)).

use std::fs;
use std::process::Command;

use super::HarnessError;
use super::process::run;

/// The most memory that a process had, in MiB.
///
/// # Errors
///
/// [`HarnessError::File`] if it is gone.
pub fn peak(process: u32) -> Result<f64, HarnessError> {
    status(process, "VmHWM:")
}

/// The memory that a process has, in MiB.
///
/// # Errors
///
/// As [`peak`].
pub fn resident(process: u32) -> Result<f64, HarnessError> {
    status(process, "VmRSS:")
}

/// The processor time that a process used, the kernel's for it included, in microseconds; in steps of 10 milliseconds.
///
/// # Errors
///
/// As [`peak`].
pub fn processor(process: u32) -> Result<f64, HarnessError> {
    ticks(&process.to_string(), OWN)
}

/// The same of all children of this process that have ended and been waited for.
///
/// # Errors
///
/// As [`peak`].
pub fn processor_of_children() -> Result<f64, HarnessError> {
    ticks("self", CHILDREN)
}

/// Has a process and all its threads, and what it starts from now on, run on these processors alone, as taskset(1) names them.
///
/// # Errors
///
/// [`HarnessError::Command`] if there are none of that name.
pub fn confine(process: u32, processors: &str) -> Result<(), HarnessError> {
    let process = process.to_string();
    run(Command::new("taskset").args(["-acp", processors, &process])).map(drop)
}

fn ticks(process: &str, first: usize) -> Result<f64, HarnessError> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    // The name in parentheses may have blanks.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(first).take(2);
    let ticks: f64 = ticks.filter_map(|it| it.parse::<f64>().ok()).sum();
    Ok(ticks * 1e6 / TICKS_A_SECOND)
}

fn status(process: u32, name: &str) -> Result<f64, HarnessError> {
    let file = format!("/proc/{process}/status");
    let text = read(&file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    let kib = kib.ok_or_else(|| HarnessError::unexpected(file)(format!("no {name}")))?;
    Ok(kib / 1024.0)
}

fn read(file: &str) -> Result<String, HarnessError> {
    fs::read_to_string(file).map_err(HarnessError::file(file))
}

/// `utime` and `stime` after the name, and `cutime` and `cstime`.
const OWN: usize = 11;
const CHILDREN: usize = 13;
/// `USER_HZ`, which is the same on every Linux that Rust runs on.
const TICKS_A_SECOND: f64 = 100.0;
