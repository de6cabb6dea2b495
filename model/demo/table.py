"""The judge's table: everything that the demo checkpoint promises, measured."""

import io
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from model.demo.crispness import crispness
from model.demo.exam import (
    Answered,
    Drawn,
    chosen,
    draw,
    examine_answers,
    examine_claims,
    examine_drawing,
    examine_pairs,
)
from model.demo.export import UPSCALER
from model.demo.questions import FORMS, draw_scene
from model.demo.train_upscaler import SCALE, SMALL, degrade
from model.demo.world import render
from model.network.upscaler import load as load_upscaler
from model.weights.checkpoint import Janus

PROMPTS, QUESTIONS, ENLARGED = 60, 30, 30  # at full effort: prompts (each drawn five times), questions a form, pictures
SCALES = (1.0, 2.0, 3.0, 5.0, 8.0)  # of guidance


@dataclass
class Judged:
    """Rows of the table, what the guidance does, and some of what was seen."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)  # what, target, reached, of how many
    guidance: list[tuple[float, float, float]] = field(default_factory=list)  # scale, one shape, two shapes
    forms: list[tuple[str, float]] = field(default_factory=list)
    drawn: list[Drawn] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)


def judge(janus: Janus, folder: Path, *, effort: float = 1.0) -> Judged:
    """Examine a loaded checkpoint; `folder` holds its upscaler."""
    judged = Judged()
    prompts, questions = max(1, round(PROMPTS * effort)), max(1, round(QUESTIONS * effort))
    few = max(1, prompts // 2)
    obeyed: list[bool] = []
    for name, pairs, target in (("one shape", 0.0, "99 %"), ("two shapes", 1.0, "95 %")):
        drawn = examine_drawing(janus, prompts=prompts, pairs=pairs, guidance=5.0)
        judged.rows.append((f"{name}: all right", target, share(one.right for one in drawn), f"{len(drawn)} pictures"))
        obeyed += [said for one in drawn for said in one.obeyed]
        judged.drawn += drawn[:: max(1, len(drawn) // 40)]
        seen = examine_drawing(janus, prompts=few, pairs=pairs, guidance=5.0, held_out=False)
        known = share(one.right for one in seen)
        judged.rows.append((f"{name}: all right, combinations seen in training", "-", known, f"{len(seen)} pictures"))
    judged.rows.append(("place and size words obeyed", "95 %", share(obeyed), f"{len(obeyed)} words"))
    for name, bare, wide, slips in (
        ("in bare words", 1.0, 0.0, 0.0),
        ("less usual wishes", 0.0, 1.0, 0.0),
        ("one letter wrong", 0.0, 0.0, 1.0),
    ):
        drawn = examine_drawing(janus, prompts=few, pairs=0.5, guidance=5.0, count=2, bare=bare, wide=wide, slips=slips)
        judged.rows.append((f"{name}: all right", "-", share(one.right for one in drawn), f"{len(drawn)} pictures"))
    ten = examine_drawing(janus, prompts=few, pairs=1.0, guidance=5.0, count=10, seed=5)
    for name, some in (("of ten pictures each", ten), ("of these, the five it believes in", chosen(janus, ten))):
        judged.rows.append((f"two shapes, {name}", "-", share(one.right for one in some), f"{len(some)} pictures"))
    judged.rows += crisp_rows(judged.drawn)
    claims = examine_claims(janus, judged.drawn)
    judged.rows.append(
        ("does this picture show ...? of drawn pictures", "98 %", share(one.right for one in claims), str(len(claims)))
    )

    marks: list[bool] = []
    for form in FORMS:
        answered = examine_answers(janus, form, questions=questions)
        right = [one.right for one in answered]
        judged.forms.append((form, float(np.mean(right))))
        judged.answered += answered[:8]
        if form == "describe":
            judged.rows.append(("descriptions: everything right", "100 %", share(right), f"{len(right)} pictures"))
        else:
            marks += right
    judged.rows.append(("questions: right answer", "99 %", share(marks), f"{len(marks)} questions"))
    compared = examine_pairs(janus, questions=6 * questions)
    for name, form in (("one of two pictures", "one of two"), ("which of two pictures shows ...?", "which of two")):
        right = [one.right for one in compared if one.exchange.form == form]
        judged.rows.append((f"{name}: right answer", "-", share(right), f"{len(right)} questions"))

    for scale in SCALES:
        one, two = (
            np.mean(
                [drawn.right for drawn in examine_drawing(janus, prompts=few, pairs=pairs, guidance=scale, count=2)]
            )
            for pairs in (0.0, 1.0)
        )
        judged.guidance.append((scale, float(one), float(two)))
    seconds, gain = five_pictures(janus, folder), upscaler_gain(janus, folder, max(2, round(ENLARGED * effort)))
    judged.rows.append(("five pictures, prompt to upscaled PNGs", "under 15 s", f"{seconds:.1f} s", "1 prompt"))
    judged.rows.append(("upscaler against Lanczos", "+3 dB", f"{gain:+.1f} dB", "held-out pictures, degraded"))
    return judged


def crisp_rows(drawn: Iterable[Drawn]) -> list[tuple[str, str, str, str]]:
    """How crisp the pictures are that show what they should."""
    right = [(one.picture, one.scene) for one in drawn if one.right and one.scene]
    crisp = crispness(right)
    return [
        ("inside areas: colour off, of 255", "1.0", f"{crisp.off:.1f}", f"{len(right)} pictures"),
        ("inside areas: spread, of 255", "1.2", f"{crisp.spread:.1f}", f"{len(right)} pictures"),
        ("outlines: mean distance from the ideal", "0.5 pixels", f"{crisp.outline:.2f}", f"{len(right)} pictures"),
    ]


def share(marks: Iterable[bool]) -> str:
    """Per cent of the marks that are true."""
    found = list(marks)
    return f"{100 * float(np.mean(found)):.0f} %" if found else "-"


def five_pictures(janus: Janus, folder: Path) -> float:
    """Seconds from a prompt to five upscaled PNG files, everything loaded."""
    upscaler = load_upscaler(folder / UPSCALER, device=janus.device)
    began = time.perf_counter()
    for picture in draw(janus, ["a red circle on a blue background"], guidance=5.0)[0]:
        upscaler(picture).save(io.BytesIO(), "PNG")
    return time.perf_counter() - began


def upscaler_gain(janus: Janus, folder: Path, pictures: int) -> float:
    """Mean gain in peak signal-to-noise ratio over Lanczos, in decibels, on degraded pictures of held-out scenes."""
    upscaler, rng = load_upscaler(folder / UPSCALER, device=janus.device), np.random.default_rng(3)
    gains = []
    for _ in range(pictures):
        target = render(draw_scene(rng, held_out=True), SMALL * SCALE)
        small = degrade(rng, target)
        lanczos = small.resize(target.size, Image.Resampling.LANCZOS)
        errors = [np.square(np.asarray(one, float) - np.asarray(target)).mean() for one in (upscaler(small), lanczos)]
        gains.append(10 * np.log10(max(errors[1], 1e-3) / max(errors[0], 1e-3)))
    return float(np.mean(gains))


def markdown(judged: Judged) -> str:
    """The tables as Markdown."""
    lines = ["| | target | reached | of |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in judged.rows]
    lines += ["", "| guidance | one shape | two shapes |", "| --- | --- | --- |"]
    lines += [f"| {scale:g} | {100 * one:.0f} % | {100 * two:.0f} % |" for scale, one, two in judged.guidance]
    lines += ["", "| question | right |", "| --- | --- |"]
    lines += [f"| {form} | {100 * right:.0f} % |" for form, right in judged.forms]
    return "\n".join(lines)
