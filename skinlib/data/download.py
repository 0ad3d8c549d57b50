"""Fetches HAM10000 from Harvard Dataverse or from the ISIC challenge's bucket."""

import logging
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import pooch
import requests

from skinlib.errors import DataError

LICENCE = """\
HAM10000 is licensed CC BY-NC 4.0 (https://creativecommons.org/licenses/by-nc/4.0/):
share and adapt it with attribution, for non-commercial purposes only. Cite: Tschandl,
P., Rosendahl, C. & Kittler, H. The HAM10000 dataset, a large collection of multi-source
dermatoscopic images of common pigmented skin lesions. Sci. Data 5, 180161 (2018),
doi:10.1038/sdata.2018.161."""

DEPOSIT = "/api/datasets/:persistentId/?persistentId=doi:10.7910/DVN/DBW86T"
DATAVERSE_FILES = {
    3172585: "HAM10000_images_part_1.zip",
    3172584: "HAM10000_images_part_2.zip",
    4338392: "HAM10000_metadata.csv",
    3855824: "ISIC2018_Task3_Test_Images.zip",
    6924466: "ISIC2018_Task3_Test_GroundTruth.csv",
}
ISIC_FILES = (
    "ISIC2018_Task3_Training_Input.zip",
    "ISIC2018_Task3_Training_GroundTruth.zip",
    "ISIC2018_Task3_Training_LesionGroupings.csv",
    "ISIC2018_Task3_Test_Input.zip",
    "ISIC2018_Task3_Test_GroundTruth.zip",
)
SERVERS = {
    "dataverse": "https://dataverse.harvard.edu",
    "isic": "https://isic-challenge-data.s3.amazonaws.com",
}
HEADERS = {"User-Agent": f"skinlib/{version('skinlib')}"}  # Dataverse refuses that of requests
TIMEOUT = 60  # seconds without a byte


def download(source: Literal["dataverse", "isic"], folder: str | Path) -> None:
    """Fetches the training and the test set of HAM10000, after showing its licence.

    The training images are about 2.8 GB. A file gets its name only when it is whole: it has the MD5
    that Dataverse publishes, or, where none is published, opens as a zip file or begins as a table.
    What is there and whole is not fetched again.

    Raises:
        DataError: if the server refuses, breaks off or sends something else, or the folder cannot
            be written to.
    """
    print(LICENCE, flush=True)
    pooch.get_logger().setLevel(logging.WARNING)
    base = SERVERS[source]
    folder = Path(folder).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        url = base + DEPOSIT
        files: dict[str, tuple[str, str | None]]
        if source == "dataverse":
            files = _of_dataverse(base)
        else:  # which publishes no hash
            files = {name: (f"{base}/2018/{name}", None) for name in ISIC_FILES}
        for name, (url, known_hash) in files.items():
            path = folder / name
            if known_hash is None and path.exists() and not _is_whole(path, name):
                path.unlink()
            pooch.retrieve(url, known_hash, name, folder, downloader=_Checked(name))
    except (requests.RequestException, KeyError, TypeError) as error:
        raise DataError(
            f"{url} does not answer as it used to ({error}): try again later, use "
            "the other source, or fetch the files with a browser into the same folder"
        ) from None
    except ValueError as error:  # pooch's word for another hash, and ours for what is no archive
        raise DataError(
            f"{url} sends something else than the archive ({error}): sign in to "
            "your network if it asks you to, and try again"
        ) from None
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written to ({error.strerror or error}): make room "
            "there, or choose another folder"
        ) from None


def _of_dataverse(base: str) -> dict[str, tuple[str, str | None]]:
    """Name -> URL and published hash.

    By id, for Dataverse lists tables under other names, rewrites them, and its hash of one may fit
    no form (IQSS/dataverse#9501).
    """
    response = requests.get(base + DEPOSIT, headers=HEADERS, timeout=TIMEOUT)
    response.raise_for_status()
    entries = response.json()["data"]["latestVersion"]["files"]
    listed = {entry["dataFile"]["id"]: entry["dataFile"] for entry in entries}
    files: dict[str, tuple[str, str | None]] = {}
    for number, name in DATAVERSE_FILES.items():
        url = f"{base}/api/access/datafile/{number}"
        if "originalFileSize" in listed[number]:
            files[name] = f"{url}?format=original", None
        else:
            files[name] = url, f"md5:{listed[number]['md5']}"
    return files


class _Checked(pooch.HTTPDownloader):
    """A downloader for pooch that refuses another kind of file than its name says."""

    def __init__(self, name: str):
        bar = sys.stderr.isatty()
        super().__init__(progressbar=bar, chunk_size=2**16, headers=HEADERS, timeout=TIMEOUT)
        self.name = name

    def __call__(self, url: str, output_file: str, mate: object, **options: object) -> None:
        super().__call__(url, output_file, mate, **options)
        if not _is_whole(Path(output_file), self.name):
            raise ValueError(f"{self.name} is no {Path(self.name).suffix[1:]} file")


def _is_whole(path: Path, name: str) -> bool:
    """Whether a file opens as a zip file, or begins like a table with image ids."""
    if name.endswith(".zip"):
        try:
            with zipfile.ZipFile(path) as archive:
                return bool(archive.namelist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return False
    with path.open("rb") as file:
        header = file.readline(1000).lower()
    return b"image" in header and b"<" not in header
