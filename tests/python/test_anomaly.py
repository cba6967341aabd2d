"""Anomaly detectors and bands through boto3, in each of the three protocols, and the AWS CLI."""

import datetime as dt
import json

from server import raises, until

UTC = dt.timezone.utc
STEP = dt.timedelta(minutes=5)
LOAD = {"Namespace": "Shop", "MetricName": "Load", "Dimensions": [{"Name": "host", "Value": "web-1"}], "Stat": "Average"}


def now():
    moment = dt.datetime.now(UTC)
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)


def usual(moment):
    """100 by day, 20 at night, and a little more by chance."""
    return (100 if 6 <= moment.hour < 18 else 20) + moment.minute * 7 % 8


def put_days(cloudwatch, days=14):
    moments = [now() - STEP * slot for slot in range(1, days * 288 - 1)]
    for begin in range(0, len(moments), 1000):
        data = [
            {"MetricName": "Load", "Dimensions": LOAD["Dimensions"], "Timestamp": moment, "Value": usual(moment)}
            for moment in moments[begin : begin + 1000]
        ]
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)


def states(cloudwatch, **filters):
    return [detector["StateValue"] for detector in cloudwatch.describe_anomaly_detectors(**filters)["AnomalyDetectors"]]


def metric(**more):
    stat = {"Metric": {key: LOAD[key] for key in ("Namespace", "MetricName", "Dimensions")}, "Period": 300, "Stat": "Average"}
    return {"Id": "m1", "MetricStat": stat, **more}


def band(cloudwatch, *queries, start, end):
    results = cloudwatch.get_metric_data(MetricDataQueries=list(queries), StartTime=start, EndTime=end, ScanBy="TimestampAscending")
    return results["MetricDataResults"]


def test_detectors(cloudwatch):
    configuration = {
        "ExcludedTimeRanges": [{"StartTime": dt.datetime(2026, 1, 1, tzinfo=UTC), "EndTime": dt.datetime(2026, 1, 2, tzinfo=UTC)}],
        "MetricTimezone": "America/New_York",
        "AdaptationSpeed": "SLOW",
        "OutlierFilteringStrength": "MINIMAL",
    }
    spikes = {"PeriodicSpikes": True}
    first = cloudwatch.put_anomaly_detector(SingleMetricAnomalyDetector=LOAD, Configuration=configuration, MetricCharacteristics=spikes)
    identifier = first["AnomalyDetectorId"]
    found = cloudwatch.describe_anomaly_detectors(Namespace="Shop", MetricName="Load", Dimensions=LOAD["Dimensions"])["AnomalyDetectors"]
    assert len(found) == 1 and found[0]["AnomalyDetectorId"] == identifier
    assert found[0]["Configuration"] == configuration and found[0]["MetricCharacteristics"] == spikes
    assert {key: found[0][key] for key in LOAD} == LOAD
    assert found[0]["SingleMetricAnomalyDetector"] == {"AccountId": "000000000000", **LOAD}
    # The deprecated members name the same detector; what is put last counts.
    assert cloudwatch.put_anomaly_detector(**LOAD)["AnomalyDetectorId"] == identifier
    found = cloudwatch.describe_anomaly_detectors(AnomalyDetectorIds=[identifier])["AnomalyDetectors"]
    assert found[0]["Configuration"] == {"ExcludedTimeRanges": []} and "MetricCharacteristics" not in found[0]

    queries = [metric(ReturnData=False), {"Id": "e1", "Expression": "m1 * 2", "ReturnData": True}]
    cloudwatch.put_anomaly_detector(MetricMathAnomalyDetector={"MetricDataQueries": queries})
    math = cloudwatch.describe_anomaly_detectors(AnomalyDetectorTypes=["METRIC_MATH"])["AnomalyDetectors"]
    assert [detector["MetricMathAnomalyDetector"]["MetricDataQueries"] for detector in math] == [queries]
    assert "Namespace" not in math[0]

    for name in ("A", "B", "C"):
        cloudwatch.put_anomaly_detector(Namespace="Shop", MetricName=name, Stat="Sum")
    pages = cloudwatch.get_paginator("describe_anomaly_detectors").paginate(Namespace="Shop", MaxResults=3)
    assert [len(page["AnomalyDetectors"]) for page in pages] == [3, 1]

    cloudwatch.delete_anomaly_detector(AnomalyDetectorId=identifier)
    cloudwatch.delete_anomaly_detector(MetricMathAnomalyDetector={"MetricDataQueries": queries})
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.delete_anomaly_detector(SingleMetricAnomalyDetector=LOAD)
    with raises(cloudwatch, "InvalidParameterCombination"):
        cloudwatch.put_anomaly_detector(Namespace="Shop", SingleMetricAnomalyDetector=LOAD)
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.put_anomaly_detector(**LOAD, Configuration={"MetricTimezone": "Europe/Atlantis"})
    with raises(cloudwatch, "MissingParameter"):
        cloudwatch.put_anomaly_detector(Namespace="Shop", MetricName="Load")


def test_a_detector_is_trained_in_the_background_and_its_band_tells_anomalies(cloudwatch):
    put_days(cloudwatch)
    cloudwatch.put_anomaly_detector(SingleMetricAnomalyDetector=LOAD)
    cloudwatch.put_anomaly_detector(Namespace="Shop", MetricName="Nothing", Stat="Average")
    until(lambda: states(cloudwatch, MetricName="Load") == ["TRAINED"])
    until(lambda: states(cloudwatch, MetricName="Nothing") == ["TRAINED_INSUFFICIENT_DATA"])
    start, end = now() - dt.timedelta(hours=2), now() + dt.timedelta(hours=2)
    values, upper, lower = band(cloudwatch, metric(), {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1, 3)"}, start=start, end=end)
    assert (upper["Id"], upper["Label"], lower["Label"]) == ("ad1", "Load High", "Load Low")
    assert upper["Timestamps"] == lower["Timestamps"] == [start + STEP * slot for slot in range(48)]
    for moment, high, low in zip(upper["Timestamps"], upper["Values"], lower["Values"]):
        assert low < usual(moment) < high and high - low < 50, moment
    assert set(values["Timestamps"]) < set(upper["Timestamps"])

    outside = {"Id": "out", "Expression": "IF(m1 > FIRST(ANOMALY_DETECTION_BAND(m1, 4)), 1, 0)"}
    cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[{"MetricName": "Load", "Dimensions": LOAD["Dimensions"], "Timestamp": now() - STEP * 2, "Value": 1000.0}],
    )
    (result,) = band(cloudwatch, metric(ReturnData=False), outside, start=start, end=now())
    assert [moment for moment, value in zip(result["Timestamps"], result["Values"]) if value] == [now() - STEP * 2]


def test_a_metric_without_a_detector_has_a_band_if_enough_is_known_of_it(server):
    cloudwatch = server.client("cloudwatch")
    start, end = now() - dt.timedelta(hours=1), now()
    call = {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m1)"}
    assert [result["Values"] for result in band(cloudwatch, metric(ReturnData=False), call, start=start, end=end)] == [[], []]
    put_days(cloudwatch, days=3)
    assert [len(result["Values"]) for result in band(cloudwatch, metric(ReturnData=False), call, start=start, end=end)] == [12, 12]
    with raises(cloudwatch, "ValidationError"):
        band(cloudwatch, metric(ReturnData=False), {"Id": "a", "Expression": "ANOMALY_DETECTION_BAND(METRICS())"}, start=start, end=end)


def test_cli(server):
    single = {"Namespace": "Shop", "MetricName": "Load", "Stat": "p90"}
    put = server.cli("cloudwatch", "put-anomaly-detector", "--single-metric-anomaly-detector", json.dumps(single))
    found = server.cli("cloudwatch", "describe-anomaly-detectors", "--namespace", "Shop")["AnomalyDetectors"]
    assert [(detector["MetricName"], detector["Stat"]) for detector in found] == [("Load", "p90")]
    assert put is None or put["AnomalyDetectorId"] == found[0]["AnomalyDetectorId"]
    server.cli("cloudwatch", "delete-anomaly-detector", "--single-metric-anomaly-detector", json.dumps(single))
    assert server.cli("cloudwatch", "describe-anomaly-detectors")["AnomalyDetectors"] == []
