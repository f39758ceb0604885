//! The bare handler: this program once more, in a process of its own.

use std::net::SocketAddr;
use std::process::Command;

use axum::Json;
use axum::routing::post;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::process::Process;
use vouchsafe_tests::harness::{Certificates, TempDir};

/// A bare handler that runs.
pub(crate) struct Bare {
    port: PortLease,
    process: Process,
}

impl Bare {
    pub(crate) fn start(certificates: &Certificates, directory: &TempDir) -> Self {
        let port = PortLease::new().unwrap();
        let (certificate, key) = (certificates.leaf_file(), certificates.leaf_key_file());
        let settings = format!(
            "{} {} {}",
            port.address(),
            certificate.display(),
            key.display()
        );
        let mut command = Command::new(std::env::current_exe().unwrap());
        let log = directory.path().join("bare.log");
        let mut process = Process::start(command.env(BARE, settings), &log).unwrap();
        process.wait_until_listening(port.address()).unwrap();
        Self { port, process }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port.number())
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }
}

/// Whether this process is to be the bare handler; it serves until it is killed then.
pub(crate) fn serve_if_asked() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how this process knows that it is the bare server"
    )]
    let Ok(settings) = std::env::var(BARE) else {
        return false;
    };
    serve(&settings);
    true
}

/// `settings` is the address, the certificate and the key.
fn serve(settings: &str) {
    async fn allow(
        Json(review): Json<AdmissionReview<DynamicObject>>,
    ) -> Json<AdmissionReview<DynamicObject>> {
        let request: AdmissionRequest<DynamicObject> = review.try_into().unwrap();
        Json(AdmissionResponse::from(&request).into_review())
    }
    let [address, certificate, key] = settings.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tls = axum_server::tls_rustls::RustlsConfig::from_pem_file(certificate, key);
        let app = axum::Router::new().route("/mutate", post(allow));
        axum_server::bind_rustls(address, tls.await.unwrap())
            .serve(app.into_make_service())
            .await
            .unwrap();
    });
}

const BARE: &str = "VOUCHSAFE_BENCH_BARE";
