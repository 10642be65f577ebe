//! The world as a cloud: sessions, claims, stacks and the function itself.

use crate::{
    Access, Caller as Who, Claimed, Claims, Cloud, Code, Error, Function, PeerAddress, Place, Recorded,
    StackResource, Stacks,
};

use super::gateway_session::GatewaySession;
use super::operation;
use super::peers::PeerSession;
use super::search::SearchSession;
use super::session::Session;
use super::state::{Caller, State, error};
use super::world::{Invocation, World};

impl Cloud for World {
    type Connections = Session;
    type TransitGateways = GatewaySession;
    type Search = SearchSession;
    type Peer = PeerSession;
    type Claims = Self;

    async fn connections(&self, place: &Place) -> Result<Session, Error> {
        Ok(Session { world: self.clone(), caller: self.enter(place).await? })
    }

    async fn transit_gateways(&self, place: &Place) -> Result<GatewaySession, Error> {
        Ok(GatewaySession { world: self.clone(), caller: self.enter(place).await? })
    }

    async fn search(&self, access: &Access) -> Result<SearchSession, Error> {
        let (account, _) = self.home();
        let place = |role| Place { account: account.clone(), region: access.region.clone(), role };
        match &access.caller {
            Who::Own => {}
            Who::Role(role) => drop(self.enter(&place(Some(role.clone()))).await?),
            Who::Secret(arn) => self.at_home(operation::GET_SECRET, arn, |_| Ok(())).await?,
        }
        Ok(SearchSession { world: self.clone(), access: access.clone() })
    }

    async fn peer(&self, address: &PeerAddress) -> Result<PeerSession, Error> {
        let (account, _) = self.home();
        let place = Place { account, region: address.region().to_owned(), role: address.role.clone() };
        self.enter(&place).await?;
        Ok(PeerSession { world: self.clone(), address: address.clone() })
    }

    fn claims(&self) -> &Self {
        self
    }
}

impl Claims for World {
    async fn create(&self, name: &str, text: &str) -> Result<Claimed, Error> {
        self.at_home(operation::PUT_PARAMETER, name, |state| {
            storable(text)?;
            if state.claims.contains_key(name) {
                return Ok(Claimed::Taken);
            }
            state.write_claim(name, text);
            Ok(Claimed::New)
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<Recorded>, Error> {
        self.at_home(operation::GET_PARAMETER, name, |state| {
            let version = state.claim_versions.get(name).map_or(0, Vec::len);
            Ok(state.claims.get(name).map(|text| Recorded { text: text.clone(), version: version as u64 }))
        })
        .await
    }

    async fn read_version(&self, name: &str, version: u64) -> Result<Option<String>, Error> {
        self.at_home(operation::GET_PARAMETER, name, |state| {
            let texts = state.claim_versions.get(name).into_iter().flatten();
            Ok(texts.zip(1..).find(|(_, number)| *number == version).map(|(text, _)| text.clone()))
        })
        .await
    }

    async fn write(&self, name: &str, text: &str) -> Result<u64, Error> {
        self.at_home(operation::PUT_PARAMETER, name, |state| {
            storable(text)?;
            Ok(state.write_claim(name, text))
        })
        .await
    }

    async fn remove(&self, name: &str) -> Result<(), Error> {
        self.at_home(operation::DELETE_PARAMETER, name, |state| {
            state.claims.remove(name);
            state.claim_versions.remove(name);
            Ok(())
        })
        .await
    }
}

impl Stacks for World {
    async fn resource(&self, stack_id: &str, logical_id: &str) -> Result<Option<StackResource>, Error> {
        self.at_home(operation::STACK_RESOURCE, logical_id, |state| {
            Ok(state.stacks.get(&(stack_id.to_owned(), logical_id.to_owned())).cloned())
        })
        .await
    }
}

impl Function for World {
    async fn invoke(&self, function_arn: &str, payload: &str) -> Result<(), Error> {
        self.at_home(operation::INVOKE, function_arn, |state| {
            let (function_arn, payload) = (function_arn.to_owned(), payload.to_owned());
            state.invocations.push(Invocation { function_arn, payload });
            Ok(())
        })
        .await
    }
}

impl World {
    /// Signs in.
    ///
    /// # Caveats
    /// A session acts in the account of its credentials: the role's, whatever account the place names.
    async fn enter(&self, place: &Place) -> Result<Caller, Error> {
        let caller = |account: &str| Caller {
            account: account.to_owned(),
            region: place.region.clone(),
            is_throttled: true,
        };
        let Some(role) = &place.role else {
            let (home, _) = self.home();
            if place.account != home {
                let message =
                    format!("no role to assume in account {}, and the function's is {home}", place.account);
                return Err(error(operation::ASSUME_ROLE, Code::AccessDenied, message));
            }
            return Ok(caller(&home));
        };
        let sts = Caller { is_throttled: false, ..caller(&place.account) };
        let effect = |state: &mut State, _| {
            let known = state.roles.get(&role.arn);
            known
                .filter(|known| role.external_id.as_deref() == Some(known.external_id.as_str()))
                .map(|known| known.account.clone())
                .ok_or_else(|| {
                    // The service says the same for a role that does not exist and for a wrong ExternalId.
                    let message = format!(
                        "User is not authorized to perform: sts:AssumeRole on resource: {}",
                        role.arn
                    );
                    error(operation::ASSUME_ROLE, Code::AccessDenied, message)
                })
        };
        let account = self.call(&sts, operation::ASSUME_ROLE, &role.arn, effect).await?;
        Ok(caller(&account))
    }

    /// A call to a service that knows nothing of connections, in the function's own account and Region.
    async fn at_home<T: Send>(
        &self,
        operation: &'static str,
        subject: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let (account, region) = self.home();
        let caller = Caller { account, region, is_throttled: false };
        self.call(&caller, operation, subject, |state, _| effect(state)).await
    }
}

/// A parameter of the standard tier holds 1 to 4,096 bytes.
fn storable(text: &str) -> Result<(), Error> {
    if (1..=4096).contains(&text.len()) {
        return Ok(());
    }
    let message = format!("a standard parameter holds 1 to 4096 bytes, not {}", text.len());
    Err(error(operation::PUT_PARAMETER, Code::Validation, message))
}
