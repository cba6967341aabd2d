"""Syslog messages, as Python's own handler and a program that speaks RFC 5424 send them."""

import datetime as dt
import logging
import logging.handlers
import socket
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server import Server, free_port, until


def messages(logs, stream):
    def found():
        streams = logs.describe_log_streams(logGroupName="/syslog", logStreamNamePrefix=stream)["logStreams"]
        names = [found["logStreamName"] for found in streams]
        if stream not in names:
            return None
        events = logs.get_log_events(logGroupName="/syslog", logStreamName=stream, startFromHead=True)["events"]
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
