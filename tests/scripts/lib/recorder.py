#!/usr/bin/env python3
"""A webhook that allows everything and keeps what it is asked.

    usage: recorder.py PORT CERTIFICATE KEY DIRECTORY

A review goes to DIRECTORY/LABEL.PATH.json, with the label that stands in DIRECTORY/label and the path it was sent to;
without a label it is not kept. Of several with the same label and path, the first is kept: the API server asks again when
it tries again. What differs from one recording to the next is made the same; all else stays as the API server wrote it, byte by byte:

- UUIDs are numbered in the order of their first appearance,
- times become one time,
- resource versions become "1000",
- the random end of a name that was made of a generateName, or by the API server itself, becomes "x7k2p".
"""

import http.server
import json
import pathlib
import re
import ssl
import sys

UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
REPLACED = [
    (re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), b"2026-11-20T09:12:44Z"),
    (re.compile(rb'(?<="resourceVersion":")\d+'), b"1000"),
    (re.compile(rb'(?<="resourceVersion\\":\\")\d+'), b"1000"),
    (re.compile(rb"(?<=kube-api-access-)[a-z0-9]{5}"), b"x7k2p"),
]
GENERATE_NAME = re.compile(rb'"generateName":"([^"]*)"')


def normalised(body: bytes) -> bytes:
    numbers: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return numbers.setdefault(match[0], b"705ab4f5-6393-11e8-b7cc-42010a80%04x" % (2 + len(numbers)))

    body = UUID.sub(number, body)
    for pattern, replacement in REPLACED:
        body = pattern.sub(replacement, body)
    for prefix in set(GENERATE_NAME.findall(body)):
        body = re.sub(b'"' + re.escape(prefix) + rb'[a-z0-9]{5}"', b'"' + prefix + b'x7k2p"', body)
    return body


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory: pathlib.Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.keep(self.path.split("?")[0].strip("/"), body)
        review = json.loads(body)
        review = {**review, "request": None, "response": {"uid": review["request"]["uid"], "allowed": True}}
        answer = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def keep(self, path: str, body: bytes) -> None:
        label = (self.directory / "label").read_text().strip()
        if not label:
            return
        file = self.directory / f"{label}.{path}.json"
        if file.exists():
            return
        file.write_bytes(normalised(body).rstrip() + b"\n")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main() -> None:
    port, certificate, key, directory = sys.argv[1:]
    Recorder.directory = pathlib.Path(directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Recorder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The handshake is left to the connection's thread, so that none holds up the others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


main()
