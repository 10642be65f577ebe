//! The bootstrap: environment, clients, logging. No logic.

mod settings;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud::{Access, Cloud};
use custom_resource::{HttpsResponder, Invocation, Service};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn, tracing};
use resources::{Egress, Platform};
use serde_json::Value;
use wait::Deadline;

use settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let settings = Settings::from_environment();
    let aws = Arc::new(cloud::sdk::Aws::load(&settings.claims_path).await);
    let gate = settings.nat_instance.map(|id| Egress::new(Arc::clone(&aws), id));
    let kinds = resources::kinds_named(&settings.kinds, &aws)?;
    let service = Service::new(kinds, HttpsResponder::new()?, Platform::new(Arc::clone(&aws))).behind(gate);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let invocation = invocation(&event.context);
        if compare::is_question(&event.payload) {
            let open = async |access: Access| aws.search(&access).await;
            // On the heap, like the work below.
            return Ok(Box::pin(compare::serve_question(&event.payload, invocation.deadline, open)).await);
        }
        // On the heap: the whole work of a kind, with the gate around it, is one future of many kilobytes.
        let served = Box::pin(service.serve(event.payload, &invocation)).await;
        served.map(|()| Value::Null).map_err(|error| Diagnostic {
            error_type: "NotServed".to_owned(),
            error_message: wait::chain(&error),
        })
    }))
    .await
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn invocation(context: &lambda_runtime::Context) -> Invocation {
    let now = SystemTime::now();
    let left = context.deadline().duration_since(now).unwrap_or(Duration::ZERO);
    Invocation {
        function_arn: context.invoked_function_arn.clone(),
        deadline: Deadline::after(left),
        now: now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO),
    }
}
