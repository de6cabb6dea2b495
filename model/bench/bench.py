"""What the engine gains, measured: each contender on the same weights, all interleaved in one process.

`bench` gives one object of plain numbers (seconds, bytes, ratios) in parts. Every
ratio is the other's seconds over the engine's: above 1 the engine is faster.
"""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from PIL import Image

from model.bench import passes, plain, probes, random_janus
from model.bench.contenders import Contender, Ours, Plain, Transformers, interleaved, twin
from model.bench.tables import Result
from model.engine.engine import Engine
from model.network import upscaler
from model.network.upscaler import Lanczos, RealESRGAN
from model.requests import Drawing
from model.settings import EngineSettings, Quantize
from model.weights import checkpoint
from model.weights.checkpoint import Janus
from model.weights.machine import read_speed, step_bytes
from model.weights.names import WEIGHTS, CheckpointError, locate_upscaler

Progress = Callable[[str], None]

PROMPT = "a red circle on a blue background"
QUESTION = "what colour is the circle?"
USERS = 4
SHORT_GRID = 4  # with a network too large for whole drawings, others draw 4 x 4 tokens at each length of context,
LONGER_GRID = 6  # and the engine a few more, for not all users' rows join at once
CONTEXTS = (32, 256)
LARGE = 500_000_000  # parameters of a language model whose drawings take too long to be repeated on a CPU


def bench(
    model: str = "demo",
    *,
    device: str = "auto",
    dtype: str = "auto",
    quantize: Quantize = "none",
    rounds: int = 5,
    compile: Literal["auto"] | bool = "auto",
    progress: Progress = lambda _: None,
    weights: Path = WEIGHTS,
) -> Result:
    """Measure everything for one model: a name that `checkpoint.load` takes, or one of random_janus.LANGUAGE.

    Raises PlainError. `compile`: whether the engine's steps are compiled, as in EngineSettings; the other contenders
    never are.
    """
    progress(f"loading {model}")
    if model in random_janus.LANGUAGE:
        janus = random_janus.build(model, weights / "demo", device=device, dtype=dtype, quantize=quantize)
    else:
        janus = checkpoint.load(model, device=device, dtype=dtype, quantize=quantize, weights=weights)
    size = sum(tensor.numel() for tensor in janus.network.model.language_model.parameters())
    large, on_cuda = size > LARGE, janus.device.type == "cuda"
    # On a CPU what is large draws few tokens, and has short lanes: 40 rows of whole drawings would take gigabytes.
    settings = EngineSettings(prompt_tokens=max(CONTEXTS), rows=2 * 5 * USERS, answers=1, compile=compile)
    own = twin(janus, grid=LONGER_GRID if large and not on_cuda else None)
    enlarge = random_janus.upscaler(janus.device) if large and on_cuda else Lanczos()
    progress("making the engine")
    began = time.perf_counter()
    ours = Ours(Engine(own, enlarge, settings))
    made = time.perf_counter() - began
    result: Result = (_steps if large else _drawings)(janus, ours, rounds, progress)
    if large and on_cuda:
        progress("whole drawings")
        result["whole"] = _whole(ours)
    if not large:
        progress("passes by width")
        result["passes"] = passes.passes(ours)
    result["chosen"] = passes.chosen(ours)
    result["ask_under_load"] = _ask(janus, ours, result, rounds, progress)
    progress("memory")
    result["memory"] = probes.memory(janus, ours, PROMPT, both=not large)
    if not on_cuda and model not in random_janus.LANGUAGE and sys.platform == "linux":
        peaks = probes.peaks(model, dtype=dtype, quantize=quantize, prompt=PROMPT)
        peaks["engine"] += result["memory"]["engine"]["cache_bytes_per_row"]
        for name, peak in peaks.items():
            result["memory"][name]["peak_bytes_per_row"] = peak
    progress("upscaling")
    result["upscale"] = _upscale(janus, model, rounds)
    progress("startup")
    result["startup"] = {"model": model, "machine": _machine(janus), "rounds": rounds}
    result["startup"]["engine_made"] = made
    result["startup"]["compiled"] = ours.engine.step_runner.compiled
    if model not in random_janus.LANGUAGE:
        result["startup"]["engine"] = probes.startup(model, device=device, dtype=dtype, quantize=quantize)
    return result


def _machine(janus: Janus) -> Result:
    name = platform.processor() or platform.machine()
    if janus.device.type == "cuda":
        name = torch.cuda.get_device_name(janus.device)
    return {
        "name": name,
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": janus.device.type,
        "dtype": str(janus.dtype).removeprefix("torch."),
        "quantize": janus.quantize,
        "torch": torch.__version__,
    }


def _crowd(count: int = 5) -> list[Drawing]:
    return [Drawing(prompt=f"{PROMPT} {i}", seed=i, count=count, upscale=False, owner=str(i)) for i in range(USERS)]


def _drawings(janus: Janus, ours: Ours, rounds: int, progress: Progress) -> Result:
    """Whole drawings: one user, and four at once."""
    contenders: list[Contender] = [Plain(janus), Transformers(janus), ours]
    progress("greedy tokens of all contenders")  # and everybody is warm then
    greedy = [contender.draw(PROMPT, temperature=0, count=1).tokens for contender in contenders]
    equal = all(torch.equal(tokens, greedy[0]) for tokens in greedy)
    stages: dict[str, dict[str, list[float]]] = {c.name: {"steps": [], "pixels": [], "total": []} for c in contenders}
    for number in range(rounds):
        progress(f"one user draws, round {number + 1} of {rounds}")
        for contender in contenders:
            run = contender.draw(PROMPT)
            for stage, seconds in zip(
                stages[contender.name], (run.steps, run.pixels, run.steps + run.pixels), strict=True
            ):
                stages[contender.name][stage].append(seconds)
    imagine = _with_ratios({name: _medians(of) for name, of in stages.items()})

    alone: dict[str, list[float]] = {"steps": [], "total": []}
    together: dict[str, list[float]] = {"steps": [], "total": []}
    for number in range(max(1, rounds // 2)):
        progress(f"four users draw, round {number + 1} of {max(1, rounds // 2)}")
        runs = [contenders[0].draw(drawing.prompt) for drawing in _crowd()]
        alone["steps"].append(sum(run.steps for run in runs))
        alone["total"].append(sum(run.steps + run.pixels for run in runs))
        every = ours.crowd(_crowd())
        together["steps"].append(max(run.steps for run in ours.crowd(_crowd(), decode=False)))
        together["total"].append(max(run.steps + run.pixels for run in every))
    crowd = _with_ratios({"plain": _medians(alone), "engine": _medians(together)})
    for name in ("plain", "engine"):
        crowd[name] |= {"pictures_per_second": 5 * USERS / crowd[name]["total"], "last_wait": crowd[name]["total"]}
    return {"imagine": imagine | {"greedy_equal": equal}, "crowd": crowd}


def _steps(janus: Janus, ours: Ours, rounds: int, progress: Progress) -> Result:
    """Some steps at several lengths of context: one user's ten rows, and four users' forty."""
    short = twin(janus, grid=SHORT_GRID)
    contenders: list[Contender] = [Plain(short), Transformers(short)]
    count = SHORT_GRID**2
    bandwidth = read_speed(janus.device)
    imagine: Result = {name: {} for name in ("plain", "transformers", "engine")}
    crowd: Result = {name: {} for name in ("plain", "engine")}
    progress("greedy tokens of all contenders")  # and everybody is warm then
    greedy = [contender.draw(PROMPT, temperature=0, count=1, decode=False).tokens[0] for contender in contenders]
    with passes.width(ours, 1):
        _, tokens = ours.steps([Drawing(prompt=PROMPT, temperature=0)], count)
    equal = all(torch.equal(other, tokens[0][0, :count].cpu()) for other in greedy)
    for length in CONTEXTS:
        prompt = _prompt_of(janus, length)
        found: dict[str, list[float]] = {name: [] for name in ("plain", "transformers", "engine", "four")}
        for number in range(max(1, rounds // 2)):
            progress(f"steps at {length} tokens of context, round {number + 1} of {max(1, rounds // 2)}")
            for contender in contenders:
                with probes.StepTimes(short) as times:
                    contender.draw(prompt, decode=False)
                found[contender.name] += times.seconds
            one = Drawing(prompt=prompt, count=5)
            with passes.width(ours, 1):
                found["engine"] += ours.steps([one], count)[0]
                crowd_of = [Drawing(prompt=prompt, count=5, owner=str(i)) for i in range(USERS)]
                found["four"] += ours.steps(crowd_of, count)[0]
        medians = _medians(found)
        for name in imagine:
            imagine[name][f"step_at_{length}"] = medians[name]
        crowd["plain"][f"step_at_{length}"] = USERS * medians["plain"]
        crowd["engine"][f"step_at_{length}"] = medians["four"]
        cache = ours.engine.decoder.shape.bytes_per_token * 10 * (length + count // 2)
        read = step_bytes(janus.network) + cache
        imagine["engine"][f"bandwidth_share_at_{length}"] = read / medians["engine"] / bandwidth
    imagine["machine_bytes_per_second"] = bandwidth
    return {"imagine": _with_ratios(imagine) | {"greedy_equal": equal}, "crowd": _with_ratios(crowd)}


def _whole(ours: Ours) -> Result:
    """Seconds from five prompts to enlarged pictures, for one user and for four; random weights guess nothing right."""
    one = Drawing(prompt=PROMPT, count=5, owner="one")
    four = [Drawing(prompt=PROMPT, count=5, owner=str(i)) for i in range(USERS)]
    (alone,), together = ours.crowd([one]), ours.crowd(four)
    return {
        "engine": {"one_steps": alone.steps, "one_user": alone.total, "four_users": max(run.total for run in together)}
    }


def _prompt_of(janus: Janus, length: int) -> str:
    """Make a prompt of at most `length` tokens, control tokens included, and hardly fewer."""
    words = ["red"]
    while len(janus.prompts.drawing(" ".join([*words, "red"]))) <= length:
        words.append("red")
    return " ".join(words)


def _ask(janus: Janus, ours: Ours, before: Result, rounds: int, progress: Progress) -> Result:
    """Seconds to the first token of a question that comes while four users draw."""
    one = Plain(janus)
    late = max(1, min(ours.engine.janus.image_tokens // 8, 100))

    def under_load() -> float:
        progress("a question while four users draw")
        return ours.first_word(QUESTION, _crowd(), after=late)

    one.first_word(QUESTION)
    alone, loaded = interleaved(rounds, lambda: one.first_word(QUESTION), under_load)
    word, found = statistics.median(alone), statistics.median(loaded)
    plain_drawing = before["imagine"]["plain"]
    if "total" in plain_drawing:
        drawing = plain_drawing["total"]
    else:  # by arithmetic: as many steps as a drawing has, each of them the median one
        drawing = janus.image_tokens * statistics.median(v for k, v in plain_drawing.items() if k.startswith("step_at"))
    behind_one, behind_four = drawing + word, USERS * drawing + word
    return {
        "plain": {"alone": word, "behind_one_drawing": behind_one, "behind_four_drawings": behind_four},
        "engine": {"behind_one_drawing": found, "behind_four_drawings": found, "slowest": max(loaded)},
        "ratio": {"plain": {"behind_one_drawing": behind_one / found, "behind_four_drawings": behind_four / found}},
    }


def _upscale(janus: Janus, model: str, rounds: int) -> Result:
    """Five pictures through the tiled predict of the original program, and through ours."""
    if model in random_janus.LANGUAGE:
        enlarge: upscaler.Upscaler = random_janus.upscaler(janus.device)
    else:
        try:
            enlarge = upscaler.load(locate_upscaler("auto", model), device=janus.device)
        except CheckpointError as error:
            return {"missing": str(error)}
    assert isinstance(enlarge, RealESRGAN)
    side = janus.grid * 2 ** (len(janus.network.config.vq_config.channel_multiplier) - 1)
    pictures = [Image.effect_noise((side, side), 50 + i).convert("RGB") for i in range(5)]

    def seconds(act: Callable[[Image.Image], object]) -> float:
        began = time.perf_counter()
        for picture in pictures:
            act(picture)
        return time.perf_counter() - began

    enlarge(pictures[0])
    tiled, whole = interleaved(rounds, lambda: seconds(partial(plain.tiled, enlarge)), lambda: seconds(enlarge))
    found = {"plain": {"total": statistics.median(tiled)}, "engine": {"total": statistics.median(whole)}}
    return _with_ratios(found) | {"side": side}


def _medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in seconds.items()}


def _with_ratios(found: Result) -> Result:
    """Add `ratio`: for every other contender and stage, its seconds over the engine's."""
    ours = found["engine"]
    others = {name: of for name, of in found.items() if isinstance(of, dict) and name != "engine"}
    ratio = {name: {k: v / ours[k] for k, v in of.items() if k in ours} for name, of in others.items()}
    return found | {"ratio": ratio}
