"""`watchkeep up`: a newcomer's first fifteen seconds."""

import datetime as dt

from server import Server, free_port, until


def test_this_hosts_metrics_and_log_files_flow_in(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("first line\n")
    port = free_port()
    environment = {"WATCHKEEP_AGENT_LOG_FILES": str(tmp_path / "*.log")}
    with Server("--xray-listen", f"127.0.0.1:{port}", command="up", data_dir=tmp_path / "data", environment=environment) as server:
        cloudwatch, logs = server.client("cloudwatch"), server.client("logs")
        wanted = {"cpu_usage_idle", "mem_used_percent", "disk_used_percent"}

        def names():
            return {metric["MetricName"] for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="CWAgent") for metric in page["Metrics"]}

        until(lambda: wanted <= names(), seconds_max=15)
        assert any(name.startswith("net_") for name in names())

        def messages():
            groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
            return [event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]

        until(lambda: "first line" in messages(), seconds_max=15)
        with log.open("a") as file:
            file.write("second line\n")
        until(lambda: "second line" in messages(), seconds_max=15)
        memory = next(
            metric for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="CWAgent", MetricName="mem_used_percent") for metric in page["Metrics"]
        )
        now = dt.datetime.now(dt.timezone.utc)
        query = {"Id": "m", "MetricStat": {"Metric": memory, "Period": 60, "Stat": "Average"}}
        data = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=now - dt.timedelta(minutes=5), EndTime=now + dt.timedelta(minutes=1))
        assert 0 < data["MetricDataResults"][0]["Values"][0] <= 100
        # After a restart the tail goes on where it was.
        server.restart()
        logs = server.client("logs")
        with log.open("a") as file:
            file.write("third line\n")
        until(lambda: "third line" in messages(), seconds_max=15)
        assert sorted(message for message in messages() if message.endswith(" line")) == ["first line", "second line", "third line"]
