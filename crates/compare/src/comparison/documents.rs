//! Folding both sides, and opening what is unequal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join;

use super::Sides;
use super::asking::Asking;
use crate::buckets::{Buckets, bits_for, bucket};
use crate::looks::Suspects;
use crate::question::{Answered, Cursor, Found, Question, Reading, State};
use crate::{Identity, Problem, Side};

/// How many documents are opened at once, about.
const BATCH: u64 = 50_000;
/// How many suspects are looked at together.
const TOGETHER: usize = 500;

/// The documents of both sides.
pub(super) struct Documents<'a, L, F, T> {
    sides: &'a Sides<'a, L, F>,
    shards: [u32; 2],
    bits: u32,
    tell: &'a T,
}

/// What was listed, and below which place it is all there is.
struct Opened {
    found: Vec<Found>,
    below: u128,
}

impl<'a, L: Side, F: Side, T: Fn(&str) + Send + Sync> Documents<'a, L, F, T> {
    pub(super) fn new(sides: &'a Sides<'a, L, F>, shards: [u32; 2], documents: u64, tell: &'a T) -> Self {
        Self { sides, shards, bits: bits_for(documents), tell }
    }

    /// Both sides, folded at the same time.
    pub(super) async fn fold(&self) -> Result<[Buckets; 2], Problem> {
        let ([leader, follower], stopped) = (self.readings(), AtomicBool::new(false));
        let fold = Fold { tell: self.tell, stopped: &stopped };
        both(join(fold.of(&self.sides.leader, leader), fold.of(&self.sides.follower, follower)).await)
    }

    /// The documents that look different and still did at a second look; at most `limit`, and whether there may be more.
    pub(super) async fn suspects(
        &self,
        leader: &Buckets,
        follower: &Buckets,
    ) -> Result<(Suspects, bool), Problem> {
        let unequal: Vec<_> = leader.unequal(follower).collect();
        let (mut rest, mut above) = (unequal.as_slice(), 0);
        let mut kept = Suspects::default();
        // Whoever looks for none finds nothing out.
        let limit = self.sides.what.limit.max(1);
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch(rest));
            (self.tell)(&format!(
                "opening {} buckets that are not equal, {} to come",
                batch.len(),
                later.len()
            ));
            let buckets: Vec<_> = batch.iter().map(|(bucket, _)| *bucket).collect();
            let [leader, follower] = self.open(&buckets, above).await?;
            let below = leader.below.min(follower.below);
            let complete = |opened: Opened| {
                opened.found.into_iter().filter(|found| found.identity.place() < below).collect()
            };
            let mut suspects = Suspects::between(complete(leader), complete(follower));
            while !suspects.is_empty() {
                let mut some = suspects.take(TOGETHER);
                self.sides.look(&mut some).await?;
                kept.join(some);
                if kept.len() > limit {
                    return Ok((kept.take(limit), true));
                }
            }
            if below == u128::MAX {
                (rest, above) = (later, 0);
            } else {
                // A bucket that did not fit goes on where its list ended.
                let done = rest.partition_point(|(place, _)| *place < bucket(below, self.bits));
                (rest, above) = (rest.get(done..).unwrap_or_default(), below);
            }
        }
        Ok((kept, false))
    }

    async fn open(&self, buckets: &[u32], above: u128) -> Result<[Opened; 2], Problem> {
        let ([leader, follower], stopped) = (self.readings(), AtomicBool::new(false));
        let open = Open { buckets, above, stopped: &stopped };
        both(join(open.of(&self.sides.leader, leader), open.of(&self.sides.follower, follower)).await)
    }

    fn readings(&self) -> [Reading; 2] {
        let what = self.sides.what;
        let [leader, follower] = self.shards;
        let reading = |index: &String, shards| Reading {
            index: index.clone(),
            shards,
            bits: self.bits,
            with_version: what.is_replicated,
            rate: what.rate,
            from: None,
        };
        [reading(&what.leader_index, leader), reading(&what.follower_index, follower)]
    }
}

/// How many of these are opened together: at least one.
fn batch(unequal: &[(u32, u64)]) -> usize {
    let mut sum = 0_u64;
    let fits = |(_, documents): &&(u32, u64)| {
        let is_first = sum == 0;
        sum = sum.saturating_add((*documents).max(1));
        is_first || sum <= BATCH
    };
    unequal.iter().take_while(fits).count()
}

struct Fold<'a, T> {
    tell: &'a T,
    stopped: &'a AtomicBool,
}

impl<T: Fn(&str) + Send + Sync> Fold<'_, T> {
    async fn of(&self, side: &Asking<'_, impl Side>, reading: Reading) -> Result<Buckets, Option<Problem>> {
        let mut all = Buckets::new(reading.bits);
        let ask = |from| Question::Fold(Reading { from, ..reading.clone() });
        let take = |answered| {
            let Answered::Fold { buckets, next } = answered else { return None };
            let fits = all.join(&buckets);
            (self.tell)(&format!("{}: {} documents read", side.name(), all.total().documents));
            fits.then_some(next)
        };
        read(side, self.stopped, ask, take).await?;
        Ok(all)
    }
}

struct Open<'a> {
    buckets: &'a [u32],
    above: u128,
    stopped: &'a AtomicBool,
}

impl Open<'_> {
    async fn of(&self, side: &Asking<'_, impl Side>, reading: Reading) -> Result<Opened, Option<Problem>> {
        let (mut listed, mut below, mut twice) = (BTreeMap::<_, Found>::new(), u128::MAX, None);
        let ask = |from| Question::Open {
            reading: Reading { from, ..reading.clone() },
            buckets: self.buckets.to_vec(),
            above: self.above,
        };
        let take = |answered| {
            let Answered::Open { found, below: part, next } = answered else { return None };
            below = below.min(part);
            for found in found {
                // Of two parts, as of two shards: within one part the side itself notices.
                twice = listed.insert(found.identity.place(), found).or(twice.take());
            }
            // What is not complete in one part need not be kept of the others.
            drop(listed.split_off(&below));
            Some(next)
        };
        read(side, self.stopped, ask, take).await?;
        if let Some(found) = twice {
            return Err(Some(Problem::twice(&reading.index, &found.identity).of(side.name())));
        }
        Ok(Opened { found: listed.into_values().collect(), below })
    }
}

/// Asks for one part after the other. A side that fails stops the other one, which has no problem of its own then.
async fn read(
    side: &Asking<'_, impl Side>,
    stopped: &AtomicBool,
    ask: impl Fn(Option<Cursor>) -> Question + Send,
    mut take: impl FnMut(Answered) -> Option<Option<Cursor>> + Send,
) -> Result<(), Option<Problem>> {
    let mut from: Option<Cursor> = None;
    loop {
        let answered = side.ask(&ask(from.clone())).await;
        let next = answered.and_then(|answered| take(answered).ok_or_else(|| side.unexpected()));
        let problem = match next {
            Ok(None) => return Ok(()),
            Ok(next) => {
                from = next;
                None
            }
            Err(problem) => Some(problem),
        };
        if problem.is_some() || stopped.load(Ordering::Relaxed) {
            stopped.store(true, Ordering::Relaxed);
            if let Some(cursor) = from {
                side.close(cursor).await;
            }
            return Err(problem);
        }
    }
}

fn both<A>(
    (leader, follower): (Result<A, Option<Problem>>, Result<A, Option<Problem>>),
) -> Result<[A; 2], Problem> {
    match (leader, follower) {
        (Ok(leader), Ok(follower)) => Ok([leader, follower]),
        (Err(Some(problem)), _) | (_, Err(Some(problem))) => Err(problem),
        (_, _) => Err(Problem::passing("reading was stopped")),
    }
}

impl<L: Side, F: Side> Sides<'_, L, F> {
    /// Looks at suspects once more: at the leader first, so that the follower cannot be ahead of what was seen.
    pub(super) async fn look(&self, suspects: &mut Suspects) -> Result<(), Problem> {
        let documents = suspects.identities();
        for some in documents.chunks(TOGETHER) {
            let leader = self.leader.again(some, &self.what.leader_index, self.what).await?;
            let follower = self.follower.again(some, &self.what.follower_index, self.what).await?;
            suspects.look(some, &leader, &follower);
        }
        Ok(())
    }
}

impl<S: Side> Asking<'_, S> {
    async fn again(
        &self,
        documents: &[Identity],
        index: &str,
        what: &super::Comparison,
    ) -> Result<Vec<Option<State>>, Problem> {
        let question = Question::Again {
            index: index.to_owned(),
            documents: documents.to_vec(),
            with_version: what.is_replicated,
            rate: what.rate,
        };
        match self.ask(&question).await? {
            Answered::Again(states) if states.len() == documents.len() => Ok(states),
            Answered::Matching(_)
            | Answered::Shape(_)
            | Answered::Fold { .. }
            | Answered::Open { .. }
            | Answered::Again(_)
            | Answered::Closed => Err(self.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_bucket_at_least_and_no_more_documents_than_some() {
        for (unequal, count) in [
            (vec![], 0),
            (vec![(0, 90_000), (1, 1)], 1),
            (vec![(0, 30_000), (4, 20_000), (5, 1)], 2),
            (vec![(0, 0), (1, 0), (2, 0)], 3),
        ] {
            assert_eq!(batch(&unequal), count, "{unequal:?}");
        }
    }
}
