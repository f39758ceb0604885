//! Who gets in: TLS, passwords, tokens.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use vouchsafe_airgap::registry::{
    Credentials, RegistryClient, RegistryError, RegistryOptions, RegistryRef,
};
use vouchsafe_tests::harness::registry::{ACCOUNT, Admittance};
use vouchsafe_tests::harness::scripted_server::access::{Access, Login, TokenService};
use vouchsafe_tests::harness::scripted_server::{Route, ScriptedServer};
use vouchsafe_tests::harness::token_issuer::TokenIssuer;
use vouchsafe_tests::harness::{Certificates, Registry, TempDir};

use super::support::{Bundle, folder, layout, plain, quick};

fn with(certificates: Option<&Certificates>, credentials: Option<Credentials>) -> RegistryClient {
    let certificates = certificates.map(|certificates| certificates.authority_pem().to_owned());
    RegistryClient::new(RegistryOptions {
        certificates,
        credentials,
        ..quick()
    })
    .unwrap()
}

fn password(password: &str) -> Credentials {
    Credentials::Inline {
        username: ACCOUNT.0.to_owned(),
        password: password.into(),
    }
}

async fn there_and_back(client: &RegistryClient, place: &RegistryRef) {
    let (bundle, into) = (Bundle::new("a"), folder());
    let pushed = client.push(place, &bundle.manifest, &bundle.blobs).await;
    assert_eq!(pushed.unwrap().sent, 4);
    assert_eq!(client.resolve(place).await.unwrap(), bundle.digest());
    client.pull(place, into.path()).await.unwrap();
    assert_eq!(layout(into.path()), bundle.contents());
}

async fn refusal(client: &RegistryClient, place: &RegistryRef) -> RegistryError {
    let error = client.resolve(place).await.unwrap_err();
    let bundle = Bundle::new("a");
    let pushed = client.push(place, &bundle.manifest, &bundle.blobs).await;
    assert_eq!(pushed.unwrap_err().label(), error.label());
    assert!(
        !format!("{error} {error:?}").contains("hunter"),
        "{error:?}"
    );
    error
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own_and_a_password() {
    let certificates = Certificates::new().unwrap();
    let registry = Registry::start_with(Some(&certificates), Admittance::Basic).unwrap();
    let place = format!("{}/trust/bundles", registry.host());
    let place: RegistryRef = place.parse().unwrap();
    let pem = Some(&certificates);
    there_and_back(&with(pem, Some(password(ACCOUNT.1))), &place).await;

    for credentials in [None, Some(password("hunter3"))] {
        let error = refusal(&with(pem, credentials), &place).await;
        assert_eq!(error.label(), "unauthorized", "{error}");
        assert!(error.hint().unwrap().contains("credential helpers"));
    }
    let others = Certificates::new().unwrap();
    let error = refusal(&with(Some(&others), None), &place).await;
    assert_eq!(error.label(), "tls", "{error}");
    assert!(error.hint().unwrap().contains("authority"));
}

#[tokio::test]
async fn a_docker_configuration_file() {
    let registry = Registry::start_with(None, Admittance::Basic).unwrap();
    let place = plain(&registry, "trust/bundles:latest");
    let folder = TempDir::new("docker").unwrap();
    // `courier:hunter2`
    let auths = json!({registry.host(): {"auth": "Y291cmllcjpodW50ZXIy"}});
    let file = folder.write("config.json", json!({"auths": auths}).to_string());
    let file = file.unwrap();
    there_and_back(
        &with(None, Some(Credentials::DockerConfig(file.clone()))),
        &place,
    )
    .await;
    let default = Credentials::DockerConfigIfAny(file);
    let client = with(None, Some(default));
    client.resolve(&place).await.unwrap();

    let missing = PathBuf::from("/nonexistent/config.json");
    let error = refusal(
        &with(None, Some(Credentials::DockerConfig(missing.clone()))),
        &place,
    )
    .await;
    assert_eq!(error.label(), "credentials", "{error}");
    let default = Credentials::DockerConfigIfAny(missing);
    let error = refusal(&with(None, Some(default)), &place).await;
    assert_eq!(error.label(), "unauthorized", "{error}");
}

#[tokio::test]
async fn tokens_for_one_repository() {
    let issuer = Arc::new(TokenIssuer::new().unwrap());
    let service = ScriptedServer::plain().unwrap();
    service.demand(Access::Token(TokenService {
        login: Some(Login::new(ACCOUNT.0, ACCOUNT.1)),
        refused: ["trust/secret".to_owned()].into(),
        issuer: Some(Arc::clone(&issuer)),
        ..TokenService::default()
    }));
    let realm = format!("{}/token", service.url());
    let admittance = Admittance::Token {
        realm: &realm,
        issuer: &issuer,
    };
    let registry = Registry::start_with(None, admittance).unwrap();
    let client = with(None, Some(password(ACCOUNT.1)));
    there_and_back(&client, &plain(&registry, "trust/bundles:latest")).await;

    let scopes: Vec<String> = service
        .requests()
        .iter()
        .flat_map(|request| request.request.query("scope"))
        .collect();
    assert_eq!(
        scopes,
        [
            "repository:trust/bundles:pull,push",
            "repository:trust/bundles:pull",
            "repository:trust/bundles:pull",
        ],
        "one token for each of push, resolve and pull"
    );

    let error = refusal(&client, &plain(&registry, "trust/secret:latest")).await;
    assert_eq!(error.label(), "unauthorized", "{error}");
    let error = refusal(
        &with(None, Some(password("hunter3"))),
        &plain(&registry, "trust/bundles:latest"),
    )
    .await;
    assert_eq!(error.label(), "unauthorized", "{error}");
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let server = ScriptedServer::plain().unwrap();
    server.demand(Access::Token(TokenService::default()));
    let folder = TempDir::new("docker").unwrap();
    let auths = json!({server.host(): {"auth": "MDAwMDo=", "identitytoken": "hunter2"}});
    let file = folder.write("config.json", json!({"auths": auths}).to_string());
    let client = with(None, Some(Credentials::DockerConfig(file.unwrap())));
    let place = format!("http://{}/trust/bundles:latest", server.host());
    let error = client.resolve(&place.parse().unwrap()).await.unwrap_err();
    // The scripted server wants another scope for what is not Notary's.
    assert_eq!(error.label(), "unauthorized", "{error}");
    let requests = server.requests();
    let asked = requests.iter().find(|asked| asked.path() == "/token");
    let asked = &asked.unwrap().request;
    assert_eq!(asked.method, "POST");
    let form = String::from_utf8(asked.body.clone()).unwrap();
    let expected = "grant_type=refresh_token&client_id=vouchsafe\
                    &scope=repository%3Atrust%2Fbundles%3Apull&refresh_token=hunter2&service=notary";
    assert_eq!(form, expected);
    assert!(server.count(&Route::Token) <= 2);
}

#[tokio::test]
async fn a_registry_without_tls_has_to_be_written_so() {
    let registry = Registry::start().unwrap();
    let place = format!("{}/trust/bundles", registry.host());
    let error = refusal(&with(None, None), &place.parse().unwrap()).await;
    assert_eq!(error.label(), "tls", "{error}");
    assert!(error.hint().unwrap().contains("http://"));

    let nobody = "http://localhost:9/trust/bundles".parse().unwrap();
    let error = refusal(&with(None, None), &nobody).await;
    assert_eq!(error.label(), "unreachable", "{error}");
}
