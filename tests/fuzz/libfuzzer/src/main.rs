//! libFuzzer on the target that `VOUCHSAFE_FUZZ_TARGET` names. `tests/scripts/fuzz.sh` builds and runs it.
//!
//! With `VOUCHSAFE_FUZZ_UNPACK` or `VOUCHSAFE_FUZZ_PACK` it only moves inputs between that folder and the
//! repository.

#![no_main]

mod bounded;

use std::path::Path;
use std::sync::LazyLock;
use std::{env, process};

use libfuzzer_sys::fuzz_target;
use vouchsafe_fuzz::{Target, seeds};

use crate::bounded::Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded::new();

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env::var("VOUCHSAFE_FUZZ_TARGET").unwrap_or_default();
    vouchsafe_fuzz::target(&name).unwrap_or_else(|| panic!("there is no target `{name}`"))
});

/// Moves inputs, if that is wanted, and ends then.
fn move_inputs() {
    let moved = if let Ok(folder) = env::var("VOUCHSAFE_FUZZ_UNPACK") {
        seeds::unpack(TARGET.name, Path::new(&folder))
    } else if let Ok(folder) = env::var("VOUCHSAFE_FUZZ_PACK") {
        seeds::pack(TARGET.name, Path::new(&folder))
    } else {
        return;
    };
    if let Err(error) = moved {
        eprintln!("{}: {error}", TARGET.name);
        process::exit(2);
    }
    process::exit(0);
}

fuzz_target!(init: {
    move_inputs();
    // What is made once is not counted.
    let _ = (TARGET.run)(&[]);
}, |data: &[u8]| {
    ALLOCATOR.begin();
    let _ = (TARGET.run)(data);
});
