"""Fetches HAM10000 from Harvard Dataverse or from the ISIC challenge's bucket."""

import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import pooch
import requests
from tqdm import tqdm

from skinlib.errors import DataError

LICENCE = """\
HAM10000 is licensed CC BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/): share and
adapt it with attribution, for non-commercial purposes only. Cite: Tschandl, P., Rosendahl, C. &
Kittler, H. The HAM10000 dataset, a large collection of multi-source dermatoscopic images of
common pigmented skin lesions. Sci. Data 5, 180161 (2018), doi:10.1038/sdata.2018.161."""

DATAVERSE = "https://dataverse.harvard.edu"
DEPOSIT = "/api/datasets/:persistentId/?persistentId=doi:10.7910/DVN/DBW86T"
DATAVERSE_FILES = {
    3172585: "HAM10000_images_part_1.zip",
    3172584: "HAM10000_images_part_2.zip",
    4338392: "HAM10000_metadata.csv",
    3855824: "ISIC2018_Task3_Test_Images.zip",
    6924466: "ISIC2018_Task3_Test_GroundTruth.csv",
}
ISIC = "https://isic-challenge-data.s3.amazonaws.com"
ISIC_FILES = (
    "ISIC2018_Task3_Training_Input.zip",
    "ISIC2018_Task3_Training_GroundTruth.zip",
    "ISIC2018_Task3_Training_LesionGroupings.csv",
    "ISIC2018_Task3_Test_Input.zip",
    "ISIC2018_Task3_Test_GroundTruth.zip",
)
PINS = "skinlib-download.json"
HEADERS = {"User-Agent": f"skinlib/{version('skinlib')}", "Accept-Encoding": "identity"}
TIMEOUT = 60  # seconds without a byte
CHUNK = 2**16  # bytes
PATIENCE = 3  # attempts in a row that bring nothing new


def download(
    source: Literal["dataverse", "isic"],
    folder: str | Path,
    *,
    base_url: str | None = None,
    progress: bool = True,
) -> list[Path]:
    """Fetches the training and the test set of HAM10000, after showing its licence.

    The training pictures are about 2.8 GB. Sizes and hashes are pinned in `skinlib-download.json`
    beside the files when they are first seen, and hold for every later run (Dataverse publishes
    both; where no hash is published, the SHA-256 is taken after the first download). A file gets
    its name only when it is whole and matches; until then it grows as `NAME.part`, where a cut
    connection or the next run goes on.

    Args:
        source: "dataverse" or "isic".
        folder: where the files go; what is there and matches its pin is not fetched again.
        base_url: another server with the same layout.
        progress: show a bar for each file.

    Raises:
        DataError: if the server refuses, breaks off or sends something else than it announced.
    """
    if source not in SOURCES:
        raise ValueError(f'unknown source {source!r}: expected "dataverse" or "isic"')
    print(LICENCE, flush=True)
    host, announced = SOURCES[source]
    base = (base_url or host).rstrip("/")
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    everything = _read_pins(folder / PINS)
    if source not in everything:
        try:
            everything[source] = announced(base)
        except (requests.RequestException, KeyError, TypeError) as error:
            raise DataError(
                f"{base} does not list the files as it used to ({error!r}): try again later, use "
                "the other source, or fetch them with a browser"
            ) from None
        for name in everything[source]:
            (folder / f"{name}.part").unlink(missing_ok=True)
        _write_pins(folder / PINS, everything)
    pins = everything[source]
    _require_space(folder, pins)
    for name, pin in pins.items():
        path, url = folder / name, base + pin["path"]
        if path.exists() and path.stat().st_size != pin["size"]:
            raise DataError(
                f"{path} has {path.stat().st_size:,} bytes, expected {pin['size']:,}: move it away"
            )
        fetch = _Resuming(folder / f"{name}.part", pin, progress)
        try:
            pooch.retrieve(url, pin["hash"], fname=name, path=folder, downloader=fetch)
        except ValueError:  # pooch's word for another hash; it has deleted what came
            raise DataError(
                f"{url} is not what {folder / PINS} pins ({pin['hash']}): try again, or delete "
                "that file if the data were published anew"
            ) from None
        if pin["hash"] is None:
            pin["hash"] = f"sha256:{pooch.file_hash(str(path))}"
            _write_pins(folder / PINS, everything)
    return [folder / name for name in pins]


def _read_pins(path):
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        raise DataError(f"{path} is not JSON: delete it") from None


def _write_pins(path, pins):
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(pins, indent=2))
    os.replace(scratch, path)


def _require_space(folder, pins):
    missing = sum(pin["size"] for name, pin in pins.items() if not (folder / name).exists())
    missing -= sum(part.stat().st_size for part in folder.glob("*.part"))
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise DataError(
            f"{folder} has {free / 1e9:.1f} GB free and the files need {missing / 1e9:.1f} GB: "
            "make room or choose another folder"
        )


def _ask(method, url, headers=None, **options):
    """A response that is not an error."""
    headers = HEADERS | (headers or {})
    response = requests.request(method, url, headers=headers, timeout=TIMEOUT, **options)
    if response.status_code >= 400 and response.status_code != 416:
        raise DataError(
            f"{url} answers {response.status_code} {response.reason}: try again later, or fetch "
            "it with a browser into the same folder and leave --download away"
        )
    return response


def _from_dataverse(base):
    listed = _ask("GET", base + DEPOSIT).json()["data"]["latestVersion"]["files"]
    files = {entry["dataFile"]["id"]: entry["dataFile"] for entry in listed}
    return {name: _dataverse_pin(files[number]) for number, name in DATAVERSE_FILES.items()}


def _dataverse_pin(file):
    """Dataverse rewrites tables; its checksum of one may fit no form (IQSS/dataverse#9501)."""
    path = f"/api/access/datafile/{file['id']}"
    if "originalFileSize" in file:
        return {"path": f"{path}?format=original", "size": file["originalFileSize"], "hash": None}
    return {"path": path, "size": file["filesize"], "hash": f"md5:{file['md5']}"}


def _from_isic(base):
    pins = {}
    for name in ISIC_FILES:
        headers = _ask("HEAD", f"{base}/2018/{name}", allow_redirects=True).headers
        size, etag = int(headers["Content-Length"]), headers.get("ETag")
        pins[name] = {"path": f"/2018/{name}", "size": size, "hash": None, "etag": etag}
    return pins


SOURCES = {"dataverse": (DATAVERSE, _from_dataverse), "isic": (ISIC, _from_isic)}


class _Resuming:
    """A downloader for pooch that goes on where a cut connection, or an earlier run, stopped."""

    def __init__(self, part: Path, pin: dict, progress: bool):
        self.part, self.pin, self.progress = part, pin, progress

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Fetches `url` into `output_file`, by way of the part file."""
        size, fruitless, reason = self.pin["size"], 0, "it sent nothing"
        self.part.touch()
        look = {"unit": "B", "unit_scale": True, "disable": not self.progress}
        with tqdm(total=size, desc=self.part.stem, **look) as bar:
            while (had := self.part.stat().st_size) != size:
                try:
                    self._go_on(url, had, bar)
                except requests.RequestException as error:
                    reason = error
                fruitless = 0 if self.part.stat().st_size > had else fruitless + 1
                if fruitless == PATIENCE:
                    raise DataError(
                        f"{url} broke off after {had:,} of {size:,} bytes ({reason}): run again "
                        "to go on"
                    )
        os.replace(self.part, output_file)

    def _go_on(self, url, had, bar):
        headers, etag = {}, self.pin.get("etag")
        if had and (etag or self.pin["hash"]):  # else two versions could be pieced together
            headers["Range"] = f"bytes={had}-"
        if had and etag:
            headers["If-Range"] = etag  # another version is sent from its start
        with _ask("GET", url, headers, stream=True) as response:
            resumes = response.headers.get("Content-Range", "").startswith(f"bytes {had}-")
            if response.status_code in (206, 416) and not resumes:
                self.part.write_bytes(b"")  # the next attempt asks for the whole
                return
            bar.n = had if resumes else 0
            size, length = self.pin["size"], response.headers.get("Content-Length")
            with self.part.open("ab" if resumes else "wb") as part:
                wrong = length is not None and bar.n + int(length) != size
                for chunk in response.iter_content(CHUNK) if not wrong else ():
                    wrong = part.tell() + len(chunk) > size
                    if wrong:
                        break
                    part.write(chunk)
                    bar.update(len(chunk))
        if wrong:
            self.part.unlink()
            raise DataError(
                f"{url} sends another number of bytes than the {size:,} it announced: try again "
                "later"
            )
