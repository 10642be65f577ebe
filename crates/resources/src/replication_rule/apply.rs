//! Making a rule, and waiting for what it brings: Create and Update.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud::{Cloud, Search};
use compare::{Near, Side};
use custom_resource::{Applied, Context, Failure};
use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use super::before;
use super::cleanup::cleanup;
use super::followers::{Memory, Seen, look};
use super::next::{Observed, Pulse, Step, Whose, next};
use super::spec::Spec;
use crate::claim::{Barred, Hold, Holder, Ledger, Phase};
use crate::comparing::{Pair, Prover, forget, matching};
use crate::domain::{Problem, give_up, open};
use crate::replication::{Ended, FollowRule, Plugin};
use crate::shared::{Grace, lock};

/// How long a connection that is ACTIVE may be unknown to the follower.
const GRACE: Duration = Duration::from_secs(30);
/// How long a rule may be seen not to look: it looks every 30 s.
const PULSE: Duration = Duration::from_secs(75);
/// How long another delivery may take from having made a rule to having noted that.
const NOTES: Duration = Duration::from_secs(15);
/// What is told of the names of many indexes.
const NAMES: usize = 1000;

/// Makes the rule what the spec says, and waits until everything that matches follows.
pub(crate) async fn apply<C: Cloud>(cloud: &C, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
    let ledger = Ledger::new(cloud.claims(), spec.identity().claim_name(), Holder::of(context));
    let work = Work {
        cloud,
        spec,
        context,
        hold: Hold::new(ledger, context),
        memory: Memory::default(),
        pulse: Mutex::default(),
        unconnected: Grace::default(),
        is_new: AtomicBool::new(false),
        was_unsettled: AtomicBool::new(false),
        prover: Prover::default(),
    };
    let log = |status: &str| tracing::info!("replication rule `{}`: {status}", spec.name);
    match until(context.deadline, &Pace::default(), log, || work.look()).await {
        Ok(seen) => Ok(work.prover.attributes(attributes(spec, &seen), spec.wait_for)),
        Err(WaitError::Failed(problem)) => {
            let identity = spec.identity();
            let cleanup = || cleanup(cloud, &identity, Some(spec), context);
            Err(give_up(&work.hold, problem, context, cleanup).await)
        }
        Err(error) => {
            let awaited = format!(
                "not everything that matches `{}` follows on {} by rule `{}`",
                spec.pattern, spec.following.endpoint, spec.name
            );
            Err(Failure::of_wait(error, awaited, Failure::from))
        }
    }
}

fn attributes(spec: &Spec, seen: &Seen) -> Applied {
    let mut names = seen.ready.join(",");
    if let Some((end, _)) = names.char_indices().nth(NAMES) {
        names.truncate(end);
        names.push('…');
    }
    Applied::new()
        .attribute("Name", &spec.name)
        .attribute("Pattern", &spec.pattern)
        .attribute("Following", seen.ready.len().to_string())
        .attribute("FollowerIndexes", names)
}

struct Work<'a, C: Cloud> {
    cloud: &'a C,
    spec: &'a Spec,
    context: &'a Context,
    hold: Hold<'a, C::Claims>,
    memory: Memory,
    /// When the rule had looked last as it was first seen, and until when it may look so.
    pulse: Mutex<Option<(u64, Deadline)>>,
    /// How long the follower has not known the connection.
    unconnected: Grace,
    /// This invocation made the rule.
    is_new: AtomicBool,
    /// An earlier request was still at work: with what it made the rule last is not known.
    was_unsettled: AtomicBool,
    prover: Prover,
}

impl<C: Cloud> Work<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<Seen>, Problem> {
        let plugin = Plugin::open(self.cloud, &self.spec.following).await?;
        let leader = match &self.spec.comparing.leader {
            Some(leader) => Some(leader.open(self.cloud).await?),
            None => None,
        };
        // The rule before the claim: whoever makes one writes the claim first, so that ours is known to the claim that
        // is read after it.
        let rule = plugin.rule(&self.spec.name).await?;
        let taken = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        let Some(phase) = taken else { return Ok(Probe::not_yet("claiming the rule")) };
        if !self.hold.is_settled() {
            self.was_unsettled.store(true, Ordering::Relaxed);
        }
        let deadline = self.context.deadline;
        let seen = if let Some(rule) = &rule {
            look(&plugin, leader.as_ref(), self.spec, rule, &self.memory, deadline).await?
        } else {
            // Who cannot be asked is found before anything is made.
            if let Some(leader) = &leader {
                matching(leader, &self.spec.pattern, deadline).await?;
            }
            Seen::default()
        };
        let is_unsure = self.hold.is_settled() && self.was_unsettled.load(Ordering::Relaxed);
        let observed = Observed {
            rule: rule.as_ref().map(|rule| rule.pattern == self.spec.pattern),
            whose: whose(&phase),
            is_as_recorded: self.hold.ledger.parts().contains(&self.spec.definition()) && !is_unsure,
            is_new: self.is_new.load(Ordering::Relaxed),
            pulse: rule.as_ref().map_or(Pulse::Unknown, |rule| self.pulse(rule)),
            followers: seen.verdict(),
        };
        match next(observed) {
            Step::Make => self.make(&plugin, phase).await,
            Step::Remake => self.remove(&plugin).await,
            Step::Wait => Ok(Probe::not_yet(waiting(&seen, rule.as_ref(), observed.pulse))),
            Step::Done if !self.hold.is_settled() => {
                Ok(Probe::not_yet(format!("{}; an earlier request may still be at work", seen.progress())))
            }
            Step::Done => {
                let mut parts = self.hold.ledger.parts();
                self.prover.resume(&parts, &self.context.request_id, &seen.ready);
                if let Some(index) = self.unproved(&seen) {
                    return self.prove(leader.as_ref(), index, &seen).await;
                }
                forget(&mut parts);
                self.hold.ledger.set_parts(parts);
                if !self.hold.finish(phase).await.map_err(|barred| self.barred(barred))? {
                    return Ok(Probe::not_yet("another request was at work"));
                }
                Ok(Probe::Ready(seen))
            }
            Step::FailTaken => Err(self.taken()),
            Step::FailFollowers => Err(self.failed(&seen)),
        }
    }

    /// The next one to compare, by its name.
    fn unproved<'s>(&self, seen: &'s Seen) -> Option<&'s str> {
        let is_open = |index: &&String| !self.prover.is_proved(&self.spec.comparing, index);
        seen.ready.iter().filter(is_open).min().map(String::as_str)
    }

    /// Compares one index, and records that; the next look, or the next invocation, sees what else there is.
    async fn prove(
        &self,
        leader: Option<&impl Side>,
        index: &str,
        seen: &Seen,
    ) -> Result<Probe<Seen>, Problem> {
        let Spec { following, naming, comparing, .. } = self.spec;
        let (Some(leader), Some(leader_index)) = (leader, naming.leader_of(index)) else {
            return Ok(Probe::not_yet(format!("there is no leader's index to compare `{index}` with")));
        };
        let follower = Near(open(self.cloud, &following.access()).await?);
        let pair = Pair { leader_index, follower_index: index, settings: &following.settings };
        let status = self.prover.prove(comparing, leader, &follower, pair, self.context.deadline).await?;
        // That took its time.
        let taken = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        let Some(phase) = taken else { return Ok(Probe::not_yet("claiming the rule")) };
        let parts = self.hold.ledger.parts();
        let parts = self.prover.recorded(parts, &self.context.request_id, &seen.ready);
        self.hold.ledger.set_parts(parts);
        self.note(phase).await?;
        Ok(Probe::not_yet(format!("{}; {status}", seen.progress())))
    }

    async fn make<S: Search>(&self, plugin: &Plugin<'_, S>, phase: Phase) -> Result<Probe<Seen>, Problem> {
        let Spec { name, pattern, naming, .. } = self.spec;
        let parts = self.hold.ledger.parts();
        let names = before::look(plugin, self.spec, &parts).await?;
        // What another delivery has made follow meanwhile did not follow before.
        let now = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        if now.as_ref() != Some(&phase) || self.hold.ledger.parts() != parts {
            return Ok(Probe::not_yet("another delivery is at work"));
        }
        let mut parts = before::recorded(&parts, names, pattern);
        parts.push(self.spec.definition());
        self.hold.ledger.set_parts(parts);
        if whose(&phase) == Whose::Nobodys {
            let by = self.context.request_id.clone();
            self.note(Phase::Requesting { targets: vec![pattern.clone()], by }).await?;
        } else {
            self.note(phase.clone()).await?;
        }
        self.ensure_fresh().await?;
        match plugin.make_rule(name, pattern, naming.pattern()).await {
            Ok(()) => {
                self.is_new.store(true, Ordering::Relaxed);
                self.was_unsettled.store(!self.hold.is_settled(), Ordering::Relaxed);
                self.hold.record_made_anew(name, &phase).await.map_err(|barred| self.barred(barred))?;
                Ok(Probe::not_yet("made"))
            }
            // It is there, and its task is not: nobody shows it.
            Err(Ended::RuleExists) if whose(&phase) == Whose::Ours => self.remove(plugin).await,
            Err(Ended::RuleExists) => {
                // Somebody's since the look, or another delivery's.
                if self.is_made_by_another_delivery().await? {
                    return Ok(Probe::not_yet("made by another delivery"));
                }
                self.nothing_made(&phase).await?;
                Err(self.taken())
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
            Err(other) => Err(other.into_problem("cannot make the rule")),
        }
    }

    /// Another delivery of this request notes what it has made; it may be about to.
    async fn is_made_by_another_delivery(&self) -> Result<bool, Problem> {
        let look = || async {
            let now = self.hold.take().await.map_err(|barred| self.barred(barred))?;
            let is_made = matches!(now, Some(Phase::Made { .. }));
            Ok(if is_made { Probe::Ready(()) } else { Probe::not_yet("not noted as made") })
        };
        match until(Deadline::after(NOTES), &Pace::default(), |_| (), look).await {
            Ok(()) => Ok(true),
            Err(WaitError::Failed(problem)) => Err(problem),
            Err(WaitError::TimedOut(_)) => Ok(false),
        }
    }

    /// After a clear refusal of the first try the claim says again that nothing was made.
    async fn nothing_made(&self, before: &Phase) -> Result<(), Problem> {
        // Another delivery may have made it meanwhile.
        let now = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        if matches!((before, now), (Phase::Looking, Some(Phase::Requesting { .. }))) {
            self.note(Phase::Looking).await?;
        }
        Ok(())
    }

    /// Deletes the rule, for the next look to make it anew.
    async fn remove<S: Search>(&self, plugin: &Plugin<'_, S>) -> Result<Probe<Seen>, Problem> {
        self.ensure_fresh().await?;
        match plugin.delete_rule(&self.spec.name).await {
            Ok(()) | Err(Ended::NoSuchRule) => {}
            Err(other) => return Err(other.into_problem("cannot delete the rule")),
        }
        self.memory.clear();
        self.prover.clear();
        *lock(&self.pulse) = None;
        Ok(Probe::not_yet("deleted, to be made anew"))
    }

    /// A rule that this invocation made beats as soon as it has looked once; another when it looks while we do.
    fn pulse(&self, rule: &FollowRule) -> Pulse {
        let mut pulse = lock(&self.pulse);
        let (first, until) = pulse.get_or_insert_with(|| (rule.looked, Deadline::after(PULSE)));
        if rule.looked > 0 && (rule.looked != *first || self.is_new.load(Ordering::Relaxed)) {
            Pulse::Beats
        } else if until.has_passed() {
            Pulse::Stopped
        } else {
            Pulse::Unknown
        }
    }

    fn taken(&self) -> Problem {
        let Spec { name, following, .. } = self.spec;
        Problem::Dead {
            what: format!(
                "a rule `{name}` is on the follower at {} already, which no stack manages",
                following.endpoint
            ),
            hint: "Choose another Name, or delete that rule; what follows because of it goes on following."
                .to_owned(),
        }
    }

    fn failed(&self, seen: &Seen) -> Problem {
        let Spec { name, following, .. } = self.spec;
        Problem::Dead {
            what: format!(
                "rule `{name}` on the follower at {} cannot make everything follow: {}",
                following.endpoint,
                seen.failures()
            ),
            hint: "Delete the index on the follower where one has the name, resume what is paused, and see on the leader \
                   that all primary shards are active; then try again, because the rule itself tries again only after an \
                   hour."
                .to_owned(),
        }
    }

    async fn note(&self, phase: Phase) -> Result<(), Problem> {
        self.hold.note(phase).await.map_err(|barred| self.barred(barred))
    }

    /// Asked before every change.
    async fn ensure_fresh(&self) -> Result<(), Problem> {
        self.hold.ensure_fresh().await.map_err(|barred| self.barred(barred))
    }

    fn barred(&self, barred: Barred) -> Problem {
        let what = format!("rule `{}` on the follower at {}", self.spec.name, self.spec.following.endpoint);
        Problem::barred(barred, self.hold.ledger.name(), &what)
    }
}

fn whose(phase: &Phase) -> Whose {
    match phase {
        Phase::Looking | Phase::Adopting { .. } | Phase::Releasing { .. } => Whose::Nobodys,
        Phase::Requesting { .. } | Phase::Made { .. } => Whose::Ours,
    }
}

fn waiting(seen: &Seen, rule: Option<&FollowRule>, pulse: Pulse) -> String {
    let silences = rule.map_or(0, |rule| rule.silences);
    match pulse {
        Pulse::Unknown => format!("{}; the rule was not seen to look yet", seen.progress()),
        Pulse::Beats | Pulse::Stopped if silences > 0 => {
            format!("{}; the leader did not answer {silences} times", seen.progress())
        }
        Pulse::Beats | Pulse::Stopped => seen.progress(),
    }
}
