//! Adding the entries: Create and Update.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use cloud::Cloud;
use custom_resource::{Applied, Context, Failure};
use wait::{Deadline, Pace, Probe, WaitError, until};

use super::cleanup::cleanup;
use super::plan::{Change, Entry};
use super::side::Side;
use super::spec::Spec;
use crate::claim::{Barred, Hold, Holder, Ledger, Phase};
use crate::domain::{Problem, give_up};
use crate::shared::lock;

/// After a whole list was written: longer than somebody else takes between his look and his write.
const STAYS: Duration = Duration::from_secs(5);

/// Makes the mapping have what the spec says.
pub(crate) async fn apply<C: Cloud>(cloud: &C, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
    let identity = &spec.identity;
    let ledger = Ledger::new(cloud.claims(), identity.claim_name(context), Holder::of(context));
    let work = Work {
        cloud,
        spec,
        context,
        hold: Hold::new(ledger, context),
        ours: Mutex::default(),
        stays_until: Mutex::default(),
    };
    let log = |status: &str| tracing::info!("mapping of role `{}`: {status}", identity.role);
    match until(context.deadline, &Pace::default(), log, || work.look()).await {
        Ok(ours) => {
            let added: Vec<_> = ours.iter().map(|entry| entry.name.clone()).collect();
            Ok(Applied::new().attribute("Role", &identity.role).attribute("Added", added.join(",")))
        }
        Err(WaitError::Failed(problem)) => {
            let cleanup = || cleanup(cloud, identity, &spec.caller, context);
            Err(give_up(&work.hold, problem, context, cleanup).await)
        }
        Err(error) => {
            let awaited = format!("role `{}` on {} is not mapped", identity.role, identity.endpoint);
            Err(Failure::of_wait(error, awaited, Failure::from))
        }
    }
}

struct Work<'a, C: Cloud> {
    cloud: &'a C,
    spec: &'a Spec,
    context: &'a Context,
    hold: Hold<'a, C::Claims>,
    /// All that the claim was ever seen to record: a request that this one has overtaken may overwrite it once more.
    ours: Mutex<BTreeSet<Entry>>,
    /// Until when a list that was written as a whole may still be overwritten by somebody who looked before.
    stays_until: Mutex<Option<Deadline>>,
}

impl<C: Cloud> Work<'_, C> {
    /// One look and at most one change.
    async fn look(&self) -> Result<Probe<BTreeSet<Entry>>, Problem> {
        // Whom one cannot call as, and what cannot be read, is found before anything is made.
        let side = Side::open(self.cloud, &self.spec.identity, &self.spec.caller).await?;
        let mapping = side.read().await?;
        let taken = self.hold.take().await.map_err(|barred| self.barred(barred))?;
        if taken.is_none() {
            return Ok(Probe::NotYet("claiming".to_owned()));
        }
        let ours = self.ours();
        let change = Change::between(mapping.as_ref(), &self.spec.wanted, &ours);
        if change.is_nothing() {
            return self.settle(ours).await;
        }
        if mapping.as_ref().is_some_and(|mapping| mapping.is_reserved) {
            return Err(side.reserved());
        }
        // Before it is written: whatever happens then, what was not there is known to be ours.
        lock(&self.ours).extend(change.add.iter().cloned());
        self.record(&self.ours());
        let by = self.context.request_id.clone();
        let requesting = Phase::Requesting { targets: Vec::new(), by };
        self.hold.note(requesting).await.map_err(|barred| self.barred(barred))?;
        self.hold.ensure_fresh().await.map_err(|barred| self.barred(barred))?;
        // Looked at once more, because writing the claim takes longer than somebody else's change; what that took away is
        // not recorded yet, and the next look's to add.
        let (mapping, ours) = (side.read().await?, self.ours());
        let mut change = Change::between(mapping.as_ref(), &self.spec.wanted, &ours);
        change.add.retain(|entry| ours.contains(entry));
        if change.is_nothing() {
            return Ok(Probe::NotYet("somebody else has changed the mapping".to_owned()));
        }
        let (operations, is_whole) = change.patch(&self.spec.identity.role, mapping.as_ref());
        if is_whole {
            *lock(&self.stays_until) = Some(Deadline::after(STAYS));
        }
        if let Some(why) = side.patch(operations).await? {
            return Ok(Probe::NotYet(why));
        }
        self.hold.record_made(&self.spec.identity.role).await.map_err(|barred| self.barred(barred))?;
        Ok(Probe::NotYet("written".to_owned()))
    }

    /// What is there because of us.
    fn ours(&self) -> BTreeSet<Entry> {
        let mut ours = lock(&self.ours);
        ours.extend(recorded(&self.hold.ledger.parts()));
        ours.clone()
    }

    /// The next write of the claim says so.
    fn record(&self, entries: &BTreeSet<Entry>) {
        self.hold.ledger.set_parts(entries.iter().map(ToString::to_string).collect());
    }

    /// Everything is as wanted: whether it stays so, and nothing of an earlier request is under way.
    async fn settle(&self, ours: BTreeSet<Entry>) -> Result<Probe<BTreeSet<Entry>>, Problem> {
        let may_be_overwritten = lock(&self.stays_until).is_some_and(|until| !until.has_passed());
        if may_be_overwritten {
            return Ok(Probe::NotYet("written, and looked at again".to_owned()));
        }
        if !self.hold.is_settled() {
            return Ok(Probe::NotYet("mapped; an earlier request may still be at work".to_owned()));
        }
        let ours: BTreeSet<_> = ours.intersection(&self.spec.wanted).cloned().collect();
        self.record(&ours);
        let id = self.spec.identity.role.clone();
        let made = Phase::Made { id, by: Some(self.context.request_id.clone()) };
        if !self.hold.finish(made).await.map_err(|barred| self.barred(barred))? {
            return Ok(Probe::not_yet("another request was at work"));
        }
        Ok(Probe::Ready(ours))
    }

    fn barred(&self, barred: Barred) -> Problem {
        let what = format!("the mapping of role `{}`", self.spec.identity.role);
        Problem::barred(barred, self.hold.ledger.name(), &what)
    }
}

/// The entries that a claim records.
pub(crate) fn recorded(parts: &[String]) -> BTreeSet<Entry> {
    parts.iter().filter_map(|part| Entry::parse(part)).collect()
}
