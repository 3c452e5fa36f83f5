"""Connects again and again with the session of the connection before, and prints what each was, a JSON object a line."""

import hashlib
import json
import socket
import ssl
import sys

port, ca, protocol, visits = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["http/1.1"])
if protocol == "TLSv1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2

session = None
for _ in range(visits):
    with socket.create_connection(("127.0.0.1", port)) as raw:
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as connection:
            connection.sendall(b"GET /again HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while connection.recv(4096):
                pass
            # A TLS 1.3 ticket arrives after the handshake.
            session = connection.session
            leaf = connection.getpeercert(binary_form=True)
            said = {
                "resumed": connection.session_reused,
                "chain": [hashlib.sha256(leaf).hexdigest()],
                "alpn": connection.selected_alpn_protocol(),
            }
            print(json.dumps(said), flush=True)
