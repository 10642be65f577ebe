//! Comparing two clusters in memory: what is found, what is asked again, what stays open.

use std::sync::Arc;
use std::time::Duration;

use cloud::fake::{Document, Fault, Faulty, World};
use cloud::{Bounded, Bounds, Caller, Cloud, Code, Endpoint, PeerAddress};
use compare::{
    Answered, Comparison, Cursor, Difference, Far, Near, Part, Problem, Question, Reading, Report, Side,
    Verdict, compare, serve_question,
};
use serde_json::{Value, json};
use wait::Deadline;

use crate::support::{FOLLOWER, LEADER, access, comparison, near, world};

fn deadline() -> Deadline {
    Deadline::after(Duration::from_mins(10))
}

/// Before ten documents are read at one a second.
fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(6))
}

async fn run(world: &World, what: &Comparison) -> Report {
    let (leader, follower) = (near(world, LEADER).await, near(world, FOLLOWER).await);
    let report = compare(&leader, &follower, what, deadline()).await.unwrap();
    assert_eq!((world.open_points(LEADER), world.open_points(FOLLOWER)), (0, 0));
    report
}

fn named(report: &Report, difference: Difference) -> Vec<&str> {
    let named = report.documents.get(&difference).into_iter();
    named.flat_map(|named| named.first.iter().map(|identity| identity.id.as_str())).collect()
}

fn written(number: u32, version: u64) -> Document {
    Document { version, source: json!({ "number": number }) }
}

#[tokio::test(start_paused = true)]
async fn equal_indexes_are_equal_and_nothing_is_looked_at_twice() {
    let world = world(300, 3);
    let report = run(&world, &comparison()).await;
    assert_eq!((report.verdict, report.differences), (Verdict::Equal, 0));
    assert_eq!((report.leader.documents, report.follower.documents), (300, 300));
    assert!(report.is_equal() && report.seconds < 10.0, "{report}");
    assert!(report.leader.bytes_exchanged < report.leader.bytes_read / 10, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn empty_indexes_are_equal() {
    assert!(run(&world(0, 2), &comparison()).await.is_equal());
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_difference_is_found_and_named() {
    let world = world(300, 3);
    world.put_document(FOLLOWER, "f1", "d7", None);
    world.put_document(FOLLOWER, "f1", "more", Some(written(1, 1)));
    world.put_document(LEADER, "l1", "d9", Some(written(9, 2)));
    world.put_document(FOLLOWER, "f1", "d11", Some(written(12, 1)));
    let report = run(&world, &comparison()).await;
    assert_eq!((report.verdict, report.differences, report.at_least), (Verdict::Different, 4, false));
    for (difference, id) in [
        (Difference::Missing, "d7"),
        (Difference::Extra, "more"),
        (Difference::Stale, "d9"),
        (Difference::Altered, "d11"),
    ] {
        assert_eq!(named(&report, difference), [id]);
    }
    let steady = Report { seconds: 12.34, documents_per_second: 4567.0, ..report };
    insta::assert_snapshot!(steady.sentence(), @"`f1` differs from the leader's `l1`: 1 document missing (`d7`); 1 document extra (`more`); 1 document stale (`d9`); 1 document altered (`d11`).");
}

#[tokio::test(start_paused = true)]
async fn mappings_settings_and_aliases_that_differ_are_named() {
    let world = world(10, 1);
    let mapped = json!({ "properties": { "number": { "type": "long" } } });
    let other = json!({ "properties": { "number": { "type": "keyword" } } });
    world.describe_index(LEADER, "l1", &mapped, &json!({ "number_of_replicas": "1" }), &json!({ "a": {} }));
    world.describe_index(FOLLOWER, "f1", &other, &json!({ "number_of_replicas": "0" }), &json!({}));
    let report = run(&world, &comparison()).await;
    assert_eq!((report.verdict, report.differences), (Verdict::Different, 0));
    let parts: Vec<_> = report.findings.iter().map(|finding| finding.part).collect();
    assert_eq!(parts, [Part::Mappings, Part::Settings, Part::Aliases]);
    let wanted = Comparison { overrides: ["index.number_of_replicas".to_owned()].into(), ..comparison() };
    assert_eq!(run(&world, &wanted).await.findings.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_not_there_is_a_difference_at_once() {
    let world = world(10, 1);
    world.delete_index(FOLLOWER, "f1");
    let report = run(&world, &comparison()).await;
    assert_eq!(report.findings[0].sentence, "there is no index `f1` on the follower");
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Different, 1));
}

#[tokio::test(start_paused = true)]
async fn above_the_given_number_documents_are_not_compared() {
    let world = world(11, 1);
    world.put_document(FOLLOWER, "f1", "d7", None);
    let what = Comparison { up_to: Some(10), ..comparison() };
    let report = run(&world, &what).await;
    assert_eq!((report.verdict, report.leader.documents), (Verdict::NotTried, 11));
    assert_eq!(
        report.sentence(),
        "`l1` has 11 documents and `f1` 10, too many to be compared; mappings, settings and aliases are equal."
    );
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_there_are_at_least_so_many() {
    let world = world(300, 2);
    for number in 0..200 {
        world.put_document(FOLLOWER, "f1", &format!("d{number}"), None);
    }
    let report = run(&world, &Comparison { limit: 50, ..comparison() }).await;
    assert_eq!((report.differences, report.at_least), (50, true));
    assert!(report.to_string().contains("at least 50 missing"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_it_is_looked_at_is_no_difference() {
    let world = world(100, 2);
    for number in 0..20 {
        world.put_document(LEADER, "l1", &format!("d{number}"), Some(written(5, 2)));
    }
    let later = world.clone();
    let arriving = tokio::spawn(async move {
        tokio::time::timeout(Duration::from_secs(5), std::future::pending::<()>()).await.unwrap_err();
        for number in 0..20 {
            later.put_document(FOLLOWER, "f1", &format!("d{number}"), Some(written(5, 2)));
        }
    });
    let report = run(&world, &comparison()).await;
    arriving.await.unwrap();
    assert!(report.is_equal() && report.seconds > 5.0, "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept_on_each_domain() {
    let world = world(300, 1);
    let report = run(&world, &Comparison { rate: 20, ..comparison() }).await;
    assert!(report.is_equal() && report.seconds >= 15.0 && report.seconds < 25.0, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_takes_long_goes_on_in_parts_at_the_same_point_in_time() {
    let world = world(300, 3);
    let later = world.clone();
    let writing = tokio::spawn(async move {
        tokio::time::timeout(Duration::from_secs(50), std::future::pending::<()>()).await.unwrap_err();
        for number in 0..300 {
            for (host, index) in [(LEADER, "l1"), (FOLLOWER, "f1")] {
                later.put_document(host, index, &format!("d{number}"), Some(written(1, 2)));
            }
        }
    });
    let report = run(&world, &Comparison { rate: 2, ..comparison() }).await;
    writing.await.unwrap();
    assert_eq!((report.leader.documents, report.differences), (300, 0));
    assert!(report.seconds > 140.0, "{report}");
}

#[tokio::test(start_paused = true)]
async fn an_index_with_a_small_window_is_read_in_small_pages() {
    let world = world(100, 1);
    for (host, index) in [(LEADER, "l1"), (FOLLOWER, "f1")] {
        world.describe_index(host, index, &json!({}), &json!({ "max_result_window": "7" }), &json!({}));
    }
    assert!(run(&world, &comparison()).await.is_equal());
}

#[tokio::test(start_paused = true)]
async fn a_side_answers_through_its_own_function_and_gives_the_same_report() {
    let apart = world(300, 3);
    apart.put_document(FOLLOWER, "f1", "d7", None);
    let arn = "arn:aws:lambda:us-east-1:111111111111:function:tandem:questions";
    let elsewhere = apart.clone();
    let world = apart.clone().with_peer(arn, move |payload: String| {
        let world = elsewhere.clone();
        async move {
            let event: Value = serde_json::from_str(&payload).unwrap();
            assert!(compare::is_question(&event));
            let open = async |access| world.search(&access).await;
            Ok(serve_question(&event, Deadline::after(Duration::from_secs(100)), open).await.to_string())
        }
    });
    let peer = world.peer(&PeerAddress::parse(arn, None).unwrap()).await.unwrap();
    let endpoint = Endpoint::parse(LEADER).unwrap();
    let leader = Far { peer, endpoint, region: "us-east-1".to_owned(), secret: None };
    let report = compare(&leader, &near(&world, FOLLOWER).await, &comparison(), deadline()).await.unwrap();
    assert_eq!(named(&report, Difference::Missing), ["d7"]);
    assert_eq!(report.differences, 1);

    let refused = Far { endpoint: Endpoint::parse("nobody.example").unwrap(), ..leader };
    let problem =
        compare(&refused, &near(&world, FOLLOWER).await, &comparison(), deadline()).await.unwrap_err();
    assert!(problem.sentence.starts_with("the leader: cannot read what the index `l1` is like"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_cannot_be_read_is_answered_with_a_problem() {
    let open = async |access: cloud::Access| world(0, 1).search(&access).await;
    for event in [
        json!({ "Tandem": "Compare" }),
        json!({ "Tandem": "Compare", "Endpoint": "https://x", "Region": "r", "Question": sent() }),
        json!({ "Tandem": "Compare", "Endpoint": "x", "Region": "r", "Question": { "Guess": {} } }),
    ] {
        let reply = serve_question(&event, deadline(), open).await;
        assert!(reply["Problem"]["Sentence"].is_string(), "{reply}");
    }
}

/// A question as another function sends it.
fn sent() -> Value {
    serde_json::to_value(compare::Question::Shape { index: "l1".to_owned() }).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_function_of_another_version_is_told_so_in_one_sentence() {
    let open = async |access: cloud::Access| world(3, 1).search(&access).await;
    let asked = |question: &Value| json!({ "Tandem": "Compare", "Endpoint": LEADER, "Region": "r", "Question": question });
    assert_eq!(sent(), json!({ "Version": 1, "Asks": { "Shape": { "Index": "l1" } } }));
    let reply = serve_question(&asked(&sent()), deadline(), open).await;
    assert_eq!(reply["Answer"]["What"]["Shape"]["Documents"], 3, "{reply}");

    let mut later = sent();
    later["Version"] = json!(1000);
    later["Asks"] = json!({ "Prophesy": {} });
    let reply = serve_question(&asked(&later), deadline(), open).await;
    let expected = json!({
        "Sentence": "the question cannot be read: it is of version 1000, and this function answers those of version 1",
        "Hint": "Deploy the same version of the function on both sides.",
        "MayPass": false,
    });
    assert_eq!(reply["Problem"], expected);
    let before_there_were_versions = json!({ "Shape": { "Index": "l1" } });
    let reply = serve_question(&asked(&before_there_were_versions), deadline(), open).await;
    assert!(reply["Problem"]["Sentence"].as_str().unwrap().contains("it is of no version"), "{reply}");
}

#[tokio::test(start_paused = true)]
async fn a_question_about_a_domain_that_the_function_is_not_configured_with_is_answered_with_a_problem() {
    let bounded = Bounded::new(Arc::new(world(10, 1)), Bounds::parse(LEADER, "").unwrap());
    let ask = async |endpoint: &str, secret: Option<&str>| {
        let mut event =
            json!({ "Tandem": "Compare", "Endpoint": endpoint, "Region": "us-east-1", "Question": sent() });
        if let Some(arn) = secret {
            event["MasterSecretArn"] = json!(arn);
        }
        let reply = serve_question(&event, deadline(), async |access| bounded.search(&access).await).await;
        reply["Problem"]["Sentence"].as_str().map(str::to_owned)
    };
    assert_eq!(ask(LEADER, None).await, None);
    insta::assert_snapshot!(ask("elsewhere.example.com", None).await.unwrap(), @"cannot call the domain at elsewhere.example.com: SignIn failed: NotConfigured: the function calls no domain but those that it is configured with; add `elsewhere.example.com` to DomainEndpoints of provider.yaml");
    insta::assert_snapshot!(ask(LEADER, Some("arn:aws:secretsmanager:us-east-1:111111111111:secret:m")).await.unwrap(), @"cannot call the domain at leader.example: SignIn failed: NotConfigured: the function signs in with no secret but those that it is configured with; add `arn:aws:secretsmanager:us-east-1:111111111111:secret:m` to MasterSecretArns of provider.yaml");
}

/// `_all` in the place of an id means the points of everybody.
#[tokio::test(start_paused = true)]
async fn nobody_closes_or_reads_on_but_by_the_id_of_a_point_in_time() {
    let world = world(10, 1);
    let leader = near(&world, LEADER).await;
    let reading = |from: Option<Cursor>| Reading {
        index: "l1".to_owned(),
        shards: 1,
        bits: 4,
        with_version: true,
        rate: 2,
        from,
    };
    // Somebody reads, and is not done.
    let begun = leader.ask(&Question::Fold(Reading { rate: 1, ..reading(None) }), soon()).await.unwrap();
    let Answered::Fold { next: Some(theirs), .. } = begun.what else { panic!("{begun:?}") };
    assert_eq!(world.open_points(LEADER), 1);
    for point in ["_all", "", "*", "a,b", "a b", "a/b"] {
        let cursor = Cursor { point: point.to_owned(), ..theirs.clone() };
        for question in [
            Question::Close(cursor.clone()),
            Question::Fold(reading(Some(cursor.clone()))),
            Question::Open { reading: reading(Some(cursor)), buckets: vec![0], above: 0 },
        ] {
            let problem = leader.ask(&question, deadline()).await.unwrap_err();
            assert_eq!(problem.sentence, format!("`{point}` is not the id of a point in time"));
            assert_eq!(world.open_points(LEADER), 1, "{question:?}");
        }
    }
    leader.ask(&Question::Close(theirs), deadline()).await.unwrap();
    assert_eq!(world.open_points(LEADER), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_side_the_action_and_what_to_map() {
    let world = world(10, 1);
    world.make_role(LEADER, "reader", &["indices:admin/get", "indices:admin/refresh"]);
    world.unmap_by_hand(LEADER, "all_access", &World::own_role("222222222222"));
    world.map_by_hand(LEADER, "reader", "backend_roles", &World::own_role("222222222222"));
    let (leader, follower) = (near(&world, LEADER).await, near(&world, FOLLOWER).await);
    let problem = compare(&leader, &follower, &comparison(), deadline()).await.unwrap_err();
    insta::assert_snapshot!(problem.told(), @"the leader: cannot read what the index `l1` is like: GET l1/_count failed: HTTP 403 security_exception: no permissions for [indices:data/read/search] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map the role that reads to a role of the domain with the cluster permission indices:data/read/mget and these on the index: indices:admin/get, indices:admin/refresh*, indices:data/read/mget*, indices:data/read/point_in_time/*, indices:data/read/search*.");
}

/// Whatever goes wrong once at any call: the same report, or a problem that says what; and nothing stays open.
#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_costs_time_and_changes_no_result() {
    let build = || {
        let world = world(120, 2);
        world.put_document(FOLLOWER, "f1", "d7", None);
        world
    };
    let calm = run(&build(), &comparison()).await;
    for fault in [
        Fault::Fail(Code::Internal),
        Fault::Throttle(3),
        Fault::LoseResponse,
        Fault::Fail(Code::AccessDenied),
    ] {
        let mut struck = 0;
        for nth in 1.. {
            let world = build();
            let open =
                async |host: &str| Faulty::new(world.search(&access(host, Caller::Own)).await.unwrap());
            let leader = open(LEADER).await.on_call(nth, fault.clone());
            let (faults, follower) = (leader.faults(), open(FOLLOWER).await);
            let result = compare(&Near(leader), &Near(follower), &comparison(), deadline()).await;
            if !faults.has_struck() {
                break;
            }
            struck += 1;
            let words = format!("{fault:?} at call {nth}: {:?}", faults.operations());
            match result {
                Ok(report) => {
                    let same =
                        |report: &Report| (report.documents.clone(), report.leader.documents, report.verdict);
                    assert_eq!(same(&report), same(&calm), "{words}");
                }
                Err(problem) => {
                    assert_eq!(fault, Fault::Fail(Code::AccessDenied), "{words}: {problem}");
                    assert!(problem.sentence.starts_with("the leader: cannot "), "{words}: {problem}");
                    assert!(problem.hint.is_some(), "{words}");
                }
            }
            // What nobody knows of ends by itself: an opening whose answer was lost, a closing that was refused.
            let left = world.open_points(LEADER);
            assert!(left <= 1 && world.open_points(FOLLOWER) == 0, "{words}: {left} open");
            if matches!(fault, Fault::Fail(Code::Internal) | Fault::Throttle(_)) {
                assert_eq!(left, 0, "{words}");
            }
        }
        assert!(struck > 15, "{fault:?} struck {struck} times");
    }
}

/// Points in time that are lost after so many seconds, of a reading that takes a minute in two parts.
async fn lost_after(seconds: u64) -> (World, Result<Report, Problem>) {
    let world = world(300, 1);
    let later = world.clone();
    let losing = tokio::spawn(async move {
        tokio::time::timeout(Duration::from_secs(seconds), std::future::pending::<()>()).await.unwrap_err();
        later.lose_points(LEADER);
    });
    let (leader, follower) = (near(&world, LEADER).await, near(&world, FOLLOWER).await);
    let what = Comparison { rate: 5, ..comparison() };
    let result = compare(&leader, &follower, &what, deadline()).await;
    losing.await.unwrap();
    assert_eq!((world.open_points(LEADER), world.open_points(FOLLOWER)), (0, 0));
    (world, result)
}

#[tokio::test(start_paused = true)]
async fn a_point_in_time_that_is_lost_is_read_anew_or_is_a_problem_that_may_pass() {
    let (_, early) = lost_after(20).await;
    assert!(early.unwrap().is_equal());
    let (_, late) = lost_after(50).await;
    let problem = late.unwrap_err();
    assert!(problem.may_pass && problem.sentence.contains("No search context found"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn a_comparison_can_be_one_task_of_many() {
    let world = world(10, 1);
    let (leader, follower) = (near(&world, LEADER).await, near(&world, FOLLOWER).await);
    let task = async move { compare(&leader, &follower, &comparison(), deadline()).await };
    assert!(tokio::spawn(task).await.unwrap().unwrap().is_equal());
}

#[tokio::test(start_paused = true)]
async fn a_comparison_that_is_out_of_time_says_so_and_closes_what_it_opened() {
    for seconds in [5, 20, 41, 60, 100] {
        let world = world(300, 1);
        let (leader, follower) = (near(&world, LEADER).await, near(&world, FOLLOWER).await);
        let what = Comparison { rate: 2, ..comparison() };
        let short = Deadline::after(Duration::from_secs(seconds));
        let problem = compare(&leader, &follower, &what, short).await.unwrap_err();
        assert!(problem.may_pass, "{problem}");
        assert!(problem.sentence.contains("the time for the comparison is over"), "{problem}");
        assert!(!short.plus(Duration::from_secs(10)).has_passed(), "{seconds}");
        assert_eq!((world.open_points(LEADER), world.open_points(FOLLOWER)), (0, 0), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn which_indexes_match_is_asked_like_everything_else() {
    let world = world(1, 1);
    world.write_documents(LEADER, "l2", &[("a", 1)]);
    let question = compare::Question::Matching { pattern: "l*".to_owned() };
    let answer = compare::Side::ask(&near(&world, LEADER).await, &question, deadline()).await.unwrap();
    assert_eq!(answer.what, compare::Answered::Matching(vec!["l1".to_owned(), "l2".to_owned()]));
}
