//! What a kind of custom resource is.

use std::fmt::Display;
use std::pin::Pin;
use std::str::FromStr;

use serde_json::Value;
use wait::Deadline;

use crate::properties::Findings;
use crate::{Applied, Failure, Home, PhysicalId, Properties, Sent};

/// What a kind is told about the request it serves.
#[derive(Clone, Debug)]
pub struct Context {
    /// The ARN of the stack.
    pub stack_id: String,
    /// The name in the template.
    pub logical_id: String,
    /// CloudFormation's id of the request; the same on a duplicate and on a continuation.
    pub request_id: String,
    /// When CloudFormation sent it, to be compared with other requests of the same resource.
    pub sent: Sent,
    /// The function's own account and Region.
    pub home: Home,
    /// When the work of this invocation must have ended.
    pub deadline: Deadline,
    /// What the request means for the resource of this identity.
    pub change: Change,
}

/// What a request means for the resource of its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A Create. If it fails, CloudFormation sends a Delete for the identity.
    Create,
    /// An Update to another identity. If it fails, CloudFormation may never mention the new identity again, so the kind
    /// takes back what it made.
    Replacement,
    /// An Update that keeps the identity. If it fails, CloudFormation sends an Update back to the old properties.
    InPlace,
    /// A Delete.
    Delete,
}

/// A kind of custom resource.
///
/// # Guarantees
/// What the protocol promises to a kind:
/// - `identity` is computed before the first effect and goes into every answer, FAILED and time-out included.
/// - `cleanup` is called for every identity that `apply` was called for, unless the stack keeps it.
/// - The properties were read without a finding before `apply` is called.
///
/// # Assumptions
/// What a kind promises to the protocol:
/// - `apply` and `cleanup` are level-triggered: they look at what is and move it to what is wanted. Twice equals once.
/// - Both may be dropped at any `.await`, or run twice at the same time, and calling them again converges.
/// - `cleanup` tolerates that `apply` never ran, or never succeeded, and removes only what `apply` made.
/// - Both end by `Context::deadline`; one that does not is dropped then.
///
/// # Caveats
/// - An Update that changes the identity is a replacement: CloudFormation sends the Delete for the old one later.
///   An Update that keeps it has to be done in place.
/// - A failed Update comes back as an Update with the old properties.
/// - Properties of a Delete may be in a format of years ago.
pub trait Resource: Send + Sync + 'static {
    /// `Custom::Name`.
    const TYPE: &'static str;
    /// Further types that are served as this kind.
    const ALSO_SERVES: &'static [&'static str] = &[];

    /// The properties, typed.
    type Spec: Send + Sync;
    /// What the resource *is*: the part of the properties whose change means another resource.
    /// Its text is the PhysicalResourceId (1 to 1,024 bytes without control characters, or the request is refused), and
    /// parsing recognises the ids that are ours.
    type Identity: Display + FromStr + Send + Sync;

    /// Reads the properties; findings go to the reader.
    fn read(&self, properties: &mut Properties<'_>, home: &Home) -> Option<Self::Spec>;

    /// The identity that the properties describe.
    fn identity(&self, spec: &Self::Spec) -> Self::Identity;

    /// Makes it so.
    fn apply(
        &self,
        spec: &Self::Spec,
        context: &Context,
    ) -> impl Future<Output = Result<Applied, Failure>> + Send;

    /// Takes it away. `spec` is there when the properties of the Delete could be read.
    fn cleanup(
        &self,
        identity: &Self::Identity,
        spec: Option<&Self::Spec>,
        context: &Context,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A kind in the registry, whatever its types are.
pub struct Kind(Box<dyn Erased>);

impl Kind {
    /// Registers a kind.
    pub fn new(resource: impl Resource) -> Self {
        Self(Box::new(resource))
    }

    /// `Custom::Name`.
    pub fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    pub(crate) fn serves(&self, resource_type: &str) -> bool {
        self.0.type_name() == resource_type || self.0.also_serves().contains(&resource_type)
    }

    pub(crate) fn identify(&self, properties: &Value, home: &Home) -> Result<PhysicalId, Findings> {
        self.0.identify(properties, home)
    }

    pub(crate) fn recognises(&self, id: &PhysicalId) -> bool {
        self.0.recognises(id)
    }

    pub(crate) async fn apply(&self, properties: &Value, context: &Context) -> Result<Applied, Failure> {
        self.0.apply(properties, context).await
    }

    pub(crate) async fn cleanup(
        &self,
        id: &PhysicalId,
        properties: &Value,
        context: &Context,
    ) -> Result<(), Failure> {
        self.0.cleanup(id, properties, context).await
    }
}

trait Erased: Send + Sync {
    fn type_name(&self) -> &'static str;
    fn also_serves(&self) -> &'static [&'static str];
    fn identify(&self, properties: &Value, home: &Home) -> Result<PhysicalId, Findings>;
    fn recognises(&self, id: &PhysicalId) -> bool;
    fn apply<'a>(
        &'a self,
        properties: &'a Value,
        context: &'a Context,
    ) -> Boxed<'a, Result<Applied, Failure>>;
    fn cleanup<'a>(
        &'a self,
        id: &'a PhysicalId,
        properties: &'a Value,
        context: &'a Context,
    ) -> Boxed<'a, Result<(), Failure>>;
}

impl<R: Resource> Erased for R {
    fn type_name(&self) -> &'static str {
        R::TYPE
    }

    fn also_serves(&self) -> &'static [&'static str] {
        R::ALSO_SERVES
    }

    fn identify(&self, properties: &Value, home: &Home) -> Result<PhysicalId, Findings> {
        Ok(PhysicalId::new(self.identity(&typed(self, properties, home)?).to_string()))
    }

    fn recognises(&self, id: &PhysicalId) -> bool {
        id.as_str().parse::<R::Identity>().is_ok()
    }

    fn apply<'a>(
        &'a self,
        properties: &'a Value,
        context: &'a Context,
    ) -> Boxed<'a, Result<Applied, Failure>> {
        Box::pin(async move {
            let spec = typed(self, properties, &context.home).map_err(Failure::new)?;
            Resource::apply(self, &spec, context).await
        })
    }

    fn cleanup<'a>(
        &'a self,
        id: &'a PhysicalId,
        properties: &'a Value,
        context: &'a Context,
    ) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            // Old formats never block a deletion: what cannot be read is not there.
            let spec = self.read(&mut Properties::new(properties), &context.home);
            let from_id = id.as_str().parse::<R::Identity>().ok();
            match from_id.or_else(|| spec.as_ref().map(|spec| self.identity(spec))) {
                Some(identity) => Resource::cleanup(self, &identity, spec.as_ref(), context).await,
                // Neither the id nor the properties name a resource, so none was made.
                None => Ok(()),
            }
        })
    }
}

/// Reads the properties strictly.
fn typed<R: Resource>(resource: &R, properties: &Value, home: &Home) -> Result<R::Spec, Findings> {
    let mut reader = Properties::new(properties);
    let spec = resource.read(&mut reader, home);
    reader.finish()?;
    spec.ok_or_else(|| Findings::of("The properties do not describe a resource."))
}
