"""Dashboards, saved queries and tags through boto3, in each of the three protocols."""

import json

import pytest
from botocore.exceptions import ClientError

from server import raises

METRIC = {
    "type": "metric", "x": 0, "y": 0, "width": 12, "height": 6,
    "properties": {"region": "us-east-1", "metrics": [["Shop", "Orders", "store", "berlin"], ["...", "wien"]], "title": "Umsätze"},
}
BODY = json.dumps({"start": "-PT6H", "widgets": [METRIC, {"type": "text", "properties": {"markdown": "# Shop"}}]}, indent=1)


def test_a_dashboard_is_put_listed_read_back_and_deleted(server, cloudwatch):
    put = cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=BODY)
    assert put["DashboardValidationMessages"] == []
    elsewhere = server.client("cloudwatch", region="eu-west-1")
    for client in (cloudwatch, elsewhere):
        got = client.get_dashboard(DashboardName="shop")
        assert got["DashboardBody"] == BODY
        assert got["DashboardArn"] == "arn:aws:cloudwatch::000000000000:dashboard/shop"
    [entry] = cloudwatch.list_dashboards(DashboardNamePrefix="sh")["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"]) == ("shop", len(BODY.encode()))
    assert entry["LastModified"].year > 2000
    cloudwatch.delete_dashboards(DashboardNames=["shop", "never-was"])
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []
    with raises(cloudwatch, "ResourceNotFound", "Dashboard shop does not exist"):
        cloudwatch.get_dashboard(DashboardName="shop")


def test_what_is_wrong_with_a_body_is_told(cloudwatch):
    body = json.dumps({"widgets": [{"type": "text", "properties": {}}]})
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=body)
    answer = refused.value.response
    assert answer["Error"]["Code"] == "InvalidParameterInput"
    listed = json.loads(answer["Error"]["Message"].split(":\n", 1)[1])
    assert listed == [{"dataPath": "/widgets/0/properties", "message": "Should have required property 'markdown'"}]
    # Query clients of old SDKs see the text only.
    messages = answer.get("dashboardValidationMessages") or answer["Error"].get("dashboardValidationMessages")
    if messages and isinstance(messages, list):
        assert messages[0]["DataPath"] == "/widgets/0/properties"
    with raises(cloudwatch, "InvalidParameterInput", "The field DashboardBody must be a valid JSON object"):
        cloudwatch.put_dashboard(DashboardName="shop", DashboardBody="{")
    kept = cloudwatch.put_dashboard(DashboardName="shop", DashboardBody='{"widgets":[],"colour":"red"}')
    assert kept["DashboardValidationMessages"] == [{"DataPath": "/colour", "Message": "Should NOT have additional properties"}]
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.put_dashboard(DashboardName="shop floor", DashboardBody=BODY)


def test_listings_are_paged_by_boto3(server, cloudwatch):
    for index in range(1001):
        cloudwatch.put_dashboard(DashboardName=f"d{index:04}", DashboardBody='{"widgets":[]}')
    pages = [page["DashboardEntries"] for page in cloudwatch.get_paginator("list_dashboards").paginate()]
    assert [len(page) for page in pages] == [1000, 1]


def test_tags_of_dashboards_and_saved_queries(cloudwatch):
    team = [{"Key": "team", "Value": "shop"}]
    cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=BODY, Tags=team)
    query = cloudwatch.put_metric_data_query_definition(Path="shop/rate", Expression="m1 / m2", Type="METRIC_MATH", Tags=team)
    for arn in ("arn:aws:cloudwatch::000000000000:dashboard/shop", query["Arn"]):
        assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == team
        cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "cost", "Value": "1"}])
        cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team", "absent"])
        assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "cost", "Value": "1"}]
    with raises(cloudwatch, "InvalidParameterValue"):
        cloudwatch.tag_resource(ResourceARN=query["Arn"], Tags=[{"Key": "aws:x", "Value": "1"}])
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.list_tags_for_resource(ResourceARN="arn:aws:cloudwatch::000000000000:dashboard/none")


def test_saved_queries(cloudwatch):
    made = cloudwatch.put_metric_data_query_definition(Path="shop/rate", Expression="m1 / m2", Type="METRIC_MATH")
    got = cloudwatch.get_metric_data_query_definition(Id=made["Id"])
    assert (got["Path"], got["Expression"], got["Type"]) == ("shop/rate", "m1 / m2", "METRIC_MATH")
    again = cloudwatch.put_metric_data_query_definition(Id=made["Id"], Path="shop/up", Expression="up", Type="PROMQL")
    assert again["CreatedAt"] == made["CreatedAt"]
    [item] = cloudwatch.list_metric_data_query_definitions()["Items"]
    assert (item["Id"], item["Path"], item["Type"]) == (made["Id"], "shop/up", "PROMQL")
    with raises(cloudwatch, "ConflictException"):
        cloudwatch.put_metric_data_query_definition(Path="shop/up", Expression="1", Type="SQL")
    cloudwatch.delete_metric_data_query_definition(Id=made["Id"])
    with raises(cloudwatch, "ResourceNotFoundException"):
        cloudwatch.get_metric_data_query_definition(Id=made["Id"])


def test_the_cli_keeps_dashboards(server, tmp_path):
    (tmp_path / "shop.json").write_text(BODY)
    server.cli("cloudwatch", "put-dashboard", "--dashboard-name", "shop", "--dashboard-body", f"file://{tmp_path}/shop.json")
    assert server.cli("cloudwatch", "get-dashboard", "--dashboard-name", "shop")["DashboardBody"] == BODY
    refused = server.cli("cloudwatch", "put-dashboard", "--dashboard-name", "shop", "--dashboard-body", "{}", check=False)
    assert "Should have required property 'widgets'" in refused.stderr
