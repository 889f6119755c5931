"""Serve the built book on this machine: python tools/serve.py"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
FIRST_PORT, LAST_PORT = 8000, 8099


class Quiet(SimpleHTTPRequestHandler):
    """Serve files without a line per request; a missing file is still named."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent about what worked."""

    def end_headers(self) -> None:
        """Have the browser ask again, so that a rebuilt page shows at once."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


class LocalServer(ThreadingHTTPServer):
    """A server that refuses a port which another program uses, and ends with its threads."""

    allow_reuse_address = sys.platform != "win32"  # there, reuse would share a busy port
    daemon_threads = True


def open_server(folder: Path, first: int = FIRST_PORT, last: int = LAST_PORT) -> LocalServer:
    """Return a server for `folder` on the first free port; only this machine can reach it."""
    for port in range(first, last + 1):
        try:
            return LocalServer(("127.0.0.1", port), partial(Quiet, directory=str(folder)))
        except OSError:
            continue
    raise OSError(f"no free port between {first} and {last}")


def main() -> int:
    """Serve until Ctrl-C."""
    if not (SITE / "index.html").is_file():
        print("There is no built book yet. Run: make book", file=sys.stderr)
        return 1
    with open_server(SITE) as server:
        print(f"The book is at http://127.0.0.1:{server.server_port}/  (stop with Ctrl-C)")
        sys.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
