//! How far the indexes that a rule is about have come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use cloud::Search;
use compare::Side;
use wait::Deadline;

use super::next::Followers;
use super::spec::Spec;
use crate::comparing::matching;
use crate::domain::Problem;
use crate::replication::{CatchUp, FollowRule, How, Plugin, Status, WaitFor};
use crate::shared::lock;

/// How long an index may be there and not follow: what has just been started looks so for a moment, and the rule looks
/// every 30 s.
const CLASH: Duration = Duration::from_secs(40);

/// What was seen of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Those that follow as far as is waited for.
    pub(crate) ready: Vec<String>,
    /// Those that do not yet, with their state.
    pub(crate) coming: Vec<(String, String)>,
    /// Those that will not, with the reason.
    pub(crate) failed: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn verdict(&self) -> Followers {
        if !self.failed.is_empty() {
            Followers::Failed
        } else if self.coming.is_empty() {
            Followers::Ready
        } else {
            Followers::Coming
        }
    }

    /// "3 of 5 follow; `logs-4` BOOTSTRAPPING".
    pub(crate) fn progress(&self) -> String {
        let all = self.ready.len() + self.coming.len() + self.failed.len();
        let next =
            self.coming.first().map(|(index, state)| format!("; `{index}`: {state}")).unwrap_or_default();
        format!("{} of {all} follow{next}", self.ready.len())
    }

    /// The failed ones, at most five by name.
    pub(crate) fn failures(&self) -> String {
        let named: Vec<_> =
            self.failed.iter().take(5).map(|(index, reason)| format!("`{index}`: {reason}")).collect();
        let more = match self.failed.len().saturating_sub(5) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!("{}{more}", named.join("; "))
    }
}

/// What is remembered from look to look.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Seen ready: not asked about again.
    ready: Mutex<BTreeSet<String>>,
    /// There and not following, until when that may be.
    clashing: Mutex<BTreeMap<String, Deadline>>,
    catch_up: CatchUp,
}

impl Memory {
    /// Whatever was seen may be otherwise now.
    pub(crate) fn clear(&self) {
        lock(&self.ready).clear();
        lock(&self.clashing).clear();
        self.catch_up.clear();
    }
}

/// Looks at every index that matches: the leader's, or, where the leader is not to be seen, those that follow already.
pub(crate) async fn look<F: Search, L: Side>(
    plugin: &Plugin<'_, F>,
    leader: Option<&L>,
    spec: &Spec,
    rule: &FollowRule,
    memory: &Memory,
    deadline: Deadline,
) -> Result<Seen, Problem> {
    let present = plugin.matching(&spec.naming.of(&spec.pattern)).await?;
    let wanted = match leader {
        Some(leader) => matching(leader, &spec.pattern, deadline).await?,
        None => present.iter().filter_map(|index| spec.naming.leader_of(index).map(str::to_owned)).collect(),
    };
    let mut seen = Seen::default();
    for leader_index in wanted {
        let index = spec.naming.of(&leader_index);
        if lock(&memory.ready).contains(&index) {
            seen.ready.push(index);
            continue;
        }
        let status = plugin.status(&index).await?;
        let is_present = present.contains(&index);
        let has_failed = rule.failed.contains(&leader_index);
        match judge(&leader_index, &status, spec, is_present, has_failed, leader.is_some()) {
            Verdict::Ready if !memory.catch_up.is_done(&index, &status, spec.wait_for) => {
                seen.coming.push((index, format!("{status}, catching up")));
            }
            Verdict::Ready => {
                lock(&memory.ready).insert(index.clone());
                seen.ready.push(index);
            }
            Verdict::Coming => seen.coming.push((index, status.to_string())),
            Verdict::Clash => {
                let mut clashing = lock(&memory.clashing);
                let until = clashing.entry(index.clone()).or_insert_with(|| Deadline::after(CLASH));
                if until.has_passed() {
                    seen.failed.push((
                        index,
                        "an index of that name is on the follower and follows nothing".to_owned(),
                    ));
                } else {
                    seen.coming.push((index, "there, and not following yet".to_owned()));
                }
            }
            Verdict::Failed(reason) => seen.failed.push((index, reason)),
            Verdict::NotOurs => {}
        }
    }
    Ok(seen)
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Ready,
    Coming,
    Clash,
    Failed(String),
    NotOurs,
}

fn judge(
    leader_index: &str,
    status: &Status,
    spec: &Spec,
    is_present: bool,
    has_failed: bool,
    is_on_leader: bool,
) -> Verdict {
    match status {
        Status::Follows { source, .. }
            if source.alias != spec.following.alias || source.index != leader_index =>
        {
            if is_on_leader {
                Verdict::Failed(format!("it follows `{source}`"))
            } else {
                Verdict::NotOurs
            }
        }
        Status::Follows { how: How::Syncing { .. }, .. } => Verdict::Ready,
        Status::Follows { how: How::Starting { .. }, .. } if spec.wait_for == WaitFor::Started => {
            Verdict::Ready
        }
        Status::Follows { how: How::Starting { .. }, .. } | Status::LeaderSilent(_) | Status::Unknown(_) => {
            Verdict::Coming
        }
        Status::Follows { how: how @ (How::Paused { .. } | How::Failed { .. }), .. } => {
            Verdict::Failed(how.to_string())
        }
        Status::Idle if !is_on_leader => Verdict::NotOurs,
        Status::Idle if has_failed => Verdict::Failed("the follower could not start it".to_owned()),
        Status::Idle if is_present => Verdict::Clash,
        Status::Idle => Verdict::Coming,
    }
}
