//! Bodies that are hard to read: each is within every limit.

use std::iter;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::field::address;
use super::wire::{drain, post, send};
use super::{Attack, Doing, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "a million nested lists",
            run: |field| posted(&field, &around(&"[".repeat(1_000_000), "")),
        },
        Attack {
            name: "a million nested objects",
            run: |field| posted(&field, &around(&r#"{"a":"#.repeat(1_000_000), "")),
        },
        Attack {
            name: "an image's name of 8 MB",
            run: |field| posted(&field, &pod(iter::once("x".repeat(7_900_000)))),
        },
        Attack {
            name: "a Pod of 1,000 long names that are not signed",
            run: |field| {
                posted(
                    &field,
                    &pod((0..1000).map(|n| format!("r.example.com/{n}/{}:1", "x/".repeat(1000)))),
                )
            },
        },
        Attack {
            name: "a Pod of 300,000 containers",
            run: |field| posted(&field, &pod((0..300_000).map(|n| n.to_string()))),
        },
        Attack {
            name: "one member 700,000 times",
            run: |field| {
                posted(
                    &field,
                    &around(&format!("{{{}\"b\":1", r#""a":1,"#.repeat(700_000)), "}"),
                )
            },
        },
        Attack {
            name: "500,000 members with much the same name",
            run: |field| {
                let members = (0..500_000).fold(String::new(), |members, n| {
                    members + &format!("\"aaaa{n:07}\":1,")
                });
                posted(&field, &around(&format!("{{{members}\"b\":1"), "}"))
            },
        },
        Attack {
            name: "numbers and text beyond all bounds",
            run: |field| {
                let odd = r#"1e999999999,-1e-999999999,1234567890123456789012345678901234567890,"\ud800","\u0000","\uFFFF","#;
                posted(&field, &around(&format!("[{}0", odd.repeat(60_000)), "]"))
            },
        },
    ]
}

/// Clients that send this body again and again.
fn posted(field: &Field, body: &[u8]) -> Doing {
    let request = [post("/validate", body.len()).as_bytes(), body].concat();
    let request: Arc<[u8]> = request.into();
    let field = field.anew();
    Box::pin(async move {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (field, request) = (field.clone(), Arc::clone(&request));
            clients.spawn(async move {
                let mut done = 0_u64;
                while field.goes_on() {
                    let (Ok(_) | Err(_)) =
                        timeout(field.left(), once(&field, address(client), &request)).await;
                    done += 1;
                }
                done
            });
        }
        clients.join_all().await.into_iter().sum()
    })
}

async fn once(field: &Field, from: Ipv4Addr, request: &[u8]) -> std::io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    send(&mut stream, request).await?;
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
    drain(&mut stream).await
}

/// A review whose object is this.
fn around(object: &str, end: &str) -> Vec<u8> {
    let begun = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},"operation":"CREATE","object":"#;
    [begun, object, end, "}}"].concat().into_bytes()
}

/// A review of a Pod with these images.
fn pod(images: impl Iterator<Item = String>) -> Vec<u8> {
    let containers: Vec<_> = images
        .map(|image| json!({"name": "c", "image": image}))
        .collect();
    around(
        &json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}}).to_string(),
        "",
    )
}

const CLIENTS: usize = 4;
