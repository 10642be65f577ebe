//! What counts as proved, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard};

use compare::{Comparison, Report, Side, Verdict, compare, setting_names};
use custom_resource::Applied;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wait::Deadline;

use super::Comparing;
use crate::domain::Problem;
use crate::replication::WaitFor;
use crate::shared::lock;

/// What a claim records of what a request has compared, for its next invocation.
const COMPARED: &str = "compared by ";

/// Two indexes that shall be the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) leader_index: &'a str,
    pub(crate) follower_index: &'a str,
    /// What the follower was given otherwise.
    pub(crate) settings: &'a Map<String, Value>,
}

/// What was found by one request, of every index that was compared, by the follower's name.
#[derive(Debug, Default)]
pub(crate) struct Prover(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    /// In earlier invocations.
    earlier: Option<Earlier>,
    /// In this one.
    reports: BTreeMap<String, Report>,
}

/// Indexes are compared in the order of their names, so one name says which were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Earlier {
    until: String,
    /// Tells these names from others.
    names: u64,
    sum: Sum,
}

impl Earlier {
    fn is_about(&self, indexes: &BTreeSet<&str>) -> bool {
        self.names == names(indexes.range(..=self.until.as_str()).copied())
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    names.collect::<Vec<_>>().hash(&mut hasher);
    hasher.finish()
}

/// What was found of all together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    indexes: usize,
    /// With more documents than are compared.
    untried: usize,
    documents: u64,
    seconds: f64,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.indexes += 1;
        self.seconds += report.seconds;
        if report.verdict == Verdict::Equal {
            self.documents += report.leader.documents;
        } else {
            self.untried += 1;
        }
    }
}

impl Found {
    fn sum<'a>(&'a self, reports: impl Iterator<Item = &'a Report>) -> Sum {
        let mut sum = self.earlier.as_ref().map(|earlier| earlier.sum.clone()).unwrap_or_default();
        reports.for_each(|report| sum.add(report));
        sum
    }

    fn is_proved(&self, index: &str) -> bool {
        let was_before = self.earlier.as_ref().is_some_and(|earlier| *index <= *earlier.until);
        was_before || self.reports.contains_key(index)
    }
}

impl Prover {
    /// Whatever was found may be otherwise now.
    pub(crate) fn clear(&self) {
        *self.found() = Found::default();
    }

    /// Takes up what earlier invocations of the request have recorded in its claim, for as long as the indexes up to there
    /// are the same ones.
    pub(crate) fn resume(&self, parts: &[String], request_id: &str, indexes: &[String]) {
        let mut found = self.found();
        if found.earlier.is_none() && found.reports.is_empty() {
            let start = format!("{COMPARED}{request_id}: ");
            let recorded = parts.iter().filter_map(|part| part.strip_prefix(&start));
            let earlier = recorded.filter_map(|text| serde_json::from_str::<Earlier>(text).ok());
            found.earlier = earlier.max_by(|one, other| one.until.cmp(&other.until));
        }
        let indexes = indexes.iter().map(String::as_str).collect();
        found.earlier.take_if(|earlier| !earlier.is_about(&indexes));
    }

    /// What a claim shall record: its parts, and what was found so far in place of what they say of that.
    pub(crate) fn recorded(
        &self,
        mut parts: Vec<String>,
        request_id: &str,
        indexes: &[String],
    ) -> Vec<String> {
        let found = self.found();
        let indexes: BTreeSet<_> = indexes.iter().map(String::as_str).collect();
        let done: Vec<_> = indexes.into_iter().take_while(|index| found.is_proved(index)).collect();
        forget(&mut parts);
        if let Some(until) = done.last() {
            let sum = found.sum(found.reports.range(..=(*until).to_owned()).map(|(_, report)| report));
            let earlier = Earlier { until: (*until).to_owned(), names: names(done.iter().copied()), sum };
            let text = serde_json::to_string(&earlier).unwrap_or_default();
            parts.push(format!("{COMPARED}{request_id}: {text}"));
        }
        parts
    }

    /// True when nothing need be compared, or it was.
    pub(crate) fn is_proved(&self, comparing: &Comparing, follower_index: &str) -> bool {
        comparing.wait_for != WaitFor::Equal || self.found().is_proved(follower_index)
    }

    /// Compares. What was found, for a person who waits; a difference is an error.
    pub(crate) async fn prove(
        &self,
        comparing: &Comparing,
        leader: &impl Side,
        follower: &impl Side,
        pair: Pair<'_>,
        deadline: Deadline,
    ) -> Result<String, Problem> {
        let Pair { leader_index, follower_index, settings } = pair;
        let comparison = Comparison {
            overrides: setting_names(settings),
            rate: comparing.rate,
            up_to: Some(comparing.up_to),
            ..Comparison::new(leader_index, follower_index)
        };
        let wanted =
            || format!("index `{follower_index}` cannot be compared with leader index `{leader_index}`");
        // On the heap: it is large, and every invocation has room for it, whether it compares or not.
        let comparing = Box::pin(compare(leader, follower, &comparison, deadline));
        let report = comparing.await.map_err(Problem::comparing(wanted))?;
        let words = report.sentence();
        // For whoever wants to keep it: every log line of the function is an object.
        tracing::info!(report = %serde_json::to_string(&report).unwrap_or_default(), "{words}");
        match report.verdict {
            Verdict::Equal | Verdict::NotTried => {
                self.found().reports.insert(follower_index.to_owned(), report);
                Ok(words)
            }
            Verdict::Different => Err(Problem::Dead {
                what: words.trim_end_matches('.').to_owned(),
                hint: "Write these documents on the leader once more, or have the index copied anew: delete it from its \
                       stack and from the follower, and create it again."
                    .to_owned(),
            }),
        }
    }

    /// What the attributes say of all that was compared.
    pub(crate) fn attributes(&self, applied: Applied, wait_for: WaitFor) -> Applied {
        let found = self.found();
        let Sum { indexes, untried, documents, seconds } = found.sum(found.reports.values());
        let equal = indexes - untried;
        let noun = |count: usize| if count == 1 { "index" } else { "indexes" };
        let compared = match (wait_for, found.reports.values().next()) {
            (WaitFor::Started, _) => "Not compared, because WaitFor is Started.".to_owned(),
            (WaitFor::Syncing, _) => "Not compared, because WaitFor is Syncing.".to_owned(),
            (WaitFor::Equal, _) if indexes == 0 => "There is nothing to compare yet.".to_owned(),
            (WaitFor::Equal, Some(report)) if indexes == 1 => report.sentence(),
            (WaitFor::Equal, _) if untried == 0 => {
                format!("{documents} documents of {indexes} {} are equal on both sides.", noun(indexes))
            }
            (WaitFor::Equal, _) => format!(
                "{documents} documents of {equal} {} are equal on both sides; {untried} more indexes hold more documents than \
                 EqualUpTo and were not compared.",
                noun(equal)
            ),
        };
        let is_known = wait_for == WaitFor::Equal && untried == 0;
        applied
            .attribute("Documents", documents.to_string())
            .attribute("Differences", if is_known { "0" } else { "unknown" })
            .attribute("Seconds", format!("{seconds:.1}"))
            .attribute("Compared", compared)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        lock(&self.0)
    }
}

/// The parts of a claim without what was compared.
pub(crate) fn forget(parts: &mut Vec<String>) {
    parts.retain(|part| !part.starts_with(COMPARED));
}
