"""CloudWatch metrics through boto3, in each of the three protocols."""

import datetime as dt
import json
import urllib.parse
import urllib.request

import pytest
from botocore.exceptions import ClientError

from server import Server, raises, until

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


def test_expressions(cloudwatch):
    """Metric math, a search and a Metrics Insights query, and how their mistakes are told."""
    for shop, ago, value in (("berlin", 3, 2.0), ("berlin", 2, 4.0), ("paris", 2, 10.0)):
        datum = {"MetricName": "Sales", "Dimensions": [{"Name": "shop", "Value": shop}], "Timestamp": minute(ago), "Value": value}
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[datum])
    berlin = query("Sales", "Sum", dimensions=[{"Name": "shop", "Value": "berlin"}], ReturnData=False)
    expressions = [
        {"Id": "twice", "Expression": "m1 * 2", "Label": "twice, at most ${MAX}"},
        {"Id": "all", "Expression": "SEARCH('{Shop, shop} Sales', 'Sum', 60)"},
        {"Id": "sums", "Expression": "SELECT SUM(Sales) FROM Shop GROUP BY shop", "Period": 60},
        {"Id": "total", "Expression": "SUM(sums)"},
    ]
    results = get(cloudwatch, berlin, *expressions, ScanBy="TimestampAscending")["MetricDataResults"]
    assert [(result["Id"], result["Label"], result["Values"]) for result in results] == [
        ("twice", "twice, at most 8", [4.0, 8.0]),
        ("all", "berlin", [2.0, 4.0]),
        ("all", "paris", [10.0]),
        ("sums", "berlin", [2.0, 4.0]),
        ("sums", "paris", [10.0]),
        ("total", "total", [2.0, 14.0]),
    ]
    for expression, reason in (("SUM(m1)", "must return a time series"), ("m1 + m2", "m2"), ("m1 +* 2", "position 5")):
        with pytest.raises(ClientError) as refused:
            get(cloudwatch, berlin, {"Id": "e", "Expression": expression})
        told = refused.value.response["Error"]
        assert told["Code"] == "ValidationError" and told["Message"].startswith("Error in expression 'e': "), told
        assert reason in told["Message"], told


def test_bad_data_are_refused_whole(cloudwatch):
    def check(code, *data, namespace="Shop", **more):
        good = {"MetricName": "M", "Value": 1.0}
        with raises(cloudwatch, code):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[good, *({"MetricName": "M", **datum} for datum in data)], **more)

    value, combination = "InvalidParameterValue", "InvalidParameterCombination"
    a_set = {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}
    check(combination, {"Value": 1.0, "Values": [1.0]})
    check(combination, {"Value": 1.0, "StatisticValues": a_set})
    check(combination, {})
    check(combination, {"Counts": [1.0]})
    for datum in (
        {"Values": [1.0], "Counts": [1.0, 2.0]},
        {"Values": [1.0], "Counts": [-1.0]},
        {"Values": [1.0] * 151},
        {"StatisticValues": {**a_set, "SampleCount": 0}},
        {"StatisticValues": {**a_set, "Maximum": 0}},
        {"Value": float("nan")},
        {"Value": float("inf")},
        {"Value": 4.69e108},
        {"Value": 1.0, "Timestamp": minute(14 * 24 * 60 + 1)},
        {"Value": 1.0, "Timestamp": minute(-121)},
        {"Value": 1.0, "Unit": "seconds"},
        {"Value": 1.0, "StorageResolution": 30},
        {"Value": 1.0, "MetricName": "x" * 256},
        {"Value": 1.0, "Dimensions": [{"Name": "d", "Value": "x"}] * 2},
        {"Value": 1.0, "Dimensions": [{"Name": f"d{i}", "Value": "x"} for i in range(31)]},
        {"Value": 1.0, "Dimensions": [{"Name": ":d", "Value": "x"}]},
        {"Value": 1.0, "Dimensions": [{"Name": "d", "Value": "x" * 1025}]},
    ):
        check(value, datum)
    check(value, *[{"Value": 1.0}] * 1000)
    check(value, {"Value": 1.0}, namespace="AWS/EC2")
    check(value, {"Value": 1.0}, namespace=" ")
    with raises(cloudwatch, "MissingParameter"):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[])
    assert cloudwatch.list_metrics(Namespace="Shop")["Metrics"] == []


def test_reads_refuse_with_the_family_of_their_operation(cloudwatch):
    def statistics(**more):
        given = {"ExtendedStatistics": ["p50"], "StartTime": minute(60), "EndTime": minute(), "Period": 60, **more}
        cloudwatch.get_metric_statistics(Namespace="Shop", MetricName="M", **given)

    def metric_stat(**more):
        return {"MetricStat": {**query("M")["MetricStat"], **more}}

    for code, more in (
        ("InvalidParameterValue", {"StartTime": minute()}),
        ("InvalidParameterValue", {"Period": 7}),
        ("InvalidParameterValue", {"Period": 90}),
        ("InvalidParameterValue", {"ExtendedStatistics": ["p101"]}),
        ("InvalidParameterValue", {"ExtendedStatistics": ["Sum"]}),
        ("InvalidParameterCombination", {"StartTime": minute(1441)}),
    ):
        with raises(cloudwatch, code):
            statistics(**more)
    statistics(StartTime=minute(1440))
    for queries, more in (
        ([query("M"), query("M")], {}),
        ([{**query("M"), "Id": "M1"}], {}),
        ([{**query("M"), "Expression": "m1"}], {}),
        ([{"Id": "m1"}], {}),
        ([query("M", stat="p101")], {}),
        ([query("M", period=45)], {}),
        ([query("M", period=90)], {}),
        ([query("M")], {"since": 0, "until": 1}),
        ([{**query("M"), "Id": f"m{i}"} for i in range(501)], {}),
        ([{**query("M"), "Label": "${MAX}" * 6}], {}),
        ([query("M")], {"MaxDatapoints": 100_801}),
    ):
        with raises(cloudwatch, "ValidationError"):
            get(cloudwatch, *queries, **more)
    with raises(cloudwatch, "InvalidNextToken"):
        get(cloudwatch, query("M"), NextToken="x")
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.list_metrics(NextToken="x")


def test_the_statistics_of_the_reference(cloudwatch):
    powers = [float(2**power) for power in range(10)]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "P", "Timestamp": minute(3), "Values": powers}])
    expected = {
        "SampleCount": 10, "Sum": 1023, "Average": 102.3, "Minimum": 1, "Maximum": 512, "p0": 1, "p50": 16, "p100": 512, "tm90": 511 / 9,
        "TC(10%:90%)": 8, "PR(:12)": 40, "PR(3:12)": 20, "TC(100:)": 3, "TS(3:12)": 12, "WM(:12)": 8.7,
    }  # fmt: skip
    queries = [{**query("P", stat), "Id": f"m{number}"} for number, stat in enumerate(expected)]
    results = get(cloudwatch, *queries)["MetricDataResults"]
    assert [result["Label"] for result in results] == [f"P {stat}" for stat in expected]
    for (stat, value), result in zip(expected.items(), results, strict=True):
        assert abs(result["Values"][0] - value) < 1e-9, (stat, result["Values"])
    # Of a statistic set the samples are not known, so its minute has no percentile; and neither has one with a negative value.
    a_set = {"SampleCount": 2, "Sum": 5, "Minimum": 1, "Maximum": 4}
    cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[
            {"MetricName": "P", "Timestamp": minute(2), "StatisticValues": a_set},
            {"MetricName": "P", "Timestamp": minute(1), "Value": -1.0},
        ],
    )
    assert [len(get(cloudwatch, query("P", stat))["MetricDataResults"][0]["Values"]) for stat in ("p50", "Sum")] == [1, 3]


def test_units_are_never_summed(cloudwatch):
    cloudwatch.put_metric_data(
        Namespace="Shop", MetricData=[{"MetricName": "U", "Timestamp": minute(2), "Value": value, "Unit": unit} for value, unit in ((1.0, "Seconds"), (2.0, "Milliseconds"))]
    )
    result = get(cloudwatch, query("U", "Sum"))["MetricDataResults"][0]
    assert result["Values"] == [2.0] and result["StatusCode"] == "Complete"
    assert result["Messages"] == [{"Code": "MultipleUnits", "Value": "Multiple units returned: '[Milliseconds, Seconds]'"}]
    wanted = query("U", "Sum")
    wanted["MetricStat"]["Unit"] = "Seconds"
    assert get(cloudwatch, wanted)["MetricDataResults"][0]["Values"] == [1.0]


def test_entities_are_checked_as_strictly_as_asked(cloudwatch):
    def put(key_attributes, strict, attributes=None, objects=1):
        entity = {"KeyAttributes": key_attributes, "Attributes": attributes or {}}
        data = {"Entity": entity, "MetricData": [{"MetricName": "E", "Timestamp": minute(2), "Value": 1.0}]}
        answer = cloudwatch.put_metric_data(Namespace="Shop", EntityMetricData=[data] * objects, StrictEntityValidation=strict)
        return answer["ResponseMetadata"]["HTTPHeaders"].get("x-amzn-failure-message")

    service = {"Type": "Service", "Name": "cart", "Environment": "prod"}
    assert put(service, True, {"team": "a"}) is None
    bad = (
        ("MissingRequiredFields", {"key_attributes": {"Type": "Service"}}),
        ("InvalidTypeValue", {"key_attributes": {**service, "Type": "Server"}}),
        ("InvalidKeyAttributes", {"key_attributes": {**service, "Name": "x" * 2049}}),
        ("InvalidAttributes", {"key_attributes": service, "attributes": {str(number): "x" for number in range(11)}}),
        ("EntitySizeTooLarge", {"key_attributes": service, "objects": 3}),
    )
    for code, arguments in bad:
        assert put(strict=False, **arguments) == code
        with raises(cloudwatch, "InvalidParameterValue"):
            put(strict=True, **arguments)
    assert get(cloudwatch, query("E", "Sum"))["MetricDataResults"][0]["Values"] == [1.0 + 4 * 1.0 + 3.0]


def test_metrics_are_listed_in_pages(cloudwatch):
    names = [f"m{number:04}" for number in range(1100)]
    for part in (names[:600], names[600:]):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": name, "Value": 1.0} for name in part])
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace="Shop"))
    assert [len(page["Metrics"]) for page in pages] == [500, 500, 100]
    assert [metric["MetricName"] for page in pages for metric in page["Metrics"]] == names


def test_a_namespace_may_begin_with_a_colon(cloudwatch):
    cloudwatch.put_metric_data(Namespace=":n", MetricData=[{"MetricName": "m", "Value": 1}])
    assert [metric["Namespace"] for metric in cloudwatch.list_metrics(Namespace=":n")["Metrics"]] == [":n"]
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.put_metric_data(Namespace="a\nb", MetricData=[{"MetricName": "m", "Value": 1}])


def test_answers_are_the_same_after_a_crash_and_from_segments(tmp_path):
    start = dt.datetime(2026, 1, 1, tzinfo=UTC)
    clock = "--manual-clock", str(int(start.timestamp() * 1000))
    metrics = [("Load", [{"Name": "host", "Value": f"h{number}"}]) for number in range(3)] + [("Load", [])]
    stats = "Sum", "Average", "SampleCount", "p90", "tm99", "TC(10:50)"

    def answers(cloudwatch):
        queries = [
            {"Id": f"m{number}", "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": name, "Dimensions": dimensions}, "Period": period, "Stat": stat}}
            for number, ((name, dimensions), stat, period) in enumerate((metric, stat, period) for metric in metrics for stat in stats for period in (60, 300, 3600))
        ]
        data = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=start - dt.timedelta(days=10), EndTime=start + dt.timedelta(hours=1))
        listed = cloudwatch.list_metrics(Namespace="Shop")["Metrics"]
        active = cloudwatch.list_metrics(Namespace="Shop", RecentlyActive="PT3H")["Metrics"]
        return data["MetricDataResults"], listed, active

    with Server(*clock, data_dir=tmp_path / "data") as server:
        cloudwatch = server.client("cloudwatch")
        # Newest first, and values whose sum depends on the order if it is taken carelessly.
        for minutes_ago in range(0, 10_000, 211):
            at = start - dt.timedelta(minutes=minutes_ago)
            cloudwatch.put_metric_data(
                Namespace="Shop",
                MetricData=[
                    {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, **values}
                    for name, dimensions in metrics
                    for values in ({"Value": 0.1 * minutes_ago}, {"Values": [0.3, 0.1, 7.7], "Counts": [1.0, 3.0, 2.0]})
                ],
            )
        before = answers(cloudwatch)
        assert len(before[1]) == len(before[2]) == 4 and all(result["Values"] for result in before[0])
        server.kill()
        server.start()
        assert answers(server.client("cloudwatch")) == before
        # In segments, then in merged ones, and in those alone.
        for minutes, level in ((2, 0), (60, 1)):
            server.admin("clock", advance_ms=minutes * 60_000)
            until(lambda level=level: list((tmp_path / "data").rglob(f"*metric_points*/**/*-{level}-*.parquet")), seconds_max=60)
            assert answers(server.client("cloudwatch")) == before
        server.restart()
        assert answers(server.client("cloudwatch")) == before


WIDGET = {
    "title": "Orders <&> by store",
    "width": 480,
    "height": 260,
    "start": "-PT30M",
    "period": 60,
    "stat": "Sum",
    "metrics": [
        ["Shop", "Orders", "store", "berlin", {"id": "m1"}],
        ["...", "paris", {"yAxis": "right", "color": "#102030"}],
        [{"expression": "m1 * 2", "label": "twice ${MAX}"}],
        [{"expression": "SEARCH('{Shop,store} Orders', 'Average')"}],
    ],
    "annotations": {"horizontal": [{"value": 5, "label": "busy", "fill": "above"}]},
}


def png_size(image):
    assert image[:8] == b"\x89PNG\r\n\x1a\n" and image[-8:-4] == b"IEND"
    return int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big")


def test_widgets_are_drawn(cloudwatch):
    for store in ("berlin", "paris"):
        cloudwatch.put_metric_data(
            Namespace="Shop",
            MetricData=[
                {"MetricName": "Orders", "Dimensions": [{"Name": "store", "Value": store}], "Timestamp": minute(ago), "Value": ago, "Unit": "Count"}
                for ago in range(1, 25)
            ],
        )
    views = [
        {"view": "timeSeries"},
        {"view": "timeSeries", "stacked": True, "theme": "dark"},
        {"view": "bar", "legend": {"position": "right"}},
        {"view": "pie", "setPeriodToTimeRange": True},
        {"view": "gauge", "yAxis": {"left": {"min": 0, "max": 30}}},
        {"view": "singleValue", "sparkline": True},
    ]
    images = set()
    for view in views:
        answer = cloudwatch.get_metric_widget_image(MetricWidget=json.dumps({**WIDGET, **view}))
        assert png_size(answer["MetricWidgetImage"]) == (480, 260)
        images.add(answer["MetricWidgetImage"])
    assert len(images) == len(views)
    empty = cloudwatch.get_metric_widget_image(MetricWidget=json.dumps({**WIDGET, "metrics": [["Shop", "None"]]}))
    assert png_size(empty["MetricWidgetImage"]) == (480, 260) and empty["MetricWidgetImage"] not in images


def test_widgets_that_cannot_be_drawn(cloudwatch):
    cases = [
        ("{", "Should be a valid JSON object"),
        ("[]", "Should be object"),
        ("{}", "/metrics: Should have at least one item"),
        (json.dumps({**WIDGET, "width": 5000}), "/width: Should be from 1 to 2000"),
        (json.dumps({**WIDGET, "view": "table"}), "/view: A table cannot be drawn as an image"),
        (json.dumps({**WIDGET, "metrics": [["."]]}), "/metrics/0/0: "),
    ]
    for widget, reason in cases:
        with pytest.raises(ClientError) as raised:
            cloudwatch.get_metric_widget_image(MetricWidget=widget)
        error = raised.value.response["Error"]
        assert error["Code"] == "ValidationError" and error["Message"].startswith(f"Invalid MetricWidget: {reason}"), error
    with raises(cloudwatch, "ValidationError", "The value jpeg for parameter OutputFormat is invalid."):
        cloudwatch.get_metric_widget_image(MetricWidget=json.dumps(WIDGET), OutputFormat="jpeg")


def test_the_query_protocol_answers_with_the_picture_itself(server):
    form = {"Action": "GetMetricWidgetImage", "Version": "2010-08-01", "MetricWidget": json.dumps(WIDGET), "OutputFormat": "image/png"}
    with urllib.request.urlopen(server.endpoint, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
        assert answer.headers["content-type"] == "image/png"
        assert png_size(answer.read()) == (480, 260)


def test_an_alarm_is_drawn(cloudwatch):
    alarm = {"AlarmName": "few orders", "Namespace": "Shop", "MetricName": "Orders", "Statistic": "Sum", "Period": 60}
    cloudwatch.put_metric_alarm(**alarm, EvaluationPeriods=1, Threshold=5, ComparisonOperator="LessThanThreshold")
    arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:few orders"
    drawn = cloudwatch.get_metric_widget_image(MetricWidget=json.dumps({"annotations": {"alarms": [arn]}}))
    assert drawn["MetricWidgetImage"].startswith(b"\x89PNG")
    with pytest.raises(ClientError, match="There is no alarm"):
        cloudwatch.get_metric_widget_image(MetricWidget=json.dumps({"annotations": {"alarms": [arn + "s"]}}))
