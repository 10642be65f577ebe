//! Reading the documents of an index, shard by shard, each as it was at one point in time.
//!
//! Pages go by `_seq_no`, which lies in doc values, so sorting costs no memory of the domain; and by `_doc` after it,
//! because an index that was shrunk has the same `_seq_no` several times in a shard. `_doc` is the place in the shard as
//! Lucene counts it, which stays at one point in time.
//! One page is held at a time, and pages are as large as the documents allow. A shard has been read when so many documents
//! were as it said that it has.

use std::borrow::Cow;
use std::time::Duration;

use cloud::{Method, Search, segment};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use wait::{Deadline, Throttle};

use crate::domain::{Domain, Said, Shards, read};
use crate::question::{Cursor, Reading, State};
use crate::{Fingerprint, Identity, Problem};

/// How long one part takes: an answer comes well before any line or function gives up.
const PART: Duration = Duration::from_secs(40);
/// What is left of the time when a part ends early, so that somebody can still close what is open.
const LAST: Duration = Duration::from_secs(2);
/// How long a point in time outlives whoever reads it.
const KEEP_ALIVE: &str = "5m";
/// Documents of the first page, when nobody knows how large they are.
const FIRST: u64 = 20;
/// Documents of a page, at most.
const LARGEST: u64 = 5000;
/// What a page shall come to.
const TARGET: u64 = 2 << 20;
/// What a page may come to.
const MOST: usize = 8 << 20;

/// A document that was read.
pub(crate) struct Document {
    pub(crate) identity: Identity,
    pub(crate) state: State,
    pub(crate) fingerprint: Fingerprint,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    pit_id: Option<Cow<'a, str>>,
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    /// Of the first page.
    total: Option<Total>,
    #[serde(borrow)]
    hits: Vec<Stored<'a>>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

/// A document as searches and `_mget` show it.
#[derive(Deserialize)]
pub(crate) struct Stored<'a> {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_version", default)]
    version: u64,
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
    /// Of a search.
    sort: Option<(i64, i64)>,
    /// Of `_mget`.
    #[serde(default)]
    pub(crate) found: bool,
    /// Of `_mget`: why it was not looked for.
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

impl Stored<'_> {
    pub(crate) fn into_document(self, with_version: bool) -> Result<Document, Problem> {
        let identity = Identity { id: self.id, routing: self.routing };
        let Some(source) = self.source else {
            return Err(Problem::lasting(
                format!("the document `{identity}` has no source, so nobody can tell what is in it"),
                "An index whose mapping disables _source cannot be compared.",
            ));
        };
        let fingerprint = Fingerprint::of(&identity, with_version.then_some(self.version), source.get())
            .map_err(|error| {
                // It is what is stored: it does not become better by reading it once more.
                let hint = "Write this document once more, or delete it, on both sides.";
                Problem::lasting(format!("the source of `{identity}` cannot be read: {error}"), hint)
            })?;
        let state = State { version: self.version, content: fingerprint.content };
        Ok(Document { identity, state, fingerprint })
    }
}

/// Makes what was written visible to searches.
pub(crate) async fn refresh<S: Search>(domain: &Domain<'_, S>, index: &str) -> Result<(), Problem> {
    let wanted = format!("cannot refresh the index `{index}`, without which its last documents are not seen");
    let answer = domain.ask(&wanted, Method::Post, &format!("{}/_refresh", segment(index)), None).await?;
    // Copies that are not there answer nothing and fail nothing; a primary that is not there is noticed by who reads it.
    Shards::of(&wanted, &answer)?.none_failed(&wanted)
}

/// Closes a point in time. One that cannot be closed ends by itself.
pub(crate) async fn close<S: Search>(domain: &Domain<'_, S>, point: &str) {
    let body = json!({ "pit_id": [point] });
    let wanted = "cannot close a point in time";
    drop(domain.ask(wanted, Method::Delete, "_search/point_in_time", Some(&body)).await);
}

/// Reads one part and hands every document to `take`; where to go on, or none at the end.
///
/// However it ends but by going on, no point in time stays open.
pub(crate) async fn read_part<S: Search>(
    domain: &Domain<'_, S>,
    reading: &Reading,
    mut take: impl FnMut(Document) + Send,
) -> Result<Option<Cursor>, Problem> {
    let mut cursor = if let Some(cursor) = reading.from.clone() {
        cursor
    } else {
        refresh(domain, &reading.index).await?;
        open(domain, reading, 0).await?
    };
    let ends = Deadline::after(PART).min(domain.deadline().less(LAST));
    let mut throttle = Throttle::new(reading.rate);
    let mut size = Size::new(reading.rate);
    loop {
        let read = match page(domain, reading, &cursor, &mut size).await {
            Ok(read) => read,
            Err(problem) => {
                close(domain, &cursor.point).await;
                return Err(problem);
            }
        };
        let count = read.documents.len() as u64;
        read.documents.into_iter().for_each(&mut take);
        throttle.passed(count).await;
        cursor = read.cursor;
        if read.is_last {
            close(domain, &cursor.point).await;
            is_complete(reading, &cursor)?;
            let shard = cursor.shard + 1;
            if shard >= reading.shards {
                return Ok(None);
            }
            cursor = open(domain, reading, shard).await?;
        }
        if ends.has_passed() {
            return Ok(Some(cursor));
        }
    }
}

/// A point in time of one shard: of its primary, because a replica may not have seen the refresh yet.
async fn open<S: Search>(domain: &Domain<'_, S>, reading: &Reading, shard: u32) -> Result<Cursor, Problem> {
    let wanted = format!("cannot read shard {shard} of the index `{}` at a point in time", reading.index);
    let path = format!(
        "{}/_search/point_in_time?keep_alive={KEEP_ALIVE}&preference=_shards:{shard}%7C_primary",
        segment(&reading.index)
    );
    let opened = domain.ask(&wanted, Method::Post, &path, None).await?;
    let point = opened.get("pit_id").and_then(Value::as_str).map(str::to_owned);
    let point = point.ok_or_else(|| Problem::passing(format!("{wanted}: the answer has no pit_id")))?;
    if let Err(problem) = Shards::of(&wanted, &opened).and_then(|shards| shards.all_answered(&wanted)) {
        close(domain, &point).await;
        return Err(problem);
    }
    Ok(Cursor { shard, point, documents: None, read: 0, after: None })
}

/// Whatever went wrong: a shard of which documents were passed over proves nothing.
fn is_complete(reading: &Reading, cursor: &Cursor) -> Result<(), Problem> {
    let Cursor { shard, documents, read, .. } = cursor;
    if *documents == Some(*read) {
        return Ok(());
    }
    let documents = documents.unwrap_or_default();
    Err(Problem::passing(format!(
        "of the {documents} documents in shard {shard} of the index `{}` {read} were read",
        reading.index
    )))
}

struct ReadPage {
    documents: Vec<Document>,
    /// Where to go on.
    cursor: Cursor,
    is_last: bool,
}

async fn page<S: Search>(
    domain: &Domain<'_, S>,
    reading: &Reading,
    cursor: &Cursor,
    size: &mut Size,
) -> Result<ReadPage, Problem> {
    let wanted = format!("cannot read shard {} of the index `{}`", cursor.shard, reading.index);
    loop {
        let documents = size.documents;
        let mut body = json!({
            "size": documents,
            "pit": { "id": cursor.point, "keep_alive": KEEP_ALIVE },
            "sort": [{ "_seq_no": "asc" }, { "_doc": "asc" }],
            "track_total_hits": cursor.documents.is_none(),
            "version": true,
        });
        if let (Some(after), Some(members)) = (cursor.after, body.as_object_mut()) {
            members.insert("search_after".to_owned(), json!(after));
        }
        // A single document is read whatever its size.
        let most = if documents == 1 { usize::MAX } else { MOST };
        let path = "_search?allow_partial_search_results=false";
        match domain.call(&wanted, Method::Post, path, Some(&body), most).await? {
            Said::Text(text) => {
                let page: Page<'_> = read(&wanted, &text)?;
                if page.timed_out {
                    return Err(Problem::passing(format!("{wanted}: the search timed out")));
                }
                page.shards.all_answered(&wanted)?;
                size.met(text.len() as u64);
                let count = page.hits.hits.len() as u64;
                let next = Cursor {
                    shard: cursor.shard,
                    point: page.pit_id.map_or_else(|| cursor.point.clone(), Cow::into_owned),
                    documents: cursor.documents.or(page.hits.total.map(|total| total.value)),
                    read: cursor.read + count,
                    after: page.hits.hits.last().and_then(|hit| hit.sort).or(cursor.after),
                };
                let with_version = reading.with_version;
                let hits = page.hits.hits.into_iter().map(|hit| hit.into_document(with_version));
                let read = hits.collect::<Result<_, _>>()?;
                return Ok(ReadPage { documents: read, cursor: next, is_last: count < documents });
            }
            Said::TooLong => size.exceeded(),
            Said::Refused(error) if documents > 1 && error.refusal().is_some_and(is_window) => size.limited(),
            Said::Refused(error) => {
                let is_lost = error.refusal().is_some_and(|refusal| refusal.says("No search context found"));
                let problem = Problem::search(&wanted, &error);
                return Err(if is_lost { Problem { may_pass: true, ..problem } } else { problem });
            }
        }
    }
}

/// The index allows fewer documents in a page.
fn is_window(refusal: &cloud::Refusal) -> bool {
    refusal.says("Result window is too large")
}

/// How many documents the next page shall have.
struct Size {
    documents: u64,
    largest: u64,
}

impl Size {
    /// Never more than a second's worth at once.
    fn new(rate: u32) -> Self {
        let largest = LARGEST.min(u64::from(rate)).max(1);
        Self { documents: FIRST.min(largest), largest }
    }

    /// A page of so many bytes came.
    fn met(&mut self, bytes: u64) {
        let fitting = self.documents.saturating_mul(TARGET) / bytes.max(1);
        self.documents = fitting.min(self.documents * 4).clamp(1, self.largest);
    }

    /// A page was too long to be kept.
    fn exceeded(&mut self) {
        self.documents = (self.documents / 4).max(1);
    }

    /// The index refuses pages of so many.
    fn limited(&mut self) {
        self.documents = (self.documents / 2).max(1);
        self.largest = self.documents;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_to_what_the_documents_allow_and_shrink_with_them() {
        let mut size = Size::new(1_000_000);
        let mut seen = Vec::new();
        for bytes_each in [300_u64, 300, 300, 300, 300, 300, 100_000, 100_000, 100_000] {
            size.met(size.documents * bytes_each);
            seen.push(size.documents);
        }
        assert_eq!(seen, [80, 320, 1280, 5000, 5000, 5000, 20, 20, 20]);
        for _ in 0..4 {
            size.exceeded();
        }
        assert_eq!(size.documents, 1, "one document is read whatever its size");
    }

    #[test]
    fn a_page_is_never_more_than_a_seconds_worth() {
        let mut size = Size::new(7);
        size.met(1);
        assert_eq!(size.documents, 7);
        assert_eq!(Size::new(0).documents, 1);
    }

    #[test]
    fn an_index_that_allows_fewer_gets_fewer() {
        let mut size = Size::new(1_000_000);
        size.limited();
        size.met(1);
        assert_eq!(size.documents, 10);
    }
}
