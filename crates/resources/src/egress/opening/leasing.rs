//! Writing on an instance that may be full: leases, marks, and who has to wait.

use cloud::{Code, Error, Instance, Instances, Reach};

use super::super::marks::Marks;
use super::super::room;
use super::Opening;

impl<C: Instances + Reach> Opening<'_, C> {
    /// The lease first, so that whoever is about to stop the instance sees it. None when there is no room for it.
    pub(super) async fn lease_and_describe(&self) -> Result<Option<Instance>, Error> {
        let (has_lease, is_crowded) = {
            let progress = self.progress();
            (progress.has_lease, progress.is_crowded)
        };
        if !has_lease {
            // Who writes first where there is no room takes what a start has to write.
            if is_crowded && !self.makes_room(&self.describe().await?).await? {
                return Ok(None);
            }
            match self.cloud.tag(self.instance, &[(&self.lease.key, &self.lease.until)]).await {
                Ok(()) => self.progress().has_lease = true,
                Err(error) if error.code == Code::LimitExceeded => {
                    self.sweep().await?;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        let seen = self.describe().await?;
        Ok(if self.makes_room(&seen).await? { Some(seen) } else { None })
    }

    /// Writes what speaks of a start. False when there is no room for it yet.
    pub(super) async fn mark(&self, marks: &[(&str, &str)]) -> Result<bool, Error> {
        match self.cloud.tag(self.instance, marks).await {
            Ok(()) => Ok(true),
            Err(error) if error.code == Code::LimitExceeded => {
                let seen = self.sweep().await?;
                if room::is_taken_by_others(&seen.tags) { Err(error) } else { Ok(false) }
            }
            Err(error) => Err(error),
        }
    }

    async fn describe(&self) -> Result<Instance, Error> {
        // Before the call: a start that it does not show yet is not earlier than this by much.
        self.progress().looked_at = self.passage.now();
        self.cloud.describe(self.instance).await
    }

    /// True when there is room. If not, what dead holders left goes, else our own lease if it is among those that are
    /// too many.
    async fn makes_room(&self, seen: &Instance) -> Result<bool, Error> {
        if room::has_place(&seen.tags, self.lease) {
            return Ok(true);
        }
        let marks = Marks::read(&seen.tags, self.lease, self.passage.now());
        let mut doomed = marks.doomed();
        {
            let mut progress = self.progress();
            progress.is_crowded = true;
            if doomed.is_empty() && (progress.has_lease || seen.tags.contains_key(&self.lease.key)) {
                // Before the call: should its answer be lost, the lease is written again rather than taken for there.
                progress.has_lease = false;
                doomed.push((&self.lease.key, None));
            }
        }
        if !doomed.is_empty() {
            self.cloud.untag(self.instance, &doomed).await?;
        }
        Ok(false)
    }

    /// It is full: removes what dead holders left, and says what was seen.
    async fn sweep(&self) -> Result<Instance, Error> {
        self.progress().is_crowded = true;
        let seen = self.describe().await?;
        let marks = Marks::read(&seen.tags, self.lease, self.passage.now());
        if !marks.expired.is_empty() {
            self.cloud.untag(self.instance, &marks.doomed()).await?;
        }
        Ok(seen)
    }
}
