"""Log anomaly detectors over the wire, on a clock that the test moves, and across kill -9."""

from server import Server, raises, until

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
ARN = "arn:aws:logs:us-east-1:000000000000:log-group:/shop/web"


def put(server, logs, *messages):
    now = server.admin("clock", advance_ms=0)["now_ms"]
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName="/shop/web", logStreamName="s", logEvents=events)


def usual():
    return [f"request {n} took {n * 7 % 11} ms" for n in range(20)]


def status(logs, arn):
    return logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["anomalyDetectorStatus"]


def anomalies(logs, arn):
    return logs.list_anomalies(anomalyDetectorArn=arn)["anomalies"]


def test_a_detector_under_a_key_keeps_its_anomalies_locked(tmp_path):
    with Server("--manual-clock", str(START_MS), data_dir=tmp_path) as server:
        logs, kms = server.client("logs"), server.client("kms")
        key = kms.create_key()["KeyMetadata"]
        logs.create_log_group(logGroupName="/shop/web", kmsKeyId=key["Arn"])
        logs.create_log_stream(logGroupName="/shop/web", logStreamName="s")

        def minute(failures, *more):
            put(server, logs, *(f"GET answered {500 if n < failures else 200}" for n in range(60)), *more)
            server.admin("clock", advance_ms=MINUTE_MS)

        for _ in range(15):
            minute(2)
        arn = logs.create_log_anomaly_detector(
            logGroupArnList=[ARN], evaluationFrequency="ONE_MIN", kmsKeyId=key["Arn"]
        )["anomalyDetectorArn"]
        assert logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["kmsKeyId"] == key["Arn"]

        def advanced():
            server.admin("clock", advance_ms=20_000)
            return True

        until(lambda: advanced() and status(logs, arn) == "ANALYZING")
        minute(50, "ERROR payment refused")
        until(lambda: advanced() and len(anomalies(logs, arn)) >= 2)
        descriptions = {one["description"] for one in anomalies(logs, arn)}
        assert any(text.startswith("50 events with the value '500' of Number-1, more than the usual") for text in descriptions)
        found = anomalies(logs, arn)
        now = server.admin("clock", advance_ms=0)["now_ms"]
        server.kill()
        assert not any(b"payment refused" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        server.flags = ("--manual-clock", str(now))
        server.start()
        logs, kms = server.client("logs"), server.client("kms")
        assert {one["anomalyId"] for one in anomalies(logs, arn)} == {one["anomalyId"] for one in found}
        kms.disable_key(KeyId=key["KeyId"])
        server.admin("clock", advance_ms=MINUTE_MS)
        with raises(logs, "AccessDeniedException"):
            anomalies(logs, arn)
        kms.enable_key(KeyId=key["KeyId"])
        server.admin("clock", advance_ms=MINUTE_MS)
        assert {one["anomalyId"] for one in anomalies(logs, arn)} == {one["anomalyId"] for one in found}


def test_unseen_patterns_are_found_once_and_survive_a_kill(tmp_path):
    with Server("--manual-clock", str(START_MS), data_dir=tmp_path) as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="/shop/web")
        logs.create_log_stream(logGroupName="/shop/web", logStreamName="s")
        for _ in range(15):
            put(server, logs, *usual())
            server.admin("clock", advance_ms=MINUTE_MS)
        arn = logs.create_log_anomaly_detector(
            logGroupArnList=[ARN], detectorName="web", evaluationFrequency="ONE_MIN", anomalyVisibilityTime=7
        )["anomalyDetectorArn"]
        detectors = logs.list_log_anomaly_detectors(filterLogGroupArn=ARN)["anomalyDetectors"]
        assert [detector["detectorName"] for detector in detectors] == ["web"]

        def advanced_until(condition):
            def moved():
                server.admin("clock", advance_ms=20_000)
                return condition()

            until(moved)

        advanced_until(lambda: status(logs, arn) == "ANALYZING")
        put(server, logs, *usual(), "ERROR payment refused", "ERROR payment refused")
        advanced_until(lambda: anomalies(logs, arn))
        found = next(one for one in anomalies(logs, arn) if one["patternString"] == "ERROR payment refused")
        assert found["priority"] == "HIGH" and found["state"] == "Active"
        assert sum(found["histogram"].values()) == 2
        assert found["logSamples"][0]["message"] == "ERROR payment refused"
        server.kill()
        server.flags = ("--manual-clock", str(int(found["lastSeen"]) + 10 * MINUTE_MS))
        server.start()
        logs = server.client("logs")
        assert status(logs, arn) == "ANALYZING"
        again = [one for one in anomalies(logs, arn) if one["anomalyId"] == found["anomalyId"]]
        assert [one["patternId"] for one in again] == [found["patternId"]]
        logs.update_anomaly(anomalyDetectorArn=arn, anomalyId=found["anomalyId"], suppressionType="INFINITE")
        suppressed = logs.list_anomalies(suppressionState="SUPPRESSED")["anomalies"]
        assert [one["anomalyId"] for one in suppressed] == [found["anomalyId"]]
        logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=False)
        assert status(logs, arn) == "PAUSED"
        logs.delete_log_anomaly_detector(anomalyDetectorArn=arn)
        with raises(logs, "ResourceNotFoundException"):
            logs.get_log_anomaly_detector(anomalyDetectorArn=arn)
        assert logs.list_anomalies()["anomalies"] == []
