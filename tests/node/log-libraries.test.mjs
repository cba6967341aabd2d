// Libraries that people log with in JavaScript, which know Watchkeep by AWS_ENDPOINT_URL alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { CloudWatchLogsClient, DescribeLogGroupsCommand, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import pino from "pino";
import winston from "winston";
import WinstonCloudWatch from "winston-cloudwatch";

import { startServer } from "./server.mjs";

let server, logs;
before(async () => {
  server = await startServer();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "secret",
  });
  logs = new CloudWatchLogsClient({});
});
after(() => server.stop());

const messages = async (logGroupName, filterPattern) => {
  const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern }));
  return events.map((event) => event.message);
};

test("winston-cloudwatch", async () => {
  const transport = new WinstonCloudWatch({ logGroupName: "/node/winston", logStreamName: "w1", retentionInDays: 7, jsonMessage: true, awsRegion: "us-east-1" });
  const logger = winston.createLogger({ transports: [transport] });
  for (let number = 0; number < 100; number++) logger.info(`order ${number}`, { number });
  logger.error("no stock", { item: "ünïcödé" });
  await new Promise((resolve, reject) => transport.kthxbye((error) => (error ? reject(error) : resolve())));
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/node/winston" }));
  assert.equal(logGroups[0].retentionInDays, 7);
  const all = (await messages("/node/winston")).map((message) => JSON.parse(message));
  // The library's own sorting mixes up events of the same millisecond.
  const numbers = all.map((record) => record.number).filter((number) => number !== undefined);
  assert.deepEqual(numbers.sort((a, b) => a - b), [...Array(100).keys()]);
  const [failed] = await messages("/node/winston", '{ $.level = "error" }');
  assert.equal(JSON.parse(failed).item, "ünïcödé");
});

test("pino, through @serdnam/pino-cloudwatch-transport", async () => {
  const options = { logGroupName: "/node/pino", logStreamName: "p1" };
  const transport = pino.transport({ target: "@serdnam/pino-cloudwatch-transport", options });
  const logger = pino(transport);
  for (let number = 0; number < 20; number++) logger.info({ number }, "order");
  logger.error("no stock");
  await new Promise((resolve) => transport.on("close", resolve).end());
  const all = (await messages("/node/pino")).map((message) => JSON.parse(message));
  assert.deepEqual(all.slice(0, 20).map((record) => record.number), [...Array(20).keys()]);
  assert.equal(JSON.parse((await messages("/node/pino", "{ $.level = 50 }"))[0]).msg, "no stock");
});
