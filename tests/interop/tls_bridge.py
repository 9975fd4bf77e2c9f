"""Carries plain connections on 127.0.0.1 to a server that speaks TLS, for a client that cannot be told whom to trust.

strongSwan's `pki` trusts the roots of the system and nothing else; the tests have a root of their own.
"""

import contextlib
import socket
import ssl
import threading


class TlsBridge:
    """A listener on 127.0.0.1; use it as a context manager and read `port`."""

    def __init__(self, host, port, ca_file):
        self._target = (host, port)
        self._context = ssl.create_default_context(cafile=ca_file)
        self._context.set_alpn_protocols(["http/1.1"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(plain,), daemon=True).start()

    def _carry(self, plain):
        host, port = self._target
        with plain, contextlib.suppress(OSError):
            with socket.create_connection((host, port), timeout=30) as raw, self._context.wrap_socket(raw, server_hostname=host) as secure:
                up = threading.Thread(target=_pump, args=(plain, secure), daemon=True)
                up.start()
                _pump(secure, plain)
                plain.shutdown(socket.SHUT_RDWR)
                up.join(timeout=5)


def _pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
