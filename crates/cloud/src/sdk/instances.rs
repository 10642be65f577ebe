//! Instances on the EC2 API, in the function's own account and Region.

use std::time::Duration;

use aws_sdk_ec2::types;

use super::Aws;
use super::error::{failed, incomplete};
use crate::{Code, Error, Instance, InstanceState, Instances};

/// Every operation may be repeated: starting what starts and removing what is removed are successes.
impl Instances for Aws {
    async fn start(&self, id: &str) -> Result<(), Error> {
        self.instances.start_instances().instance_ids(id).send().await.map_err(failed("StartInstances"))?;
        Ok(())
    }

    async fn stop(&self, id: &str) -> Result<(), Error> {
        self.instances.stop_instances().instance_ids(id).send().await.map_err(failed("StopInstances"))?;
        Ok(())
    }

    async fn describe(&self, id: &str) -> Result<Instance, Error> {
        let operation = "DescribeInstances";
        let answer =
            self.instances.describe_instances().instance_ids(id).send().await.map_err(failed(operation))?;
        let found = answer.reservations.unwrap_or_default().into_iter();
        let instance = found.flat_map(|reservation| reservation.instances.unwrap_or_default()).next();
        let instance = instance.ok_or_else(|| Error {
            operation,
            code: Code::ResourceNotFound,
            message: format!("the instance `{id}` is not listed"),
            request_id: None,
        })?;
        let state =
            instance.state.and_then(|state| state.name).ok_or_else(|| incomplete(operation, "state"))?;
        let tags = instance.tags.unwrap_or_default().into_iter();
        Ok(Instance {
            state: InstanceState::parse(state.as_str()),
            reason: instance.state_reason.and_then(|reason| reason.message),
            launched_at: instance
                .launch_time
                .and_then(|at| u64::try_from(at.secs()).ok())
                .map(Duration::from_secs),
            tags: tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect(),
        })
    }

    async fn tag(&self, id: &str, tags: &[(&str, &str)]) -> Result<(), Error> {
        let tags = tags.iter().map(|(key, value)| types::Tag::builder().key(*key).value(*value).build());
        let request = self.instances.create_tags().resources(id).set_tags(Some(tags.collect()));
        request.send().await.map_err(failed("CreateTags"))?;
        Ok(())
    }

    async fn untag(&self, id: &str, tags: &[(&str, Option<&str>)]) -> Result<(), Error> {
        let tag = |(key, value): &(&str, Option<&str>)| {
            types::Tag::builder().key(*key).set_value(value.map(str::to_owned)).build()
        };
        let request =
            self.instances.delete_tags().resources(id).set_tags(Some(tags.iter().map(tag).collect()));
        request.send().await.map_err(failed("DeleteTags"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

    use crate::sdk::replay::{answer, answers, aws, lines, signers, texts};
    use crate::{Code, Instance, InstanceState, Instances};

    const ID: &str = "i-0a1b2c3d4e5f60718";

    fn done(operation: &str) -> HttpResponse {
        answer(200, format!("<{operation}Response><return>true</return></{operation}Response>"))
    }

    fn described(instance: &str) -> HttpResponse {
        answer(
            200,
            format!(
                "<DescribeInstancesResponse><reservationSet><item><instancesSet>{instance}</instancesSet></item>\
                 </reservationSet></DescribeInstancesResponse>"
            ),
        )
    }

    /// An error as EC2 writes it.
    fn refused(status: u16, code: &str, message: &str) -> HttpResponse {
        answer(
            status,
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>request-1</RequestID></Response>"
            ),
        )
    }

    #[tokio::test]
    async fn an_instance_is_started_and_stopped() {
        let http = answers([done("StartInstances"), done("StopInstances")]);
        let aws = aws(http.clone());
        aws.start(ID).await.unwrap();
        aws.stop(ID).await.unwrap();
        assert_eq!(lines(&http), ["POST https://ec2.us-west-2.amazonaws.com/"; 2]);
        assert_eq!(signers(&http), ["AKIDOWN us-west-2 ec2"; 2]);
        assert_eq!(
            texts(&http),
            [
                "Action=StartInstances&Version=2016-11-15&InstanceId.1=i-0a1b2c3d4e5f60718",
                "Action=StopInstances&Version=2016-11-15&InstanceId.1=i-0a1b2c3d4e5f60718",
            ]
        );
    }

    #[tokio::test]
    async fn an_instance_is_described() {
        let http = answers([described(
            "<item><instanceId>i-0a1b2c3d4e5f60718</instanceId><instanceState><code>64</code><name>stopping</name>\
             </instanceState><launchTime>2026-09-21T13:33:20.000Z</launchTime><stateReason><code>x</code>\
             <message>Client.UserInitiatedShutdown: by user</message></stateReason><tagSet><item><key>tandem:found</key>\
             <value>stopped</value></item></tagSet></item>",
        )]);
        let seen = aws(http.clone()).describe(ID).await.unwrap();
        assert_eq!(
            seen,
            Instance {
                state: InstanceState::Stopping,
                reason: Some("Client.UserInitiatedShutdown: by user".to_owned()),
                launched_at: Some(Duration::from_secs(1_789_997_600)),
                tags: [("tandem:found".to_owned(), "stopped".to_owned())].into(),
            }
        );
        assert_eq!(
            texts(&http),
            ["Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-0a1b2c3d4e5f60718"]
        );
    }

    #[tokio::test]
    async fn an_instance_that_is_not_there_is_not_found() {
        let not_found = refused(400, "InvalidInstanceID.NotFound", "The instance ID does not exist");
        let aws = aws(answers([not_found, described("")]));
        for _ in 0..2 {
            assert_eq!(aws.describe(ID).await.unwrap_err().code, Code::ResourceNotFound);
        }
    }

    #[tokio::test]
    async fn tags_are_written_and_removed_also_only_while_they_say_so() {
        let http = answers([done("CreateTags"), done("DeleteTags")]);
        let aws = aws(http.clone());
        aws.tag(ID, &[("tandem:found", "stopped"), ("tandem:started", "1790000000")]).await.unwrap();
        aws.untag(ID, &[("tandem:lease:a", None), ("tandem:found", Some("stopped"))]).await.unwrap();
        assert_eq!(
            texts(&http),
            [
                "Action=CreateTags&Version=2016-11-15&ResourceId.1=i-0a1b2c3d4e5f60718&Tag.1.Key=tandem%3Afound\
                 &Tag.1.Value=stopped&Tag.2.Key=tandem%3Astarted&Tag.2.Value=1790000000",
                "Action=DeleteTags&Version=2016-11-15&ResourceId.1=i-0a1b2c3d4e5f60718&Tag.1.Key=tandem%3Alease%3Aa\
                 &Tag.2.Key=tandem%3Afound&Tag.2.Value=stopped",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_waited_for_is_told_from_what_may_not() {
        for (status, written, code) in [
            (400, "IncorrectInstanceState", Code::DisabledOperation),
            (400, "InstanceLimitExceeded", Code::LimitExceeded),
            (400, "VcpuLimitExceeded", Code::LimitExceeded),
            (403, "UnauthorizedOperation", Code::AccessDenied),
        ] {
            let error = aws(answers([refused(status, written, "words")])).start(ID).await.unwrap_err();
            assert_eq!((error.operation, error.code), ("StartInstances", code));
        }
        // Answered with 500, so the SDK tries again.
        let none_free = || refused(500, "InsufficientInstanceCapacity", "We do not have sufficient capacity");
        let error = aws(answers([none_free(), none_free(), none_free()])).start(ID).await.unwrap_err();
        assert_eq!(error.code, Code::InsufficientCapacity);
    }
}
