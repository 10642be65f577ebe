//! CloudFormation custom resources: implement one trait, and CloudFormation always gets one true answer.
//!
//! ```
//! use custom_resource::testing::{Recorder, Stage, create, invocation};
//! use custom_resource::{Applied, Context, Failure, Home, Kind, Properties, Resource, Rule, Service};
//!
//! struct Greeting;
//!
//! impl Resource for Greeting {
//!     const TYPE: &'static str = "Custom::Greeting";
//!     type Spec = String;
//!     type Identity = String;
//!
//!     fn read(&self, properties: &mut Properties<'_>, _home: &Home) -> Option<String> {
//!         properties.required("Name", &Rule { expects: "a name", accepts: |text| text.len() < 100 })
//!     }
//!     fn identity(&self, name: &String) -> String {
//!         name.clone()
//!     }
//!     async fn apply(&self, name: &String, _context: &Context) -> Result<Applied, Failure> {
//!         Ok(Applied::new().attribute("Text", format!("Hello {name}")))
//!     }
//!     async fn cleanup(&self, _id: &String, _name: Option<&String>, _context: &Context) -> Result<(), Failure> {
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let service = Service::new(vec![Kind::new(Greeting)], Recorder::default(), Stage::default());
//! let event = create("Custom::Greeting", &serde_json::json!({ "Name": "Ada" }));
//! service.serve(event, &invocation(60)).await.unwrap();
//! assert_eq!(service.responder().answers()[0]["Data"]["Text"], "Hello Ada");
//! # });
//! ```
//!
//! In production the responder is `HttpsResponder` (feature `https`) and the [`Host`] is Lambda and CloudFormation.
//! This crate owns the protocol: the envelope, properties, identity, the answer and its delivery, time limits and
//! continuation, duplicates and late deliveries.
//! It knows no AWS service and nothing of what a kind does.

mod answer;
mod event;
mod failure;
mod gate;
mod home;
mod host;
#[cfg(feature = "https")]
mod https;
mod limits;
mod physical_id;
mod properties;
mod resource;
mod responder;
mod response_url;
mod sent;
mod serve;
mod standing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use answer::{Applied, LARGEST_BODY, Outcome};
pub use event::Envelope;
pub use failure::Failure;
pub use gate::{Gate, NoGate, Passage};
pub use home::Home;
pub use host::Host;
#[cfg(feature = "https")]
pub use https::HttpsResponder;
pub use limits::Invocation;
pub use physical_id::PhysicalId;
pub use properties::{Findings, Properties, Rule};
pub use resource::{Change, Context, Kind, Resource};
pub use responder::{DeliveryError, Responder};
pub use response_url::ResponseUrl;
pub use sent::Sent;
pub use serve::{ServeError, Service};
pub use standing::StackResource;
