//! A decorator over any port: it counts the calls and lets chosen ones go wrong.

use crate::{
    Access, Association, Caller, Claimed, Claims, Cloud, Connections, Error, Filter, Function, GatewayRoute,
    Inbound, NewConnection, NewPeering, Outbound, PeerAddress, Peering, Place, Recorded, StackResource,
    Stacks, TransitGateways,
};

use super::faults::{Fault, Faults};
use super::operation;

/// A port, or a whole cloud, some of whose calls go wrong.
///
/// Calls are counted over all ports together, from 1, by the names of the API's operations; a session with the
/// function's own credentials counts as `session`, one with a role as `AssumeRole`.
#[derive(Clone, Debug)]
pub struct Faulty<C> {
    inner: C,
    faults: Faults,
}

impl<C> Faulty<C> {
    /// Nothing goes wrong yet.
    pub fn new(inner: C) -> Self {
        Self { inner, faults: Faults::default() }
    }

    /// Lets the `nth` call on any port go wrong.
    #[must_use]
    pub fn on_call(self, nth: u32, fault: Fault) -> Self {
        self.faults.plan(None, nth, fault);
        self
    }

    /// Lets the `nth` call of this operation go wrong.
    #[must_use]
    pub fn on(self, operation: &str, nth: u32, fault: Fault) -> Self {
        self.faults.plan(Some(operation), nth, fault);
        self
    }

    /// How many calls there were on any port.
    pub fn calls_made(&self) -> u32 {
        self.faults.calls_made()
    }

    /// Runs the work, and drops it when it reaches a call that is to be cancelled: none then.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.faults.run(work).await
    }

    /// What is behind it.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// The plan and the count, which outlive whoever owns this.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

impl<C: Cloud> Cloud for Faulty<C> {
    type Connections = Faulty<C::Connections>;
    type TransitGateways = Faulty<C::TransitGateways>;
    type Search = Faulty<C::Search>;
    type Peer = Faulty<C::Peer>;
    type Claims = Self;

    async fn connections(&self, place: &Place) -> Result<Self::Connections, Error> {
        let inner = self.faults.around(sign_in(place), self.inner.connections(place)).await?;
        Ok(Faulty { inner, faults: self.faults.clone() })
    }

    async fn transit_gateways(&self, place: &Place) -> Result<Self::TransitGateways, Error> {
        let inner = self.faults.around(sign_in(place), self.inner.transit_gateways(place)).await?;
        Ok(Faulty { inner, faults: self.faults.clone() })
    }

    async fn search(&self, access: &Access) -> Result<Self::Search, Error> {
        let operation = match &access.caller {
            Caller::Own => operation::SESSION,
            Caller::Role(_) => operation::ASSUME_ROLE,
            Caller::Secret(_) => operation::GET_SECRET,
        };
        let inner = self.faults.around(operation, self.inner.search(access)).await?;
        Ok(Faulty { inner, faults: self.faults.clone() })
    }

    async fn peer(&self, address: &PeerAddress) -> Result<Self::Peer, Error> {
        let operation = if address.role.is_some() { operation::ASSUME_ROLE } else { operation::SESSION };
        let inner = self.faults.around(operation, self.inner.peer(address)).await?;
        Ok(Faulty { inner, faults: self.faults.clone() })
    }

    fn claims(&self) -> &Self {
        self
    }
}

fn sign_in(place: &Place) -> &'static str {
    if place.role.is_some() { operation::ASSUME_ROLE } else { operation::SESSION }
}

impl<C: Connections> Connections for Faulty<C> {
    async fn request(&self, new: &NewConnection) -> Result<Outbound, Error> {
        self.faults.around(operation::REQUEST, self.inner.request(new)).await
    }

    async fn outbound(&self, filter: Filter<'_>) -> Result<Vec<Outbound>, Error> {
        self.faults.around(operation::OUTBOUND, self.inner.outbound(filter)).await
    }

    async fn inbound(&self, filter: Filter<'_>) -> Result<Vec<Inbound>, Error> {
        self.faults.around(operation::INBOUND, self.inner.inbound(filter)).await
    }

    async fn accept(&self, id: &str) -> Result<(), Error> {
        self.faults.around(operation::ACCEPT, self.inner.accept(id)).await
    }

    async fn reject(&self, id: &str) -> Result<(), Error> {
        self.faults.around(operation::REJECT, self.inner.reject(id)).await
    }

    async fn delete_outbound(&self, id: &str) -> Result<(), Error> {
        self.faults.around(operation::DELETE_OUTBOUND, self.inner.delete_outbound(id)).await
    }

    async fn delete_inbound(&self, id: &str) -> Result<(), Error> {
        self.faults.around(operation::DELETE_INBOUND, self.inner.delete_inbound(id)).await
    }
}

impl<C: TransitGateways> TransitGateways for Faulty<C> {
    async fn request_peering(&self, new: &NewPeering) -> Result<Peering, Error> {
        self.faults.around(operation::REQUEST_PEERING, self.inner.request_peering(new)).await
    }

    async fn peerings(&self, gateway: &str) -> Result<Vec<Peering>, Error> {
        self.faults.around(operation::PEERINGS, self.inner.peerings(gateway)).await
    }

    async fn accept_peering(&self, id: &str) -> Result<(), Error> {
        self.faults.around(operation::ACCEPT_PEERING, self.inner.accept_peering(id)).await
    }

    async fn delete_peering(&self, id: &str) -> Result<(), Error> {
        self.faults.around(operation::DELETE_PEERING, self.inner.delete_peering(id)).await
    }

    async fn association(&self, attachment: &str) -> Result<Option<Association>, Error> {
        self.faults.around(operation::ATTACHMENTS, self.inner.association(attachment)).await
    }

    async fn associate(&self, table: &str, attachment: &str) -> Result<(), Error> {
        self.faults.around(operation::ASSOCIATE, self.inner.associate(table, attachment)).await
    }

    async fn disassociate(&self, table: &str, attachment: &str) -> Result<(), Error> {
        self.faults.around(operation::DISASSOCIATE, self.inner.disassociate(table, attachment)).await
    }

    async fn route(&self, table: &str, cidr: &str) -> Result<Option<GatewayRoute>, Error> {
        self.faults.around(operation::ROUTES, self.inner.route(table, cidr)).await
    }

    async fn create_route(&self, table: &str, cidr: &str, attachment: &str) -> Result<(), Error> {
        self.faults.around(operation::CREATE_ROUTE, self.inner.create_route(table, cidr, attachment)).await
    }

    async fn delete_route(&self, table: &str, cidr: &str) -> Result<(), Error> {
        self.faults.around(operation::DELETE_ROUTE, self.inner.delete_route(table, cidr)).await
    }
}

/// A cloud's claims, through the cloud.
impl<C: Cloud> Claims for Faulty<C> {
    async fn create(&self, name: &str, text: &str) -> Result<Claimed, Error> {
        self.faults.around(operation::PUT_PARAMETER, self.inner.claims().create(name, text)).await
    }

    async fn read(&self, name: &str) -> Result<Option<Recorded>, Error> {
        self.faults.around(operation::GET_PARAMETER, self.inner.claims().read(name)).await
    }

    async fn read_version(&self, name: &str, version: u64) -> Result<Option<String>, Error> {
        self.faults.around(operation::GET_PARAMETER, self.inner.claims().read_version(name, version)).await
    }

    async fn write(&self, name: &str, text: &str) -> Result<u64, Error> {
        self.faults.around(operation::PUT_PARAMETER, self.inner.claims().write(name, text)).await
    }

    async fn remove(&self, name: &str) -> Result<(), Error> {
        self.faults.around(operation::DELETE_PARAMETER, self.inner.claims().remove(name)).await
    }
}

impl<C: Stacks> Stacks for Faulty<C> {
    async fn resource(&self, stack_id: &str, logical_id: &str) -> Result<Option<StackResource>, Error> {
        self.faults.around(operation::STACK_RESOURCE, self.inner.resource(stack_id, logical_id)).await
    }
}

impl<C: Function> Function for Faulty<C> {
    async fn invoke(&self, function_arn: &str, payload: &str) -> Result<(), Error> {
        self.faults.around(operation::INVOKE, self.inner.invoke(function_arn, payload)).await
    }
}
