//! Cases taken from what the SDKs send and what AWS answers, and round trips over every Query operation.

use http::StatusCode;
use proptest::prelude::*;
use watchkeep_model::cloudwatch::{self, operations as metrics};
use watchkeep_model::{
    OperationType, Protocol, Service, ServiceError, Structure, Timestamp, Unit, equal, iam, sns, sts,
};

use super::*;
use crate::constraints::Missing;
use crate::fill::{Fill, shown};
use crate::protocol::Call;

fn call<O: OperationType>(service: &'static Service) -> Call {
    Call { service, operation: O::OPERATION, protocol: Protocol::AwsQuery }
}

fn decoded<O: OperationType>(form: &str) -> Result<O::Input, ServiceError> {
    let mut input = O::Input::default();
    decode(form.as_bytes(), &mut input, &mut Missing::default()).map(|()| input)
}

fn body(response: &http::Response<Vec<u8>>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[test]
fn parameters_come_in_any_order() {
    let input = decoded::<metrics::PutMetricData>(
        "Version=2010-08-01&MetricData.member.2.MetricName=b&MetricData.member.10.MetricName=j&Action=PutMetricData\
         &MetricData.member.1.Dimensions.member.2.Value=v+2&MetricData.member.1.Dimensions.member.2.Name=n2\
         &MetricData.member.1.Dimensions.member.1.Name=n1&MetricData.member.1.Dimensions.member.1.Value=%C3%A4%2F\
         &Namespace=first&Namespace=My%2FApp&MetricData.member.1.MetricName=a&MetricData.member.1.Value=1.5E3\
         &MetricData.member.1.Timestamp=2024-01-02T03%3A04%3A05Z&MetricData.member.2.Timestamp=1704164645\
         &MetricData.member.1.Values.member.1=1&MetricData.member.1.Values.member.2=2&Unknown.member.1.X=7\
         &MetricData.member.1.StatisticValues.SampleCount=3&MetricData.member.1.StorageResolution=1",
    )
    .unwrap();
    assert_eq!(input.namespace, "My/App");
    let data = input.metric_data.unwrap();
    assert_eq!(data.iter().map(|datum| datum.metric_name.as_str()).collect::<Vec<_>>(), ["a", "b", "j"]);
    let first = &data[0];
    let dimensions = first.dimensions.as_ref().unwrap();
    assert_eq!((dimensions[0].name.as_str(), dimensions[0].value.as_str()), ("n1", "\u{e4}/"));
    assert_eq!((dimensions[1].name.as_str(), dimensions[1].value.as_str()), ("n2", "v 2"));
    assert_eq!(first.value, Some(1500.0));
    assert_eq!(first.values.as_deref(), Some(&[1.0, 2.0][..]));
    assert_eq!(first.storage_resolution, Some(1));
    assert_eq!(first.statistic_values.as_ref().unwrap().sample_count, 3.0);
    assert_eq!(first.timestamp, Some(Timestamp(1_704_164_645_000)));
    assert_eq!(data[1].timestamp, first.timestamp);
}

#[test]
fn an_empty_value_is_an_empty_list_or_map() {
    let input = decoded::<metrics::ListMetrics>("Dimensions=&Namespace=").unwrap();
    assert_eq!(input.dimensions, Some(Vec::new()));
    assert_eq!(input.namespace.as_deref(), Some(""));
    let input = decoded::<metrics::ListMetrics>("Dimensions.member=").unwrap();
    assert_eq!(input.dimensions, Some(Vec::new()));
    assert_eq!(decoded::<metrics::ListMetrics>("").unwrap().dimensions, None);
}

#[test]
fn maps_have_the_names_of_their_shape() {
    let form = "MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String\
                &MessageAttributes.entry.1.Value.StringValue=s&MessageAttributes.entry.2.Value.DataType=Binary\
                &MessageAttributes.entry.2.Name=b&MessageAttributes.entry.2.Value.BinaryValue=aGk%3D&Message=m";
    let mut input = sns::PublishInput::default();
    decode(form.as_bytes(), &mut input, &mut Missing::default()).unwrap();
    let attributes = input.message_attributes.unwrap();
    assert_eq!(attributes["a"].string_value.as_deref(), Some("s"));
    assert_eq!(attributes["b"].binary_value.as_deref(), Some(&b"hi"[..]));

    let mut input = sns::CreateTopicInput::default();
    decode(b"Name=t&Attributes.entry.1.key=k&Attributes.entry.1.value=v", &mut input, &mut Missing::default()).unwrap();
    assert_eq!(input.attributes.unwrap()["k"], "v");
}

#[test]
fn what_is_of_the_wrong_kind_is_malformed_input() {
    for (form, message) in [
        ("MetricData.member.1.Value=abc", "'abc' is not a valid Double: MetricData.member.1.Value"),
        (
            "MetricData.member.1.StorageResolution=1.5",
            "'1.5' is not a valid Integer: MetricData.member.1.StorageResolution",
        ),
        ("MetricData.member.1.Timestamp=today", "timestamp must follow ISO8601"),
        ("StrictEntityValidation=yes", "'yes' is not a valid Boolean: StrictEntityValidation"),
        ("MetricData=x", "Value found where a list was expected: MetricData"),
        ("MetricData.member.1=x", "Value found where a structure was expected: MetricData.member.1"),
        ("MetricData.member.x.Value=1", "'x' found where the index of a list was expected"),
        ("MetricData.member.99999999999.Value=1", "'99999999999' found where the index of a list was expected"),
        ("MetricData.member.1.Value=1&MetricData.member.01.Unit=None", "An index of a list is given twice"),
        ("Namespace.member.1=x", "Start of structure found where not expected: Namespace"),
        ("Namespace=%ff", "The value of Namespace is not UTF-8"),
    ] {
        let error = decoded::<metrics::PutMetricData>(form).unwrap_err();
        assert_eq!((error.query_code.as_ref(), error.status, error.message.as_str()), ("MalformedInput", 400, message));
    }
}

#[test]
fn requests_are_forms() {
    let input = cloudwatch::PutMetricDataInput {
        namespace: "My/App".into(),
        metric_data: Some(vec![cloudwatch::MetricDatum {
            metric_name: "a b".into(),
            value: Some(2.0),
            timestamp: Some(Timestamp(1_704_164_645_000)),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let request = encode_request(&call::<metrics::PutMetricData>(&cloudwatch::SERVICE), &input);
    assert_eq!(
        std::str::from_utf8(request.body()).unwrap(),
        "Action=PutMetricData&Version=2010-08-01&Namespace=My%2FApp&MetricData.member.1.MetricName=a%20b\
         &MetricData.member.1.Timestamp=2024-01-02T03%3A04%3A05Z&MetricData.member.1.Value=2.0"
    );
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
}

#[test]
fn answers_have_aws_s_frame() {
    let call_list = call::<metrics::ListMetrics>(&cloudwatch::SERVICE);
    let output = cloudwatch::ListMetricsOutput {
        metrics: Some(vec![cloudwatch::Metric {
            namespace: Some("My/App".into()),
            metric_name: Some("a<b>&\u{1}".into()),
            dimensions: Some(vec![]),
        }]),
        next_token: Some("t".into()),
        ..Default::default()
    };
    let response = encode_response(&call_list, &output, "id-1");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/xml");
    assert_eq!(response.headers()["x-amzn-requestid"], "id-1");
    assert_eq!(
        body(&response),
        "<ListMetricsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><ListMetricsResult><Metrics><member>\
         <Namespace>My/App</Namespace><MetricName>a&lt;b&gt;&amp;\u{fffd}</MetricName><Dimensions></Dimensions></member></Metrics>\
         <NextToken>t</NextToken></ListMetricsResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>\
         </ListMetricsResponse>"
    );
    let response = encode_response(&call::<metrics::PutMetricData>(&cloudwatch::SERVICE), &Unit {}, "id-2");
    assert_eq!(
        body(&response),
        "<PutMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><ResponseMetadata>\
         <RequestId>id-2</RequestId></ResponseMetadata></PutMetricDataResponse>"
    );
}

#[test]
fn errors_have_aws_s_frame() {
    let error = cloudwatch::errors::invalid_parameter_value_exception("bad <x>");
    let response = encode_error(Some(&cloudwatch::SERVICE), &error, "id");
    assert_eq!(response.status(), 400);
    assert_eq!(
        body(&response),
        "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><Error><Type>Sender</Type>\
         <Code>InvalidParameterValue</Code><Message>bad &lt;x&gt;</Message></Error><RequestId>id</RequestId></ErrorResponse>"
    );
    let error =
        cloudwatch::errors::dashboard_invalid_input_error("m").with_details(cloudwatch::DashboardInvalidInputError {
            dashboard_validation_messages: Some(vec![cloudwatch::DashboardValidationMessage {
                data_path: Some("/".into()),
                message: Some("why".into()),
            }]),
            ..Default::default()
        });
    let response = encode_error(None, &error, "id");
    assert_eq!(
        body(&response),
        "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameterInput</Code><Message>m</Message>\
         <dashboardValidationMessages><member><DataPath>/</DataPath><Message>why</Message></member></dashboardValidationMessages>\
         </Error><RequestId>id</RequestId></ErrorResponse>"
    );
}

#[test]
fn clients_read_errors_back() {
    let call = call::<metrics::PutDashboard>(&cloudwatch::SERVICE);
    let error = cloudwatch::errors::dashboard_invalid_input_error("text");
    let response = encode_error(Some(&cloudwatch::SERVICE), &error, "id");
    let read =
        decode_response(&call, response.status(), response.headers(), response.body(), &mut Unit {}).unwrap_err();
    assert_eq!((&read.code, &read.query_code, read.sender), (&error.code, &error.query_code, true));
    assert_eq!(read.message, "text");
    let read =
        decode_response(&call, StatusCode::BAD_GATEWAY, response.headers(), b"<html>", &mut Unit {}).unwrap_err();
    assert_eq!((read.code.as_ref(), read.status, read.sender), ("UnknownError", 502, false));
    let mut output = cloudwatch::ListMetricsOutput::default();
    assert!(decode_response(&call, StatusCode::OK, response.headers(), b"<a", &mut output).is_err());
}

fn round_trip<O: OperationType>(service: &'static Service, seed: u64) {
    let call = call::<O>(service);
    let mut fill = Fill::new(seed);
    let mut input = O::Input::default();
    fill.structure(&mut input);
    let request = encode_request(&call, &input);
    let mut read = O::Input::default();
    let mut missing = Missing::default();
    decode(request.body(), &mut read, &mut missing).unwrap();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(equal(&input, &read), "{} {}", O::OPERATION.name, shown(&input, &read));
    let mut output = O::Output::default();
    fill.structure(&mut output);
    let response = encode_response(&call, &output, "id");
    let mut read = O::Output::default();
    decode_response(&call, response.status(), response.headers(), response.body(), &mut read).unwrap();
    assert!(equal(&output, &read), "{} {}", O::OPERATION.name, shown(&output, &read));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn structures_survive_the_wire(seed: u64) {
        round_trip::<metrics::PutMetricData>(&cloudwatch::SERVICE, seed);
        round_trip::<metrics::GetMetricData>(&cloudwatch::SERVICE, seed);
        round_trip::<metrics::GetMetricStatistics>(&cloudwatch::SERVICE, seed);
        round_trip::<metrics::DescribeAlarms>(&cloudwatch::SERVICE, seed);
        round_trip::<metrics::PutMetricAlarm>(&cloudwatch::SERVICE, seed);
        round_trip::<sns::operations::Publish>(&sns::SERVICE, seed);
        round_trip::<sns::operations::GetTopicAttributes>(&sns::SERVICE, seed);
        round_trip::<iam::operations::SimulateCustomPolicy>(&iam::SERVICE, seed);
        round_trip::<iam::operations::CreateRole>(&iam::SERVICE, seed);
        round_trip::<sts::operations::AssumeRole>(&sts::SERVICE, seed);
    }

    #[test]
    fn the_order_of_parameters_makes_no_difference(seed: u64, order: u64) {
        let mut input = cloudwatch::PutMetricDataInput::default();
        Fill::new(seed).structure(&mut input);
        let request = encode_request(&call::<metrics::PutMetricData>(&cloudwatch::SERVICE), &input);
        let mut pairs: Vec<&[u8]> = request.body().split(|byte| *byte == b'&').collect();
        pairs.sort_by_key(|pair| crc32fast::hash(pair) ^ order as u32);
        let mut read = cloudwatch::PutMetricDataInput::default();
        decode(&pairs.join(&b'&'), &mut read, &mut Missing::default()).unwrap();
        prop_assert!(equal(&input, &read), "{}", shown(&input, &read));
    }

    #[test]
    fn arbitrary_forms_never_panic(
        bytes: Vec<u8>,
        text in "(MetricData|Namespace|Dimensions|member|entry|Value|Values|1|2|[.=&%+a])(\\.|=|&|member|entry|Value|1|22|%2){0,12}",
    ) {
        for form in [&bytes[..], text.as_bytes()] {
            let mut input = cloudwatch::PutMetricDataInput::default();
            let _ = decode(form, &mut input, &mut Missing::default());
            let mut input = sns::PublishInput::default();
            let _ = decode(form, &mut input, &mut Missing::default());
        }
    }

    #[test]
    fn truncated_messages_never_panic(seed: u64, cut in 0.0..1.0) {
        let mut output = cloudwatch::GetMetricDataOutput::default();
        Fill::new(seed).structure(&mut output);
        let call = call::<metrics::GetMetricData>(&cloudwatch::SERVICE);
        let response = encode_response(&call, &output, "id");
        let cut = (response.body().len() as f64 * cut) as usize;
        let mut read = cloudwatch::GetMetricDataOutput::default();
        let result = decode_response(&call, StatusCode::OK, response.headers(), &response.body()[..cut], &mut read as &mut dyn Structure);
        prop_assert!(result.is_err());
    }
}
