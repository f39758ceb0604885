//! The store as a whole.

mod commit;
mod concurrency;
mod damage;
mod forgotten;
mod import;
mod importing;
mod model;
mod open;
mod outbox;
mod pins;
mod remember;
mod retained;
mod revoked;
