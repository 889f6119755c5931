"""tools/serve.py serves the built book to this machine alone, and finds a free port."""

import threading
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import serve


@pytest.fixture
def server(tmp_path):
    (tmp_path / "index.html").write_text("the book")
    with serve.open_server(tmp_path, 8700, 8790) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_it_serves_the_book_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    address = f"http://127.0.0.1:{server.server_port}/"
    assert urlopen(address).read() == b"the book"
    with pytest.raises(HTTPError, match="404"):
        urlopen(address + "none")


def test_a_busy_port_is_passed_over(server, tmp_path):
    busy = server.server_port
    with serve.open_server(tmp_path, busy, busy + 50) as second:
        assert second.server_port > busy
    with pytest.raises(OSError, match="no free port"):
        serve.open_server(tmp_path, busy, busy)


def test_without_a_book_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(serve, "SITE", tmp_path)
    assert serve.main() == 1
    assert "make book" in capsys.readouterr().err
