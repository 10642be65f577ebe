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

/// How long work may go on after its time, because its last look is under way.
const LAST_LOOK: Duration = Duration::from_millis(3_500);

/// The deadlines of one invocation.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// When the work must have ended, so that the answer or the continuation still gets out.
    pub(crate) work: Deadline,
    /// When work that does not end by itself is dropped.
    pub(crate) cut_off: Deadline,
    /// When the answer must have been delivered.
    pub(crate) answer: Deadline,
    /// When the invocation ends, but for the time to say so.
    pub(crate) end: Deadline,
    /// The same on the wall clock, since 1970.
    pub(crate) ends_at: Duration,
    operation: Deadline,
    service_timeout: Duration,
    next: Continuation,
}

impl Limits {
    /// `afterwards` is what the invocation needs at its end, beside the answer.
    pub(crate) fn new(
        invocation: &Invocation,
        earlier: Option<&Continuation>,
        properties: &Value,
        afterwards: Duration,
    ) -> Self {
        let left = invocation.deadline.remaining();
        let now = u64::try_from(invocation.now.as_millis()).unwrap_or(u64::MAX);
        let (count, started_at) = earlier.map_or((0, now), |earlier| (earlier.count, earlier.started_at));
        let gone = Duration::from_millis(now.saturating_sub(started_at));
        let service_timeout = service_timeout(properties);
        // CloudFormation's clock started before ours, by the time the event waited in Lambda's queue.
        let reserve = Duration::from_secs(30).min(service_timeout / 10);
        let operation = Deadline::after(service_timeout.saturating_sub(reserve).saturating_sub(gone));
        // The last look, the continuation and the answer, which is tried again when the bucket is unwell.
        let closing = (Duration::from_secs(10) + afterwards).min(left / 3);
        let end = invocation.deadline.less(Duration::from_millis(300).min(left / 10));
        let work = invocation.deadline.less(closing).min(operation);
        Self {
            work,
            // Within the reserve: an answer after the time-out would be one that nobody reads.
            cut_off: work.plus((closing / 3).min(reserve / 2).min(LAST_LOOK)),
            // An answer that is tried until its deadline must not use up what comes after it.
            answer: end.less(afterwards.min(left / 10)),
            end,
            ends_at: invocation.now.saturating_add(end.remaining()),
            operation,
            service_timeout,
            // Lambda delivers the same event again under the same id, so only the clock tells two of them apart.
            next: Continuation {
                count: count.saturating_add(1),
                started_at,
                baton: invocation.now.as_nanos().to_string(),
            },
        }
    }

    /// When the first invocation began, since 1970.
    pub(crate) fn delivered_at(&self) -> Duration {
        Duration::from_millis(self.next.started_at)
    }

    /// The record for the next invocation, or why there is none, when the last status does not say it all.
    pub(crate) fn next(&self) -> Result<Continuation, Option<String>> {
        let (seconds, invocations) = (self.service_timeout.as_secs(), self.next.count);
        if self.operation.remaining() < Duration::from_secs(2) {
            Err((invocations > 1).then(|| {
                format!("After {invocations} invocations the ServiceTimeout of {seconds} s is used up.")
            }))
        } else if invocations >= MOST_INVOCATIONS {
            Err(Some(format!(
                "The work cannot go on after {MOST_INVOCATIONS} invocations, because the function's timeout is too short: \
                 raise it, so that fewer invocations are needed."
            )))
        } else {
            Ok(self.next.clone())
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
        let earlier =
            Continuation { count, started_at: (1_000_000 - started_ago) * 1000, baton: String::new() };
        Limits::new(&invocation, Some(&earlier), &json!({"ServiceTimeout": service_timeout}), Duration::ZERO)
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_has_its_reserve_in_long_and_short_invocations() {
        assert_eq!(limits(900, 0, 0, "3600").work.remaining(), Duration::from_secs(890));
        assert_eq!(limits(6, 0, 0, "3600").work.remaining(), Duration::from_secs(4));
        assert!(limits(900, 0, 0, "3600").answer.remaining() > Duration::from_secs(899));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_the_answer_has_its_time_and_the_answer_has_some_too() {
        let afterwards = Duration::from_secs(30);
        for (seconds, kept) in [(900, 30), (300, 30), (60, 6), (10, 1)] {
            let invocation = Invocation {
                function_arn: String::new(),
                deadline: Deadline::after(Duration::from_secs(seconds)),
                now: Duration::from_secs(1_000_000),
            };
            let limits = Limits::new(&invocation, None, &Value::Null, afterwards);
            assert_eq!(limits.answer.plus(Duration::from_secs(kept)), limits.end, "{seconds} s");
            assert!(limits.cut_off < limits.answer, "{seconds} s");
        }
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
        assert_eq!((next.count, next.started_at), (1, (1_000_000 - 880) * 1000));
        assert!(limits(900, 4000, 4, "3600").next().unwrap_err().unwrap().contains("ServiceTimeout"));
        assert!(limits(3, 39, 13, "3600").next().unwrap_err().unwrap().contains("timeout is too short"));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_end_is_dropped_while_somebody_still_reads_the_answer() {
        for service_timeout in ["1", "2", "10", "60", "3600"] {
            let limits = limits(900, 0, 0, service_timeout);
            let whole = Duration::from_secs(service_timeout.parse().unwrap());
            assert!(limits.work.remaining() > Duration::ZERO && limits.cut_off > limits.work);
            assert!(
                limits.cut_off.remaining() < whole,
                "{service_timeout} s: {:?}",
                limits.cut_off.remaining()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn any_continuation_record_and_any_service_timeout_give_limits() {
        for service_timeout in ["0", "-1", "99999", "18446744073709551616", "", "1e3", "true"] {
            assert!(limits(900, 0, u32::MAX, service_timeout).next().is_err());
        }
        let invocation = Invocation {
            function_arn: String::new(),
            deadline: Deadline::after(Duration::ZERO),
            now: Duration::MAX,
        };
        for (count, started_at) in [(0, 0), (u32::MAX, u64::MAX)] {
            let limits = Limits::new(
                &invocation,
                Some(&Continuation { count, started_at, baton: String::new() }),
                &json!(true),
                Duration::ZERO,
            );
            assert!(limits.answer.has_passed() && limits.next().is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_went_backwards_does_not_shorten_the_operation() {
        let earlier = Continuation { count: 3, started_at: u64::MAX, baton: String::new() };
        let invocation = Invocation {
            function_arn: String::new(),
            deadline: Deadline::after(Duration::from_mins(15)),
            now: Duration::from_secs(1_000_000),
        };
        let limits = Limits::new(&invocation, Some(&earlier), &Value::Null, Duration::ZERO);
        assert_eq!(limits.work.remaining(), Duration::from_secs(890));
        let next = limits.next().unwrap();
        assert_eq!((next.count, next.started_at), (4, u64::MAX));
    }
}
