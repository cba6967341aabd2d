"""X-Ray: segments by boto3, and by the X-Ray SDK over UDP."""

import json
import secrets
import time

import pytest
from aws_xray_sdk.core import AWSXRayRecorder

from server import Server, free_port, until


def trace_id():
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def segment(trace, name="shop", **more):
    now = time.time()
    return {"trace_id": trace, "id": secrets.token_hex(8), "name": name, "start_time": now - 0.2, "end_time": now, **more}


@pytest.fixture
def xray(server):
    return server.client("xray")


def test_segments_come_back_as_a_trace(xray):
    trace = trace_id()
    root = segment(trace, http={"request": {"method": "GET", "url": "http://shop/cart"}})
    child = segment(trace, name="stock", parent_id=root["id"])
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(root), json.dumps(child), "not json"])
    assert len(answer["UnprocessedTraceSegments"]) == 1
    assert answer["UnprocessedTraceSegments"][0]["ErrorCode"]
    traces = xray.batch_get_traces(TraceIds=[trace, trace_id()])
    assert [found["Id"] for found in traces["Traces"]] == [trace]
    assert len(traces["UnprocessedTraceIds"]) <= 1
    documents = {found["Id"]: json.loads(found["Document"]) for found in traces["Traces"][0]["Segments"]}
    assert documents[root["id"]]["http"] == root["http"]
    assert documents[child["id"]]["parent_id"] == root["id"]


def test_the_largest_call_is_taken(xray):
    """As many short segments as a request may hold take more room as rows than as JSON."""
    trace, now = trace_id(), int(time.time())
    short = [f'{{"trace_id":"{trace}","id":"{n:016x}","name":"n","start_time":{now},"end_time":{now}}}' for n in range(48_000)]
    assert xray.put_trace_segments(TraceSegmentDocuments=short)["UnprocessedTraceSegments"] == []


def test_a_finished_segment_replaces_the_one_in_progress(xray):
    trace = trace_id()
    done = segment(trace)
    begun = {name: value for name, value in done.items() if name != "end_time"} | {"in_progress": True}
    for document in (begun, done):
        xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    segments = xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]
    assert len(segments) == 1 and "in_progress" not in json.loads(segments[0]["Document"])


def test_the_sdk_sends_over_udp(tmp_path):
    port = free_port()
    with Server("--xray-listen", f"127.0.0.1:{port}") as server:
        xray = server.client("xray")
        recorder = AWSXRayRecorder()
        recorder.configure(service="cart", sampling=False, context_missing="RUNTIME_ERROR", daemon_address=f"127.0.0.1:{port}")
        traces = []
        for number in range(20):
            opened = recorder.begin_segment("cart")
            traces.append(opened.trace_id)
            recorder.begin_subsegment("query")
            recorder.current_subsegment().put_annotation("number", number)
            recorder.end_subsegment()
            recorder.end_segment()
        found = until(lambda: all_traces(xray, traces))
        documents = [json.loads(trace["Segments"][0]["Document"]) for trace in found]
        assert {document["name"] for document in documents} == {"cart"}
        assert sorted(document["subsegments"][0]["annotations"]["number"] for document in documents) == list(range(20))


def all_traces(xray, ids):
    found = []
    for start in range(0, len(ids), 5):
        found += xray.batch_get_traces(TraceIds=ids[start : start + 5])["Traces"]
    return found if len(found) == len(ids) else None
