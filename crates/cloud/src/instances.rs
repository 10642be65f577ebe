//! Virtual machines that are started, stopped and written on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Error;
use crate::statuses::statuses;

/// An instance as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Where it is in its life.
    pub state: InstanceState,
    /// Why it came there, in the service's words, when it did so by itself or by force.
    pub reason: Option<String>,
    /// When it was last started, since 1970.
    pub launched_at: Option<Duration>,
    /// What is written on it, by key.
    pub tags: BTreeMap<String, String>,
}

statuses! {
    /// Where an instance is in its life.
    InstanceState {
        /// Starting.
        Pending = "pending",
        /// The machine runs; whether it does what it is for is another question.
        Running = "running",
        /// On its way to stopped. It cannot be started yet.
        Stopping = "stopping",
        /// It can be started.
        Stopped = "stopped",
        /// On its way to terminated.
        ShuttingDown = "shutting-down",
        /// Gone for ever, and still described for a while.
        Terminated = "terminated",
    }
}

/// Instances of the function's own account and Region.
///
/// # Guarantees
/// - Starting what starts or runs, stopping what stops or stands still, and removing a tag that is not there are successes.
/// - Of several tags in one call, all are written or removed, or none is.
///
/// # Caveats
/// - What was just written or changed may be missing from a description for some seconds.
/// - Starting an instance that is stopping is [`crate::Code::DisabledOperation`].
/// - An instance holds 50 tags; one more is [`crate::Code::LimitExceeded`].
pub trait Instances: Send + Sync {
    /// Asks for the start (`ec2:StartInstances`).
    fn start(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Asks for the stop (`ec2:StopInstances`).
    fn stop(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Describes it (`ec2:DescribeInstances`).
    fn describe(&self, id: &str) -> impl Future<Output = Result<Instance, Error>> + Send;
    /// Writes tags, key and value, over what is there (`ec2:CreateTags`).
    fn tag(&self, id: &str, tags: &[(&str, &str)]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Removes tags (`ec2:DeleteTags`); where a value is given, only if it is still that.
    fn untag(
        &self,
        id: &str,
        tags: &[(&str, Option<&str>)],
    ) -> impl Future<Output = Result<(), Error>> + Send;
}
