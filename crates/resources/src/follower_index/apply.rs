//! Making an index follow: Create and Update.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud::{Cloud, Search};
use compare::Near;
use custom_resource::{Applied, Context, Failure};
use serde_json::Value;
use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use super::cleanup::cleanup;
use super::marks::{COMPLETE, FOLLOWS, REPLACED, RESEEDING, SETTINGS, SETTINGS_UNKNOWN, STARTED, follows};
use super::next::{Copied, DeadEnd, Observed, Refused, Step, Whose, next};
use super::problem::{dead, may_be_all_there_is};
use super::spec::Spec;
use crate::claim::{Barred, Hold, Holder, Ledger, Phase};
use crate::comparing::{Pair, Prover, matching};
use crate::domain::{Problem, give_up, open};
use crate::replication::{CatchUp, Ended, How, Plugin, Status};
use crate::shared::{Grace, lock};

/// How long a connection that is ACTIVE may be unknown to the follower, and how long a replication that runs may look
/// as if it did not: the plugin notices after 15 s at most that what it follows is gone.
const GRACE: Duration = Duration::from_secs(30);

/// Makes the index follow as the spec says.
pub(crate) async fn apply<C: Cloud>(cloud: &C, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
    let ledger = Ledger::new(cloud.claims(), spec.identity().claim_name(), Holder::of(context));
    let work = Work {
        cloud,
        spec,
        context,
        hold: Hold::new(ledger, context),
        name_taken_until: Mutex::default(),
        unconnected: Grace::default(),
        is_lost: AtomicBool::new(false),
        was_unsettled: AtomicBool::new(false),
        catch_up: CatchUp::default(),
        prover: Prover::default(),
    };
    let log = |status: &str| tracing::info!("follower index `{}`: {status}", spec.index);
    match until(context.deadline, &Pace::default(), log, || work.look()).await {
        Ok(status) => Ok(work.prover.attributes(attributes(spec, &status), spec.wait_for)),
        Err(WaitError::Failed(problem)) => {
            let identity = spec.identity();
            let cleanup = || cleanup(cloud, &identity, Some(spec), context);
            Err(give_up(&work.hold, problem, context, cleanup).await)
        }
        Err(error) => {
            let awaited = format!(
                "index `{}` on the follower at {} does not follow leader index `{}`",
                spec.index, spec.following.endpoint, spec.leader_index
            );
            Err(Failure::of_wait(error, awaited, Failure::from))
        }
    }
}

fn attributes(spec: &Spec, status: &Status) -> Applied {
    let (state, leader, follower) = match status {
        Status::Follows { how: How::Syncing { leader, follower }, .. } => ("SYNCING", *leader, *follower),
        Status::Follows { .. } | Status::Idle | Status::Unknown(_) | Status::LeaderSilent(_) => {
            ("BOOTSTRAPPING", -1, -1)
        }
    };
    Applied::new()
        .attribute("FollowerIndex", &spec.index)
        .attribute("LeaderIndex", &spec.leader_index)
        .attribute("Status", state)
        .attribute("LeaderCheckpoint", leader.to_string())
        .attribute("FollowerCheckpoint", follower.to_string())
}

struct Work<'a, C: Cloud> {
    cloud: &'a C,
    spec: &'a Spec,
    context: &'a Context,
    hold: Hold<'a, C::Claims>,
    name_taken_until: Mutex<Option<Deadline>>,
    /// How long the follower has not known the connection.
    unconnected: Grace,
    /// The plugin refused to resume it.
    is_lost: AtomicBool,
    /// An earlier request was still at work: what it did to the settings last is not known.
    was_unsettled: AtomicBool,
    catch_up: CatchUp,
    prover: Prover,
}

impl<C: Cloud> Work<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<Status>, Problem> {
        let plugin = Plugin::open(self.cloud, &self.spec.following).await?;
        // The status before the claim: whoever starts writes the claim first, so that what follows because of us is
        // known to the claim that is read after it.
        let status = plugin.status(&self.spec.index).await?;
        let taken = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        let Some(phase) = taken else { return Ok(Probe::not_yet("claiming the index")) };
        if !self.hold.is_settled() {
            self.was_unsettled.store(true, Ordering::Relaxed);
        }
        let is_as_wanted = self.is_as_wanted(&status);
        // What we asked for has come.
        let phase = match phase {
            Phase::Requesting { by, .. } if is_as_wanted => {
                let made = Phase::Made { id: self.spec.index.clone(), by: Some(by) };
                self.note(made.clone()).await?;
                made
            }
            phase @ (Phase::Looking
            | Phase::Requesting { .. }
            | Phase::Adopting { .. }
            | Phase::Made { .. }
            | Phase::Releasing { .. }) => phase,
        };
        let observed = Observed {
            status: &status,
            is_as_wanted,
            whose: whose(&phase, is_as_wanted, self.is_known(&status)),
            copied: self.copied(),
            refused: self.refused(),
            // One that an earlier request was replacing, and has stopped.
            may_reseed: self.spec.reseed_when_lost
                || self.goes_back()
                || (status == Status::Idle && self.is_recorded(RESEEDING)),
            wait_for: self.spec.wait_for,
        };
        match next(&observed) {
            Step::Start => self.start(&plugin, phase).await,
            Step::Adopt => {
                tracing::info!(
                    "index `{}` follows already, and is looked after from now on",
                    self.spec.index
                );
                // Somebody else's until it is done: giving up leaves it alone.
                self.note(Phase::Adopting { id: self.spec.index.clone() }).await?;
                Ok(Probe::not_yet("taken over"))
            }
            Step::Resume => self.resume(&plugin, &status).await,
            Step::Reseed => self.reseed(&plugin, &status, phase).await,
            Step::Wait => Ok(Probe::not_yet(status.to_string())),
            Step::Done => self.finish(&plugin, phase, status).await,
            Step::Fail(end) => Err(dead(end, self.spec, &status)),
        }
    }

    async fn start<S: Search>(&self, plugin: &Plugin<'_, S>, phase: Phase) -> Result<Probe<Status>, Problem> {
        let Spec { index, leader_index, .. } = self.spec;
        // What was made by an earlier request stays known as made while it is asked for again.
        let (is_made, by) = (matches!(phase, Phase::Made { .. }), self.context.request_id.clone());
        if !is_made {
            self.record_settings();
            self.record_start();
            self.note(Phase::Requesting { targets: vec![leader_index.clone()], by }).await?;
        } else if !self.is_recorded(&self.follows_part()) {
            // Should the answer be lost, what follows then is known as ours.
            self.record(self.follows_part());
            self.note(phase.clone()).await?;
        }
        self.ensure_fresh().await?;
        match plugin.start(index, leader_index).await {
            Ok(()) => {
                self.record_settings();
                self.record_start();
                self.forget(|part| part == COMPLETE);
                let made = self.hold.record_made_anew(index, &phase).await;
                made.map_err(|barred| self.barred(barred))?;
                Ok(Probe::not_yet("started"))
            }
            Err(Ended::NameTaken | Ended::AlreadySo) => {
                lock(&self.name_taken_until).get_or_insert_with(|| Deadline::after(GRACE));
                self.nothing_made(&phase).await?;
                Ok(Probe::not_yet("an index of that name exists"))
            }
            Err(Ended::NoConnection(problem)) => {
                self.nothing_made(&phase).await?;
                if self.unconnected.has_passed(GRACE) {
                    return Err(problem);
                }
                Ok(Probe::not_yet("the follower does not know the connection yet"))
            }
            Err(Ended::Dead(problem)) => {
                self.nothing_made(&phase).await?;
                Err(problem)
            }
            // Refused for good, by IAM.
            Err(Ended::Failed(problem)) if problem.retry() == Retry::Never => {
                self.nothing_made(&phase).await?;
                Err(problem)
            }
            Err(other) => Err(other.into_problem("cannot begin to follow")),
        }
    }

    /// After a clear refusal of the first try the claim says again that nothing was made.
    async fn nothing_made(&self, before: &Phase) -> Result<(), Problem> {
        // Another delivery may have made it meanwhile.
        let now = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        if matches!((before, now), (Phase::Looking | Phase::Adopting { .. }, Some(Phase::Requesting { .. })))
        {
            self.note(before.clone()).await?;
        }
        Ok(())
    }

    async fn resume<S: Search>(
        &self,
        plugin: &Plugin<'_, S>,
        status: &Status,
    ) -> Result<Probe<Status>, Problem> {
        self.ensure_fresh().await?;
        match plugin.resume(&self.spec.index).await {
            Ok(()) => Ok(Probe::not_yet("resumed")),
            Err(Ended::Lost(words)) => {
                self.is_lost.store(true, Ordering::Relaxed);
                Ok(Probe::not_yet(format!("{status}; {words}")))
            }
            // For some seconds after the plugin paused it by itself.
            Err(Ended::AlreadySo) => Ok(Probe::not_yet(format!("{status}, not to be resumed yet"))),
            Err(other) => Err(other.into_problem("cannot resume")),
        }
    }

    async fn reseed<S: Search>(
        &self,
        plugin: &Plugin<'_, S>,
        status: &Status,
        phase: Phase,
    ) -> Result<Probe<Status>, Problem> {
        let index = &self.spec.index;
        // The status says nothing of one whose leader's index or connection is gone.
        if *status == Status::Idle
            && let Some(source) = plugin.source(index).await?
            && !self.is_recorded(&follows(&source))
        {
            let status = Status::Follows { source, how: How::Starting { progress: status.to_string() } };
            return Err(dead(DeadEnd::FollowsAnother, self.spec, &status));
        }
        if let Some(leader) = &self.spec.comparing.leader {
            let leader = leader.open(self.cloud).await?;
            let leader_index = &self.spec.leader_index;
            if !matching(&leader, leader_index, self.context.deadline).await?.contains(leader_index) {
                return Err(may_be_all_there_is(self.spec));
            }
        }
        // That took its time.
        self.ensure_fresh().await?;
        if !self.is_recorded(RESEEDING) {
            self.record(RESEEDING.to_owned());
            if let Status::Follows { source, .. } = status
                && self.spec.reseed_when_lost
                && !self.is_as_wanted(status)
            {
                self.record(format!("{}{source}", self.replaced_by_this()));
            }
            self.note(phase.clone()).await?;
        }
        tracing::warn!("index `{index}`: its copy is deleted and made anew ({status})");
        self.ensure_fresh().await?;
        match plugin.stop(index).await {
            Ok(()) | Err(Ended::NotInProgress) => {}
            Err(other) => return Err(other.into_problem("cannot stop")),
        }
        self.ensure_fresh().await?;
        plugin.delete_index(index).await?;
        // What has the name from now on is another's.
        self.forget(|part| part == RESEEDING || part == COMPLETE);
        self.note(phase).await?;
        self.is_lost.store(false, Ordering::Relaxed);
        *lock(&self.name_taken_until) = None;
        self.catch_up.clear();
        self.prover.clear();
        Ok(Probe::not_yet("its copy is deleted, to be made anew"))
    }

    /// It follows; the settings are another matter.
    async fn finish<S: Search>(
        &self,
        plugin: &Plugin<'_, S>,
        phase: Phase,
        status: Status,
    ) -> Result<Probe<Status>, Problem> {
        if !self.hold.is_settled() {
            return Ok(Probe::not_yet(format!("{status}; an earlier request may still be at work")));
        }
        let is_set = self.is_recorded(&self.settings_part()) && !self.was_unsettled.load(Ordering::Relaxed);
        if !is_set {
            let is_known_empty = !self.hold.ledger.parts().iter().any(|part| part.starts_with(SETTINGS));
            if !(is_known_empty && self.spec.following.settings.is_empty()) {
                // Should this be the last that is heard of this request, nobody takes the settings for known.
                self.forget(|part| part.starts_with(SETTINGS));
                self.record(SETTINGS_UNKNOWN.to_owned());
                self.note(phase.clone()).await?;
                self.ensure_fresh().await?;
                match plugin.update(&self.spec.index).await {
                    Ok(()) => {}
                    Err(Ended::NotInProgress) => return Ok(Probe::not_yet("stopped meanwhile")),
                    Err(other) => return Err(other.into_problem("cannot set the settings")),
                }
            }
            self.was_unsettled.store(false, Ordering::Relaxed);
            self.record_settings();
            self.note(phase).await?;
            return Ok(Probe::not_yet(format!("{status}, with its settings")));
        }
        if !self.catch_up.is_done(&self.spec.index, &status, self.spec.wait_for) {
            return Ok(Probe::not_yet(format!("{status}, catching up")));
        }
        if !self.prover.is_proved(&self.spec.comparing, &self.spec.index) {
            return self.prove().await;
        }
        let phase = match phase {
            Phase::Adopting { id } => Phase::Made { id, by: None },
            phase @ (Phase::Looking
            | Phase::Requesting { .. }
            | Phase::Made { .. }
            | Phase::Releasing { .. }) => phase,
        };
        self.record_settings();
        // Only the next request can be the way back.
        let by_this = self.replaced_by_this();
        self.forget(|part| part.starts_with(REPLACED) && !part.starts_with(&by_this));
        self.forget(|part| part.starts_with(FOLLOWS));
        self.record(self.follows_part());
        self.record(COMPLETE.to_owned());
        if !self.hold.finish(phase).await.map_err(|barred| self.barred(barred))? {
            return Ok(Probe::not_yet("another request was at work"));
        }
        Ok(Probe::Ready(status))
    }

    /// Compares; the next look sees whether it still follows.
    async fn prove(&self) -> Result<Probe<Status>, Problem> {
        let Spec { following, leader_index, index, comparing, .. } = self.spec;
        let Some(leader) = &comparing.leader else {
            return Ok(Probe::not_yet("there is no leader to compare with"));
        };
        let leader = leader.open(self.cloud).await?;
        let follower = Near(open(self.cloud, &following.access()).await?);
        let pair = Pair { leader_index, follower_index: index, settings: &following.settings };
        let deadline = self.context.deadline;
        self.prover.prove(comparing, &leader, &follower, pair, deadline).await.map(Probe::not_yet)
    }

    fn is_as_wanted(&self, status: &Status) -> bool {
        match status {
            Status::Follows { source, .. } => *source == self.spec.source(),
            Status::Idle | Status::Unknown(_) | Status::LeaderSilent(_) => false,
        }
    }

    fn copied(&self) -> Copied {
        match (self.is_recorded(&self.started_by_this()), self.is_recorded(COMPLETE)) {
            (true, _) => Copied::Just,
            (false, true) => Copied::Wholly,
            (false, false) => Copied::Partly,
        }
    }

    /// It follows nothing that no request of this resource asked for.
    fn is_known(&self, status: &Status) -> bool {
        match status {
            Status::Follows { source, .. } => self.is_recorded(&follows(source)),
            Status::Idle | Status::Unknown(_) | Status::LeaderSilent(_) => true,
        }
    }

    fn refused(&self) -> Option<Refused> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Some(Refused::Lost);
        }
        let taken = *lock(&self.name_taken_until);
        taken.map(|until| Refused::NameTaken { is_lasting: until.has_passed() })
    }

    fn settings_part(&self) -> String {
        format!("{SETTINGS}{}", Value::Object(self.spec.following.settings.clone()))
    }

    fn is_recorded(&self, part: &str) -> bool {
        self.hold.ledger.parts().iter().any(|known| known == part)
    }

    fn started_by_this(&self) -> String {
        format!("{STARTED}{}", self.context.request_id)
    }

    fn follows_part(&self) -> String {
        follows(&self.spec.source())
    }

    /// The next write says so.
    fn record(&self, part: String) {
        let mut parts = self.hold.ledger.parts();
        if !parts.contains(&part) {
            parts.push(part);
            self.hold.ledger.set_parts(parts);
        }
    }

    /// The next write does not say so any more.
    fn forget(&self, is_over: impl Fn(&str) -> bool) {
        let mut parts = self.hold.ledger.parts();
        parts.retain(|part| !is_over(part));
        self.hold.ledger.set_parts(parts);
    }

    /// The next write says what follows what, and which request started it last.
    fn record_start(&self) {
        self.forget(|part| part.starts_with(STARTED));
        self.record(self.started_by_this());
        self.record(self.follows_part());
    }

    fn replaced_by_this(&self) -> String {
        format!("{REPLACED}by {}: ", self.context.request_id)
    }

    /// The request before replaced the very copy that is wanted now.
    fn goes_back(&self) -> bool {
        let wanted = format!(": {}", self.spec.source());
        self.hold.ledger.parts().iter().any(|part| part.starts_with(REPLACED) && part.ends_with(&wanted))
    }

    /// The next write says with which settings it follows, and that nothing is being replaced.
    fn record_settings(&self) {
        self.forget(|part| part.starts_with(SETTINGS) || part == RESEEDING);
        self.record(self.settings_part());
    }

    async fn note(&self, phase: Phase) -> Result<(), Problem> {
        self.hold.note(phase).await.map_err(|barred| self.barred(barred))
    }

    /// Asked before every change.
    async fn ensure_fresh(&self) -> Result<(), Problem> {
        self.hold.ensure_fresh().await.map_err(|barred| self.barred(barred))
    }

    fn barred(&self, barred: Barred) -> Problem {
        let what = format!("index `{}` on the follower at {}", self.spec.index, self.spec.following.endpoint);
        Problem::barred(barred, self.hold.ledger.name(), &what)
    }
}

/// What is being taken over is so for as long as it follows what it shall, and what was made is ours for as long as it
/// follows nothing that no request of ours asked for.
fn whose(phase: &Phase, is_as_wanted: bool, is_known: bool) -> Whose {
    match phase {
        Phase::Made { .. } if !is_as_wanted && !is_known => Whose::Nobodys,
        Phase::Looking | Phase::Releasing { .. } => Whose::Nobodys,
        Phase::Adopting { .. } if !is_as_wanted => Whose::Nobodys,
        Phase::Requesting { .. } => Whose::Asked,
        Phase::Adopting { .. } => Whose::Adopted,
        Phase::Made { .. } => Whose::Ours,
    }
}
