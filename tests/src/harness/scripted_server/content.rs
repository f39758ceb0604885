//! What the server holds, and what it serves of it without a script.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::access::{Access, IssuedTokens};
use super::answer::Reply;
use super::feed::{self, FeedRecord};
use super::route::Asked;
use super::tree::RoleFiles;
use crate::harness::http::{Request, exchange};

/// Repositories, feed, access rules, and the server behind.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) repositories: BTreeMap<String, RoleFiles>,
    pub(super) feed: Option<Vec<FeedRecord>>,
    pub(super) upstream: Option<SocketAddr>,
    pub(super) access: Access,
    pub(super) issued: IssuedTokens,
}

impl Content {
    /// The answer as a Notary server at `base` would give it, or the server behind to ask for it.
    pub(super) fn answer(&mut self, base: &str, request: &Request) -> Result<Reply, SocketAddr> {
        let asked = Asked::parse(request.path());
        if asked == Asked::Token {
            return Ok(self.access.issue_token(&mut self.issued, request));
        }
        if let Some(refusal) = self.access.refusal(&self.issued, base, &asked, request) {
            return Ok(refusal);
        }
        self.held(&asked, request)
            .map_or_else(|| self.upstream.map_or_else(|| Ok(not_found()), Err), Ok)
    }

    fn held(&self, asked: &Asked, request: &Request) -> Option<Reply> {
        if request.method != "GET" {
            return None;
        }
        match asked {
            Asked::File { gun, file } => self.repositories.get(gun)?.find(file).map(Reply::ok),
            Asked::Feed(gun) => self
                .feed
                .as_ref()
                .map(|records| feed::page(records, gun.as_deref(), request)),
            Asked::Ping if self.upstream.is_none() => Some(Reply::ok("{}")),
            Asked::Ping | Asked::Token | Asked::Unknown => None,
        }
    }
}

/// Asks the server behind.
pub(super) fn forwarded(upstream: SocketAddr, request: &Request) -> Reply {
    let Ok(response) = exchange(upstream, &upstream.to_string(), request) else {
        return Reply::error(502, "UNKNOWN");
    };
    let headers = response
        .headers
        .into_iter()
        .filter(|(name, _)| !["content-length", "connection"].contains(&name.as_str()));
    Reply {
        status: response.status,
        headers: headers.collect(),
        body: response.body,
    }
}

fn not_found() -> Reply {
    Reply::error(404, "METADATA_NOT_FOUND")
}
