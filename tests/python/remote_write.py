"""Prometheus's remote write as bytes: requests of both versions, and the snappy blocks that they are sent in."""

import struct

import requests


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, payload):
    """A protobuf field of bytes, text, or an integer."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def sample(value, time_ms):
    return varint(1 << 3 | 1) + struct.pack("<d", value) + field(2, time_ms)


def snappy(payload):
    """A snappy block of literals only."""
    out = varint(len(payload))
    for start in range(0, len(payload), 60):
        part = payload[start : start + 60]
        out += bytes([len(part) - 1 << 2]) + part
    return out


def write_v1(*series):
    """A WriteRequest of (labels, [(value, time)])."""
    out = b""
    for labels, samples in series:
        body = b"".join(field(1, field(1, name) + field(2, value)) for name, value in sorted(labels.items()))
        out += field(1, body + b"".join(field(2, sample(*one)) for one in samples))
    return out


def write_v2(*series):
    symbols, out = [""], b""

    def symbol(text):
        if text not in symbols:
            symbols.append(text)
        return symbols.index(text)

    for labels, samples in series:
        numbers = b"".join(varint(symbol(name)) + varint(symbol(value)) for name, value in sorted(labels.items()))
        metadata = field(1, 2) + field(3, symbol("How warm it is."))
        out += field(5, field(1, numbers) + b"".join(field(2, sample(*one)) for one in samples) + field(5, metadata))
    return b"".join(field(4, text) for text in symbols) + out


def send(server, body, proto=None, path="/api/v1/remote_write", **more):
    headers = {"content-encoding": "snappy", "content-type": "application/x-protobuf" + (f";proto={proto}" if proto else "")}
    return requests.post(server.endpoint + path, data=snappy(body), headers=headers, timeout=30, **more)
