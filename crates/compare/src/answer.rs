//! Answering questions about one side, by its domain.

use std::collections::BTreeMap;

use cloud::{Method, Refusal, Search, SearchError, segment};
use serde::Deserialize;
use serde_json::{Value, json};
use wait::{Deadline, Throttle};

use crate::buckets::{Buckets, bucket};
use crate::domain::{Domain, Said, Shards, read};
use crate::question::{Answer, Answered, Found, Question, Reading, State};
use crate::reading::{Stored, close, read_part, refresh};
use crate::shape::shape;
use crate::{Identity, Problem};

/// What the listed documents of an answer may come to: below the 6 MB of Lambda with all around them.
const LISTED: usize = 4 << 20;
/// What a listed document comes to beside its identity.
const AROUND: usize = 64;
/// How many documents are asked for at once by their ids, at first.
const TOGETHER: usize = 100;
/// How many, when they are small.
const TOGETHER_AT_MOST: usize = 500;
/// What they may come to.
const MOST: usize = 8 << 20;

/// Answers a question about the domain of the session.
pub async fn answer(
    session: &impl Search,
    question: &Question,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    if let Some(cursor) = question.cursor().filter(|cursor| !cursor.is_of_a_point()) {
        return Err(Problem::lasting(
            format!("`{}` is not the id of a point in time", cursor.point),
            "A reading goes on with what the answer before it gave.",
        ));
    }
    let domain = Domain::new(session, deadline);
    let what = match question {
        Question::Matching { pattern } => Answered::Matching(matching(&domain, pattern).await?),
        Question::Shape { index } => Answered::Shape(shape_of(&domain, index).await?),
        Question::Fold(reading) => {
            let mut buckets = Buckets::new(reading.bits);
            let next = read_part(&domain, reading, |document| buckets.add(&document.fingerprint)).await?;
            Answered::Fold { buckets, next }
        }
        Question::Open { reading, buckets, above } => opened(&domain, reading, buckets, *above).await?,
        Question::Again { index, documents, with_version, rate } => {
            Answered::Again(again(&domain, index, documents, *with_version, *rate).await?)
        }
        Question::Close(cursor) => {
            close(&domain, &cursor.point).await;
            Answered::Closed
        }
    };
    Ok(Answer { what, bytes_read: domain.bytes_read() })
}

async fn matching<S: Search>(domain: &Domain<'_, S>, pattern: &str) -> Result<Vec<String>, Problem> {
    #[derive(Deserialize)]
    struct Resolved {
        indices: Vec<Index>,
    }
    #[derive(Deserialize)]
    struct Index {
        name: String,
        attributes: Vec<String>,
    }
    let wanted = format!("cannot list the indexes that match `{pattern}`");
    let path = format!("_resolve/index/{}", pattern.split('*').map(segment).collect::<Vec<_>>().join("*"));
    match domain.call(&wanted, Method::Get, &path, None, usize::MAX).await? {
        Said::Text(text) => {
            let resolved: Resolved = read(&wanted, &text)?;
            let is_open = |index: &Index| index.attributes.iter().any(|attribute| attribute == "open");
            let mut names: Vec<_> =
                resolved.indices.into_iter().filter(is_open).map(|index| index.name).collect();
            names.sort_unstable();
            Ok(names)
        }
        Said::Refused(error) if is_missing(&error) => Ok(Vec::new()),
        Said::Refused(error) => Err(Problem::search(&wanted, &error)),
        Said::TooLong => Err(Problem::passing(format!("{wanted}: the answer is too long"))),
    }
}

async fn shape_of<S: Search>(
    domain: &Domain<'_, S>,
    index: &str,
) -> Result<Option<crate::question::Shape>, Problem> {
    let wanted = format!("cannot read what the index `{index}` is like");
    let name = segment(index);
    let path = format!("{name}?flat_settings=true");
    let described = match domain.call(&wanted, Method::Get, &path, None, usize::MAX).await? {
        Said::Text(text) => read::<BTreeMap<String, Value>>(&wanted, &text)?,
        Said::Refused(error) if is_missing(&error) => return Ok(None),
        Said::Refused(error) => return Err(Problem::search(&wanted, &error)),
        Said::TooLong => return Err(Problem::passing(format!("{wanted}: the answer is too long"))),
    };
    let Some(own) = described.get(index) else {
        let names: Vec<_> = described.keys().map(|name| format!("`{name}`")).collect();
        return Err(Problem::lasting(
            format!("`{index}` is not the name of an index but stands for {}", names.join(", ")),
            "Name the index itself: aliases and patterns are not compared.",
        ));
    };
    refresh(domain, index).await?;
    let counted = domain.ask(&wanted, Method::Get, &format!("{name}/_count"), None).await?;
    Shards::of(&wanted, &counted)?.all_answered(&wanted)?;
    let documents = counted.get("count").and_then(Value::as_u64);
    let documents =
        documents.ok_or_else(|| Problem::passing(format!("{wanted}: its documents were not counted")))?;
    Ok(Some(shape(own, documents)))
}

fn is_missing(error: &cloud::SearchError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.is("index_not_found_exception"))
}

/// Lists the documents of some buckets in the order of their places, as many as one answer holds.
async fn opened<S: Search>(
    domain: &Domain<'_, S>,
    reading: &Reading,
    buckets: &[u32],
    above: u128,
) -> Result<Answered, Problem> {
    let (mut listed, mut twice) = (Listed::default(), None);
    let next = read_part(domain, reading, |document| {
        let place = document.fingerprint.place;
        if place >= above && buckets.binary_search(&bucket(place, reading.bits)).is_ok() {
            let found = Found { identity: document.identity, state: document.state };
            twice = twice.take().or(listed.add(place, found).map(|found| found.identity));
        }
    })
    .await?;
    if let Some(identity) = twice {
        if let Some(cursor) = &next {
            close(domain, &cursor.point).await;
        }
        return Err(Problem::twice(&reading.index, &identity));
    }
    let below = listed.below.unwrap_or(u128::MAX);
    Ok(Answered::Open { found: listed.found.into_values().map(|(found, _)| found).collect(), below, next })
}

/// The documents with the lowest places, up to a number of bytes.
#[derive(Default)]
struct Listed {
    found: BTreeMap<u128, (Found, usize)>,
    bytes: usize,
    below: Option<u128>,
}

impl Listed {
    /// The one that has this place already, when there is one.
    #[must_use]
    fn add(&mut self, place: u128, found: Found) -> Option<Found> {
        if self.below.is_some_and(|below| place >= below) {
            return None;
        }
        let length = serde_json::to_string(&found.identity).map_or(0, |text| text.len()) + AROUND;
        self.bytes += length;
        let known = self.found.insert(place, (found, length));
        while self.bytes > LISTED {
            let Some((place, (_, length))) = self.found.pop_last() else { break };
            self.bytes -= length;
            self.below = Some(place);
        }
        known.map(|(found, _)| found)
    }
}

/// What there is of some documents now, whether a search would find it or not.
async fn again<S: Search>(
    domain: &Domain<'_, S>,
    index: &str,
    documents: &[Identity],
    with_version: bool,
    rate: u32,
) -> Result<Vec<Option<State>>, Problem> {
    #[derive(Deserialize)]
    struct Got<'a> {
        #[serde(borrow)]
        docs: Vec<Stored<'a>>,
    }
    let wanted = format!("cannot look again at documents of the index `{index}`");
    let path = format!("{}/_mget", segment(index));
    let mut states = Vec::with_capacity(documents.len());
    let mut throttle = Throttle::new(rate);
    let most = TOGETHER_AT_MOST.min(usize::try_from(rate.max(1)).unwrap_or(TOGETHER));
    let (mut left, mut together) = (documents, TOGETHER.min(most));
    while !left.is_empty() {
        let (now, later) = left.split_at(together.min(left.len()));
        let named: Vec<_> = now
            .iter()
            .map(|identity| match &identity.routing {
                Some(routing) => json!({ "_id": identity.id, "routing": routing }),
                None => json!({ "_id": identity.id }),
            })
            .collect();
        let body = json!({ "docs": named });
        let most_bytes = if now.len() == 1 { usize::MAX } else { MOST };
        match domain.call(&wanted, Method::Post, &path, Some(&body), most_bytes).await? {
            Said::Text(text) => {
                let got: Got<'_> = read(&wanted, &text)?;
                if got.docs.len() != now.len() {
                    return Err(Problem::passing(format!("{wanted}: not all of them were answered")));
                }
                for (identity, stored) in now.iter().zip(got.docs) {
                    states.push(state(&wanted, identity, stored, with_version)?);
                }
                throttle.passed(now.len() as u64).await;
                left = later;
                together = most.min(together * 2);
            }
            Said::TooLong => together = (together / 4).max(1),
            Said::Refused(error) => return Err(Problem::search(&wanted, &error)),
        }
    }
    Ok(states)
}

fn state(
    wanted: &str,
    identity: &Identity,
    stored: Stored<'_>,
    with_version: bool,
) -> Result<Option<State>, Problem> {
    if let Some(error) = stored.error {
        // Every document has a refusal of its own, in an answer that is none.
        let status = if error.get().contains("security_exception") { 403 } else { 503 };
        let body = format!(r#"{{"error":{error}}}"#);
        let refusal = Refusal::read("POST _mget".to_owned(), status, body.as_bytes());
        return Err(Problem::search(wanted, &SearchError::Refused(refusal)));
    }
    if !stored.found {
        return Ok(None);
    }
    let document = stored.into_document(with_version)?;
    // Another routing may lead to the same shard, and so to a document that was not asked for.
    Ok((document.identity == *identity).then_some(document.state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_fits_into_an_answer_and_says_where_it_ends() {
        let mut listed = Listed::default();
        let long = "\u{1}".repeat(500);
        for place in (0..5000_u128).rev() {
            let identity = Identity { id: format!("{place}{long}"), routing: Some(long.clone()) };
            let state = State { version: u64::MAX, content: u128::MAX };
            assert_eq!(listed.add(place, Found { identity, state }), None);
        }
        let kept = listed.found.len() as u128;
        assert_eq!(listed.below, Some(kept), "the lowest places are kept");
        let found = listed.found.into_values().map(|(found, _)| found).collect();
        let what = Answered::Open { found, below: kept, next: None };
        let sent = serde_json::to_string(&Answer { what, bytes_read: u64::MAX }).unwrap();
        assert!(sent.len() < 5_000_000 && sent.len() > 3_000_000, "{}", sent.len());
    }
}
