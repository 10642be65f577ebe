//! The calls of both sides, with what they were about in their errors.

use cloud::{Cloud, Connections, Error, Filter, Inbound, Outbound};

use super::problem::Problem;
use super::spec::{Identity, Spec};

/// The follower's side of the connections under one alias.
pub(crate) struct FollowerSide<S> {
    session: S,
    identity: Identity,
}

impl<S: Connections> FollowerSide<S> {
    pub(crate) async fn open<C: Cloud<Connections = S>>(
        cloud: &C,
        identity: &Identity,
    ) -> Result<Self, Problem> {
        let session = cloud.connections(&identity.place()).await;
        let session = session.map_err(|source| call("cannot open the follower's side", source))?;
        Ok(Self { session, identity: identity.clone() })
    }

    /// All connections of the follower, those of other aliases included.
    pub(crate) async fn list(&self) -> Result<Vec<Outbound>, Problem> {
        self.session.outbound(Filter::LocalDomain(&self.identity.follower.name)).await.map_err(|source| {
            call(format!("cannot list the connections of {}", self.identity.follower), source)
        })
    }

    pub(crate) async fn request(&self, spec: &Spec) -> Result<Outbound, Error> {
        self.session.request(&spec.connection).await
    }

    /// Deletes. That it is gone already, or cannot be deleted in its present state, is what the next look tells.
    pub(crate) async fn delete(&self, id: &str) -> Result<Option<String>, Problem> {
        use cloud::Code;
        match self.session.delete_outbound(id).await {
            Ok(()) => Ok(None),
            Err(error) => match error.code {
                Code::ResourceNotFound => Ok(None),
                // Seen while the service validates or provisions: it will settle.
                Code::DisabledOperation | Code::Validation => Ok(Some(error.message)),
                Code::ResourceAlreadyExists
                | Code::LimitExceeded
                | Code::InsufficientCapacity
                | Code::AccessDenied
                | Code::Throttled
                | Code::Internal
                | Code::NoAnswer
                | Code::Other(_) => Err(call(format!("cannot delete connection `{id}`"), error)),
            },
        }
    }
}

/// The leader's side.
pub(crate) struct LeaderSide<S> {
    session: S,
}

impl<S: Connections> LeaderSide<S> {
    /// A role that cannot be assumed is found here, before anything was made.
    pub(crate) async fn open<C: Cloud<Connections = S>>(cloud: &C, spec: &Spec) -> Result<Self, Problem> {
        let place = spec.leader_place();
        let session = cloud.connections(&place).await.map_err(|source| match place.role {
            Some(role) => Problem::Role { role: role.arn, account: place.account, source },
            None => call("cannot open the leader's side", source),
        })?;
        Ok(Self { session })
    }

    pub(crate) async fn find(&self, id: &str) -> Result<Option<Inbound>, Problem> {
        let rows = self.session.inbound(Filter::Id(id)).await;
        let rows = rows.map_err(|source| call("cannot see the connection on the leader's side", source))?;
        Ok(rows.into_iter().find(|row| row.id == id))
    }

    /// Accepts. That it is not to be seen yet, or was accepted meanwhile, is what the next look tells.
    pub(crate) async fn accept(&self, id: &str) -> Result<Option<String>, Problem> {
        use cloud::Code;
        match self.session.accept(id).await {
            Ok(()) => Ok(None),
            Err(error) => match error.code {
                Code::ResourceNotFound | Code::DisabledOperation => Ok(Some(error.message)),
                Code::ResourceAlreadyExists
                | Code::LimitExceeded
                | Code::InsufficientCapacity
                | Code::Validation
                | Code::AccessDenied
                | Code::Throttled
                | Code::Internal
                | Code::NoAnswer
                | Code::Other(_) => {
                    Err(call(format!("cannot accept connection `{id}` on the leader's side"), error))
                }
            },
        }
    }
}

pub(crate) fn call(context: impl Into<String>, source: Error) -> Problem {
    Problem::Call { context: context.into(), source }
}

/// A failed call about the claim.
pub(crate) fn ledger(name: &str) -> impl Fn(Error) -> Problem {
    move |source| call(format!("cannot keep the claim `{name}`"), source)
}
