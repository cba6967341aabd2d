"""What metrics know of the resources that they are of: OTel enrichment, detailed monitoring, managed insight rules, usage and quotas."""

import datetime as dt

import requests

from server import Server, raises, until

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
ACCOUNT = "000000000000"


def ms(moment):
    return int(moment.timestamp() * 1000)


def manual(command="serve", data_dir=None, **environment):
    return Server("--manual-clock", str(ms(START)), command=command, data_dir=data_dir, environment=environment)


def create(logs, group, **tags):
    logs.create_log_group(logGroupName=group, **({"tags": tags} if tags else {}))
    logs.create_log_stream(logGroupName=group, logStreamName="s")


def put_event(logs, group, message, at=START):
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": ms(at), "message": message}])


def test_the_states_of_enrichment(cloudwatch):
    assert cloudwatch.get_otel_enrichment()["Status"] == "Stopped"
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.update_otel_enrichment(IncludeFilters=[{"Namespace": "AWS/EC2"}])
    include = [{"Namespace": "AWS/Logs", "MetricNames": ["IncomingBytes"]}, {"Namespace": "AWS/EC2"}]
    started = cloudwatch.start_otel_enrichment(IncludeFilters=include)
    assert started["IncludeFilters"] == include and "ExcludeFilters" not in started
    assert cloudwatch.start_otel_enrichment()["IncludeFilters"] == include
    exclude = [{"Namespace": "AWS/EC2", "MetricNames": ["NetworkIn"]}]
    cloudwatch.update_otel_enrichment(ExcludeFilters=exclude)
    running = cloudwatch.get_otel_enrichment()
    assert (running["Status"], running["ExcludeFilters"], "IncludeFilters" in running) == ("Running", exclude, False)
    assert running["UpdatedAt"] >= running["CreatedAt"]
    many = [{"Namespace": f"AWS/{number}"} for number in range(60)]
    with raises(cloudwatch, "ValidationError"):
        cloudwatch.update_otel_enrichment(IncludeFilters=many, ExcludeFilters=many)
    cloudwatch.stop_otel_enrichment()
    assert cloudwatch.get_otel_enrichment()["Status"] == "Stopped"


def test_log_groups_are_found_by_their_tags(tmp_path):
    with manual(data_dir=tmp_path) as server:
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        create(logs, "/shop/web", Team="a")
        create(logs, "/shop/batch", Team="b")
        # Metrics of the class that costs less count, too.
        logs.create_log_group(logGroupName="/rare", logGroupClass="INFREQUENT_ACCESS", tags={"Team": "a"})
        logs.create_log_stream(logGroupName="/rare", logStreamName="s")
        for group in ["/shop/web", "/shop/batch", "/rare"]:
            put_event(logs, group, "x" * 10)

        def query(text):
            answer = requests.get(f"{server.endpoint}/api/v1/query", params={"query": text}, timeout=10).json()
            assert answer["status"] == "success", answer
            return {series["metric"].get("LogGroupName", ""): series for series in answer["data"]["result"]}

        server.admin("clock", advance_ms=60_000)
        all_groups = {"/shop/web", "/shop/batch", "/rare", ""}
        until(lambda: query("IncomingBytes").keys() == all_groups)
        assert query('IncomingBytes{"@aws.tag.Team"="a"}') == {}, "enrichment does not run"
        cloudwatch.start_otel_enrichment()
        found = query('IncomingBytes{"@aws.tag.Team"="a"}')
        assert found.keys() == {"/shop/web", "/rare"}
        labels = found["/shop/web"]["metric"]
        assert labels["@resource.cloud.resource_id"] == f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/shop/web"
        assert labels["@instrumentation.@name"] == "cloudwatch.aws/logs"
        by_team = 'sum by ("@aws.tag.Team") (IncomingBytes{stat="Sum", LogGroupName!=""})'
        answer = requests.get(f"{server.endpoint}/api/v1/query", params={"query": by_team}, timeout=10).json()
        sums = {series["metric"]["@aws.tag.Team"]: series["value"][1] for series in answer["data"]["result"]}
        assert sums == {"a": "20", "b": "10"}
        logs.tag_log_group(logGroupName="/shop/batch", tags={"Team": "c"})
        assert query('IncomingBytes{"@aws.tag.Team"="c"}').keys() == {"/shop/batch"}, "tags are what they are now"
        cloudwatch.update_otel_enrichment(IncludeFilters=[{"Namespace": "AWS/EC2"}])
        assert query('IncomingBytes{"@aws.tag.Team"="a"}') == {}
        cloudwatch.update_otel_enrichment()
        server.kill()
        server.start()
        server.admin("clock", advance_ms=60_000)
        assert query('IncomingBytes{"@aws.tag.Team"="a"}').keys() == {"/shop/web", "/rare"}
        server.client("cloudwatch").stop_otel_enrichment()
        assert query('IncomingBytes{"@aws.tag.Team"="a"}') == {}
        assert query("IncomingBytes").keys() == all_groups


def test_a_configuration_measures_this_host_in_detail(tmp_path):
    environment = {
        "WATCHKEEP_AGENT_INSTANCE_ID": "i-1",
        "WATCHKEEP_AGENT_INSTANCE_TAGS": "Team=a, env=test",
        "WATCHKEEP_AGENT_LOG_FILES": str(tmp_path / "*.log"),
    }
    with manual("up", **environment) as server:
        cloudwatch = server.client("cloudwatch")
        arn = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
        with raises(cloudwatch, "ResourceNotFoundException"):
            cloudwatch.get_resource_metrics_configuration(ResourceArn=arn)
        with raises(cloudwatch, "ResourceNotFoundException"):
            cloudwatch.create_resource_metrics_configuration(ResourceArn=arn.replace("i-1", "i-2"))
        selection = [{"IncludeMetrics": ["CPUUtilization"]}]
        created = cloudwatch.create_resource_metrics_configuration(ResourceArn=arn, MetricSelections=selection)
        assert created["ResourceMetricsConfiguration"]["MetricSelections"] == selection
        with raises(cloudwatch, "ConflictException"):
            cloudwatch.create_resource_metrics_configuration(ResourceArn=arn)

        def points(name):
            answer = cloudwatch.get_metric_statistics(
                Namespace="AWS/EC2",
                MetricName=name,
                Dimensions=[{"Name": "InstanceId", "Value": "i-1"}],
                StartTime=START,
                EndTime=START + dt.timedelta(hours=1),
                Period=60,
                Statistics=["SampleCount"],
            )
            return sorted(point["Timestamp"] for point in answer["Datapoints"])

        def measured(name, count):
            server.admin("clock", advance_ms=10_000)
            found = points(name)
            return found if len(found) >= count else None

        cpu = until(lambda: measured("CPUUtilization", 7), seconds_max=60)
        assert {later - earlier for earlier, later in zip(cpu, cpu[1:])} == {dt.timedelta(minutes=1)}
        others = points("NetworkIn")
        assert all(time.minute % 5 == 0 for time in others), "the others are as basic as before"
        cloudwatch.start_otel_enrichment()
        params = {"query": 'last_over_time(CPUUtilization{"@aws.tag.env"="test"}[1h])'}
        answer = requests.get(f"{server.endpoint}/api/v1/query", params=params, timeout=10).json()
        [series] = answer["data"]["result"]
        assert series["metric"]["@resource.cloud.resource_id"] == arn
        updated = cloudwatch.update_resource_metrics_configuration(ResourceArn=arn)
        assert "MetricSelections" not in updated["ResourceMetricsConfiguration"]
        cloudwatch.delete_resource_metrics_configuration(ResourceArn=arn)
        with raises(cloudwatch, "ResourceNotFoundException"):
            cloudwatch.delete_resource_metrics_configuration(ResourceArn=arn)


def test_only_some_resources_have_detailed_metrics(cloudwatch, logs):
    with raises(cloudwatch, "ValidationError"):
        arn = f"arn:aws:elasticache:us-east-1:{ACCOUNT}:replicationgroup:g"
        cloudwatch.create_resource_metrics_configuration(ResourceArn=arn)
    for resource in [f"ec2:us-east-1:{ACCOUNT}:instance/i-1", f"logs:us-east-1:{ACCOUNT}:log-group:absent"]:
        with raises(cloudwatch, "ResourceNotFoundException"):
            cloudwatch.create_resource_metrics_configuration(ResourceArn=f"arn:aws:{resource}")
    logs.create_log_group(logGroupName="web")
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:web"
    cloudwatch.create_resource_metrics_configuration(ResourceArn=arn)
    assert cloudwatch.get_resource_metrics_configuration(ResourceArn=arn)["ResourceMetricsConfiguration"]["ResourceArn"] == arn
    cloudwatch.delete_resource_metrics_configuration(ResourceArn=arn)


def test_a_configuration_measures_a_log_group_every_ten_seconds():
    with manual() as server:
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        create(logs, "web")
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:web"
        cloudwatch.create_resource_metrics_configuration(ResourceArn=arn, MetricSelections=[{"IncludeMetrics": ["IncomingBytes"]}])

        def points(name, period, dimensions=[{"Name": "LogGroupName", "Value": "web"}]):
            stat = {"Metric": {"Namespace": "AWS/Logs", "MetricName": name, "Dimensions": dimensions}, "Period": period, "Stat": "Sum"}
            [result] = cloudwatch.get_metric_data(
                MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
                StartTime=START,
                EndTime=START + dt.timedelta(minutes=2),
                ScanBy="TimestampAscending",
            )["MetricDataResults"]
            return [(int((time - START).total_seconds()), value) for time, value in zip(result["Timestamps"], result["Values"])]

        for second in range(0, 60, 20):
            put_event(logs, "web", "x" * 10, START + dt.timedelta(seconds=second))
            server.admin("clock", advance_ms=10_000)
            until(lambda: (second, 10.0) in points("IncomingBytes", 10))
            server.admin("clock", advance_ms=10_000)
        until(lambda: points("IncomingLogEvents", 60))
        assert points("IncomingBytes", 10) == [(0, 10.0), (20, 10.0), (40, 10.0)]
        assert points("IncomingBytes", 60) == [(0, 30.0)]
        assert points("IncomingLogEvents", 10) == points("IncomingLogEvents", 60) == [(0, 3.0)], "it was not selected"
        assert points("IncomingBytes", 60, []) == [(0, 30.0)], "of all groups"


def test_managed_rules_count_what_their_templates_say(logs, cloudwatch):
    create(logs, "/vpc/flow")
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/vpc/flow"
    template = "VpcFlowLogs-BytesBySourceAddress-v1"
    listed = cloudwatch.list_managed_insight_rules(ResourceARN=arn)["ManagedRules"]
    assert template in {rule["TemplateName"] for rule in listed} and not any("RuleState" in rule for rule in listed)
    made = cloudwatch.put_managed_insight_rules(
        ManagedRules=[
            {"TemplateName": template, "ResourceARN": arn, "Tags": [{"Key": "team", "Value": "a"}]},
            {"TemplateName": template, "ResourceARN": arn + "-absent"},
        ]
    )
    [failure] = made["Failures"]
    assert (failure["FailureResource"], failure["ExceptionType"]) == (arn + "-absent", "InvalidParameterValueException")
    [rule] = cloudwatch.describe_insight_rules()["InsightRules"]
    assert (rule["ManagedRule"], rule["State"]) == (True, "ENABLED")
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.put_insight_rule(RuleName=rule["Name"], RuleDefinition=rule["Definition"])
    now = dt.datetime.now(dt.timezone.utc)
    for source, size in [("10.0.0.5", 840), ("10.0.0.6", 100), ("10.0.0.5", 60)]:
        message = f"2 {ACCOUNT} eni-1 {source} 52.1.2.3 49152 443 6 10 {size} 1418530010 1418530070 ACCEPT OK"
        put_event(logs, "/vpc/flow", message, now)
    report = cloudwatch.get_insight_rule_report(
        RuleName=rule["Name"], StartTime=now - dt.timedelta(minutes=10), EndTime=now + dt.timedelta(minutes=1), Period=3600
    )
    found = [(contributor["Keys"], contributor["ApproximateAggregateValue"]) for contributor in report["Contributors"]]
    assert (report["KeyLabels"], found) == (["srcaddr"], [(["10.0.0.5"], 900), (["10.0.0.6"], 100)])
    cloudwatch.disable_insight_rules(RuleNames=[rule["Name"]])

    def state():
        rules, more = [], {}
        while more is not None:
            page = cloudwatch.list_managed_insight_rules(ResourceARN=arn, MaxResults=5, **more)
            rules += page["ManagedRules"]
            more = {"NextToken": page["NextToken"]} if "NextToken" in page else None
        [found] = [rule for rule in rules if "RuleState" in rule]
        return found["RuleState"]

    assert state() == {"RuleName": rule["Name"], "State": "DISABLED"}
    assert cloudwatch.put_managed_insight_rules(ManagedRules=[{"TemplateName": template, "ResourceARN": arn}])["Failures"] == []
    assert state()["State"] == "ENABLED"
    assert cloudwatch.delete_insight_rules(RuleNames=[rule["Name"]])["Failures"] == []
    assert cloudwatch.describe_insight_rules()["InsightRules"] == []


def test_the_dataset(cloudwatch):
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:dataset/default"
    for identifier in ["default", arn]:
        dataset = cloudwatch.get_dataset(DatasetIdentifier=identifier)
        assert (dataset["DatasetId"], dataset["Arn"], "KmsKeyArn" in dataset) == ("default", arn, False)
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.get_dataset(DatasetIdentifier=arn.replace("us-east-1", "eu-west-1"))


def test_log_groups_are_counted_against_their_quota():
    with manual() as server:
        logs, cloudwatch = server.client("logs"), server.client("cloudwatch")
        for number in range(5):
            logs.create_log_group(logGroupName=f"g{number}")
        dimensions = {"Class": "None", "Resource": "LogGroups", "Service": "Logs", "Type": "Resource"}
        metric = {
            "Namespace": "AWS/Usage",
            "MetricName": "ResourceCount",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }

        def read():
            answer = cloudwatch.get_metric_data(
                MetricDataQueries=[
                    {"Id": "groups", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}},
                    {"Id": "quota", "Expression": "SERVICE_QUOTA(groups)"},
                    {"Id": "used", "Expression": "MAX(groups / SERVICE_QUOTA(groups) * 100) + TIME_SERIES(0)"},
                ],
                StartTime=START,
                EndTime=START + dt.timedelta(minutes=10),
            )
            return {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}

        server.admin("clock", advance_ms=60_000)
        found = until(lambda: (values := read())["groups"] and values)
        assert found["groups"] == [5.0]
        assert found["quota"] == [1_000_000.0]
        assert found["used"][0] == 5 / 1_000_000 * 100
