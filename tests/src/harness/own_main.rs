//! Tests that bring their own `main`, since they start their own program again as a child.

use std::env;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::HarnessError;

/// The `main` of a test that is called `name`: runs `child` where [`start_child`] started the program, and
/// otherwise `test`, unless the arguments filter it out, as the test runner does.
#[expect(
    clippy::print_stdout,
    reason = "what the test runner prints of a test that passed"
)]
pub fn own_main(name: &str, test: fn(), child: fn(&Path)) {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [mode, directory] = args.as_slice()
        && mode == CHILD
    {
        child(Path::new(directory));
        return;
    }
    let mut filters = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
    let is_meant = filters.peek().is_none() || filters.any(|filter| name.contains(filter.as_str()));
    if is_meant && !args.iter().any(|arg| arg == "--list") {
        test();
        println!("test {name} ... ok");
    }
}

/// Starts this program again as a child that works in `directory`. Its output is to be read from a pipe.
///
/// # Errors
///
/// [`HarnessError::Start`] if it cannot be run.
pub fn start_child(directory: &Path) -> Result<Child, HarnessError> {
    let start = |source| HarnessError::Start {
        program: "this test".to_owned(),
        source,
    };
    let program = env::current_exe().map_err(start)?;
    Command::new(program)
        .args([CHILD.as_ref(), directory.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(start)
}

const CHILD: &str = "as-the-child";
