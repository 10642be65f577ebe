//! The envelope of a request, which is parsed before anything that can fail.

use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest as Wire;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{PhysicalId, ResponseUrl};

/// Where the answer goes and what it must repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// CloudFormation's id of the request.
    pub request_id: String,
    /// Where the answer is PUT.
    pub response_url: ResponseUrl,
    /// The ARN of the stack.
    pub stack_id: String,
    /// The name in the template.
    pub logical_id: String,
    /// `Custom::Name`.
    pub resource_type: String,
}

/// What CloudFormation asks for. The properties are still raw: whether they are right is the kind's business.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Create { properties: Value },
    Update { physical_id: PhysicalId, properties: Value },
    Delete { physical_id: PhysicalId, properties: Value },
}

impl Request {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "Create",
            Self::Update { .. } => "Update",
            Self::Delete { .. } => "Delete",
        }
    }

    pub(crate) fn properties(&self) -> &Value {
        match self {
            Self::Create { properties }
            | Self::Update { properties, .. }
            | Self::Delete { properties, .. } => properties,
        }
    }

    pub(crate) fn physical_id(&self) -> Option<&PhysicalId> {
        match self {
            Self::Create { .. } => None,
            Self::Update { physical_id, .. } | Self::Delete { physical_id, .. } => Some(physical_id),
        }
    }
}

/// What the operation needs to go on in another invocation, beside the event itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Continuation {
    /// How many invocations came before.
    pub(crate) count: u32,
    /// When the first of them started, in milliseconds since 1970.
    pub(crate) started_at: u64,
    /// Which of several invocations that were started for the same request goes on: the one whose baton is on record.
    #[serde(default)]
    pub(crate) baton: String,
}

/// One event: parsed.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) envelope: Envelope,
    pub(crate) request: Request,
    pub(crate) continuation: Option<Continuation>,
    raw: Value,
}

/// An event that is not a request of CloudFormation's.
#[derive(Debug, thiserror::Error)]
#[error("the event cannot be read as a request of CloudFormation's: {problem}")]
pub(crate) struct Unreadable {
    /// Where to answer, when at least that could be read.
    pub(crate) addressee: Option<Box<(Envelope, PhysicalId)>>,
    problem: String,
}

const CONTINUATION: &str = "Continuation";

impl Event {
    /// Reads the envelope. Everything that has a ResponseURL can be answered, so that is looked for even in an event
    /// that cannot be read otherwise.
    pub(crate) fn parse(mut raw: Value) -> Result<Self, Unreadable> {
        let unreadable = |raw: &Value, problem: String| Unreadable { addressee: addressee(raw), problem };
        let continuation = match raw.as_object_mut().and_then(|object| object.remove(CONTINUATION)) {
            None => None,
            Some(value) => {
                let parsed = serde_json::from_value(value);
                Some(parsed.map_err(|error| {
                    unreadable(&raw, format!("its continuation record is wrong: {error}"))
                })?)
            }
        };
        if !raw.is_object() {
            // The parser's own words would repeat the value, which may be anything.
            return Err(unreadable(&raw, "it is not an object".to_owned()));
        }
        let wire: Wire =
            serde_json::from_value(raw.clone()).map_err(|error| unreadable(&raw, error.to_string()))?;
        macro_rules! envelope {
            ($request:ident) => {
                Envelope {
                    request_id: $request.request_id,
                    response_url: ResponseUrl::new($request.response_url),
                    stack_id: $request.stack_id,
                    logical_id: $request.logical_resource_id,
                    resource_type: $request.resource_type,
                }
            };
        }
        let (envelope, request) = match wire {
            Wire::Create(wire) => {
                let properties = wire.resource_properties;
                (envelope!(wire), Request::Create { properties })
            }
            Wire::Update(wire) => {
                let (physical_id, properties) =
                    (PhysicalId::new(wire.physical_resource_id), wire.resource_properties);
                (envelope!(wire), Request::Update { physical_id, properties })
            }
            Wire::Delete(wire) => {
                let (physical_id, properties) =
                    (PhysicalId::new(wire.physical_resource_id), wire.resource_properties);
                (envelope!(wire), Request::Delete { physical_id, properties })
            }
            _ => return Err(unreadable(&raw, "its RequestType is unknown".to_owned())),
        };
        Ok(Self { envelope, request, continuation, raw })
    }

    /// The payload of the next invocation.
    pub(crate) fn continued(&self, continuation: &Continuation) -> String {
        let mut raw = self.raw.clone();
        if let (Some(object), Ok(record)) = (raw.as_object_mut(), serde_json::to_value(continuation)) {
            object.insert(CONTINUATION.to_owned(), record);
        }
        raw.to_string()
    }
}

fn addressee(raw: &Value) -> Option<Box<(Envelope, PhysicalId)>> {
    let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
    let envelope = Envelope {
        request_id: text("RequestId")?,
        response_url: ResponseUrl::new(text("ResponseURL")?),
        stack_id: text("StackId")?,
        logical_id: text("LogicalResourceId")?,
        resource_type: text("ResourceType").unwrap_or_default(),
    };
    let id = text("PhysicalResourceId").filter(|id| !id.is_empty()).map_or_else(
        || PhysicalId::unidentified(&envelope.logical_id, &envelope.request_id),
        PhysicalId::new,
    );
    Some(Box::new((envelope, id)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create() -> Value {
        json!({
            "RequestType": "Create", "RequestId": "r", "ResponseURL": "https://b/k?s", "StackId": "stack",
            "LogicalResourceId": "L", "ResourceType": "Custom::Thing", "ResourceProperties": {"A": [1, {"B": null}]},
            "ServiceToken": "arn", "SomethingNew": 1,
        })
    }

    #[test]
    fn any_properties_leave_the_envelope_readable() {
        let event = Event::parse(create()).unwrap();
        assert_eq!(event.request, Request::Create { properties: json!({"A": [1, {"B": null}]}) });
        assert_eq!(event.continuation, None);
    }

    #[test]
    fn a_continuation_goes_with_the_same_event_and_is_taken_off_again() {
        let event = Event::parse(create()).unwrap();
        let next = Continuation { count: 2, started_at: 1_700_000_000_000, baton: "b".to_owned() };
        let again = Event::parse(serde_json::from_str(&event.continued(&next)).unwrap()).unwrap();
        assert_eq!(again.continuation, Some(next));
        assert_eq!((again.envelope, again.request, again.raw), (event.envelope, event.request, event.raw));
    }

    #[test]
    fn an_unreadable_event_with_a_response_url_can_still_be_answered() {
        let mut event = create();
        event["RequestType"] = json!("Replace");
        let error = Event::parse(event).unwrap_err();
        let (envelope, id) = *error.addressee.unwrap();
        assert_eq!((envelope.request_id.as_str(), id.as_str()), ("r", "unidentified/L/r"));
        assert!(Event::parse(json!({"detail": "a scheduled event"})).unwrap_err().addressee.is_none());
        assert!(Event::parse(json!("text")).unwrap_err().addressee.is_none());
    }
}
