"""Fetch weights from a hub: goes on where it stopped, verifies every file, and needs no more disk than it said.

huggingface_hub asks the hub and makes the requests. The bytes are written here, because since its version 2 a file
that was cut off starts again from nothing, which a shard of 5 GB on a home connection may never survive.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers, get_session, get_token, hf_raise_for_status, httpx
from rich.filesize import decimal

from model.errors import PlainError
from model.weights.names import CATALOGUE, UPSCALER, UPSCALER_FILE, WEIGHTS, folder_of, hub_id

TRIES = 4  # in a row that bring no byte, before a download gives up
PAUSE = 1.0  # seconds before the second of them; doubles each time
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 2**20  # bytes read at a time to verify

Progress = Callable[[str, int, int], None]
"""Told what is being done ("fetching model.safetensors"), how many bytes of it are done, and of how many."""


class DownloadError(PlainError):
    """A download that failed. One line: what went wrong and what to do; what was fetched is kept for the next try."""


@dataclass(frozen=True, slots=True)
class File:
    """One file to have: where it lies on the hub and here, its size in bytes and its checksum.

    The checksum is the sha256 of the bytes (64 hex digits: files in large file storage) or git's blob id (40, a sha1
    over a header and the bytes: all others).
    """

    url: str
    path: Path
    size: int
    checksum: str

    @property
    def part(self) -> Path:
        """Where the file grows. Named after the checksum too: another version's part is not gone on with."""
        return self.path.with_name(f"{self.path.name}.{self.checksum[:8]}.part")

    @property
    def missing(self) -> int:
        """How many bytes are still to fetch."""
        for found in (self.path, self.part):
            if found.is_file():
                return max(0, self.size - found.stat().st_size)
        return self.size


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fetch for one name, config.json last: a folder that has it is complete."""

    name: str
    folder: Path
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes on disk when all is done."""
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> int:
        """How many bytes are still to fetch."""
        return sum(file.missing for file in self.files)


def plan(name: str, weights: Path = WEIGHTS, endpoint: str | None = None) -> Plan:
    """Ask the hub what the weights called `name` (the catalogue's, "upscaler" or a hub id) consist of.

    `endpoint` is the hub's address, by default HF_ENDPOINT or the public one. Raises DownloadError.
    """
    if name == "upscaler":
        repository, folder = UPSCALER, weights / "realesrgan"
    elif repository_of_model := hub_id(name):
        repository, folder = repository_of_model, folder_of(name, weights)
    else:
        raise DownloadError(
            f"There is nothing called {name} to download: {', '.join(CATALOGUE)}, upscaler, all, or a hub's owner/name."
        )
    try:
        info = HfApi(endpoint=endpoint).model_info(repository, files_metadata=True, timeout=TIMEOUT)
    except GatedRepoError:
        raise DownloadError(f"{repository} asks for an agreement: accept it on its page, then set HF_TOKEN.") from None
    except RepositoryNotFoundError as error:
        if error.response.status_code == httpx.codes.UNAUTHORIZED and get_token():  # to no token it says the same
            raise DownloadError(f"{_reason(error)}. Nothing was fetched.") from None
        raise DownloadError(f"The hub has no {repository}, or it is private: then set HF_TOKEN.") from None
    except (httpx.HTTPError, OfflineModeIsEnabled) as error:
        raise DownloadError(f"{_reason(error)}. Nothing was fetched; run the command again later.") from None
    except HFValidationError:
        raise DownloadError(f"{name} can't be the name of a repository on a hub.") from None
    except ValueError:
        raise DownloadError("What answers is no hub: check the network (and HF_ENDPOINT, if it is set).") from None
    siblings = info.siblings or []
    wanted = {UPSCALER_FILE} if name == "upscaler" else _needed([sibling.rfilename for sibling in siblings])
    files = [
        _file(sibling, repository, info.sha, folder, endpoint) for sibling in siblings if sibling.rfilename in wanted
    ]
    if not any(file.path.suffix in {".safetensors", ".bin", ".pth"} for file in files):
        raise DownloadError(f"{repository} holds no weights that janus-bot could load.")
    return Plan(name, folder, tuple(sorted(files, key=lambda file: (file.path.name == "config.json", file.path.name))))


def require_space(plans: Sequence[Plan]) -> None:
    """Raise DownloadError if the disk can't take what is still missing of all `plans` (which share one disk)."""
    folder = plans[0].folder.parent
    missing = sum(plan.missing for plan in plans)
    free = shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.is_dir())).free
    if missing > free:
        names = " and ".join(plan.name for plan in plans)
        raise DownloadError(
            f"{names}: {decimal(missing)} are still to fetch, but the disk of {folder} has {decimal(free)} free. "
            "Free some space and run the command again."
        )


def fetch(plan: Plan, progress: Progress) -> None:
    """Fetch what is missing of `plan` and verify all of it, what was there before included. Raises DownloadError."""
    require_space([plan])
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        for file in plan.files:
            if not (file.path.is_file() and _verified(file, file.path, progress)):
                file.path.unlink(missing_ok=True)
                _fetch(file, progress)
    except OSError as error:
        raise DownloadError(
            f"{error.filename or plan.folder}: {error.strerror or error}. "
            "What was fetched is kept: mend this and run the command again."
        ) from None


def _needed(names: list[str]) -> set[str]:
    """Choose the files that loading reads: JSON and templates, and one kind of weights, safetensors first."""
    kind = ".safetensors" if any(name.endswith(".safetensors") for name in names) else ".bin"
    other = ".bin" if kind == ".safetensors" else ".safetensors"
    return {
        name
        for name in names
        if "/" not in name
        and name.endswith((".json", ".jinja", ".model", kind))
        and not name.endswith(f"{other}.index.json")
    }


def _file(sibling: RepoSibling, repository: str, commit: str | None, folder: Path, endpoint: str | None) -> File:
    checksum = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
    if sibling.size is None or checksum is None:
        raise DownloadError(f"The hub tells no size or checksum of {sibling.rfilename} in {repository}.")
    url = hf_hub_url(repository, sibling.rfilename, revision=commit, endpoint=endpoint)
    return File(url, folder / sibling.rfilename, sibling.size, checksum)


def _fetch(file: File, progress: Progress) -> None:
    """Fetch one file from where its part ends, with a few tries at whatever may pass, and verify it."""
    tries = 0
    while before := file.missing:
        try:
            _append(file, progress)
        except (httpx.TransportError, HfHubHTTPError) as error:
            tries = tries + 1 if file.missing == before else 1
            passing = not isinstance(error, HfHubHTTPError) or error.response.status_code in {429, 500, 502, 503, 504}
            if tries == TRIES or not passing:
                raise DownloadError(
                    f"{file.path.name}: {_reason(error)}. {decimal(file.size - file.missing)} of {decimal(file.size)}"
                    " are here: run the command again and it goes on from there."
                ) from None
            time.sleep(PAUSE * 2 ** (tries - 1))
    file.part.touch()  # an empty file has nothing to fetch
    if not _verified(file, file.part, progress):
        file.part.unlink()
        raise DownloadError(f"{file.path.name}: what came has another checksum. It was deleted: run the command again.")
    file.part.replace(file.path)


def _append(file: File, progress: Progress) -> None:
    """Ask for the bytes that are missing and write them as they come, until the connection ends."""
    have = file.size - file.missing
    headers = build_hf_headers() | {"Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    with get_session().stream("GET", file.url, headers=headers, timeout=TIMEOUT) as response:
        hf_raise_for_status(response)
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        done = have if resumed else 0
        with file.part.open("ab" if resumed else "wb") as part:
            for chunk in response.iter_raw():
                part.write(chunk)
                done += len(chunk)
                progress(f"fetching {file.path.name}", done, file.size)


def _verified(file: File, path: Path, progress: Progress) -> bool:
    """Tell whether the bytes at `path` are the promised ones."""
    in_large_storage = len(file.checksum) == 64
    digest = hashlib.sha256() if in_large_storage else hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    done = 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress(f"verifying {file.path.name}", done, file.size)
    return digest.hexdigest() == file.checksum


def _reason(error: Exception) -> str:
    """Say what came in the way, in plain words."""
    match error:
        case OfflineModeIsEnabled():
            return "HF_HUB_OFFLINE is set, which forbids every download"
        case HfHubHTTPError() if error.response.status_code == httpx.codes.UNAUTHORIZED and get_token():
            return "the hub does not take the token in HF_TOKEN, which may have expired: renew it, or remove it"
        case HfHubHTTPError():
            return f"the hub answers with status {error.response.status_code}"
        case httpx.TimeoutException():
            return f"the hub said nothing for {TIMEOUT:.0f} seconds"
        case httpx.ConnectError():
            return "the hub can't be reached: check the network (and HF_ENDPOINT, if it is set)"
        case _:
            return "the connection broke"
