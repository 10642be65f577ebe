//! Functions elsewhere, which a test lets answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Code, Error, Peer, PeerAddress};

use super::faulty::Faulty;
use super::operation;
use super::state::{Caller, error};
use super::world::World;

type Answered = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;

/// What a function does with a payload.
#[derive(Clone)]
pub(super) struct Handler(Arc<dyn Fn(String) -> Answered + Send + Sync>);

impl fmt::Debug for Handler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handler").finish_non_exhaustive()
    }
}

/// A function elsewhere, as one caller invokes it.
#[derive(Clone, Debug)]
pub struct PeerSession {
    pub(super) world: World,
    pub(super) address: PeerAddress,
}

impl World {
    /// With a function of this ARN that does this with what it is asked.
    #[must_use]
    pub fn with_peer<F>(
        self,
        function_arn: &str,
        handler: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<String, Error>> + Send + 'static,
    {
        let handler = Handler(Arc::new(move |payload| -> Answered { Box::pin(handler(payload)) }));
        self.now().peers.insert(function_arn.to_owned(), handler);
        self
    }
}

impl Peer for PeerSession {
    async fn ask(&self, payload: &str) -> Result<String, Error> {
        let (account, _) = self.world.home();
        let region = self.address.region().to_owned();
        let caller = Caller { account, region, is_throttled: false };
        let arn = self.address.function_arn.as_str();
        let known = self.world.call(&caller, operation::INVOKE, arn, |state, _| {
            state.peers.get(arn).cloned().ok_or_else(|| {
                error(operation::INVOKE, Code::ResourceNotFound, format!("Function not found: {arn}"))
            })
        });
        let Handler(handler) = known.await?;
        handler(payload.to_owned()).await
    }
}

impl<P: Peer> Peer for Faulty<P> {
    async fn ask(&self, payload: &str) -> Result<String, Error> {
        self.faults().around(operation::INVOKE, self.inner().ask(payload)).await
    }
}
