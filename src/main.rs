//! vouchsafe
fn main() {}
