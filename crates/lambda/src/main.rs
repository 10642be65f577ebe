//! The bootstrap: environment, clients, logging, and which door leads where. No other logic.

mod door;
mod settings;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud::{Access, Bounded, Bounds, Cloud};
use custom_resource::{HttpsResponder, Invocation, Service};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn, tracing};
use resources::{Egress, Platform};
use serde_json::Value;
use wait::Deadline;

use door::{Door, door};
use settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let settings = Settings::from_environment();
    let aws = Arc::new(cloud::sdk::Aws::load(&settings.claims_path).await);
    let gate = settings.nat_instance.map(|id| Egress::new(Arc::clone(&aws), id));
    let bounds = Bounds::parse(&settings.domains, &settings.secrets)?;
    let bounded = Arc::new(Bounded::new(Arc::clone(&aws), bounds));
    let kinds = resources::kinds_named(&settings.kinds, &bounded)?;
    let service = Service::new(kinds, HttpsResponder::new()?, Platform::new(Arc::clone(&aws))).behind(gate);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let invocation = invocation(&event.context);
        match door(&invocation.function_arn, compare::is_question(&event.payload)) {
            Door::Question => {
                let open = async |access: Access| bounded.search(&access).await;
                // On the heap, like the work below.
                Ok(Box::pin(compare::serve_question(&event.payload, invocation.deadline, open)).await)
            }
            Door::Request => {
                // On the heap: the whole work of a kind, with the gate around it, is one future of many kilobytes.
                let served = Box::pin(service.serve(event.payload, &invocation)).await;
                served.map(|()| Value::Null).map_err(|error| not_served(wait::chain(&error)))
            }
            Door::AskedElsewhere => Ok(compare::refuse_question(
                "the function answers questions of comparisons only through its alias `questions`",
                "Ask QuestionsArn, an output of its provider.yaml.",
            )),
            // An error, so that the alarm rings: nobody sends this by mistake but who gave CloudFormation the wrong ARN.
            Door::NoQuestion => {
                let refusal = "through its alias `questions` the function answers questions of comparisons and nothing \
                               else; the ServiceToken of custom resources is FunctionArn, an output of its provider.yaml";
                tracing::warn!("{refusal}");
                Err(not_served(refusal.to_owned()))
            }
        }
    }))
    .await
}

fn not_served(error_message: String) -> Diagnostic {
    Diagnostic { error_type: "NotServed".to_owned(), error_message }
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
