//! The changefeed: which repositories of a server changed.
//!
//! A hint, not a proof: SQL hands out IDs before it commits, so a record can turn up behind one
//! that was read already (it is over-read), and a server that lost its database hands out old IDs
//! anew (the cursor is recognised by more than its ID).

pub(crate) mod page;

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_store::Cursor;
use vouchsafe_trust::{Gun, Sha256};

use self::page::Page;
use crate::aside::aside;
use crate::notary::{NotaryClient, RequestError, Resource};

/// What a changefeed says since a cursor.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The newest change of each wanted repository.
    pub(crate) changes: BTreeMap<Gun, Change>,
    /// The last record that was read.
    pub(crate) cursor: Option<Cursor>,
    /// Whether the old cursor means nothing any more: the feed was read from its start.
    pub(crate) reset: bool,
    /// Whether there is more, for the next time.
    pub(crate) more: bool,
}

/// A repository's newest change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change {
    /// The SHA-256 of its timestamp's file; `None` if it was deleted.
    pub(crate) timestamp: Option<Sha256>,
    /// Whether it came after the cursor; what comes before it was most likely taken in already.
    pub(crate) is_new: bool,
}

/// Why a changefeed says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The server did not answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The answer is no changefeed.
    #[error("the changefeed cannot be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl FeedError {
    /// Whether the server as a whole cannot be reached.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Request(error) if error.cause.is_unreachable())
    }
}

/// Reads the feed from `cursor`, or from its start; `wants` picks the repositories.
pub(crate) async fn read(
    client: &NotaryClient,
    cursor: Option<&Cursor>,
    wants: impl Fn(&Gun) -> bool,
) -> Result<News, FeedError> {
    if let Some(cursor) = cursor {
        let mut news = News::default();
        if continues(client, cursor, &mut news, &wants).await? {
            return Ok(news);
        }
        tracing::warn!(
            server = %client.server(), id = cursor.id,
            "the changefeed no longer has its last known record: reading it from the start"
        );
    }
    let mut news = News {
        reset: cursor.is_some(),
        ..News::default()
    };
    let mut reading = Reading::new(client, START.to_owned());
    while let Some(page) = reading.page(&mut news).await? {
        reading.after = news.take(&page, true, &wants);
    }
    Ok(news)
}

/// One reading of a feed, page by page.
struct Reading<'a> {
    client: &'a NotaryClient,
    /// Where the next page starts, if there should be one.
    after: Option<String>,
    /// Where the pages so far started.
    starts: BTreeSet<String>,
}

impl<'a> Reading<'a> {
    const fn new(client: &'a NotaryClient, after: String) -> Self {
        Self {
            client,
            after: Some(after),
            starts: BTreeSet::new(),
        }
    }

    /// The next page; `None` if there is none, or if there were enough for this time.
    ///
    /// A feed that comes back to where it was already would never end.
    async fn page(&mut self, news: &mut News) -> Result<Option<Page>, FeedError> {
        let Some(after) = self.after.take() else {
            return Ok(None);
        };
        if self.starts.len() >= MAX_PAGES {
            news.more = true;
            return Ok(None);
        }
        if !self.starts.insert(after.clone()) {
            let reason = "it goes round in circles";
            return Err(FeedError::Unreadable { reason });
        }
        let records = PAGE;
        let resource = Resource::Feed { after, records };
        let body = self.client.get(resource, MAX_PAGE).await?;
        aside(body.len(), || Page::parse(&body, records))
            .await
            .map(Some)
    }
}

/// Reads on from `cursor`; false if the feed no longer has it.
async fn continues(
    client: &NotaryClient,
    cursor: &Cursor,
    news: &mut News,
    wants: &impl Fn(&Gun) -> bool,
) -> Result<bool, FeedError> {
    news.cursor = Some(cursor.clone());
    let Some(overlap) = overlap(&cursor.id) else {
        return continues_unnumbered(client, cursor, news, wants).await;
    };
    let mut reading = Reading::new(client, overlap);
    let mut found = false;
    while let Some(mut page) = reading.page(news).await? {
        if !found {
            let Some(at) = page.records.iter().position(|r| r.cursor == *cursor) else {
                return Ok(false);
            };
            found = true;
            let rest = page.records.split_off(at + 1);
            let (known, more) = (page, rest);
            news.take(&known, false, wants);
            page = Page {
                is_full: known.is_full,
                records: more,
            };
        }
        reading.after = news.take(&page, true, wants);
    }
    Ok(true)
}

/// Reads on from a cursor whose ID is no number (`RethinkDB`). There the feed shows records only
/// when they are a minute old, in their final order, and refuses an ID that it does not have.
async fn continues_unnumbered(
    client: &NotaryClient,
    cursor: &Cursor,
    news: &mut News,
    wants: &impl Fn(&Gun) -> bool,
) -> Result<bool, FeedError> {
    let mut reading = Reading::new(client, cursor.id.clone());
    loop {
        let page = match reading.page(news).await {
            Err(FeedError::Request(error)) if error.status() == Some(500) => return Ok(false),
            page => page?,
        };
        let Some(page) = page else {
            return Ok(true);
        };
        reading.after = news.take(&page, true, wants);
    }
}

impl News {
    /// Takes in a page, and says where the next one starts, if there should be one.
    fn take(&mut self, page: &Page, is_new: bool, wants: &impl Fn(&Gun) -> bool) -> Option<String> {
        for record in &page.records {
            if is_new {
                if self.changes.len() >= MAX_CHANGES {
                    self.more = true;
                    return None;
                }
                self.cursor = Some(record.cursor.clone());
            }
            let Some(gun) = record.gun.as_ref().filter(|gun| wants(gun)) else {
                continue;
            };
            let change = Change {
                timestamp: record.timestamp,
                is_new,
            };
            self.changes.insert(gun.clone(), change);
        }
        let last = page.records.last()?;
        page.is_full.then(|| last.cursor.id.clone())
    }
}

/// Where to start so that the cursor's record, and those that may have turned up before it, are
/// read again; `None` if the ID is no number.
fn overlap(id: &str) -> Option<String> {
    let id: u64 = id.parse().ok()?;
    Some(id.saturating_sub(OVERLAP).to_string())
}

/// Before the first record. An empty ID is an error on `RethinkDB`.
const START: &str = "0";
/// Records a page. Zero would mean 100; there is no upper bound.
const PAGE: u32 = 1000;
/// The most bytes of a page: a record has about 170 besides a name of at most 255, which JSON can
/// stretch sixfold.
const MAX_PAGE: u64 = 4 << 20;
/// The most pages of one reading; the rest comes in the next pass.
const MAX_PAGES: usize = 100;
/// How many IDs before the cursor are read again.
const OVERLAP: u64 = 50;
/// The most repositories of one reading: memory is bounded, and the rest comes in the next pass.
const MAX_CHANGES: usize = 20_000;

#[cfg(test)]
mod tests;
