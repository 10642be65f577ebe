//! The calls of both sides, with what they were about in their errors.

use std::collections::BTreeMap;

use cloud::{Association, Cloud, Code, Error, GatewayRoute, NewPeering, Peering, Place, TransitGateways};

use super::links::{Part, Side, Wanted};
use super::ownership::{far_of, joins};
use super::problem::Problem;
use super::spec::{Identity, Spec};

/// One side: an account and a Region with one of the two gateways.
pub(crate) struct GatewaySide<S> {
    session: S,
    side: Side,
    /// The gateway's full name, for messages.
    gateway: String,
}

impl<S: TransitGateways> GatewaySide<S> {
    pub(crate) async fn follower<C: Cloud<TransitGateways = S>>(
        cloud: &C,
        identity: &Identity,
    ) -> Result<Self, Problem> {
        let session = cloud.transit_gateways(&identity.place()).await;
        let session =
            session.map_err(|source| call(Side::Follower, "cannot open the follower's side", source))?;
        Ok(Self { session, side: Side::Follower, gateway: identity.local.to_string() })
    }

    /// A role that cannot be assumed is found here, before anything was made.
    pub(crate) async fn leader<C: Cloud<TransitGateways = S>>(
        cloud: &C,
        place: &Place,
        gateway: &str,
    ) -> Result<Self, Problem> {
        let session = cloud.transit_gateways(place).await.map_err(|source| match &place.role {
            Some(role) => Problem::Role { role: role.arn.clone(), account: place.account.clone(), source },
            None => call(Side::Leader, "cannot open the leader's side", source),
        })?;
        let gateway = format!("{}/{}/{gateway}", place.account, place.region);
        Ok(Self { session, side: Side::Leader, gateway })
    }

    /// The peerings of the two gateways, in either direction.
    pub(crate) async fn list(&self, identity: &Identity) -> Result<Vec<Peering>, Problem> {
        let rows = self.session.peerings(&identity.local.id).await;
        let mut rows = rows.map_err(|source| self.call("cannot list the peerings", source))?;
        rows.retain(|row| joins(row, identity));
        Ok(rows)
    }

    /// The leader's side of a peering.
    pub(crate) async fn find(&self, near: &Peering) -> Result<Option<Peering>, Problem> {
        let rows = self.session.peerings(&near.remote.id).await;
        let rows = rows.map_err(|source| self.call("cannot see the peering", source))?;
        Ok(far_of(near, &rows).cloned())
    }

    pub(crate) async fn request(
        &self,
        spec: &Spec,
        tags: BTreeMap<String, String>,
    ) -> Result<Peering, Error> {
        let new = NewPeering { local: spec.local.gateway.clone(), remote: spec.remote.gateway.clone(), tags };
        self.session.request_peering(&new).await
    }

    /// Accepts. That it is not to be seen yet, or was accepted meanwhile, is what the next look tells.
    pub(crate) async fn accept(&self, id: &str) -> Result<Option<String>, Problem> {
        let result = self.session.accept_peering(id).await;
        tolerate(result, &[Code::ResourceNotFound, Code::DisabledOperation])
            .map_err(|source| self.call(format!("cannot accept peering `{id}`"), source))
    }

    /// Deletes. That it is gone already, or cannot be deleted in its present state, is what the next look tells.
    pub(crate) async fn delete(&self, id: &str) -> Result<Option<String>, Problem> {
        let result = self.session.delete_peering(id).await;
        tolerate(result, &[Code::ResourceNotFound, Code::DisabledOperation])
            .map_err(|source| self.call(format!("cannot delete peering `{id}`"), source))
    }

    pub(crate) async fn association(&self, attachment: &str) -> Result<Option<Association>, Problem> {
        self.session.association(attachment).await.map_err(|source| {
            self.call(format!("cannot see the route table of peering `{attachment}`"), source)
        })
    }

    /// Associates. A state in which that cannot be is what the next look tells.
    pub(crate) async fn associate(&self, wanted: &Wanted) -> Result<Option<String>, Problem> {
        let result = self.session.associate(&wanted.table, &wanted.attachment).await;
        tolerate(result, &[Code::DisabledOperation, Code::ResourceAlreadyExists]).map_err(|source| {
            self.call(format!("cannot associate the peering with route table `{}`", wanted.table), source)
        })
    }

    pub(crate) async fn disassociate(
        &self,
        table: &str,
        attachment: &str,
    ) -> Result<Option<String>, Problem> {
        let result = self.session.disassociate(table, attachment).await;
        tolerate(result, &[Code::DisabledOperation, Code::ResourceNotFound]).map_err(|source| {
            self.call(format!("cannot take the peering out of route table `{table}`"), source)
        })
    }

    /// The route that is wanted, as it is.
    pub(crate) async fn route(&self, table: &str, cidr: &str) -> Result<Option<GatewayRoute>, Problem> {
        let route = self.session.route(table, cidr).await;
        route.map_err(|source| self.call(format!("cannot see the route to {cidr} in `{table}`"), source))
    }

    /// Makes the route. That there is one already, or that the peering is not ready, is what the next look tells.
    pub(crate) async fn create_route(&self, wanted: &Wanted) -> Result<Option<String>, Problem> {
        let Wanted { table, cidr, attachment, .. } = wanted;
        let result = self.session.create_route(table, cidr, attachment).await;
        tolerate(result, &[Code::DisabledOperation, Code::ResourceAlreadyExists])
            .map_err(|source| self.call(format!("cannot make the route to {cidr} in `{table}`"), source))
    }

    /// The route of a part of ours, if it is still that one. A table that is gone has no routes.
    pub(crate) async fn route_of(&self, part: &Part) -> Result<Option<GatewayRoute>, Problem> {
        let Some(cidr) = &part.cidr else { return Ok(None) };
        match self.session.route(&part.table, cidr).await {
            Ok(route) => Ok(route.filter(|route| route.attachment.as_ref() == Some(&part.attachment))),
            Err(error) if error.code == Code::ResourceNotFound => Ok(None),
            Err(source) => {
                Err(self.call(format!("cannot see the route to {cidr} in `{}`", part.table), source))
            }
        }
    }

    pub(crate) async fn delete_route(&self, table: &str, cidr: &str) -> Result<Option<String>, Problem> {
        let result = self.session.delete_route(table, cidr).await;
        tolerate(result, &[Code::ResourceNotFound, Code::DisabledOperation])
            .map_err(|source| self.call(format!("cannot delete the route to {cidr} in `{table}`"), source))
    }

    fn call(&self, context: impl Into<String>, source: Error) -> Problem {
        let context = format!("{} on the {}'s side ({})", context.into(), self.side, self.gateway);
        call(self.side, context, source)
    }
}

/// What the next look will tell is no failure of this one: the service's words then.
fn tolerate(result: Result<(), Error>, codes: &[Code]) -> Result<Option<String>, Error> {
    match result {
        Ok(()) => Ok(None),
        Err(error) if codes.contains(&error.code) => Ok(Some(error.message)),
        Err(error) => Err(error),
    }
}

fn call(side: Side, context: impl Into<String>, source: Error) -> Problem {
    Problem::Call { context: context.into(), side: Some(side), source }
}

/// A failed call about the claim.
pub(crate) fn ledger(name: &str) -> impl Fn(Error) -> Problem {
    move |source| Problem::Call { context: format!("cannot keep the claim `{name}`"), side: None, source }
}
