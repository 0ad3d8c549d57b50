import hashlib
import io
import json
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from skinlib.data.download import DATAVERSE_FILES, DEPOSIT, ISIC_FILES, SERVERS, download
from skinlib.errors import DataError


class Site(ThreadingHTTPServer):
    """Serves `files` (path: bytes) with the faults that a test asks for.

    Attributes:
        requests: paths in their order.
        agents: what the clients called themselves.
        status: what is answered instead, where not None.
        cut: after how many bytes each answer breaks off, where not None.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.agents = {}, [], set()
        self.status = self.cut = None
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        """A client that hangs up is what some tests want."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        site = self.server
        site.requests.append(self.path)
        site.agents.add(self.headers["User-Agent"])
        content = site.files.get(self.path)
        self.send_response(site.status or (404 if content is None else 200))
        body = b"" if site.status or content is None else content
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.path == DEPOSIT else body[: site.cut])


@pytest.fixture
def site():
    site = Site()
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()


def content(name):
    """A small file of the kind that its name says."""
    if name.endswith(".csv"):
        return f"image_id,dx\n{name},nv\n".encode()
    with zipfile.ZipFile(data := io.BytesIO(), "w") as archive:
        archive.writestr("ISIC_0024306.jpg", name * 20)
    return data.getvalue()


@pytest.fixture
def isic(site):
    files = {name: content(name) for name in ISIC_FILES}
    site.files |= {f"/2018/{name}": data for name, data in files.items()}
    return files


@pytest.fixture
def dataverse(site):
    files, listed = {n: content(n) for n in DATAVERSE_FILES.values()}, []
    for number, name in DATAVERSE_FILES.items():
        path = f"/api/access/datafile/{number}"
        entry = {"id": number, "filename": name, "md5": hashlib.md5(files[name]).hexdigest()}
        if name == "HAM10000_metadata.csv":
            entry |= {"filename": "HAM10000_metadata.tab", "originalFileSize": 9, "md5": "0" * 32}
            path += "?format=original"
        site.files[path] = files[name]
        listed.append({"dataFile": entry})
    listed.append({"dataFile": {"id": 1, "filename": "README", "md5": "0" * 32}})
    site.files[DEPOSIT] = json.dumps({"data": {"latestVersion": {"files": listed}}}).encode()
    return files


@pytest.fixture
def fetch(site, tmp_path, monkeypatch):
    for source in SERVERS:
        monkeypatch.setitem(SERVERS, source, site.url)
    return lambda source="isic", folder=tmp_path: download(source, folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_fetched_and_not_fetched_again(site, fetch, tmp_path, request, capsys, source):
    files = request.getfixturevalue(source)
    fetch(source)
    assert "CC BY-NC 4.0" in capsys.readouterr().out
    assert contents(tmp_path) == files
    assert all(agent.startswith("skinlib/") for agent in site.agents)
    site.requests.clear()
    fetch(source)
    assert site.requests == ([] if source == "isic" else [DEPOSIT])


def test_both_sources_share_a_folder(isic, dataverse, fetch, tmp_path):
    fetch("isic")
    fetch("dataverse")
    assert contents(tmp_path) == isic | dataverse


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_refused(isic, dataverse, site, fetch, tmp_path, source, status):
    site.status = status
    with pytest.raises(DataError, match=f"does not answer as it used to .{status} .*try again"):
        fetch(source)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_a_connection_that_breaks_off(isic, dataverse, site, fetch, tmp_path, source):
    site.cut = 60
    with pytest.raises(DataError, match=r"used to .*IncompleteRead.*: try again later"):
        fetch(source)
    assert contents(tmp_path) == {}
    site.cut = None
    fetch(source)
    assert contents(tmp_path) == (isic if source == "isic" else dataverse)


@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_a_sign_in_page_is_no_archive(isic, dataverse, site, fetch, tmp_path, source):
    """A proxy's page with status 200 was kept, and no later download succeeded."""
    before = dict(site.files)
    site.files |= dict.fromkeys(set(before) - {DEPOSIT}, b"<html>image_id: sign in</html>")
    with pytest.raises(DataError, match="sends something else than the archive"):
        fetch(source)
    assert contents(tmp_path) == {}
    site.files = before
    fetch(source)
    assert contents(tmp_path) == (isic if source == "isic" else dataverse)


@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_what_lies_there_damaged_is_fetched_again(isic, dataverse, fetch, tmp_path, source):
    files = isic if source == "isic" else dataverse
    (tmp_path / next(iter(files))).write_bytes(b"<html>sign in</html>")
    fetch(source)
    assert contents(tmp_path) == files


def test_another_content_than_the_published_hash(dataverse, site, fetch, tmp_path):
    site.files["/api/access/datafile/3172585"] = content("another.zip")
    with pytest.raises(DataError, match=r"datafile/3172585 sends something else .*(MD5|hash)"):
        fetch("dataverse")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"data": null}'])
def test_a_list_that_cannot_be_read(dataverse, site, fetch, answer):
    site.files[DEPOSIT] = answer
    with pytest.raises(DataError, match=r"does not answer as it used to .*use the other source"):
        fetch("dataverse")


def test_names_in_a_list_are_not_paths(dataverse, site, fetch, tmp_path):
    """Names from outside led to files outside the folder."""
    text = site.files[DEPOSIT].decode().replace("HAM10000_images_part_1", "../../evil")
    site.files[DEPOSIT] = text.encode()
    fetch("dataverse")
    assert contents(tmp_path) == dataverse
    assert all(quote("evil") not in path for path in site.requests)


def test_nobody_answers(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setitem(SERVERS, "isic", f"http://127.0.0.1:{port}")
    with pytest.raises(DataError, match=r"does not answer .*refused.*try again"):
        download("isic", tmp_path)


def test_a_folder_that_cannot_be_written_to(isic, site, fetch, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/below cannot be written to .*: make room there, or"):
        fetch("isic", tmp_path / "file" / "below")
    assert site.requests == []
