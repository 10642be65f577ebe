//! What a comparison found: for people a table, for programs JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::comparison::{Comparison, Traffic};
use crate::looks::{Difference, Fate, Suspects};
use crate::shape::{Finding, Findings};
use crate::{Identity, Problem};

/// How many documents of each kind are named.
const NAMED: usize = 100;
/// How many of them the table shows.
const SHOWN: usize = 5;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether they are the same.
    pub verdict: Verdict,
    /// The leader's side.
    pub leader: SideReport,
    /// The follower's side.
    pub follower: SideReport,
    /// How many documents differ.
    pub differences: u64,
    /// Whether there may be more: looking ended at a limit.
    pub at_least: bool,
    /// The documents that differ, by how.
    pub documents: BTreeMap<Difference, Named>,
    /// Documents that changed on both sides between all looks, so that only their versions could be compared: the
    /// follower's is not older than the leader's first.
    pub moving: Named,
    /// What else differs.
    pub findings: Vec<Finding>,
    /// What is no difference, but good to know.
    pub notes: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Documents read per second, on both sides together.
    pub documents_per_second: f64,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Documents, mappings, settings and aliases are the same.
    Equal,
    /// Something differs.
    Different,
    /// There are too many documents: mappings, settings and aliases are the same, documents were not compared.
    NotTried,
}

/// One side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideReport {
    /// The index.
    pub index: String,
    /// How many documents it had when they were read, or counted where they were not.
    pub documents: u64,
    /// How many bytes its domain answered.
    pub bytes_read: u64,
    /// How many bytes the questions to this side and its answers have: what crosses when its own function reads it.
    pub bytes_exchanged: u64,
}

/// So many documents, the first of them by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// How many.
    pub count: u64,
    /// At most 100 of them.
    pub first: Vec<Identity>,
}

impl Named {
    fn add(&mut self, identity: &Identity) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(identity.clone());
        }
    }
}

impl Difference {
    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Stale => "stale",
            Self::Altered => "altered",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Missing => "on the leader and not on the follower",
            Self::Extra => "on the follower and not on the leader",
            Self::Stale => "an older version on the follower",
            Self::Altered => "another content on the follower",
        }
    }
}

impl Report {
    pub(crate) fn new([leader, follower]: [&str; 2]) -> Self {
        let side = |index: &str| SideReport { index: index.to_owned(), ..SideReport::default() };
        Self {
            verdict: Verdict::Equal,
            leader: side(leader),
            follower: side(follower),
            differences: 0,
            at_least: false,
            documents: BTreeMap::new(),
            moving: Named::default(),
            findings: Vec::new(),
            notes: Vec::new(),
            seconds: 0.0,
            documents_per_second: 0.0,
        }
    }

    pub(crate) fn counted(&mut self, [leader, follower]: [u64; 2]) {
        self.leader.documents = leader;
        self.follower.documents = follower;
    }

    /// What remains after all looks is what differs.
    pub(crate) fn conclude(
        &mut self,
        findings: Findings,
        suspects: &Suspects,
        at_least: bool,
        what: &Comparison,
    ) -> Result<(), Problem> {
        for (identity, fate) in suspects.fates(what.is_replicated) {
            match fate {
                Fate::Different(difference) => self.documents.entry(difference).or_default().add(identity),
                Fate::Moving => self.moving.add(identity),
            }
        }
        self.differences = self.documents.values().map(|named| named.count).sum();
        if at_least && self.differences == 0 {
            return Err(Problem {
                hint: Some("Compare again while less is written, or at a higher rate.".to_owned()),
                ..Problem::passing(format!(
                    "more than {} documents were still on their way to the follower",
                    grouped(what.limit as u64)
                ))
            });
        }
        self.at_least = at_least;
        self.findings = findings.found;
        self.notes = findings.notes;
        if self.differences > 0 || !self.findings.is_empty() {
            self.verdict = Verdict::Different;
        }
        self.notes.extend(self.underway());
        Ok(())
    }

    pub(crate) fn measured(&mut self, took: Duration, [leader, follower]: [Traffic; 2]) {
        for (side, traffic) in [(&mut self.leader, leader), (&mut self.follower, follower)] {
            side.bytes_read = traffic.read;
            side.bytes_exchanged = traffic.exchanged;
        }
        self.seconds = took.as_secs_f64();
        if self.verdict != Verdict::NotTried && !took.is_zero() {
            #[expect(clippy::cast_precision_loss, reason = "it is rounded for people anyway")]
            let documents = (self.leader.documents + self.follower.documents) as f64;
            self.documents_per_second = documents / self.seconds;
        }
    }

    /// Why both are equal and had not as many documents.
    fn underway(&self) -> Option<String> {
        let (leader, follower) = (self.leader.documents, self.follower.documents);
        (self.verdict == Verdict::Equal && leader != follower).then(|| {
            format!(
                "the follower had {} documents when it was read, because some were on their way: what differed was looked \
                 at again",
                grouped(follower)
            )
        })
    }

    /// Which documents nobody could compare but by their versions.
    fn unsteady(&self) -> Option<String> {
        let told = match self.moving.count {
            0 => return None,
            1 => "1 document changed all the time, so that only its version was compared".to_owned(),
            count => {
                let count = grouped(count);
                format!("{count} documents changed all the time, so that only their versions were compared")
            }
        };
        Some(format!("{told} ({})", shown(&self.moving)))
    }

    /// True when everything is the same.
    pub fn is_equal(&self) -> bool {
        self.verdict == Verdict::Equal
    }

    /// The result in one sentence.
    pub fn sentence(&self) -> String {
        let (leader, follower) = (&self.leader.index, &self.follower.index);
        let seconds = format!("{:.1} s", self.seconds);
        let aside = self.underway().into_iter().chain(self.unsteady()).map(|words| format!("; {words}"));
        let aside: String = aside.collect();
        match self.verdict {
            Verdict::Equal => format!(
                "`{follower}` is equal to the leader's `{leader}`: {} documents, mappings, settings and aliases were \
                 compared in {seconds}{aside}.",
                grouped(self.leader.documents)
            ),
            Verdict::NotTried => format!(
                "`{leader}` has {} documents and `{follower}` {}, too many to be compared; mappings, settings and aliases \
                 are equal.",
                grouped(self.leader.documents),
                grouped(self.follower.documents)
            ),
            Verdict::Different => {
                let mut parts: Vec<_> = self
                    .documents
                    .iter()
                    .map(|(difference, named)| {
                        let (word, count) = (difference.word(), grouped(named.count));
                        let documents = if named.count == 1 { "document" } else { "documents" };
                        format!("{count} {documents} {word} ({})", shown(named))
                    })
                    .collect();
                parts.extend(self.findings.iter().map(|finding| finding.sentence.clone()));
                let at_least = if self.at_least { "at least " } else { "" };
                format!(
                    "`{follower}` differs from the leader's `{leader}`: {at_least}{}{aside}.",
                    parts.join("; ")
                )
            }
        }
    }
}

/// The table.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |formatter: &mut fmt::Formatter<'_>, name: &str, leader: &str, follower: &str| {
            writeln!(formatter, "{name:<17}{leader:>24}{follower:>24}")
        };
        let pair = |formatter: &mut fmt::Formatter<'_>, name: &str, number: fn(&SideReport) -> String| {
            row(formatter, name, &number(&self.leader), &number(&self.follower))
        };
        row(formatter, "", "leader", "follower")?;
        pair(formatter, "index", |side| side.index.clone())?;
        pair(formatter, "documents", |side| grouped(side.documents))?;
        pair(formatter, "read", |side| bytes(side.bytes_read))?;
        pair(formatter, "exchanged", |side| bytes(side.bytes_exchanged))?;
        writeln!(formatter)?;
        for (difference, named) in &self.documents {
            let at_least = if self.at_least { "at least " } else { "" };
            let (count, word) = (grouped(named.count), difference.word());
            writeln!(formatter, "{at_least}{count} {word}: {}", difference.meaning())?;
            listed(formatter, named)?;
        }
        if self.moving.count > 0 {
            let count = grouped(self.moving.count);
            writeln!(formatter, "{count} changing all the time: only their versions could be compared")?;
            listed(formatter, &self.moving)?;
        }
        for finding in &self.findings {
            writeln!(formatter, "{}", finding.sentence)?;
        }
        for note in &self.notes {
            writeln!(formatter, "note: {note}")?;
        }
        let verdict = match self.verdict {
            Verdict::Equal => "EQUAL",
            Verdict::Different => "DIFFERENT",
            Verdict::NotTried => "NOT COMPARED: too many documents",
        };
        write!(
            formatter,
            "{verdict} after {:.1} s, {} documents per second",
            self.seconds,
            grouped(whole(self.documents_per_second))
        )
    }
}

/// The first of them in one line.
fn shown(named: &Named) -> String {
    let first: Vec<_> = named.first.iter().take(SHOWN).map(|id| format!("`{id}`")).collect();
    let dots = if named.count > first.len() as u64 { ", …" } else { "" };
    format!("{}{dots}", first.join(", "))
}

fn listed(formatter: &mut fmt::Formatter<'_>, named: &Named) -> fmt::Result {
    for identity in named.first.iter().take(SHOWN) {
        writeln!(formatter, "    {identity}")?;
    }
    if named.count > SHOWN as u64 {
        writeln!(formatter, "    …")?;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is rounded for people")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(number: u64) -> String {
    match number {
        0..10_000 => format!("{number} B"),
        10_000..10_000_000 => format!("{} kB", grouped(number / 1000)),
        _ => format!("{} MB", grouped(number / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(leader: u64, follower: u64, moving: u32) -> Report {
        let mut report = Report::new(["l1", "f1"]);
        report.counted([leader, follower]);
        (0..moving).for_each(|number| report.moving.add(&Identity::of(number.to_string())));
        let what = Comparison::new("l1", "f1");
        report.conclude(Findings::default(), &Suspects::default(), false, &what).unwrap();
        report
    }

    #[test]
    fn two_counts_of_equal_indexes_are_explained() {
        insta::assert_snapshot!(compared(1300, 1299, 0).sentence(), @"`f1` is equal to the leader's `l1`: 1,300 documents, mappings, settings and aliases were compared in 0.0 s; the follower had 1,299 documents when it was read, because some were on their way: what differed was looked at again.");
        let table = compared(1300, 1299, 0).to_string();
        let words = "note: the follower had 1,299 documents when it was read, because some were on their way";
        assert!(table.contains(words) && table.contains("EQUAL"), "{table}");
        assert_eq!(compared(1300, 1300, 0).notes, Vec::<String>::new());
    }

    #[test]
    fn documents_that_never_stood_still_are_told_in_the_sentence() {
        insta::assert_snapshot!(compared(9, 9, 1).sentence(), @"`f1` is equal to the leader's `l1`: 9 documents, mappings, settings and aliases were compared in 0.0 s; 1 document changed all the time, so that only its version was compared (`0`).");
        insta::assert_snapshot!(compared(9, 9, 6).sentence(), @"`f1` is equal to the leader's `l1`: 9 documents, mappings, settings and aliases were compared in 0.0 s; 6 documents changed all the time, so that only their versions were compared (`0`, `1`, `2`, `3`, `4`, …).");
        let differing = Report {
            verdict: Verdict::Different,
            documents: [(Difference::Stale, Named { count: 1, first: vec![Identity::of("a")] })].into(),
            ..compared(9, 9, 1)
        };
        insta::assert_snapshot!(differing.sentence(), @"`f1` differs from the leader's `l1`: 1 document stale (`a`); 1 document changed all the time, so that only its version was compared (`0`).");
    }
}
