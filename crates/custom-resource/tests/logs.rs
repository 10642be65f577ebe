//! What is logged, and what never is.
//!
//! A binary of its own: a test without a subscriber, at the same time, would make `tracing` skip what it met first.

#[path = "protocol/bench.rs"]
#[expect(dead_code, reason = "the bench of the protocol's tests, of which a part is enough here")]
mod bench;

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use custom_resource::testing::{create, delete};
use custom_resource::{Applied, DeliveryError};
use serde_json::json;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use bench::{Bench, KIND, ready_at, with};

/// Every span and event as one line.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A String takes everything.
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Log {
    fn add(&self, line: Line) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("custom_resource")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", span.metadata().name()));
        span.record(&mut line);
        self.add(line);
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.add(line);
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_request_is_one_span_and_a_line_for_each_change_however_often_it_is_looked() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let ready = Instant::now() + std::time::Duration::from_mins(30);
    let bench = Bench::applying(move |context| async move {
        ready_at(ready, context.deadline).await.map(|()| Applied::new())
    });
    bench.serve_through(&create(KIND, &json!({ "Name": "a" })), 900).await;
    insta::assert_snapshot!(log.take().join("\n"), @r#"
span request stack_id="arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e" logical_id="Connection" request_id="Create-request" kind="Custom::Thing" request_type="Create"
INFO message=Create received continued=false
INFO message=time is up: going on in another invocation invocations=1
span request stack_id="arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e" logical_id="Connection" request_id="Create-request" kind="Custom::Thing" request_type="Create"
INFO message=Create received continued=true
INFO message=time is up: going on in another invocation invocations=2
span request stack_id="arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e" logical_id="Connection" request_id="Create-request" kind="Custom::Thing" request_type="Create"
INFO message=Create received continued=true
INFO message=answering SUCCESS physical_id=thing/a
"#);
}

#[tokio::test(start_paused = true)]
async fn d14_no_line_holds_the_signature_or_a_confidential_property() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let bench = Bench::willing();
    let good = json!({ "Name": "a", "Secret": "the secret itself" });
    let wrong = json!({ "Name": "a", "Secret": "secret" });
    for event in [
        create(KIND, &good),
        create(KIND, &wrong),
        create("Custom::Other", &good),
        delete(KIND, "thing/a", &wrong),
        with(&create(KIND, &good), "RequestType", json!("Replace")),
        with(&create(KIND, &good), "RequestId", json!(7)),
        with(&create(KIND, &good), "Continuation", json!(7)),
    ] {
        for error in [DeliveryError::Refused(403), DeliveryError::Unreachable("HTTP 503".to_owned())] {
            bench.service.responder().refuse_next(error);
            if let Err(error) = bench.serve(&event).await {
                let printed = format!("{error:?} {}", wait::chain(&error));
                assert!(!printed.contains("secret"), "{printed}");
            }
        }
    }
    let lines = log.take().join("\n");
    assert!(!lines.is_empty() && !lines.contains("secret"), "{lines}");
}
