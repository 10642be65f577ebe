//! The NAT instance of a world: its port, whether there is a way out, and what others do to it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Code, Error, Instance, InstanceState, Instances, Reach};

use super::Faulty;
use super::nat::{EPOCH, Machine, Nat};
use super::state::{Caller, State, error};
use super::world::World;

const START: &str = "StartInstances";
const STOP: &str = "StopInstances";
const DESCRIBE: &str = "DescribeInstances";
const TAG: &str = "CreateTags";
const UNTAG: &str = "DeleteTags";
const REACH: &str = "TLS handshake";

/// How long it takes to notice that there is no way out.
const CONNECT: Duration = Duration::from_secs(3);

impl World {
    /// Whose function has no way out but this NAT instance: without it, only calls about instances get anywhere.
    #[must_use]
    pub fn with_nat(self, nat: Nat) -> Self {
        let mut state = self.now();
        state.nat = Some(Machine::new(nat, state.began));
        drop(state);
        self
    }

    /// The id of the NAT instance, in a world that has one.
    pub fn nat_id(&self) -> Option<String> {
        self.now().nat.as_ref().map(|machine| machine.nat.id.clone())
    }

    /// Where the NAT instance is now.
    pub fn nat_state(&self) -> Option<InstanceState> {
        self.now().nat.as_ref().map(|machine| machine.state(Instant::now()))
    }

    /// Every state the NAT instance entered, with the time since the world began.
    pub fn nat_history(&self) -> Vec<(Duration, InstanceState)> {
        self.now().nat.as_ref().map(|machine| machine.history(Instant::now())).unwrap_or_default()
    }

    /// What is written on the NAT instance.
    pub fn nat_tags(&self) -> BTreeMap<String, String> {
        self.now().nat.as_ref().map(|machine| machine.tags().clone()).unwrap_or_default()
    }

    /// True when calls get out.
    pub fn has_way_out(&self) -> bool {
        self.now().nat.as_ref().is_none_or(|machine| machine.forwards(Instant::now()))
    }

    /// Somebody starts the NAT instance, if it can be started.
    pub fn start_nat_by_hand(&self) {
        self.by_hand(|machine, now| drop(machine.start(now)));
    }

    /// Somebody stops the NAT instance, if it can be stopped.
    pub fn stop_nat_by_hand(&self) {
        self.by_hand(|machine, now| drop(machine.stop(now)));
    }

    /// Somebody terminates the NAT instance.
    pub fn terminate_nat_by_hand(&self) {
        self.by_hand(Machine::terminate);
    }

    /// Somebody, or something that died, wrote this on the NAT instance.
    pub fn tag_nat_by_hand(&self, key: &str, value: &str) {
        self.by_hand(|machine, now| drop(machine.tag(now, &[(key, value)])));
    }

    /// The wall clock of this world, since 1970.
    pub fn wall_clock(&self) -> Duration {
        EPOCH + (Instant::now() - self.now().began)
    }

    fn by_hand(&self, act: impl FnOnce(&mut Machine, Instant)) {
        if let Some(machine) = self.now().nat.as_mut() {
            act(machine, Instant::now());
        }
    }

    /// Refuses a call that needs a way out when there is none, as late as that is noticed.
    pub(super) async fn get_out(&self, operation: &'static str) -> Result<(), Error> {
        if matches!(operation, START | STOP | DESCRIBE | TAG | UNTAG) || self.has_way_out() {
            return Ok(());
        }
        super::pause(CONNECT).await;
        Err(error(operation, Code::NoAnswer, "HTTP connect timeout occurred after 3s"))
    }

    async fn on_instance<T: Send>(
        &self,
        operation: &'static str,
        id: &str,
        effect: impl FnOnce(&mut Machine, Instant) -> Result<T, (Code, String)> + Send,
    ) -> Result<T, Error> {
        let (account, region) = self.home();
        let caller = Caller { account, region, is_throttled: false };
        let effect = |state: &mut State, now| {
            let known = state.nat.as_mut().filter(|machine| machine.nat.id == id);
            let machine = known.ok_or_else(|| {
                let message = format!("The instance ID '{id}' does not exist");
                error(operation, Code::ResourceNotFound, message)
            })?;
            effect(machine, now).map_err(|(code, message)| error(operation, code, message))
        };
        self.call(&caller, operation, id, effect).await
    }
}

impl Instances for World {
    async fn start(&self, id: &str) -> Result<(), Error> {
        self.on_instance(START, id, Machine::start).await
    }

    async fn stop(&self, id: &str) -> Result<(), Error> {
        self.on_instance(STOP, id, Machine::stop).await
    }

    async fn describe(&self, id: &str) -> Result<Instance, Error> {
        self.on_instance(DESCRIBE, id, |machine, now| Ok(machine.describe(now))).await
    }

    async fn tag(&self, id: &str, tags: &[(&str, &str)]) -> Result<(), Error> {
        self.on_instance(TAG, id, |machine, now| machine.tag(now, tags)).await
    }

    async fn untag(&self, id: &str, tags: &[(&str, Option<&str>)]) -> Result<(), Error> {
        let effect = |machine: &mut Machine, now| {
            machine.untag(now, tags);
            Ok(())
        };
        self.on_instance(UNTAG, id, effect).await
    }
}

impl Reach for World {
    async fn reach(&self, region: &str) -> Result<(), Error> {
        let (account, _) = self.home();
        let caller = Caller { account, region: region.to_owned(), is_throttled: false };
        let effect = |state: &mut State, _| {
            if state.unreachable.contains(region) {
                return Err(error(REACH, Code::NoAnswer, "dns error: no record found"));
            }
            Ok(())
        };
        self.call(&caller, REACH, region, effect).await
    }
}

impl World {
    /// A Region whose endpoint cannot be reached by any way.
    #[must_use]
    pub fn without_endpoint_in(self, region: &str) -> Self {
        self.now().unreachable.insert(region.to_owned());
        self
    }
}

impl<C: Instances> Instances for Faulty<C> {
    async fn start(&self, id: &str) -> Result<(), Error> {
        self.faults().around(START, self.inner().start(id)).await
    }

    async fn stop(&self, id: &str) -> Result<(), Error> {
        self.faults().around(STOP, self.inner().stop(id)).await
    }

    async fn describe(&self, id: &str) -> Result<Instance, Error> {
        self.faults().around(DESCRIBE, self.inner().describe(id)).await
    }

    async fn tag(&self, id: &str, tags: &[(&str, &str)]) -> Result<(), Error> {
        self.faults().around(TAG, self.inner().tag(id, tags)).await
    }

    async fn untag(&self, id: &str, tags: &[(&str, Option<&str>)]) -> Result<(), Error> {
        self.faults().around(UNTAG, self.inner().untag(id, tags)).await
    }
}

impl<C: Reach> Reach for Faulty<C> {
    async fn reach(&self, region: &str) -> Result<(), Error> {
        self.faults().around(REACH, self.inner().reach(region)).await
    }
}
