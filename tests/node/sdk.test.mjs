// The AWS SDK for JavaScript against a real server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { CloudTrailClient, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import { CloudWatchClient, GetMetricDataCommand, ListMetricsCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  FilterLogEventsCommand,
  PutLogEventsCommand,
  ResourceNotFoundException,
  StartLiveTailCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { BatchGetTracesCommand, PutTraceSegmentsCommand, XRayClient } from "@aws-sdk/client-xray";

import { startServer } from "./server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const client = (Client, further = {}) =>
  new Client({ endpoint: server.endpoint, region: "us-east-1", credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" }, ...further });

test("metrics are put, listed and read back", async () => {
  const cloudwatch = client(CloudWatchClient);
  const at = new Date(Math.floor(Date.now() / 60_000) * 60_000);
  const Dimensions = [{ Name: "host", Value: "web-1" }];
  await cloudwatch.send(
    new PutMetricDataCommand({
      Namespace: "Shop",
      MetricData: [
        { MetricName: "Orders", Dimensions, Timestamp: at, Value: 3, Unit: "Count" },
        { MetricName: "Orders", Dimensions, Timestamp: at, Values: [1, 2], Counts: [2, 1], Unit: "Count" },
      ],
    }),
  );
  const { Metrics } = await cloudwatch.send(new ListMetricsCommand({ Namespace: "Shop" }));
  assert.deepEqual(Metrics, [{ Namespace: "Shop", MetricName: "Orders", Dimensions }]);
  const data = await cloudwatch.send(
    new GetMetricDataCommand({
      MetricDataQueries: [{ Id: "sum", MetricStat: { Metric: Metrics[0], Period: 60, Stat: "Sum" } }],
      StartTime: new Date(at.getTime() - 600_000),
      EndTime: new Date(at.getTime() + 60_000),
    }),
  );
  assert.deepEqual(data.MetricDataResults[0].Values, [7]);
  assert.deepEqual(data.MetricDataResults[0].Timestamps, [at]);
});

test("log events are put and found", async () => {
  const logs = client(CloudWatchLogsClient);
  const logGroupName = "/node";
  await logs.send(new CreateLogGroupCommand({ logGroupName }));
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: "s" }));
  const logEvents = ["plain", "ERROR ünïcödé ✓"].map((message) => ({ timestamp: Date.now(), message }));
  await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName: "s", logEvents }));
  const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern: "ERROR" }));
  assert.deepEqual(events.map((event) => event.message), ["ERROR ünïcödé ✓"]);
});

test("log events are seen as they come in", async () => {
  // The host prefix of this operation makes a name that no resolver knows.
  const logs = client(CloudWatchLogsClient, { disableHostPrefix: true });
  const logGroupName = "/node";
  const logGroupIdentifiers = [`arn:aws:logs:us-east-1:000000000000:log-group:${logGroupName}`];
  const { responseStream } = await logs.send(new StartLiveTailCommand({ logGroupIdentifiers, logEventFilterPattern: "-debug" }));
  let started = false;
  for await (const event of responseStream) {
    if (event.sessionStart) {
      started = true;
      const logEvents = ["debug", "live ✓"].map((message) => ({ timestamp: Date.now(), message }));
      await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName: "s", logEvents }));
    } else if (event.sessionUpdate.sessionResults.length > 0) {
      assert.deepEqual(event.sessionUpdate.sessionResults.map((result) => result.message), ["live ✓"]);
      break;
    }
  }
  assert.ok(started);
  logs.destroy();
});

test("errors are the service's own classes", async () => {
  const logs = client(CloudWatchLogsClient);
  await assert.rejects(logs.send(new DeleteLogGroupCommand({ logGroupName: "/none" })), (error) => {
    assert.ok(error instanceof ResourceNotFoundException);
    assert.equal(error.message, "The specified log group does not exist.");
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
    return true;
  });
});

test("trace segments come back", async () => {
  const xray = client(XRayClient);
  const now = Date.now() / 1000;
  const trace_id = `1-${Math.floor(now).toString(16)}-0123456789abcdef01234567`;
  const document = { trace_id, id: "0123456789abcdef", name: "node", start_time: now - 1, end_time: now };
  const put = await xray.send(new PutTraceSegmentsCommand({ TraceSegmentDocuments: [JSON.stringify(document)] }));
  assert.deepEqual(put.UnprocessedTraceSegments, []);
  const { Traces } = await xray.send(new BatchGetTracesCommand({ TraceIds: [trace_id] }));
  assert.equal(JSON.parse(Traces[0].Segments[0].Document).name, "node");
});

test("calls are audited", async () => {
  const { Events } = await client(CloudTrailClient).send(
    new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "CreateLogGroup" }] }),
  );
  assert.equal(Events.length, 1);
  assert.match(JSON.parse(Events[0].CloudTrailEvent).userAgent, /aws-sdk-js/);
});
