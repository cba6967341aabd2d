"""CloudWatch metrics through boto3, in each of the three protocols."""

import datetime as dt

from server import raises

UTC = dt.timezone.utc


def minute(minutes_ago=0):
    now = dt.datetime.now(UTC).replace(second=0, microsecond=0)
    return now - dt.timedelta(minutes=minutes_ago)


def query(name, stat="Average", period=60, dimensions=(), **more):
    metric = {"Namespace": "Shop", "MetricName": name, "Dimensions": list(dimensions)}
    return {"Id": "m1", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}


def get(cloudwatch, *queries, since=30, until=0, **more):
    return cloudwatch.get_metric_data(
        MetricDataQueries=list(queries), StartTime=minute(since), EndTime=minute(until) + dt.timedelta(minutes=1), **more
    )


def test_what_is_put_is_listed_and_read_back(cloudwatch):
    host = [{"Name": "host", "Value": "web-1"}]
    cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[
            {"MetricName": "Latency", "Dimensions": host, "Timestamp": minute(5), "Value": 12.5, "Unit": "Milliseconds"},
            {"MetricName": "Latency", "Dimensions": host, "Timestamp": minute(5), "Values": [10.0, 20.0], "Counts": [3.0, 1.0], "Unit": "Milliseconds"},
            {"MetricName": "Orders", "Timestamp": minute(4), "StatisticValues": {"SampleCount": 4, "Sum": 40, "Minimum": 1, "Maximum": 25}},
            {"MetricName": "Orders", "Timestamp": minute(3), "Value": 7, "StorageResolution": 1},
        ],
    )
    listed = cloudwatch.list_metrics(Namespace="Shop")["Metrics"]
    assert sorted((metric["MetricName"], len(metric["Dimensions"])) for metric in listed) == [("Latency", 1), ("Orders", 0)]
    assert cloudwatch.list_metrics(Namespace="Shop", Dimensions=[{"Name": "host"}], RecentlyActive="PT3H")["Metrics"] == [
        {"Namespace": "Shop", "MetricName": "Latency", "Dimensions": host}
    ]
    expected = {"SampleCount": 5.0, "Sum": 62.5, "Average": 12.5, "Minimum": 10.0, "Maximum": 20.0, "p50": 10.0, "TM(:100%)": 12.5}
    for stat, value in expected.items():
        result = get(cloudwatch, query("Latency", stat, dimensions=host))["MetricDataResults"][0]
        assert result["StatusCode"] == "Complete" and result["Timestamps"] == [minute(5)], stat
        assert abs(result["Values"][0] - value) < 1e-9, (stat, result)
    result = get(cloudwatch, query("Orders", "Sum"), ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert result["Values"] == [40.0, 7.0] and result["Timestamps"] == [minute(4), minute(3)]


def test_statistics(cloudwatch):
    for ago, value in ((9, 1.0), (8, 5.0), (7, 3.0)):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Queue", "Timestamp": minute(ago), "Value": value, "Unit": "Count"}])
    answer = cloudwatch.get_metric_statistics(
        Namespace="Shop", MetricName="Queue", StartTime=minute(20), EndTime=minute(0), Period=60, Statistics=["Sum", "Maximum"], ExtendedStatistics=["p90"]
    )
    assert answer["Label"] == "Queue"
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert [(point["Timestamp"], point["Sum"], point["Maximum"], point["Unit"]) for point in points] == [
        (minute(9), 1.0, 1.0, "Count"),
        (minute(8), 5.0, 5.0, "Count"),
        (minute(7), 3.0, 3.0, "Count"),
    ]
    assert all(abs(point["ExtendedStatistics"]["p90"] - point["Sum"]) < 1e-9 for point in points)
    assert cloudwatch.get_metric_statistics(
        Namespace="Shop", MetricName="Queue", StartTime=minute(20), EndTime=minute(0), Period=60, Statistics=["Sum"], Unit="Bytes"
    )["Datapoints"] == []


def test_results_come_in_pages(cloudwatch):
    data = [{"MetricName": "Load", "Timestamp": minute(ago), "Value": float(ago)} for ago in range(1, 21)]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    values, token = [], {}
    for _ in range(10):
        page = get(cloudwatch, query("Load"), MaxDatapoints=6, **token)
        values += page["MetricDataResults"][0]["Values"] if page["MetricDataResults"] else []
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert values == [float(ago) for ago in range(1, 21)]


def test_bad_input_gets_the_documented_errors(cloudwatch):
    def put(**datum):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "M", **datum}])

    with raises(cloudwatch, "InvalidParameterValue"):
        put(Value=float("nan"))
    with raises(cloudwatch, "InvalidParameterValue"):
        put(Value=1.0, Timestamp=minute(3 * 7 * 24 * 60))
    with raises(cloudwatch, "InvalidParameterCombination"):
        put(Value=1.0, StatisticValues={"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1})
    with raises(cloudwatch, "InvalidParameterValue"):
        put(Value=1.0, Dimensions=[{"Name": f"d{i}", "Value": "x"} for i in range(31)])
    with raises(cloudwatch, "ValidationError"):
        get(cloudwatch, query("M", stat="p101"))
    assert cloudwatch.list_metrics(Namespace="Shop")["Metrics"] == []


def test_a_namespace_may_begin_with_a_colon(cloudwatch):
    cloudwatch.put_metric_data(Namespace=":n", MetricData=[{"MetricName": "m", "Value": 1}])
    assert [metric["Namespace"] for metric in cloudwatch.list_metrics(Namespace=":n")["Metrics"]] == [":n"]
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.put_metric_data(Namespace="a\nb", MetricData=[{"MetricName": "m", "Value": 1}])
