//! Getting a way out: lease, look, decide, one step, look again.

mod leasing;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloud::{Code, Error, InstanceState, Instances, Reach};
use custom_resource::{Failure, Home, Passage};
use serde_json::Value;
use wait::{Deadline, Pace, Probe, Retry, Retryable, until};

use super::marks::{FOUND, Lease, Marks, STARTED, STOPPED};
use super::problem::Problem;

/// How long a running instance may take to forward: far longer than it boots.
const READY: Duration = Duration::from_mins(5);

/// How long further Regions may take once one was reached: from then on it is not the NAT instance.
const FURTHER: Duration = Duration::from_secs(20);

/// How long EC2 may be out of reach before that is what is wrong.
const EC2: Duration = Duration::from_mins(1);

/// How often it may fall back to stopped.
const MOST_FALLS: u32 = 3;

/// Opens the way out.
pub(super) async fn open<C: Instances + Reach>(
    cloud: &C,
    instance: &str,
    lease: &Lease,
    passage: &Passage<'_>,
) -> Result<(), Failure> {
    let opening = Opening { cloud, instance, lease, passage, progress: Mutex::new(Progress::new(passage)) };
    let log = |status: &str| tracing::info!("NAT instance `{instance}`: {status}");
    let pace = Pace::new(Duration::from_secs(1), Duration::from_secs(5));
    until(passage.deadline, &pace, log, || opening.look()).await.map_err(|error| {
        Failure::of_wait(error, format!("NAT instance `{instance}` is no way out yet"), Failure::from)
    })
}

struct Opening<'a, C> {
    cloud: &'a C,
    instance: &'a str,
    lease: &'a Lease,
    passage: &'a Passage<'a>,
    progress: Mutex<Progress>,
}

/// What this invocation has seen and done.
#[derive(Debug)]
struct Progress {
    has_lease: bool,
    /// There was no room: from now on a look comes before a lease.
    is_crowded: bool,
    /// EC2 has answered.
    ec2_by: Option<Deadline>,
    /// When EC2 was asked for what is known now.
    looked_at: Duration,
    /// What we wrote of our last start.
    started: Option<String>,
    /// Since our start it was seen on its way up.
    is_rising: bool,
    falls: u32,
    ready_by: Option<Deadline>,
    /// Regions not reached yet.
    regions: Vec<String>,
    further_by: Option<Deadline>,
}

impl Progress {
    fn new(passage: &Passage<'_>) -> Self {
        Self {
            has_lease: false,
            is_crowded: false,
            ec2_by: Some(Deadline::after(EC2)),
            looked_at: passage.now(),
            started: None,
            is_rising: false,
            falls: 0,
            ready_by: None,
            regions: regions(passage.properties, passage.home),
            further_by: None,
        }
    }
}

/// The one next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Look again later.
    Wait,
    /// Write that it stood still, and start it.
    Start,
    /// See whether something gets through.
    Try,
    /// There is none any more.
    Gone,
    /// It does not stay up.
    FallsBack,
}

/// Decides. An intent to stop is waited for in every state, because its owner may stop the instance at any moment;
/// it takes it back when it sees our lease, removes it when it is done, and lets it expire when it is dead.
fn next(state: &InstanceState, is_to_be_stopped: bool, falls: u32) -> Step {
    match state {
        InstanceState::ShuttingDown | InstanceState::Terminated => Step::Gone,
        InstanceState::Stopped if falls >= MOST_FALLS => Step::FallsBack,
        InstanceState::Stopped if !is_to_be_stopped => Step::Start,
        InstanceState::Running if !is_to_be_stopped => Step::Try,
        InstanceState::Stopped
        | InstanceState::Running
        | InstanceState::Pending
        | InstanceState::Stopping
        | InstanceState::Unknown(_) => Step::Wait,
    }
}

/// The Regions whose API the request needs: where the function is, and what the properties name.
///
/// Properties of a Delete may hold anything: what looks like no Region is no Region.
fn regions(properties: &Value, home: &Home) -> Vec<String> {
    let named = ["LocalRegion", "RemoteRegion"].into_iter().filter_map(|name| properties.get(name)?.as_str());
    let fits = |region: &&str| {
        (1..=32).contains(&region.len())
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let mut regions = vec![home.region.clone()];
    for region in named.filter(fits) {
        if !regions.iter().any(|known| known == region) {
            regions.push(region.to_owned());
        }
    }
    regions
}

impl<C: Instances + Reach> Opening<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<()>, Problem> {
        let seen = match self.lease_and_describe().await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                return Ok(Probe::not_yet(
                    "it holds as many tags as it can, waiting for leases to be released",
                ));
            }
            Err(error) if error.code == Code::ResourceNotFound => return self.without(false).await,
            Err(source) => return Err(self.unheard(source)),
        };
        self.progress().ec2_by = None;
        let marks = Marks::read(&seen.tags, self.lease, self.passage.now());
        let falls = self.count_falls(&seen.state);
        match next(&seen.state, marks.intent.is_some(), falls) {
            Step::Wait if marks.intent.is_some() => {
                Ok(Probe::not_yet(format!("{}, and another request is stopping it", seen.state)))
            }
            Step::Wait => Ok(Probe::not_yet(seen.state.to_string())),
            Step::Start => self.start().await,
            Step::Try => self.try_out().await,
            Step::Gone => self.without(true).await,
            Step::FallsBack => {
                self.take_back_marks().await;
                Err(Problem::FallsBack {
                    instance: self.instance.to_owned(),
                    reason: seen.reason.unwrap_or_else(|| "EC2 gives no reason".to_owned()),
                })
            }
        }
    }

    /// How often it has come down again after a start of ours.
    fn count_falls(&self, state: &InstanceState) -> u32 {
        let mut progress = self.progress();
        match state {
            InstanceState::Pending => progress.is_rising = true,
            InstanceState::Stopped if progress.is_rising => {
                progress.is_rising = false;
                progress.falls += 1;
            }
            InstanceState::Running | InstanceState::Stopping => progress.is_rising = false,
            InstanceState::Stopped
            | InstanceState::ShuttingDown
            | InstanceState::Terminated
            | InstanceState::Unknown(_) => {}
        }
        progress.falls
    }

    async fn start(&self) -> Result<Probe<()>, Problem> {
        let started = {
            let mut progress = self.progress();
            let started = self.lease.started(progress.looked_at);
            progress.started = Some(started.clone());
            started
        };
        let marks = [(FOUND, STOPPED), (STARTED, started.as_str())];
        if !self.mark(&marks).await.map_err(|source| self.call(source))? {
            return Ok(Probe::not_yet(
                "no room to write on it that it is started, waiting for leases to be released",
            ));
        }
        match self.cloud.start(self.instance).await {
            Ok(()) => {
                // Once more: another one of us may have written its own over them, and taken those back.
                self.mark(&marks).await.map_err(|source| self.call(source))?;
                Ok(Probe::not_yet("starting"))
            }
            // It is not quite stopped: that is waited out, never fought.
            Err(error) if error.code == Code::DisabledOperation => {
                Ok(Probe::not_yet("not to be started yet"))
            }
            Err(source) => {
                if source.retry() == Retry::Never {
                    self.take_back_marks().await;
                }
                Err(self.call(source))
            }
        }
    }

    /// Of a start that will not be, lest somebody's own start is taken for it.
    async fn take_back_marks(&self) {
        let Some(started) = self.progress().started.take() else { return };
        let marks = [(FOUND, Some(STOPPED)), (STARTED, Some(started.as_str()))];
        if let Err(error) = self.cloud.untag(self.instance, &marks).await {
            tracing::warn!(
                "cannot take back what was written of a start of NAT instance `{}`: {}",
                self.instance,
                wait::chain(&error)
            );
        }
    }

    /// Ready is what gets through, not what a status says.
    async fn try_out(&self) -> Result<Probe<()>, Problem> {
        let ready_by = *self.progress().ready_by.get_or_insert_with(|| Deadline::after(READY));
        match self.reach_all().await {
            Ok(()) => Ok(Probe::Ready(())),
            Err(source) => {
                let further_by = self.progress().further_by;
                match further_by {
                    Some(by) if by.has_passed() => {
                        tracing::warn!("the way out is there, but not everywhere: {source}");
                        Ok(Probe::Ready(()))
                    }
                    None if ready_by.has_passed() => {
                        Err(Problem::NoWay { instance: self.instance.to_owned(), source })
                    }
                    Some(_) | None => Ok(Probe::not_yet("running, and nothing gets through yet")),
                }
            }
        }
    }

    /// Reaches what was not reached yet.
    async fn reach_all(&self) -> Result<(), Error> {
        let regions = self.progress().regions.clone();
        let mut failed = None;
        for region in regions {
            match self.cloud.reach(&region).await {
                Ok(()) => {
                    let mut progress = self.progress();
                    progress.regions.retain(|left| *left != region);
                    progress.further_by.get_or_insert_with(|| Deadline::after(FURTHER));
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// No such instance: the route may lead elsewhere by now, and what gets through is what counts.
    async fn without(&self, is_terminated: bool) -> Result<Probe<()>, Problem> {
        match self.cloud.reach(&self.passage.home.region).await {
            Ok(()) => {
                tracing::warn!("NAT instance `{}` is gone, and there is a way out without it", self.instance);
                Ok(Probe::Ready(()))
            }
            Err(_) => Err(Problem::Gone { instance: self.instance.to_owned(), is_terminated }),
        }
    }

    /// EC2 that never answered is a missing endpoint, not bad luck.
    fn unheard(&self, source: Error) -> Problem {
        let is_unheard = self.progress().ec2_by.is_some_and(Deadline::has_passed);
        if is_unheard && source.code == Code::NoAnswer {
            return Problem::NoEc2 { instance: self.instance.to_owned(), source };
        }
        self.call(source)
    }

    fn call(&self, source: Error) -> Problem {
        Problem::Call { instance: self.instance.to_owned(), source }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn d12_every_state_has_its_step_and_what_stops_is_waited_out() {
        for (state, step, while_to_be_stopped) in [
            (InstanceState::Pending, Step::Wait, Step::Wait),
            (InstanceState::Running, Step::Try, Step::Wait),
            (InstanceState::Stopping, Step::Wait, Step::Wait),
            (InstanceState::Stopped, Step::Start, Step::Wait),
            (InstanceState::ShuttingDown, Step::Gone, Step::Gone),
            (InstanceState::Terminated, Step::Gone, Step::Gone),
            (InstanceState::Unknown("hibernating".to_owned()), Step::Wait, Step::Wait),
        ] {
            assert_eq!(next(&state, false, 0), step, "{state}");
            assert_eq!(next(&state, true, 0), while_to_be_stopped, "{state}, to be stopped");
        }
        assert_eq!(next(&InstanceState::Stopped, false, MOST_FALLS), Step::FallsBack);
    }

    #[test]
    fn the_regions_are_those_of_the_function_and_of_both_sides() {
        let home = Home {
            partition: "aws".to_owned(),
            account: "222222222222".to_owned(),
            region: "us-west-2".to_owned(),
        };
        for (properties, expected) in [
            (json!({}), vec!["us-west-2"]),
            (
                json!({ "LocalRegion": "us-west-2", "RemoteRegion": "us-east-1" }),
                vec!["us-west-2", "us-east-1"],
            ),
            (json!({ "RemoteRegion": ["us-east-1"], "LocalRegion": "a.b/c" }), vec!["us-west-2"]),
            (json!({ "RemoteRegion": "" }), vec!["us-west-2"]),
            (json!(null), vec!["us-west-2"]),
        ] {
            assert_eq!(regions(&properties, &home), expected, "{properties}");
        }
    }
}
