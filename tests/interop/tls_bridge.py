"""Carries plain HTTP on 127.0.0.1 to a server that speaks TLS, for a client that cannot be told whom to trust.

strongSwan's `pki` trusts the roots of the system and nothing else; the tests have a root of their own. Method, path, body, and the
type of the answer pass unchanged.
"""

import http.client
import http.server
import ssl
import threading


class TlsBridge:
    """A listener on 127.0.0.1; use it as a context manager and read `port`."""

    def __init__(self, host, port, ca_file):
        context = ssl.create_default_context(cafile=ca_file)

        class Handler(http.server.BaseHTTPRequestHandler):
            """Hands one request on and its answer back."""

            def forward(self):
                """The same request, over TLS."""
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPSConnection(host, port, context=context, timeout=60)
                upstream.request(self.command, self.path, body or None, {"Content-Type": self.headers.get("Content-Type") or ""})
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = forward

            def log_message(self, *_):
                """Standard output is for the report."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
