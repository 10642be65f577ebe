//! Running a comparison: the shapes first, then both sides folded, what is unequal opened, what is suspected looked at
//! again.
//!
//! Nothing that is held grows with the indexes: buckets are at most 65,536, and opened ones come in batches.

mod asking;
mod documents;
mod settling;

use std::collections::BTreeSet;
use std::time::Duration;

use wait::Deadline;

use crate::looks::Suspects;
use crate::question::{Answered, Question, Shape};
use crate::report::{Report, Verdict};
use crate::shape::{Finding, Findings, Part, findings};
use crate::{Problem, Side};
use asking::Asking;
pub(crate) use asking::Traffic;
use documents::Documents;
use settling::settle;

/// What is compared, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The leader's index, by its own name.
    pub leader_index: String,
    /// The follower's.
    pub follower_index: String,
    /// Settings that were wanted to be otherwise on the follower, by their names, with or without `index.`.
    pub overrides: BTreeSet<String>,
    /// Whether one follows the other: then versions are compared too, and a mapping may come with its first document.
    pub is_replicated: bool,
    /// Documents per second read from each domain, at most.
    pub rate: u32,
    /// How many differing documents are looked for, at most, and at least one; beyond them they are "at least" so many.
    pub limit: usize,
    /// How long a difference is looked at again before it counts.
    pub patience: Duration,
    /// Above so many documents only mappings, settings and aliases are compared.
    pub up_to: Option<u64>,
}

impl Comparison {
    /// Of a follower index with its leader index, with what suits most: 10,000 documents per second, 1,000 differences,
    /// 90 s of patience, because settings and aliases follow every minute.
    pub fn new(leader_index: impl Into<String>, follower_index: impl Into<String>) -> Self {
        Self {
            leader_index: leader_index.into(),
            follower_index: follower_index.into(),
            overrides: BTreeSet::new(),
            is_replicated: true,
            rate: 10_000,
            limit: 1000,
            patience: Duration::from_secs(90),
            up_to: None,
        }
    }
}

/// Compares two indexes; both sides may be written to meanwhile.
///
/// # Guarantees
/// - Every document that was on the leader when its side was read is found equal on the follower, or has changed on both
///   since, or is counted as a difference.
/// - A difference counts only when it was seen at several looks over the given patience.
/// - No point in time stays open on either domain, unless this future is dropped: then it ends after five minutes.
pub async fn compare(
    leader: &impl Side,
    follower: &impl Side,
    what: &Comparison,
    deadline: Deadline,
) -> Result<Report, Problem> {
    compare_telling(leader, follower, what, deadline, |_| ()).await
}

/// The same, telling how far it is.
pub async fn compare_telling(
    leader: &impl Side,
    follower: &impl Side,
    what: &Comparison,
    deadline: Deadline,
    tell: impl Fn(&str) + Send + Sync,
) -> Result<Report, Problem> {
    // On the heap: it is many kilobytes of what waits for both sides.
    Box::pin(run(leader, follower, what, deadline, tell)).await
}

async fn run(
    leader: &impl Side,
    follower: &impl Side,
    what: &Comparison,
    deadline: Deadline,
    tell: impl Fn(&str) + Send + Sync,
) -> Result<Report, Problem> {
    let began = deadline.remaining();
    let sides = Sides {
        leader: Asking::new(leader, "the leader", deadline),
        follower: Asking::new(follower, "the follower", deadline),
        what,
    };
    let mut report = Report::new([&what.leader_index, &what.follower_index]);
    let (shapes, findings) = sides.shapes().await?;
    match shapes {
        [Some(leader), Some(follower)] => {
            let most = leader.documents.max(follower.documents);
            let (documents, at_least) = if what.up_to.is_some_and(|up_to| most > up_to) {
                report.verdict = Verdict::NotTried;
                report.counted([leader.documents, follower.documents]);
                (Suspects::default(), false)
            } else {
                let documents = Documents::new(&sides, [leader.shards, follower.shards], most, &tell);
                let [leader, follower] = documents.fold().await?;
                report.counted([leader.total().documents, follower.total().documents]);
                documents.suspects(&leader, &follower).await?
            };
            let (findings, suspects) = settle(&sides, findings, documents, deadline, &tell).await?;
            report.conclude(findings, &suspects, at_least, what)?;
        }
        // Without an index there is nothing to look at again.
        [_, _] => report.conclude(findings, &Suspects::default(), false, what)?,
    }
    report.measured(
        began.saturating_sub(deadline.remaining()),
        [sides.leader.traffic(), sides.follower.traffic()],
    );
    Ok(report)
}

/// Both sides, and what is asked of them.
struct Sides<'a, L, F> {
    leader: Asking<'a, L>,
    follower: Asking<'a, F>,
    what: &'a Comparison,
}

impl<L: Side, F: Side> Sides<'_, L, F> {
    /// What both indexes are like, and how that differs.
    async fn shapes(&self) -> Result<([Option<Shape>; 2], Findings), Problem> {
        let what = self.what;
        let shapes = futures_util::future::try_join(
            self.leader.shape(&what.leader_index),
            self.follower.shape(&what.follower_index),
        );
        let shapes = <[_; 2]>::from(shapes.await?);
        let missing = |side: &str, index: &str| Finding {
            part: Part::Index,
            sentence: format!("there is no index `{index}` on the {side}"),
        };
        let found = match &shapes {
            [Some(leader), Some(follower)] if leader.uuid.is_some() && leader.uuid == follower.uuid => {
                return Err(Problem::lasting(
                    format!(
                        "the leader's index `{}` and the follower's `{}` are one and the same, which proves nothing",
                        what.leader_index, what.follower_index
                    ),
                    "Give the leader's own endpoint: both endpoints lead to the same domain.",
                ));
            }
            [Some(leader), Some(follower)] => findings(leader, follower, &what.overrides, what.is_replicated),
            [leader, follower] => {
                let leader = leader.is_none().then(|| missing("leader", &what.leader_index));
                let follower = follower.is_none().then(|| missing("follower", &what.follower_index));
                Findings { found: leader.into_iter().chain(follower).collect(), notes: Vec::new() }
            }
        };
        Ok((shapes, found))
    }
}

impl<S: Side> Asking<'_, S> {
    async fn shape(&self, index: &str) -> Result<Option<Shape>, Problem> {
        match self.ask(&Question::Shape { index: index.to_owned() }).await? {
            Answered::Shape(shape) => Ok(shape),
            Answered::Matching(_)
            | Answered::Fold { .. }
            | Answered::Open { .. }
            | Answered::Again(_)
            | Answered::Closed => Err(self.unexpected()),
        }
    }
}
