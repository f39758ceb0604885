//! What the end-to-end tests and benchmarks stand on: real servers on loopback, the real `notary` client, the built
//! `vouchsafe` binary, and a server that can be told to misbehave.
//!
//! Everything blocks (a test that needs an async client spawns its own runtime), lives in a temporary directory and ends
//! with the value that started it.

pub mod admission;
pub mod answers;
pub mod api_server;
pub mod certificates;
pub mod configuration;
pub mod disk;
pub mod docker_trust;
pub mod effort;
pub mod error;
pub mod fake_clock;
pub mod generator;
pub mod helm;
pub mod http;
pub mod load;
pub mod mariadb;
pub mod meddler;
pub mod name_server;
pub mod namespace;
pub mod notary_client;
pub mod notary_server;
pub mod oras;
pub mod own_main;
pub mod port;
pub mod process;
pub mod random;
pub mod receiver;
pub mod reference;
pub mod registry;
pub mod reviewed;
pub mod root_key;
pub mod scripted_server;
pub mod temp_dir;
pub mod token_issuer;
pub mod usage;
pub mod vouchsafe;
pub mod webhook;

pub use self::api_server::ApiServer;
pub use self::certificates::Certificates;
pub use self::configuration::Configuration;
pub use self::disk::Disk;
pub use self::error::HarnessError;
pub use self::fake_clock::FakeClock;
pub use self::generator::Generator;
pub use self::load::Load;
pub use self::mariadb::MariaDb;
pub use self::meddler::{Meddler, Meddling};
pub use self::namespace::Namespace;
pub use self::notary_client::NotaryClient;
pub use self::notary_server::NotaryServer;
pub use self::random::Random;
pub use self::receiver::Receiver;
pub use self::reference::Reference;
pub use self::registry::Registry;
pub use self::scripted_server::ScriptedServer;
pub use self::temp_dir::TempDir;
pub use self::vouchsafe::Vouchsafe;
pub use self::webhook::Webhook;
