import hashlib
import json
import socket
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from skinlib.data.download import (
    CHUNK,
    DATAVERSE_FILES,
    DEPOSIT,
    ISIC_FILES,
    PINS,
    download,
)
from skinlib.errors import DataError

SIZE = 4 * CHUNK + 17


class Site(ThreadingHTTPServer):
    """Serves `files` (path: bytes) with the faults that a test asks for.

    Attributes:
        requests: (method, path, Range header) in their order.
        cuts: after how many bytes each of the next answers breaks off.
        ranges: whether Range is honoured.
        status: what is answered instead, where not None.
        extra: added to each announced length.
        announces: whether lengths are announced at all.
        tags: whether answers have an ETag.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.cuts, self.agents = {}, [], [], set()
        self.ranges, self.status, self.extra, self.announces = True, None, 0, True
        self.tags = True
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):
        """A client that hangs up is what some tests want."""

    def fetched(self, name):
        """The Range header of each GET of a path that ends so."""
        return [r for method, path, r in self.requests if method == "GET" and path.endswith(name)]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        site, asked = self.server, self.headers.get("Range")
        site.requests.append((self.command, self.path, asked))
        site.agents.add(self.headers["User-Agent"])
        content = site.files.get(self.path)
        if site.status or content is None:
            self.send_response(site.status or 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        same = self.headers.get("If-Range", etag) == etag
        start = int(asked[6:-1]) if asked and site.ranges and same else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if site.announces:
            self.send_header("Content-Length", str(len(content) - start + site.extra))
        if site.tags:
            self.send_header("ETag", etag)
        self.end_headers()
        if body:
            end = start + site.cuts.pop(0) if site.cuts and len(content) >= SIZE else None
            self.wfile.write(content[start:end])


@pytest.fixture
def site():
    site = Site()
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()


def noise(seed, size=500):
    return np.random.default_rng(seed).bytes(size)


BIG = "ISIC2018_Task3_Training_Input.zip"


@pytest.fixture
def isic(site):
    """All of ISIC's files; the first is big enough to be cut."""
    files = {n: noise(i, SIZE if n == BIG else 500) for i, n in enumerate(ISIC_FILES)}
    site.files = {f"/2018/{name}": content for name, content in files.items()}
    return files


@pytest.fixture
def dataverse(site):
    files = {n: noise(i, SIZE if i == 0 else 500) for i, n in enumerate(DATAVERSE_FILES.values())}
    listed = []
    for number, name in DATAVERSE_FILES.items():
        content, path = files[name], f"/api/access/datafile/{number}"
        about = {"id": number, "filename": name, "filesize": len(content)}
        about["md5"] = hashlib.md5(content).hexdigest()
        if name == "HAM10000_metadata.csv":
            about |= {"filesize": 600, "originalFileSize": len(content), "md5": "0" * 32}
            path += "?format=original"
        site.files[path] = content
        listed.append({"label": name, "dataFile": about})
    listed.append({"label": "README", "dataFile": {"id": 1, "filesize": 3, "md5": "0" * 32}})
    answer = {"status": "OK", "data": {"latestVersion": {"files": listed}}}
    site.files[DEPOSIT] = json.dumps(answer).encode()
    return files


@pytest.fixture
def fetch(site, tmp_path):
    return lambda source="isic": download(source, tmp_path, base_url=site.url, progress=False)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != PINS}


def fetch_pins(site, folder, fetch):
    """Pins everything and fetches nothing: each answer to GET is empty."""
    site.cuts = [0] * 3
    with pytest.raises(DataError):
        fetch()
    site.requests.clear()


@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_fetched_pinned_and_not_fetched_again(site, fetch, tmp_path, request, capsys, source):
    files = request.getfixturevalue(source)
    paths = fetch(source)
    assert "CC BY-NC 4.0" in capsys.readouterr().out
    assert contents(tmp_path) == files
    assert paths == [tmp_path / name for name in files]
    assert all(agent.startswith("skinlib/") for agent in site.agents)
    pins = json.loads((tmp_path / PINS).read_text())[source]
    for name, content in files.items():
        kind, digest = pins[name]["hash"].split(":")
        assert digest == hashlib.new(kind, content).hexdigest()
        assert pins[name]["size"] == len(content)
    assert {pin["hash"][:3] for pin in pins.values()} == (
        {"sha"} if source == "isic" else {"md5", "sha"}
    )

    site.requests.clear()
    assert fetch(source) == paths
    assert site.requests == []


def test_both_sources_share_a_folder(isic, dataverse, site, fetch, tmp_path):
    site.files |= {f"/2018/{name}": content for name, content in isic.items()}
    fetch("isic")
    fetch("dataverse")
    assert contents(tmp_path) == isic | dataverse


@pytest.mark.parametrize("announces", [True, False])
def test_cut_connections_are_resumed(isic, site, fetch, tmp_path, announces):
    fetch_pins(site, tmp_path, fetch)
    site.announces = announces
    site.cuts = [CHUNK + 1, 0, CHUNK * 2]
    fetch()
    assert contents(tmp_path) == isic
    starts = [0 if r is None else int(r[6:-1]) for r in site.fetched(BIG)]
    assert len(starts) == 4
    assert starts[0] == 0 < starts[1] == starts[2] < starts[3]


def test_the_next_run_goes_on_where_this_one_gave_up(isic, site, fetch, tmp_path):
    site.cuts = [CHUNK * 2, 0, 0, 0]
    with pytest.raises(DataError, match=rf"{BIG} broke off after .* of .* bytes .*run again"):
        fetch()
    assert set(contents(tmp_path)) == {f"{BIG}.part"}
    site.requests.clear()
    fetch()
    assert contents(tmp_path) == isic
    (start,) = site.fetched(BIG)
    assert int(start[6:-1]) >= CHUNK


def test_a_server_that_ignores_range_is_asked_for_the_whole(isic, site, fetch, tmp_path):
    site.ranges, site.cuts = False, [CHUNK * 2]
    fetch()
    assert contents(tmp_path) == isic
    assert len(site.fetched(BIG)) == 2


def test_a_file_that_changed_meanwhile_is_not_pieced_together(isic, site, fetch, tmp_path):
    site.cuts = [CHUNK * 2, 0, 0, 0]
    with pytest.raises(DataError, match="broke off"):
        fetch()
    site.files[f"/2018/{BIG}"] = isic[BIG] = noise(99, SIZE)
    fetch()
    assert contents(tmp_path) == isic


def test_without_hash_and_etag_nothing_is_pieced_together(isic, site, fetch, tmp_path):
    site.tags, site.cuts = False, [CHUNK * 2]
    fetch()
    assert contents(tmp_path) == isic
    assert site.fetched(BIG) == [None, None]


def test_with_a_hash_no_etag_is_needed(dataverse, site, fetch, tmp_path):
    site.tags, site.cuts = False, [CHUNK * 2]
    fetch("dataverse")
    assert contents(tmp_path) == dataverse
    assert site.fetched("3172585")[1].startswith("bytes=")


@pytest.mark.parametrize("size", [3, SIZE])
def test_an_earlier_part_file_is_gone_on_with(isic, site, fetch, tmp_path, size):
    fetch_pins(site, tmp_path, fetch)
    (tmp_path / f"{BIG}.part").write_bytes(isic[BIG][:size])
    fetch()
    assert contents(tmp_path) == isic
    assert site.fetched(BIG) == ([f"bytes={size}-"] if size < SIZE else [])


def test_a_part_file_that_is_too_long_is_begun_anew(isic, site, fetch, tmp_path):
    fetch_pins(site, tmp_path, fetch)
    (tmp_path / f"{BIG}.part").write_bytes(noise(99, SIZE + 5))
    fetch()
    assert contents(tmp_path) == isic


def test_a_part_file_older_than_the_pins_is_not_trusted(isic, fetch, tmp_path):
    (tmp_path / f"{BIG}.part").write_bytes(noise(99, CHUNK))
    fetch()
    assert contents(tmp_path) == isic


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize("source", ["isic", "dataverse"])
def test_refused(isic, dataverse, site, fetch, tmp_path, source, status):
    site.status = status
    with pytest.raises(DataError, match=f"answers {status} .*: try again later, or fetch it with"):
        fetch(source)
    assert contents(tmp_path) == {}


def test_refused_after_the_list(dataverse, site, fetch, tmp_path):
    del site.files["/api/access/datafile/3172584"]
    with pytest.raises(DataError, match="datafile/3172584 answers 404"):
        fetch("dataverse")
    whole = contents(tmp_path)
    assert whole.pop("HAM10000_images_part_2.zip.part") == b""
    assert whole.items() <= dataverse.items()


@pytest.mark.parametrize("extra", [5, -5])
def test_a_server_that_lies_about_the_size(isic, site, fetch, tmp_path, extra):
    fetch_pins(site, tmp_path, fetch)
    site.extra = extra
    with pytest.raises(DataError, match=f"{BIG} sends another number of bytes than the"):
        fetch()
    assert contents(tmp_path) == {}


def test_more_bytes_than_announced(isic, site, fetch, tmp_path):
    fetch_pins(site, tmp_path, fetch)
    site.announces = False
    site.files[f"/2018/{BIG}"] += b"more"
    with pytest.raises(DataError, match=f"{BIG} sends another number of bytes than the"):
        fetch()
    assert contents(tmp_path) == {}


def test_a_list_that_lies_about_the_size(dataverse, site, fetch, tmp_path):
    site.files[DEPOSIT] = site.files[DEPOSIT].replace(str(SIZE).encode(), b"1234")
    with pytest.raises(DataError, match="another number of bytes than the 1,234 it announced"):
        fetch("dataverse")
    assert contents(tmp_path) == {}


def test_another_content_of_the_same_size(dataverse, site, fetch, tmp_path):
    site.files["/api/access/datafile/3172585"] = noise(99, SIZE)
    with pytest.raises(DataError, match=rf"datafile/3172585 is not what .*{PINS} pins \(md5:"):
        fetch("dataverse")
    assert contents(tmp_path) == {}


def test_a_pin_outlives_the_files(isic, site, fetch, tmp_path):
    (first, *_) = fetch()
    first.unlink()
    site.files[f"/2018/{BIG}"] = noise(99, SIZE)
    with pytest.raises(DataError, match=rf"is not what .*{PINS} pins .*published anew"):
        fetch()
    assert not first.exists()


def test_a_file_of_another_size_lies_there(isic, fetch, tmp_path):
    (tmp_path / BIG).write_bytes(b"mine")
    with pytest.raises(DataError, match=rf"{BIG} has 4 bytes, expected 262,161: move it away"):
        fetch()
    assert (tmp_path / BIG).read_bytes() == b"mine"


def test_no_size(isic, site, fetch):
    site.announces = False
    with pytest.raises(DataError, match=r"does not list the files .*content-length"):
        fetch()


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"data": null}'])
def test_a_list_that_cannot_be_read(dataverse, site, fetch, answer):
    site.files[DEPOSIT] = answer
    with pytest.raises(DataError, match="does not list the files as it used to"):
        fetch("dataverse")


def test_nobody_answers(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DataError, match=r"does not list the files .*ConnectionError.*try again"):
        download("isic", tmp_path, base_url=f"http://127.0.0.1:{port}")


def test_damaged_pins(tmp_path):
    (tmp_path / PINS).write_text("{")
    with pytest.raises(DataError, match=f"{PINS} is not JSON: delete it"):
        download("isic", tmp_path, base_url="http://127.0.0.1:9")


def test_not_enough_disk(isic, fetch, monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(9e9, 9e9, 1e5))
    with pytest.raises(DataError, match=r"free and the files need .*: make room"):
        fetch()
    assert contents(tmp_path) == {}


def test_unknown_source(tmp_path):
    with pytest.raises(ValueError, match="unknown source 'kaggle': expected \"dataverse\" or"):
        download("kaggle", tmp_path)
