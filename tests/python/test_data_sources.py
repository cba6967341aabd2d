"""Data sources of log groups, through boto3, the AWS CLI and queries."""

import time

import pytest

from server import Server, raises
from test_insights import ask, rows


@pytest.fixture
def tagged(logs):
    now = int(time.time() * 1000)
    for group, kind, message in (
        ("/shop/a", "web", '{"user": {"id": 7}, "ms": 1}'),
        ("/shop/b", "web", '{"user": {"id": 8}, "ms": 2.5}'),
        ("/shop/c", "audit", '{"who": "me"}'),
    ):
        tags = {"cw:datasource:name": "shop", "cw:datasource:type": kind}
        logs.create_log_group(logGroupName=group, tags=tags)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now, "message": message}])
    logs.create_log_group(logGroupName="/other")
    return logs


def test_groups_are_summed_up_by_data_source(server, tagged):
    pages = tagged.get_paginator("list_aggregate_log_group_summaries").paginate(
        groupBy="DATA_SOURCE_NAME_TYPE_AND_FORMAT", PaginationConfig={"PageSize": 1}
    )
    found = [summary for page in pages for summary in page["aggregateLogGroupSummaries"]]
    shown = [([one["value"] for one in summary["groupingIdentifiers"]], summary["logGroupCount"]) for summary in found]
    assert shown == [(["Unknown", "Unknown", "Default"], 1), (["shop", "audit", "Custom"], 1), (["shop", "web", "Custom"], 2)]
    assert [one["key"] for one in found[0]["groupingIdentifiers"]] == ["dataSource.Name", "dataSource.Type", "dataSource.Format"]
    listed = server.cli("logs", "list-log-groups", "--data-sources", "name=shop,type=web")
    assert [group["logGroupName"] for group in listed["logGroups"]] == ["/shop/a", "/shop/b"]


def test_fields_have_types(tagged):
    fields = tagged.get_log_fields(dataSourceName="shop", dataSourceType="web")["logFields"]
    types = {field["logFieldName"]: field["logFieldType"] for field in fields}
    assert types["ms"] == {"type": "double"}
    assert types["user"] == {"type": "struct", "fields": [{"logFieldName": "id", "logFieldType": {"type": "long"}}]}
    assert "who" not in types
    with raises(tagged, "ResourceNotFoundException"):
        tagged.get_log_fields(dataSourceName="shop", dataSourceType="none")


def test_queries_choose_data_sources(tagged):
    found, _ = ask(tagged, "SOURCE dataSource(['shop.web']) | stats sum(ms) as ms by @data_source_type", groups=())
    assert rows(found) == [{"@data_source_type": "web", "ms": "3.5"}]
    query = "SELECT `@data_source_type` AS kind, count(*) AS n FROM `dataSource(['shop'])` GROUP BY 1 ORDER BY 1"
    found, _ = ask(tagged, query, groups=(), queryLanguage="SQL")
    assert rows(found) == [{"kind": "audit", "n": "1"}, {"kind": "web", "n": "2"}]


def test_tags_survive_a_kill(tmp_path):
    with Server(data_dir=tmp_path) as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="g", tags={"cw:datasource:name": "shop", "cw:datasource:type": "web"})
        server.kill()
        server.start()
        answer = server.client("logs").list_aggregate_log_group_summaries(groupBy="DATA_SOURCE_NAME_AND_TYPE")
        values = [one["value"] for one in answer["aggregateLogGroupSummaries"][0]["groupingIdentifiers"]]
        assert values == ["shop", "web"]
