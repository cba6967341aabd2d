"""Syslog messages, as Python's own handler and a program that speaks RFC 5424 send them, and the configurations that say where they go."""

import datetime as dt
import logging
import logging.handlers
import os
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server import Server, free_port, raises, until


def messages(logs, stream, group="/syslog"):
    def found():
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
        names = [found["logStreamName"] for found in streams]
        if stream not in names:
            return None
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        return events or None

    def quiet():
        try:
            return found()
        except logs.exceptions.ResourceNotFoundException:
            return None

    return until(quiet)


def test_messages_become_events(tmp_path):
    udp, tcp = free_port(), free_port()
    environment = {"WATCHKEEP_SYSLOG_UDP_LISTEN": f"127.0.0.1:{udp}", "WATCHKEEP_SYSLOG_TCP_LISTEN": f"127.0.0.1:{tcp}"}
    with Server(data_dir=tmp_path / "data", environment=environment) as server:
        logs = server.client("logs")
        handler = logging.handlers.SysLogHandler(("127.0.0.1", udp))
        handler.handle(logging.LogRecord("shop", logging.WARNING, "f", 1, "disk %d %% full", (90,), None))
        handler.close()
        [event] = messages(logs, "127.0.0.1")
        assert event["message"] == "<12>disk 90 % full"
        assert abs(event["timestamp"] - time.time() * 1000) < 60_000

        sent = time.strftime("%Y-%m-%dT%H:%M:%S.250Z", time.gmtime())
        with socket.create_connection(("127.0.0.1", tcp)) as client:
            for text in (f"<165>1 {sent} web-1 app 7 ID47 - first", f"<165>1 {sent} web-1 app 7 ID48 - second"):
                client.sendall(f"{len(text)} {text}".encode())
        until(lambda: len(messages(logs, "web-1")) == 2)
        events = messages(logs, "web-1")
        assert [event["message"].rsplit(" - ", 1)[1] for event in events] == ["first", "second"]
        assert {event["timestamp"] % 1000 for event in events} == {250}

        # What was stored is durable.
        server.kill()
        server.start()
        assert len(messages(server.client("logs"), "web-1")) == 2


def certified(directory):
    """A certificate for `localhost`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - dt.timedelta(days=1), now + dt.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate = directory / "certificate.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key_file = directory / "key.pem"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key_file


def test_messages_come_over_tls(tmp_path):
    port = free_port()
    certificate, key = certified(tmp_path)
    environment = {
        "WATCHKEEP_SYSLOG_TLS_LISTEN": f"127.0.0.1:{port}",
        "WATCHKEEP_SERVER_TLS_CERTIFICATE": str(certificate),
        "WATCHKEEP_SERVER_TLS_KEY": str(key),
    }
    with Server(data_dir=tmp_path / "data", environment=environment) as server:
        context = ssl.create_default_context(cafile=certificate)
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as client:
                client.sendall(b"<34>1 - tls-1 app - - - hello\n")
        events = messages(server.client("logs"), "tls-1")
        assert [event["message"] for event in events] == ["<34>1 - tls-1 app - - - hello"]


ENDPOINT = "vpce-0abc123def456"


class Receiver:
    """A server that takes syslog messages by UDP and TCP, and a sender."""

    def __init__(self, data_dir):
        self.udp, self.tcp = free_port(), free_port()
        self.server = Server(
            data_dir=data_dir,
            environment={
                "WATCHKEEP_SYSLOG_UDP_LISTEN": f"127.0.0.1:{self.udp}",
                "WATCHKEEP_SYSLOG_TCP_LISTEN": f"127.0.0.1:{self.tcp}",
                "WATCHKEEP_SYSLOG_VPC_ENDPOINT_ID": ENDPOINT,
            },
        )

    def by_udp(self, text):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(f"<34>1 - udp-1 app - - - {text}".encode(), ("127.0.0.1", self.udp))

    def by_tcp(self, *texts):
        with socket.create_connection(("127.0.0.1", self.tcp)) as client:
            client.sendall("".join(f"<34>1 - tcp-1 app - - - {text}\n" for text in texts).encode())

    def counted(self, metric, *dimensions):
        now = dt.datetime.now(dt.timezone.utc)
        found = self.server.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Logs",
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=now - dt.timedelta(minutes=10),
            EndTime=now + dt.timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    def told(self):
        """What the server's log has since the last time."""
        try:
            return os.read(self.server.process.stdout.fileno(), 1 << 16).decode()
        except BlockingIOError:
            return ""

    def texts(self, group, stream):
        """What the stream of the group has, once it has anything."""
        found = messages(self.server.client("logs"), stream, group)
        return [event["message"].rsplit(" - ", 1)[1] for event in found]


def test_a_configuration_says_where_messages_go(tmp_path):
    receiver = Receiver(tmp_path / "data")
    with receiver.server as server:
        logs = server.client("logs")
        receiver.by_tcp("before")
        assert receiver.texts("/syslog", "tcp-1") == ["before"]
        for name in ("/devices", "/firewalls"):
            logs.create_log_group(logGroupName=name)

        before = time.time() * 1000
        server.cli("logs", "put-syslog-configuration", "--log-group-identifier", "/devices", "--vpc-endpoint-id", ENDPOINT)
        listed = server.cli("logs", "list-syslog-configurations", "--log-group-identifier", "/devices")
        [configuration] = listed["syslogConfigurations"]
        assert before - 1 <= configuration.pop("createdAt") <= time.time() * 1000
        arn = "arn:aws:logs:us-east-1:000000000000:log-group:/devices"
        assert configuration == {"logGroupArn": arn, "sourceType": "VPCE", "vpcEndpointId": ENDPOINT}

        receiver.by_udp("a")
        receiver.by_tcp("b", "c")
        assert receiver.texts("/devices", "udp-1") == ["a"]
        assert receiver.texts("/devices", "tcp-1") == ["b", "c"]

        # What was answered holds after a crash; so does what was stored.
        server.kill()
        server.start()
        logs = server.client("logs")
        receiver.by_tcp("d")
        until(lambda: receiver.texts("/devices", "tcp-1") == ["b", "c", "d"])

        # The receiver's messages go to one group at a time: the last.
        logs.put_syslog_configuration(logGroupIdentifier="/firewalls")
        receiver.by_tcp("e")
        assert receiver.texts("/firewalls", "tcp-1") == ["e"]
        assert logs.list_syslog_configurations(logGroupIdentifier="/devices")["syslogConfigurations"] == []
        logs.delete_syslog_configuration(logGroupIdentifier="/firewalls", vpcEndpointId=ENDPOINT)
        assert logs.list_syslog_configurations()["syslogConfigurations"] == []
        receiver.by_tcp("after")
        until(lambda: receiver.texts("/syslog", "tcp-1") == ["before", "after"])

        # Who set it up is in the audit.
        trail = server.client("cloudtrail")
        wanted = [{"AttributeKey": "EventName", "AttributeValue": "PutSyslogConfiguration"}]
        assert len(until(lambda: trail.lookup_events(LookupAttributes=wanted)["Events"])) == 2


def test_messages_for_a_group_that_is_gone_are_refused(tmp_path):
    receiver = Receiver(tmp_path / "data")
    with receiver.server as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="/devices")
        logs.put_syslog_configuration(logGroupIdentifier="/devices", vpcEndpointId=ENDPOINT)
        logs.delete_log_group(logGroupName="/devices")
        with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", receiver.tcp), timeout=15) as client:
            client.recv(1)
        receiver.by_udp("lost")
        # Neither is the group created, nor do its messages go elsewhere.
        until(lambda: "syslog messages were dropped" in receiver.told())
        assert logs.describe_log_groups()["logGroups"] == []
        assert len(logs.list_syslog_configurations(vpcEndpointId=ENDPOINT)["syslogConfigurations"]) == 1

        logs.create_log_group(logGroupName="/devices")
        receiver.by_tcp("kept")
        assert receiver.texts("/devices", "tcp-1") == ["kept"]

        # What was counted is data once the minute, or the server, has ended.
        server.restart()
        of_group = {"Name": "LogGroupName", "Value": "/devices"}
        assert receiver.counted("SyslogMessagesReceived", of_group) == 1
        assert receiver.counted("SyslogMessagesDropped", of_group, {"Name": "Reason", "Value": "ResourceNotFound"}) == 1


def test_a_change_loses_no_message(tmp_path):
    receiver = Receiver(tmp_path / "data")
    with receiver.server as server:
        logs = server.client("logs")
        for name in ("/a", "/b"):
            logs.create_log_group(logGroupName=name)
        with socket.create_connection(("127.0.0.1", receiver.tcp)) as client:
            for number in range(400):
                client.sendall(f"<34>1 - tcp-1 app - - - {number}\n".encode())
                match number % 40:
                    case 0:
                        logs.put_syslog_configuration(logGroupIdentifier="/a")
                    case 20:
                        logs.put_syslog_configuration(logGroupIdentifier="/b")

        def everything():
            found = []
            for group in ("/a", "/b", "/syslog"):
                try:
                    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
                    found += [event["message"].rsplit(" - ", 1)[1] for page in pages for event in page["events"]]
                except logs.exceptions.ResourceNotFoundException:
                    pass
            return sorted(map(int, found))

        until(lambda: everything() == list(range(400)))


def test_what_a_configuration_names_must_be_there(tmp_path):
    with Receiver(tmp_path / "data").server as server:
        logs = server.client("logs", parameter_validation=False)
        logs.create_log_group(logGroupName="/devices")
        with raises(logs, "ResourceNotFoundException", "The specified VPC endpoint vpce-1 does not exist."):
            logs.put_syslog_configuration(logGroupIdentifier="/devices", vpcEndpointId="vpce-1")
        with raises(logs, "ResourceNotFoundException", "The specified log group does not exist."):
            logs.put_syslog_configuration(logGroupIdentifier="/none", vpcEndpointId=ENDPOINT)
        with raises(logs, "ResourceNotFoundException", "The specified syslog configuration does not exist."):
            logs.delete_syslog_configuration(logGroupIdentifier="/devices")
        with raises(logs, "InvalidParameterException"):
            logs.put_syslog_configuration(logGroupIdentifier="/devices", vpcEndpointId="eni-1")
        with raises(logs, "InvalidParameterException"):
            logs.put_syslog_configuration(vpcEndpointId=ENDPOINT)
        with raises(logs, "InvalidParameterException"):
            logs.list_syslog_configurations(maxResults=51)
    # Without a receiver there is nothing that a configuration could be about.
    with Server() as server:
        logs = server.client("logs")
        logs.create_log_group(logGroupName="/devices")
        with raises(logs, "ResourceNotFoundException", "There is no VPC endpoint for syslog messages."):
            logs.put_syslog_configuration(logGroupIdentifier="/devices")
