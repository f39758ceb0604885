//! The commands: each takes what was typed and says how it ended.

pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod forget;
pub(crate) mod reset_clock;
pub(crate) mod review;
pub(crate) mod root_key;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod sync;
