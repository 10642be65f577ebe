//! Letting go of the way out: the last one stops it, if one of us started it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloud::{Code, Error, Instance, InstanceState, Instances};
use custom_resource::Passage;
use wait::{Deadline, Pace, Probe, Retry, Retryable, until};

use super::marks::{FOUND, Intent, Lease, Marks, STARTED, STOPPED, STOPPING};

/// What an invocation keeps for closing.
pub(super) const TIME: Duration = Duration::from_secs(30);

/// How long what was written may stay unseen. The service calls itself eventually consistent and gives no number.
const VISIBLE: Duration = Duration::from_secs(5);

/// How long an intent stands before the instance is stopped: whoever wrote a lease without seeing the intent did so
/// before it became visible, and that lease is visible one such time later.
pub(super) const INTENT: Duration = Duration::from_secs(10);

/// How long an intent counts, should its owner die.
const INTENT_LASTS: Duration = Duration::from_secs(90);

/// An intent must last longer than this for the call it announces, which with its repetitions takes up to 25 s.
const CALL: u64 = 40;

/// Closes it, as far as that is possible in time; what is left expires.
pub(super) async fn close<C: Instances>(cloud: &C, instance: &str, lease: &Lease, passage: &Passage<'_>) {
    let closing = Closing { cloud, instance, lease, passage, progress: Mutex::default() };
    let log = |status: &str| tracing::info!("leaving NAT instance `{instance}`: {status}");
    let pace = Pace::new(Duration::from_millis(500), Duration::from_secs(3));
    if let Err(error) = until(passage.end, &pace, log, || closing.look()).await {
        tracing::warn!(
            "cannot let go of NAT instance `{instance}`; the lease ends by itself, and then the instance: {}",
            wait::chain(&error)
        );
    }
}

struct Closing<'a, C> {
    cloud: &'a C,
    instance: &'a str,
    lease: &'a Lease,
    passage: &'a Passage<'a>,
    progress: Mutex<Progress>,
}

/// What this closing has done so far.
#[derive(Clone, Debug, Default)]
struct Progress {
    has_released: bool,
    /// Until when leases that are seen may be gone already.
    settled_by: Option<Deadline>,
    /// Our intent, and from when it may be carried out.
    intent: Option<(String, Deadline)>,
}

/// What there is to decide by.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
struct View<'a> {
    state: &'a InstanceState,
    /// One of us started what runs.
    is_ours: bool,
    others_hold: bool,
    /// What is seen now was not only just written.
    is_settled: bool,
    /// The intent that is seen.
    intent: Option<&'a Intent>,
    /// The intent that is ours.
    mine: Option<&'a str>,
    /// Ours has stood for long enough.
    is_due: bool,
    /// Enough time is left to announce and to stop.
    has_time: bool,
    /// Seconds since 1970.
    now: u64,
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Look again later; why.
    Wait(&'static str),
    /// Announce the stop.
    Announce,
    /// Take the announcement back, and begin anew.
    Withdraw,
    /// The announcement is not there any more, or never was: begin anew.
    Forget,
    /// Stop it, and remove the marks.
    Stop,
    /// Remove the marks.
    Tidy,
    /// Nothing more, why.
    Leave(&'static str),
}

fn next(view: &View<'_>) -> Step {
    match view.state {
        InstanceState::ShuttingDown | InstanceState::Terminated => return Step::Leave("it is terminated"),
        InstanceState::Pending
        | InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped
        | InstanceState::Unknown(_) => {}
    }
    match (view.others_hold, view.mine) {
        (true, Some(_)) => return Step::Withdraw,
        (true, None) if view.is_settled => return Step::Leave("others hold it"),
        (true, None) => return Step::Wait("others hold it, or just let go"),
        (false, _) => {}
    }
    let stands_still = matches!(view.state, InstanceState::Stopped | InstanceState::Stopping);
    match view.mine {
        // Only the owner of an intent removes marks, so that it never removes those of the next start.
        // What speaks of our own start may be too new to be seen.
        None if !view.is_settled && (stands_still || !view.is_ours) => {
            Step::Wait("nothing to stop, it seems")
        }
        None if stands_still => Step::Leave("it stands still already"),
        None if !view.is_ours => Step::Leave("it ran when it was found"),
        None if !view.has_time => Step::Leave("no time is left to stop it, it will halt by itself"),
        // Its owner may take it back because of a lease that is gone by then: only what stands still is left.
        None if view.intent.is_some() => Step::Wait("another request is stopping it"),
        None => Step::Announce,
        Some(_) if !view.is_due => Step::Wait("nobody holds it, about to stop it"),
        Some(mine) => match view.intent.filter(|seen| seen.value == mine) {
            Some(_) if stands_still => Step::Tidy,
            Some(_) if !view.is_ours => Step::Withdraw,
            Some(seen) if seen.expires > view.now.saturating_add(CALL) => Step::Stop,
            Some(_) if view.has_time => Step::Announce,
            Some(_) => Step::Withdraw,
            None => Step::Forget,
        },
    }
}

impl<C: Instances> Closing<'_, C> {
    async fn look(&self) -> Result<Probe<()>, Error> {
        if !self.progress().has_released {
            self.cloud.untag(self.instance, &[(&self.lease.key, None)]).await?;
            self.progress().has_released = true;
        }
        let seen = self.cloud.describe(self.instance).await?;
        let now = self.passage.now();
        let marks = Marks::read(&seen.tags, self.lease, now);
        let step = self.decide(&seen, &marks);
        match step {
            Step::Wait(why) => Ok(Probe::NotYet(why.to_owned())),
            Step::Announce => self.announce(&marks, now).await,
            Step::Withdraw => {
                self.remove(&marks, false).await?;
                // What was seen may be the lease of one who has left meanwhile, and leaves the rest to us.
                *self.progress() = Progress { has_released: true, ..Progress::default() };
                Ok(Probe::NotYet("somebody came meanwhile".to_owned()))
            }
            Step::Forget => {
                self.progress().intent = None;
                Ok(Probe::NotYet("its stop was announced by another request".to_owned()))
            }
            Step::Tidy => self.remove(&marks, true).await,
            Step::Leave(why) => {
                tracing::info!("leaving NAT instance `{}` as it is: {why}", self.instance);
                self.remove(&marks, false).await
            }
            Step::Stop => match self.cloud.stop(self.instance).await {
                Ok(()) => {
                    tracing::info!("NAT instance `{}` stops: nobody holds it", self.instance);
                    self.remove(&marks, true).await
                }
                Err(error) if error.code == Code::DisabledOperation => {
                    Ok(Probe::NotYet("not to be stopped yet".to_owned()))
                }
                Err(error) => {
                    // Who comes next need not wait for a stop that will not be.
                    if error.retry() == Retry::Never {
                        self.remove(&marks, false).await?;
                    }
                    Err(error)
                }
            },
        }
    }

    fn decide(&self, seen: &Instance, marks: &Marks) -> Step {
        let mut progress = self.progress();
        let settled_by = *progress.settled_by.get_or_insert_with(|| Deadline::after(VISIBLE));
        next(&View {
            state: &seen.state,
            is_ours: marks.is_started_by_us(seen.launched_at),
            others_hold: marks.others_hold,
            is_settled: settled_by.has_passed(),
            intent: marks.intent.as_ref(),
            mine: progress.intent.as_ref().map(|(value, _)| value.as_str()),
            is_due: progress.intent.as_ref().is_some_and(|(_, due)| due.has_passed()),
            has_time: self.passage.end.remaining() > INTENT + Duration::from_secs(4),
            now: self.passage.now().as_secs(),
        })
    }

    async fn announce(&self, marks: &Marks, now: Duration) -> Result<Probe<()>, Error> {
        let intent = self.lease.intent(now + INTENT_LASTS);
        let written = self.cloud.tag(self.instance, &[(STOPPING, &intent)]).await;
        if written.as_ref().is_err_and(|error| error.code == Code::LimitExceeded) {
            return self.sweep(marks, written).await;
        }
        // Ours even if the answer was lost: it may have been written, by now.
        self.progress().intent = Some((intent, Deadline::after(INTENT)));
        written?;
        Ok(Probe::NotYet("nobody holds it, about to stop it".to_owned()))
    }

    /// There is no room for the announcement: dead holders left no place, or somebody came who is not seen yet.
    async fn sweep(&self, marks: &Marks, refused: Result<(), Error>) -> Result<Probe<()>, Error> {
        let is_settled = self.progress().settled_by.is_some_and(Deadline::has_passed);
        if !marks.expired.is_empty() {
            self.cloud.untag(self.instance, &marks.doomed()).await?;
        } else if is_settled {
            refused?;
        }
        Ok(Probe::NotYet("it holds as many tags as it can, about to announce its stop".to_owned()))
    }

    /// The last step: what dead holders left, our intent, and, when it stands still, what spoke of its start.
    async fn remove(&self, marks: &Marks, stands_still: bool) -> Result<Probe<()>, Error> {
        let mine = self.progress().intent.clone();
        let mut doomed = marks.doomed();
        if let Some((intent, _)) = &mine {
            doomed.push((STOPPING, Some(intent)));
        }
        if stands_still {
            doomed.push((FOUND, Some(STOPPED)));
            doomed.extend(marks.started.as_deref().map(|started| (STARTED, Some(started))));
        }
        if !doomed.is_empty() {
            self.cloud.untag(self.instance, &doomed).await?;
        }
        Ok(Probe::Ready(()))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = "1090 own:1";

    fn intent(value: &str) -> Intent {
        Intent { value: value.to_owned(), expires: 1090 }
    }

    /// Running, started by one of us, nobody else in, nothing announced.
    fn view(state: &InstanceState) -> View<'_> {
        View {
            state,
            is_ours: true,
            others_hold: false,
            is_settled: true,
            intent: None,
            mine: None,
            is_due: false,
            has_time: true,
            now: 1_000,
        }
    }

    fn states() -> impl Iterator<Item = InstanceState> {
        InstanceState::ALL.iter().cloned().chain([InstanceState::Unknown("hibernating".to_owned())])
    }

    /// One row per state: nothing announced; announced and due; announced and due, while somebody else came in.
    #[test]
    fn every_state_has_its_step() {
        let (announced, still) = (intent(MINE), Step::Leave("it stands still already"));
        let gone = Step::Leave("it is terminated");
        for (state, first, due, met) in [
            ("pending", Step::Announce, Step::Stop, Step::Withdraw),
            ("running", Step::Announce, Step::Stop, Step::Withdraw),
            ("stopping", still, Step::Tidy, Step::Withdraw),
            ("stopped", still, Step::Tidy, Step::Withdraw),
            ("shutting-down", gone, gone, gone),
            ("terminated", gone, gone, gone),
            ("hibernating", Step::Announce, Step::Stop, Step::Withdraw),
        ] {
            let state = InstanceState::parse(state);
            assert_eq!(next(&view(&state)), first, "{state}");
            let intent = Some(&announced);
            assert_eq!(
                next(&View { intent, mine: Some(MINE), is_due: true, ..view(&state) }),
                due,
                "{state}"
            );
            let others_hold = true;
            assert_eq!(
                next(&View { others_hold, intent, mine: Some(MINE), is_due: true, ..view(&state) }),
                met,
                "{state}, met"
            );
        }
    }

    #[test]
    fn d10_what_others_hold_or_was_found_running_is_never_stopped() {
        let announced = intent(MINE);
        for state in states() {
            for (intent, mine) in [(None, None), (Some(&announced), None), (Some(&announced), Some(MINE))] {
                for (is_settled, is_due) in [(false, false), (false, true), (true, false), (true, true)] {
                    for (others_hold, is_ours) in [(true, true), (true, false), (false, false)] {
                        let view =
                            View { is_ours, others_hold, is_settled, intent, mine, is_due, ..view(&state) };
                        assert_ne!(next(&view), Step::Stop, "{view:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_stop_is_announced_seen_by_all_and_still_announced() {
        let running = InstanceState::Running;
        let (mine, other) = (intent(MINE), intent("1090 other:1"));
        let announced = View { intent: Some(&mine), mine: Some(MINE), ..view(&running) };
        assert!(matches!(next(&announced), Step::Wait(_)), "not seen by all yet");
        let overwritten = View { intent: Some(&other), mine: Some(MINE), is_due: true, ..view(&running) };
        assert_eq!(next(&overwritten), Step::Forget);
        let expiring =
            View { intent: Some(&mine), mine: Some(MINE), is_due: true, now: 1_050, ..view(&running) };
        assert_eq!(next(&expiring), Step::Announce, "the call might come after the announcement has expired");
        let unseen = View { is_ours: false, is_settled: false, ..view(&running) };
        assert!(matches!(next(&unseen), Step::Wait(_)), "our own start may be too new to be seen");
        let foreign = View { intent: Some(&other), ..view(&running) };
        assert_eq!(next(&foreign), Step::Wait("another request is stopping it"), "it may be taken back");
        let late = View { has_time: false, ..view(&running) };
        assert!(matches!(next(&late), Step::Leave(_)));
    }

    #[test]
    fn of_two_that_let_go_at_once_neither_takes_the_others_lease_for_a_holder() {
        let running = InstanceState::Running;
        let just_now = View { others_hold: true, is_settled: false, ..view(&running) };
        assert!(matches!(next(&just_now), Step::Wait(_)));
        let held = View { others_hold: true, ..view(&running) };
        assert_eq!(next(&held), Step::Leave("others hold it"));
    }
}
