//! How long one invocation works, and how long the operation as a whole may take.

use std::time::Duration;

use serde_json::Value;
use wait::Deadline;

use crate::event::Continuation;

/// One invocation of the function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The ARN it was invoked by, which is also the one to continue by.
    pub function_arn: String,
    /// When Lambda ends it.
    pub deadline: Deadline,
    /// The wall clock at its start, since 1970.
    pub now: Duration,
}

/// Lambda ends a chain of invocations that invoke each other after about 16, silently. Stop before that, loudly.
const MOST_INVOCATIONS: u32 = 14;

/// The deadlines of one invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// When the work must have ended, so that the answer or the continuation still gets out.
    pub(crate) work: Deadline,
    /// When work that does not end by itself is dropped.
    pub(crate) cut_off: Deadline,
    /// When the answer must have been delivered.
    pub(crate) answer: Deadline,
    operation: Deadline,
    next: Continuation,
}

impl Limits {
    pub(crate) fn new(invocation: &Invocation, earlier: Option<Continuation>, properties: &Value) -> Self {
        let left = invocation.deadline.remaining();
        let now = u64::try_from(invocation.now.as_millis()).unwrap_or(u64::MAX);
        let earlier = earlier.unwrap_or(Continuation { count: 0, started_at: now });
        let gone = Duration::from_millis(now.saturating_sub(earlier.started_at));
        let service_timeout = service_timeout(properties);
        // CloudFormation's clock started before ours, by the time the event waited in Lambda's queue.
        let reserve = Duration::from_secs(30).min(service_timeout / 10);
        let operation = Deadline::after(service_timeout.saturating_sub(reserve).saturating_sub(gone));
        // The last look, the continuation and the answer, which is tried again when the bucket is unwell.
        let closing = Duration::from_secs(10).min(left / 3);
        let work = invocation.deadline.less(closing).min(operation);
        Self {
            work,
            cut_off: work.plus(closing / 3),
            answer: invocation.deadline.less(Duration::from_millis(300).min(left / 10)),
            operation,
            next: Continuation { count: earlier.count + 1, started_at: earlier.started_at },
        }
    }

    /// The record for the next invocation, while the operation has time left; else the reason why there is none.
    pub(crate) fn next(&self) -> Result<Continuation, Option<&'static str>> {
        if self.operation.remaining() < Duration::from_secs(2) {
            Err(None)
        } else if self.next.count >= MOST_INVOCATIONS {
            Err(Some("the function's timeout is too short: raise it, so that fewer invocations are needed"))
        } else {
            Ok(self.next)
        }
    }
}

/// `ServiceTimeout` in seconds, which CloudFormation delivers among the properties; an hour without it.
fn service_timeout(properties: &Value) -> Duration {
    let seconds = match properties.get("ServiceTimeout") {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    Duration::from_secs(seconds.unwrap_or(3600).clamp(1, 3600))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limits(lambda_seconds: u64, started_ago: u64, count: u32, service_timeout: &str) -> Limits {
        let invocation = Invocation {
            function_arn: String::new(),
            deadline: Deadline::after(Duration::from_secs(lambda_seconds)),
            now: Duration::from_secs(1_000_000),
        };
        let earlier = Continuation { count, started_at: (1_000_000 - started_ago) * 1000 };
        Limits::new(&invocation, Some(earlier), &json!({"ServiceTimeout": service_timeout}))
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_has_its_reserve_in_long_and_short_invocations() {
        assert_eq!(limits(900, 0, 0, "3600").work.remaining(), Duration::from_secs(890));
        assert_eq!(limits(6, 0, 0, "3600").work.remaining(), Duration::from_secs(4));
        assert!(limits(900, 0, 0, "3600").answer.remaining() > Duration::from_secs(899));
    }

    #[tokio::test(start_paused = true)]
    async fn the_operation_ends_before_cloudformation_gives_up() {
        assert_eq!(limits(900, 0, 0, "300").work.remaining(), Duration::from_secs(270));
        assert_eq!(limits(900, 3000, 4, "3600").work.remaining(), Duration::from_secs(570));
        assert!(limits(900, 4000, 4, "3600").work.has_passed());
        assert_eq!(limits(900, 0, 0, "nonsense").work.remaining(), Duration::from_secs(890));
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_invocation_knows_the_start_of_the_operation() {
        let next = limits(900, 880, 0, "3600").next().unwrap();
        assert_eq!(next, Continuation { count: 1, started_at: (1_000_000 - 880) * 1000 });
        assert_eq!(limits(900, 4000, 4, "3600").next(), Err(None));
        assert!(limits(3, 39, 13, "3600").next().unwrap_err().unwrap().contains("timeout is too short"));
    }
}
