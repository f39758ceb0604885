//! The store as a whole.

mod commit;
mod concurrency;
mod damage;
mod forgotten;
mod import;
mod model;
mod open;
mod outbox;
mod pins;
mod remember;
mod retained;
mod revoked;
