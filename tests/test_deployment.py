"""What the bot is installed by: its files agree with the program, with each other, and with whoever reads them."""

import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from bot.config import ROOT, Settings, load
from model.weights.names import WEIGHTS

UNIT = ROOT / "deploy/janus-bot.service"
APP = Path("/app")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("JANUS_"):
            monkeypatch.delenv(name)


class ComposeLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads Compose's own tags, too."""


ComposeLoader.add_constructor("!reset", lambda loader, node: None)


def compose(name: str = "compose.yaml") -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.load((ROOT / name).read_text(), ComposeLoader)
    return read


def settings_by(variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Read the settings as the bot does where these variables are set: a name that is none stops the start."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load()


def variables(service: Mapping[str, Any]) -> dict[str, str]:
    """A service's environment, where nothing is set outside."""
    return {name: re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value) for name, value in service["environment"].items()}


def dockerfile() -> Sequence[Sequence[str]]:
    """Every instruction of the Dockerfile, in words."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text()).replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line.strip()]


def stages() -> list[str]:
    return [words[-1] for words in dockerfile() if words[0] == "FROM"]


def project() -> Mapping[str, Any]:
    told: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return told


def test_compose_sets_what_there_is_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = compose()["services"]["bot"]
    settings = settings_by(variables(bot), monkeypatch)
    (secret,) = bot["secrets"]
    assert settings.discord.token_file == f"/run/secrets/{secret}"
    assert secret in compose()["secrets"]
    assert settings.discord.drain_seconds + 5 <= int(bot["stop_grace_period"].removesuffix("s"))  # as config.toml asks
    assert settings.model.name == "7b"


def test_what_is_kept_lies_on_volumes() -> None:
    bot = compose()["services"]["bot"]
    mounts = dict(mount.split(":")[:2] for mount in bot["volumes"])
    assert mounts["data"] == str(APP / Settings().store.folder.relative_to(ROOT))
    assert mounts["weights"] == str(APP / WEIGHTS.relative_to(ROOT))
    assert mounts["./weights/demo"] == str(APP / (WEIGHTS / "demo").relative_to(ROOT))
    named = {name for service in compose()["services"].values() for name in map(str, service.get("volumes", ()))}
    assert compose()["volumes"].keys() == {name.split(":")[0] for name in named if not name.startswith(".")}


def test_what_is_mounted_from_the_repository_is_there() -> None:
    mounts = [mount for service in compose()["services"].values() for mount in service["volumes"]]
    own = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert len(own) > 3
    assert all((ROOT / path).exists() for path in own)


def test_without_a_gpu_another_image_is_built_and_no_gpu_asked_for() -> None:
    bot, other = compose()["services"]["bot"], compose("compose.cpu.yaml")["services"]["bot"]
    assert bot["deploy"]["resources"]["reservations"]["devices"]
    assert ("deploy", None) in other.items()
    assert other["build"]["target"] in stages()
    assert "target" not in bot["build"]
    assert stages()[-1] == "cuda"  # what is built where no target is named
    assert variables(other) == {"JANUS_MODEL_NAME": "demo"}
    assert other["image"] != bot["image"]


def test_prometheus_and_grafana_find_what_they_watch() -> None:
    services = compose()["services"]
    (job,) = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    told = variables(services["bot"])
    assert job["static_configs"] == [{"targets": [f"bot:{told['JANUS_HEALTH_PORT']}"]}]
    assert told["JANUS_HEALTH_ADDRESS"] == "0.0.0.0"
    assert f'job="{job["job_name"]}"' in (ROOT / "monitoring/alerts.yml").read_text()
    (source,) = yaml.safe_load((ROOT / "monitoring/grafana/datasource.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((ROOT / "monitoring/grafana/dashboards.yml").read_text())["providers"]
    boards = [mount for mount in services["grafana"]["volumes"] if mount.startswith("./monitoring/dashboard.json:")]
    assert f":{provider['options']['path']}/" in boards[0]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool on this machine")
def test_prometheus_can_read_its_file() -> None:
    asked = ["promtool", "check", "config", "prometheus.yml"]
    done = subprocess.run(asked, cwd=ROOT / "monitoring", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def answering() -> Iterator[tuple[int, list[int]]]:
    """A port that answers with the status in the list."""
    statuses = [200]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[0] if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], statuses
        server.shutdown()
        thread.join()


def test_the_health_check_tells_a_bot_that_serves_from_one_that_does_not(
    answering: tuple[int, list[int]],
) -> None:
    port, statuses = answering
    bot = compose()["services"]["bot"]
    kind, program, *arguments = bot["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    here = [word.replace(f":{variables(bot)['JANUS_HEALTH_PORT']}/", f":{port}/") for word in arguments]
    for statuses[0], healthy in ((200, True), (503, False)):
        done = subprocess.run([sys.executable, *here], capture_output=True, check=False)
        assert (done.returncode == 0) is healthy


def test_the_image_runs_the_program_by_its_name() -> None:
    entries = [words[1:] for words in dockerfile() if words[0] == "ENTRYPOINT"]
    assert entries
    assert all(entry == [f'["{name}"]'] for entry in entries for name in project()["scripts"])
    python = next(words[1] for words in dockerfile() if words[0] == "FROM")
    version = re.search(r":3\.(\d+)", python)
    assert version
    assert f">=3.{version[1]}" >= project()["requires-python"]


def test_nothing_runs_as_root() -> None:
    last: dict[str, str] = {}
    stage = ""
    for words in dockerfile():
        stage = words[-1] if words[0] == "FROM" else stage
        if words[0] == "USER":
            last[stage] = words[1]
    users = [words for words in dockerfile() if "useradd" in words]
    assert all(f"--uid {last[stage]} " in " ".join(users[0]) for stage in ("cpu", "cuda"))


def test_extras_that_are_installed_exist() -> None:
    text = (ROOT / "Dockerfile").read_text() + UNIT.read_text() + (ROOT / "compose.yaml").read_text()
    named = set(re.findall(r"--extra (\w+)", text))
    assert named <= project()["optional-dependencies"].keys()


def test_an_image_gets_what_it_needs_and_nothing_that_is_secret_or_large() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / name).exists() for name in let_in)
    assert not let_in & {"weights", "token", "data", ".env"}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project()["readme"], *project()["license-files"], *build["packages"], "config.toml"}
    assert let_in == needed
    assert set(build["exclude"]) <= set(rules)  # what is in no wheel is in no image


def unit() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_service_sets_what_there_is_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    told = dict(value.split("=", 1) for value in unit()["Environment"])
    settings = settings_by({name: value for name, value in told.items() if name.startswith("JANUS_")}, monkeypatch)
    (credential,) = unit()["LoadCredential"]
    assert settings.discord.token_file == f"%d/{credential.split(':')[0]}"
    assert told["JANUS_STORE_FOLDER"] == f"%S/{unit()['StateDirectory'][0]}"
    assert told["HOME"] == f"%C/{unit()['CacheDirectory'][0]}"
    assert settings.discord.drain_seconds + 5 <= float(unit()["TimeoutStopSec"][0])
    program, command = unit()["ExecStart"][0].split()
    assert Path(program) == Path(unit()["WorkingDirectory"][0], ".venv/bin", *project()["scripts"])
    assert command == "run"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd on this machine")
def test_systemd_understands_the_service_and_finds_it_closed(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    text = UNIT.read_text().replace(unit()["ExecStart"][0].split()[0], sys.executable)
    here.write_text(text.replace("WorkingDirectory=/srv/janus-bot", f"WorkingDirectory={tmp_path}"))
    for asked in (["verify"], ["security", "--offline=true", "--threshold=25"]):
        done = subprocess.run(["systemd-analyze", *asked, str(here)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Unknown" not in done.stderr
