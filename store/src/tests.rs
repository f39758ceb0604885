//! The store as a whole.

mod commit;
mod concurrency;
mod damage;
mod model;
mod open;
mod pins;
mod remember;
