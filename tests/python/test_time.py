"""Days in milliseconds: a server on a clock that the test moves."""

import datetime as dt
import time

import pytest

from server import Server, until

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
DAY_MS = 86_400_000


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.fixture
def server():
    with Server("--manual-clock", str(ms(START))) as server:
        yield server


def pass_days(server, days):
    return server.admin("clock", advance_ms=days * DAY_MS)["now_ms"]


def test_log_events_expire(server):
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/old")
    logs.create_log_stream(logGroupName="/old", logStreamName="s")
    logs.put_retention_policy(logGroupName="/old", retentionInDays=3)

    def put(day):
        event = {"timestamp": ms(START + dt.timedelta(days=day)), "message": f"day {day}"}
        logs.put_log_events(logGroupName="/old", logStreamName="s", logEvents=[event])

    def messages():
        return [event["message"] for event in logs.filter_log_events(logGroupName="/old")["events"]]

    put(0)
    pass_days(server, 2)
    put(2)
    assert messages() == ["day 0", "day 2"]
    pass_days(server, 2)
    assert messages() == ["day 2"]
    logs.delete_retention_policy(logGroupName="/old")
    pass_days(server, 30)
    assert "day 2" in messages()


def test_the_server_counts_its_calls(server):
    cloudwatch = server.client("cloudwatch")
    for _ in range(3):
        cloudwatch.list_metrics(Namespace="Shop")
    dimensions = {"Service": "CloudWatch", "Type": "API", "Class": "None", "Resource": "ListMetrics"}

    def calls():
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Usage",
            MetricName="CallCount",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=START,
            EndTime=START + dt.timedelta(hours=1),
            Period=3600,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in answer["Datapoints"]]

    assert calls() == []
    server.admin("clock", advance_ms=60_000)
    deadline = time.monotonic() + 30
    while not calls():
        assert time.monotonic() < deadline, "calls are counted within a minute"
        time.sleep(0.05)
    assert calls() == [3.0]


def test_what_comes_into_log_groups_is_counted(server):
    logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
    logs.create_log_group(logGroupName="/shop")
    logs.create_log_stream(logGroupName="/shop", logStreamName="s")
    events = [{"timestamp": ms(START), "message": message} for message in ("one", "three")]
    logs.put_log_events(logGroupName="/shop", logStreamName="s", logEvents=events)
    server.admin("clock", advance_ms=60_000)

    def total(name, dimensions):
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Logs",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=START,
            EndTime=START + dt.timedelta(hours=1),
            Period=3600,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in answer["Datapoints"]]

    of_group = [{"Name": "LogGroupName", "Value": "/shop"}]
    until(lambda: total("IncomingBytes", of_group))
    assert total("IncomingBytes", of_group) == total("IncomingBytes", []) == [8.0]
    assert total("IncomingLogEvents", of_group) == total("IncomingLogEvents", []) == [2.0]


def test_metrics_of_months_ago_are_read_from_roll_ups(tmp_path):
    with Server("--manual-clock", str(ms(START)), data_dir=tmp_path / "data") as server:
        read_months_later(server)


def read_months_later(server):
    cloudwatch = server.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="Shop",
        MetricData=[
            {"MetricName": "Latency", "Timestamp": START + dt.timedelta(minutes=minute), "Value": float(minute)}
            for minute in range(100)
        ],
    )

    def read(period, stat):
        answer = cloudwatch.get_metric_data(
            StartTime=START,
            EndTime=START + dt.timedelta(hours=2),
            MetricDataQueries=[
                {
                    "Id": "m1",
                    "MetricStat": {
                        "Metric": {"Namespace": "Shop", "MetricName": "Latency"},
                        "Period": period,
                        "Stat": stat,
                    },
                }
            ],
        )
        return answer["MetricDataResults"][0]["Values"]

    before = {stat: read(3600, stat) for stat in ("Sum", "Maximum", "p90", "tm95")}
    pass_days(server, 20)
    wait_for_rows(server, "metric_points_1h")
    assert {stat: read(3600, stat) for stat in before} == before
    assert len(read(300, "Sum")) == 20 and read(60, "Sum") == []
    pass_days(server, 100)
    assert {stat: read(3600, stat) for stat in before} == before
    assert read(300, "Sum") == []


def wait_for_rows(server, table):
    """Waits until the server has written rows of this table into a segment."""
    deadline = time.monotonic() + 60
    while not list((server.data_dir / "data").rglob(f"{table}/**/*.parquet")):
        assert time.monotonic() < deadline, f"no rows of {table}"
        server.admin("clock", advance_ms=60_000)
        time.sleep(0.2)


def test_metrics_fall_silent_after_two_weeks(server):
    cloudwatch = server.client("cloudwatch")

    def put(name, at):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": name, "Timestamp": at, "Value": 1.0}])

    def names(**filters):
        return sorted(metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="Shop", **filters)["Metrics"])

    put("Early", START)
    pass_days(server, 10)
    put("Late", START + dt.timedelta(days=10))
    assert names() == ["Early", "Late"] and names(RecentlyActive="PT3H") == ["Late"]
    pass_days(server, 6)
    assert names() == ["Late"]
    # What is no longer listed can still be read.
    statistics = cloudwatch.get_metric_statistics(
        Namespace="Shop", MetricName="Early", StartTime=START - dt.timedelta(hours=1), EndTime=START + dt.timedelta(hours=1), Period=3600, Statistics=["Sum"]
    )
    assert [point["Sum"] for point in statistics["Datapoints"]] == [1.0]


def test_this_host_is_measured_as_an_instance(tmp_path):
    environment = {
        "WATCHKEEP_AGENT_INSTANCE_MONITORING": "detailed",
        "WATCHKEEP_AGENT_INSTANCE_ID": "i-1",
        "WATCHKEEP_AGENT_LOG_FILES": str(tmp_path / "*.log"),
    }
    with Server("--manual-clock", str(ms(START)), command="up", environment=environment) as server:
        cloudwatch = server.client("cloudwatch")
        instance = [{"Name": "InstanceId", "Value": "i-1"}]

        def busy():
            server.admin("clock", advance_ms=10_000)
            answer = cloudwatch.get_metric_statistics(
                Namespace="AWS/EC2",
                MetricName="CPUUtilization",
                Dimensions=instance,
                StartTime=START,
                EndTime=START + dt.timedelta(hours=1),
                Period=60,
                Statistics=["Average"],
            )
            points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
            return points if len(points) >= 2 else None

        points = until(busy, seconds_max=30)
        assert all(0 <= point["Average"] <= 100 and point["Unit"] == "Percent" for point in points)
        assert points[1]["Timestamp"] - points[0]["Timestamp"] == dt.timedelta(minutes=1)
