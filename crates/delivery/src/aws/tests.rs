//! Calls as a recorded receiver sees them: their form, and signatures that verify.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use watchkeep_core::ports::{AlarmAction, AlarmActionError, AlarmActionKind, AlarmActions, Credential, MetricPlace};
use watchkeep_core::{AccountId, ManualClock, Principal, TimestampMs};
use watchkeep_wire::sigv4::{Expected, SignedBody, SignedRequest, Verifier, read};

use super::*;

/// 2026-01-15T12:00:00Z.
const NOW: TimestampMs = TimestampMs(1_768_478_400_000);
const POLICY: &str =
    "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1-2:autoScalingGroupName/web:policyName/up";

/// What was asked: the service that it was signed for, path, target, and body.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    service: String,
    path: String,
    target: Option<String>,
    body: String,
}

/// A receiver that refuses whatever is not signed as it should be, and otherwise answers what it is told to, one after the other.
#[derive(Default)]
struct Receiver {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<Vec<(u16, &'static str)>>,
}

impl Receiver {
    fn take(&self, parts: &http::request::Parts, body: &[u8]) -> (u16, &'static str) {
        let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let host = text("host");
        let request = SignedRequest {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            host: host.as_deref(),
            headers: &parts.headers,
        };
        let presented = read(&request).unwrap().expect("a signature");
        let service = presented.credential.split('/').nth(3).unwrap().to_owned();
        let verifier = Verifier::default();
        let claims = verifier.check_claims(&request, &presented, Expected { service: &service, now: NOW }).unwrap();
        let credential = Credential {
            account: AccountId::DEFAULT,
            principal: Principal::Root,
            secret: "secret".to_owned(),
            session_token: Some("token".to_owned()),
            expires_at: None,
        };
        verifier
            .check_signature(&request, &presented, &claims, Some(&credential), SignedBody::Whole(body), NOW)
            .unwrap();
        assert_eq!(claims.region.as_str(), "us-east-1");
        self.asked.lock().unwrap().push(Asked {
            service,
            path: parts.uri.path().to_owned(),
            target: text("x-amz-target"),
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { (200, "<ok/>") } else { answers.remove(0) }
    }
}

async fn aws(answers: &[(u16, &'static str)]) -> (Aws, Arc<Receiver>) {
    let receiver = Arc::new(Receiver { answers: Mutex::new(answers.to_vec()), ..Receiver::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Some(format!("http://{}/", listener.local_addr().unwrap()));
    let receives = receiver.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let receives = receives.clone();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let receives = receives.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let (status, answer) = receives.take(&parts, &body);
                    let answer = http::Response::builder().status(status).body(Full::new(Bytes::from(answer)));
                    Ok::<_, Infallible>(answer.unwrap())
                }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                server.serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    let config = AwsConfig {
        endpoint,
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("token".to_owned()),
    };
    (Aws::new(config, Arc::new(ManualClock::new(NOW))).unwrap(), receiver)
}

fn action(kind: AlarmActionKind, arn: &str) -> AlarmAction {
    AlarmAction {
        place: MetricPlace { account: AccountId::DEFAULT, region: Default::default() },
        kind,
        arn: arn.parse().unwrap(),
        key: "0001-7".to_owned(),
        alarm_arn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu".to_owned(),
        alarm_name: "cpu".to_owned(),
        description: Some("too hot".to_owned()),
        reason: "Threshold Crossed: 1 datapoint".to_owned(),
        time: NOW,
        instance_id: Some("i-0123".to_owned()),
        value: Some(91.5),
        threshold: Some(80.0),
        payload: "{}".to_owned(),
    }
}

#[tokio::test]
async fn instances_are_stopped_terminated_and_rebooted() {
    for (arn, operation) in [
        ("arn:aws:automate:us-east-1:ec2:stop", "StopInstances"),
        ("arn:aws:automate:us-east-1:ec2:terminate", "TerminateInstances"),
        ("arn:aws:swf:us-east-1:000000000000:action/actions/AWS_EC2.InstanceId.Reboot/1.0", "RebootInstances"),
    ] {
        let (aws, receiver) = aws(&[]).await;
        let told = aws.carry_out(&action(AlarmActionKind::Instance, arn)).await;
        assert_eq!(told, Ok(format!("{operation} i-0123")));
        let body = format!("Action={operation}&Version=2016-11-15&InstanceId.1=i-0123");
        let asked = Asked { service: "ec2".into(), path: "/".into(), target: None, body };
        assert_eq!(*receiver.asked.lock().unwrap(), [asked]);
    }
    let (aws, _) = aws(&[]).await;
    let recover = aws.carry_out(&action(AlarmActionKind::Instance, "arn:aws:automate:us-east-1:ec2:recover")).await;
    assert_eq!(recover, Err(AlarmActionError::Refused("EC2 has no call that recovers an instance".into())));
}

#[tokio::test]
async fn policies_of_steps_are_told_the_datapoint_and_simple_ones_wait_for_their_cooldown() {
    let encoded = "PolicyName=arn%3Aaws%3Aautoscaling%3Aus-east-1%3A000000000000%3AscalingPolicy%3A1-2%3AautoScalingGroupName%2Fweb%3ApolicyName%2Fup";
    for (kind, more) in [
        ("<a><PolicyType>StepScaling</PolicyType></a>", "&MetricValue=91.5&BreachThreshold=80"),
        ("<a><PolicyType>SimpleScaling</PolicyType></a>", "&HonorCooldown=true"),
    ] {
        let (aws, receiver) = aws(&[(200, kind)]).await;
        let told = aws.carry_out(&action(AlarmActionKind::Scaling, POLICY)).await;
        assert_eq!(told, Ok(format!("ExecutePolicy {POLICY}")));
        let asked = receiver.asked.lock().unwrap().clone();
        assert!(asked[0].body.starts_with("Action=DescribePolicies&PolicyNames.member.1=arn%3A"), "{asked:?}");
        let about = "&AutoScalingGroupName=web&Version=2011-01-01";
        assert_eq!(asked[1].body, format!("Action=ExecutePolicy&{encoded}{about}{more}"));
        assert!(asked.iter().all(|asked| asked.service == "autoscaling"));
    }
    let (aws, _) = aws(&[(200, "<DescribePoliciesResult/>")]).await;
    let refused = aws.carry_out(&action(AlarmActionKind::Scaling, POLICY)).await;
    assert_eq!(refused, Err(AlarmActionError::Refused(format!("there is no policy {POLICY}"))));
    let service = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:resource/ecs/service/a/b:policyName/p";
    let refused = aws.carry_out(&action(AlarmActionKind::Scaling, service)).await;
    assert!(
        matches!(refused, Err(AlarmActionError::Refused(text)) if text.contains("only policies of Auto Scaling groups"))
    );
}

#[tokio::test]
async fn items_and_incidents_are_opened() {
    let (aws, receiver) =
        aws(&[(200, "{}"), (400, r#"{"__type": "OpsItemAlreadyExistsException", "Message": "oi-1"}"#)]).await;
    let arn = "arn:aws:ssm:us-east-1:000000000000:opsitem:3#CATEGORY=Security";
    let item = action(AlarmActionKind::SystemsManager, arn);
    assert_eq!(aws.carry_out(&item).await, Ok("CreateOpsItem cpu".to_owned()));
    assert!(aws.carry_out(&item).await.is_ok(), "it is open already");
    let asked = receiver.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.service.as_str(), asked.target.as_deref()), ("ssm", Some("AmazonSSM.CreateOpsItem")));
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    let expected = serde_json::json!({
        "Title": "CloudWatch alarm - cpu is in ALARM state", "Description": "too hot\nThreshold Crossed: 1 datapoint",
        "Source": "CloudWatch Alarms", "Severity": "3", "Category": "Security",
        "OperationalData": {
            "/aws/resources": {"Type": "SearchableString", "Value": "[{\"arn\":\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu\"}]"},
            "/aws/dedup": {"Type": "SearchableString", "Value": "{\"dedupString\":\"CloudWatch alarm - cpu\"}"},
        },
    });
    assert_eq!(body, expected);
    let plan = "arn:aws:ssm-incidents::000000000000:responseplan/plan";
    let told = aws.carry_out(&action(AlarmActionKind::SystemsManager, plan)).await;
    assert_eq!(told, Ok(format!("StartIncident {plan}")));
    let asked = receiver.asked.lock().unwrap().last().unwrap().clone();
    assert_eq!((asked.service.as_str(), asked.path.as_str()), ("ssm-incidents", "/startIncident"));
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((body["responsePlanArn"].as_str(), body["clientToken"].as_str()), (Some(plan), Some("0001-7")));
    assert_eq!(body["triggerDetails"]["timestamp"], 1_768_478_400.0);
}

#[tokio::test]
async fn what_is_refused_for_now_is_told_apart_from_what_is_refused_for_good() {
    let denied =
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";
    let throttled = "<ErrorResponse><Error><Code>Throttling</Code><Message>slow down</Message></Error></ErrorResponse>";
    for (status, answer, expected) in [
        (403, denied, AlarmActionError::Refused("UnauthorizedOperation: no".into())),
        (400, throttled, AlarmActionError::Busy("Throttling: slow down".into())),
        (503, "", AlarmActionError::Busy("the endpoint answered 503".into())),
        (302, "", AlarmActionError::Refused("the endpoint answered 302".into())),
    ] {
        let (aws, _) = aws(&[(status, answer)]).await;
        let stop = action(AlarmActionKind::Instance, "arn:aws:automate:us-east-1:ec2:stop");
        assert_eq!(aws.carry_out(&stop).await, Err(expected));
    }
    let (aws, _) = aws(&[]).await;
    let gone = AwsConfig { endpoint: Some("http://127.0.0.1:9".into()), ..aws.config.clone() };
    let gone = Aws::new(gone, Arc::new(ManualClock::new(NOW))).unwrap();
    let stop = action(AlarmActionKind::Instance, "arn:aws:automate:us-east-1:ec2:stop");
    assert!(matches!(gone.carry_out(&stop).await, Err(AlarmActionError::Busy(_))));
    assert!(!format!("{gone:?}").contains("secret"));
}
