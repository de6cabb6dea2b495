"""janus-bot check: each finding, and the exit code."""

import builtins
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli import check
from bot.cli.check import Finding, look
from bot.config import load
from model.settings import EngineSettings, Quantize
from model.weights.machine import Machine, Needs

GIGA = 10**9
SEVEN_B = Needs(
    parameters=7_420_000_000,
    held_in="float32",
    weights=4 * 7_420_000_000,
    token=2 * 491_520,
    context=16384,
    step=27 * GIGA,
    image_tokens=576,
)
SMALL = replace(SEVEN_B, held_in="int4 and bfloat16", weights=5_570_000_000, token=491_520)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("JANUS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DISCORD_TOKEN", "not-to-be-shown")


def findings(**options: dict[str, object]) -> dict[str, Finding]:
    found = {finding.what: finding for finding in look(lambda: load(options=options))}
    assert "not-to-be-shown" not in str(list(map(str, found.values())))
    return found


def tiny_model(folder: Path) -> dict[str, object]:
    return {"name": str(folder), "device": "cpu", "upscaler": "lanczos"}


def machine(memory: int = 0, free: int = 0, device: str = "cpu", built_for: str = "") -> Machine:
    return Machine("2.9", device, "float32", "2 threads", memory, free, built_for)


def test_a_machine_where_all_is_fine(tiny_folder: Path) -> None:
    found = findings(model=tiny_model(tiny_folder))
    assert {finding.state for finding in found.values()} <= {"fine", "note"}
    assert {"python", "settings", "token", "playground", "upscaler", "torch", "device", "weights", "memory"} <= set(
        found
    )
    assert str(tiny_folder) in found["weights"].words
    assert "cpu" in found["device"].words
    assert "float32" in found["memory"].words


def test_each_thing_that_is_wrong_says_what_to_do(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    found = findings(model={"name": "no/such", "device": "cpu"})
    wrong = {what: finding.words for what, finding in found.items() if finding.state == "wrong"}
    assert set(wrong) == {"token", "upscaler", "weights"}
    assert "DISCORD_TOKEN" in wrong["token"]
    assert "janus-bot download upscaler" in wrong["upscaler"]
    assert "janus-bot download no/such" in wrong["weights"]


def test_replicas_need_ray_and_an_address(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(tiny_folder)
    assert "replicas" not in findings(model=model)
    found = findings(model=model, executor={"backend": "ray", "replicas": 4, "address": "10.0.0.7:6379"})["replicas"]
    assert (found.state, "4, on 10.0.0.7:6379" in found.words) == ("fine", True)
    wrong = findings(model=model, executor={"backend": "ray", "address": "me:secret@10.0.0.7:6379"})["replicas"]
    assert wrong.state == "wrong"
    assert "secret" not in wrong.words
    monkeypatch.setattr("model.opening.find_spec", lambda name: None)
    assert "--extra cluster" in findings(model=model, executor={"backend": "ray"})["replicas"].words


def test_a_token_is_looked_at_without_being_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not look like a bot's token" in findings()["token"].words
    monkeypatch.delenv("DISCORD_TOKEN")
    file = tmp_path / "token"
    file.write_text(f"{'M' * 26}.{'G' * 6}.{'x' * 38}")
    for mode, state, says in [(0o644, "note", f"chmod 600 {file}"), (0o600, "fine", "there is one")]:
        file.chmod(mode)
        token = findings(discord={"token_file": str(file)})["token"]
        assert (token.state, "xxx" in token.words) == (state, False)
        assert says in token.words


def test_wrong_settings_are_a_finding() -> None:
    found = findings(imagine={"count": 99})
    assert found["settings"].state == "wrong"
    assert "--count" in found["settings"].words


def test_a_truncated_checkpoint_is_found_without_loading_it(tiny_folder: Path, tmp_path: Path) -> None:
    for file in tiny_folder.iterdir():
        data = file.read_bytes()
        (tmp_path / file.name).write_bytes(data[: len(data) // 2] if file.suffix == ".safetensors" else data)
    assert findings(model=tiny_model(tmp_path))["weights"].state == "wrong"


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize(
    "content", ['{"model_type": "janus", "vq_config": null}', '{"weight_map": [3]}', '{"weight_map": 3}', "3", "{}"]
)
def test_a_folder_with_anything_in_it_is_a_finding(
    tiny_folder: Path, tmp_path: Path, broken: str, content: str
) -> None:
    for file in tiny_folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / broken).unlink(missing_ok=True)
    (tmp_path / broken).write_text(content)
    found = findings(model=tiny_model(tmp_path))["weights"]
    assert found.state == "wrong"
    assert str(tmp_path) in found.words


def test_a_torch_that_can_not_be_imported_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def broken(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name == "model.weights.machine":
            raise OSError("libcudart.so: cannot open shared object file")
        return real(name, globals, locals, fromlist or (), level)

    monkeypatch.setattr(builtins, "__import__", broken)
    found = findings()
    assert found["torch"].state == "wrong"
    assert "libcudart" in found["torch"].words


def test_the_demo_says_what_it_is_and_how_to_get_the_real_one() -> None:
    demo = findings(model={"device": "cpu"})["model"]
    assert demo.state == "note"
    assert "demo model" in demo.words
    assert "janus-bot download 1b" in demo.words


def test_weights_that_nobody_has_tried_are_told_as_such(tmp_path: Path) -> None:
    for name in ("t2i-r1", "CaraJ/T2I-R1"):
        options = {"model": {"name": name, "device": "cpu"}}
        found = {finding.what: finding for finding in look(lambda options=options: load(options=options), tmp_path)}  # type: ignore[misc]
        assert found["model"].state == "note"
        assert "not tried" in found["model"].words
        assert "github.com/CaraJ7/T2I-R1" in found["model"].words
        assert f"janus-bot download {name}" in found["weights"].words
    assert "model" not in findings(model={"name": "7b", "device": "cpu"})


@pytest.mark.parametrize(
    ("memory", "free", "state"),
    [(32 * GIGA, 32 * GIGA, "wrong"), (64 * GIGA, 20 * GIGA, "note"), (64 * GIGA, 60 * GIGA, "fine")],
)
def test_whether_the_weights_fit(memory: int, free: int, state: str) -> None:
    finding = check.memory(machine(memory, free), SEVEN_B, EngineSettings())
    assert finding.state == state
    assert "29.7 GB for the weights in float32" in finding.words


def test_a_card_of_8_gb_is_told_of_int4_and_then_how_much_it_draws() -> None:
    card = machine(8 * 2**30, 8 * 2**30 - GIGA // 2, "cuda")
    smaller: dict[Quantize, int] = {"int8": 8_410_000_000, "int4": 5_570_000_000}
    whole = replace(SEVEN_B, held_in="bfloat16", weights=14_900_000_000, token=491_520)
    told = check.memory(card, whole, EngineSettings(), smaller)
    assert told.state == "wrong"
    assert told.words.endswith("too little. Choose --quantize int4 (5.6 GB)")
    fits = check.memory(card, SMALL, EngineSettings(), smaller)
    assert fits.state == "fine"
    assert "pictures that can be drawn at a time: 1, each of two rows of 408.9 MB" in fits.words


def test_a_card_of_4_gb_is_told_of_a_smaller_model() -> None:
    told = check.memory(machine(4 * 2**30, 4 * 2**30, "cuda"), SMALL, EngineSettings(), {"int4": SMALL.weights})
    assert (told.state, "Choose a smaller model" in told.words) == ("wrong", True)


def test_what_a_device_can_not_have_is_a_finding(tiny_folder: Path) -> None:
    found = findings(model=tiny_model(tiny_folder) | {"quantize": "float8"})["device"]
    assert (found.state, "Choose int8" in found.words) == ("wrong", True)
    small = findings(model=tiny_model(tiny_folder) | {"quantize": "int8"})
    assert "int8 and float32" in small["memory"].words


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The driver's own program, of a machine with one GPU."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *name,driver_version*noheader*) echo "NVIDIA RTX 4060, 580.10";; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(check, "NVIDIA", tmp_path / "none")
    return program


@pytest.mark.parametrize(
    ("built_for", "says"), [("", ["is for no GPU. Type: "]), ("CUDA 13.2", ["is for CUDA 13.2", "Update the driver"])]
)
def test_a_gpu_that_torch_can_not_see(nvidia_smi: Path, built_for: str, says: Sequence[str]) -> None:
    found = check.device(machine(built_for=built_for), asked_for="auto")
    assert found.state == "note"
    assert "an NVIDIA RTX 4060 (driver 580.10)" in found.words
    assert "uv pip install --no-config --torch-backend auto --reinstall-package torch " in found.words
    assert all(words in found.words for words in says)


def test_who_wants_the_cpu_or_has_the_gpu_is_not_told_of_another(nvidia_smi: Path) -> None:
    assert check.device(machine(), asked_for="cpu").state == "fine"
    assert check.device(machine(device="cuda"), asked_for="auto").state == "fine"


def test_a_driver_without_a_gpu_is_none(nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    assert check.device(machine(), asked_for="auto").state == "fine"
    nvidia_smi.unlink()
    assert check.device(machine(), asked_for="auto").state == "fine"


def test_seven_billion_parameters_on_a_cpu_get_an_honest_estimate() -> None:
    finding = check.speed(SEVEN_B, 10 * GIGA)
    assert finding.state == "note"
    assert "a drawing takes at least 26 minutes" in finding.words  # 576 steps of 27 GB at 10 GB/s


def test_the_report_ends_with_a_verdict(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(lambda: load(options={"model": tiny_model(tiny_folder)}))
    assert capsys.readouterr().out.endswith("\nThe bot can run.\n")
    assert not check.run(lambda: load(options={"model": tiny_model(Path("no/such"))}))
    assert "The bot can't run yet" in capsys.readouterr().out
