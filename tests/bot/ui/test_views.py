"""What is shown stays inside Discord's limits and is shown as it was written, whatever people write."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import Mock

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.core.text import ALT_TEXT, MESSAGE_TEXT, alt_text, bar, duration, model_name, one_line, plain
from bot.features import history
from bot.features.ask.answer import Asked, answered, answering
from bot.features.imagine.gallery import Look, chosen, enlarged, gallery
from bot.features.imagine.info import info
from bot.features.imagine.keeping import One, copied
from bot.features.provenance import told_by
from bot.media.provenance import Provenance
from bot.media.uploads import Upload
from bot.store.records import Address, Enlargement, JobRecord, Origin
from bot.texts import CATALOGUES, ENGLISH, Texts
from bot.ui.forms import MOST_CHARACTERS
from bot.ui.layout import Standing, notice, origin_line, panel
from model.requests import SEEDS, Answer, Drawing, Pictures, Preview, Progress, Queued, Started, Text, new_id

UGLY = [
    "",
    "*" * MOST_CHARACTERS,
    "\\" * MOST_CHARACTERS,
    "@everyone " * 400,
    "\n# " * 1300,
    "🏳️‍🌈" * 600,
    "مرحبا " * 600,
    "```" * 1300,
    "a" * MOST_CHARACTERS,
    r"\(a\) \[b\] $$c$$ " * 200,
    "\\[" + "`" * MOST_CHARACTERS + "\\]",
    r"\begin{align}" * 300,
    "漢字" * (MOST_CHARACTERS // 2),
    "😀" * MOST_CHARACTERS,
]


TEXT_BYTES = 10_170  # of all texts in a message, 12 for each besides: Discord answers 500 to more
ORIGIN = Origin(10**18, "vary_little", 4, f"https://discord.com/channels/{10**18}/{10**18}/{10**18}")
NOTHING = Image.new("RGB", (1, 1))


def record(request: Drawing | Enlargement, judged: tuple[float, ...] = ()) -> JobRecord:
    seconds = dict.fromkeys(["queue", "prefill", "decode"], 12345.6)
    result = Pictures((), ((1,) * 576,) * 5, (SEEDS - 1,) * 5, seconds, judged)
    now = datetime.now(UTC)
    model = "m" * 500
    address = Address(guild=2, channel=3)
    return JobRecord(id=new_id(), request=request, owner=1, address=address, model=model, asked=now, result=result)


def made(prompt: str, avoid: str = "") -> Provenance:
    return Provenance(
        prompt=prompt,
        seed=SEEDS - 1,
        guidance=1e300,
        temperature=0.1,
        model="m" * 500,
        version="v" * 500,
        avoid=avoid,
        more_avoided=bool(avoid),
        chosen_from=10,
    )


def written(view: discord.ui.LayoutView) -> int:
    return view.content_length()


@pytest.mark.parametrize("texts", CATALOGUES.values(), ids=[str(locale) for locale in CATALOGUES])
@pytest.mark.parametrize("prompt", UGLY, ids=[repr(prompt[:6]) for prompt in UGLY])
def test_every_view_stays_inside_the_limits(prompt: str, texts: Texts) -> None:
    long = Answer(prompt * 10, 512, False, 10**6, {"decode": 1234.5})
    standings = [
        Standing(),
        Standing(loading=True),
        Standing().after(Queued(10**6, 1e6)),
        Standing().after(Progress(1, 576, 1e6)),
        Standing().after(Text(prompt * 3)),
    ]
    picture = Upload("picture.webp", b"", alt_text(prompt))
    origin = origin_line(ORIGIN, texts)
    one, four = Asked(prompt, [picture], origin=origin), Asked(prompt, [picture] * 4, spoiler=True, origin=origin)
    drawing, look = Drawing(prompt=prompt, temperature=0), Look(reports=True, one=("keep", "send_me"), origin=origin)
    open_one = Drawing(
        seed=SEEDS - 1, prompt=prompt, prompts=(prompt or "x",) * 5, avoid=prompt, always_avoid="x", guidance=1
    )
    files = [Upload(f"janus-{i}.png", b"", alt_text(prompt)) for i in range(5)]
    views = [
        *(panel(texts, prompt, standing, new_id(), origin=origin) for standing in standings),
        *(answering(texts, asked, standing, new_id()) for standing in standings for asked in (one, four)),
        notice(prompt, texts.cancelled),
        panel(texts, prompt, Standing(preview=Preview((NOTHING,) * 5)), new_id(), spoiler=True),
        gallery(texts, drawing, files, "model/" + "m" * 500, 1e4, seeds=range(5), mention="<@1>", look=look).view,
        gallery(texts, drawing, files[:1], "demo", 1e4, seeds=[1], mention="<@1>", look=look).view,
        enlarged(texts, prompt, new_id(), files[0], (9999, 9999), 1e4, mention="<@1>", look=look).view,
        chosen(texts, new_id(), 4, SEEDS - 1, files[0], look).view,
        gallery(texts, open_one, files, "demo", 1e4, seeds=[SEEDS - 1] * 5, mention="<@1>", look=look).view,
        copied(One(record(drawing), 0, Mock()), files[0], texts, texts.kept_by.format(n=10**6)).view,
        history.shown(
            [history.Found(record(drawing), "https://discord.com/" + "1" * 70, files[0])] * 5,
            1,
            more=True,
            empty="",
            texts=texts,
        ),
        info(texts, record(drawing)),
        info(texts, record(replace(open_one, kept=(1,) * 288, top_k=2**20, careful=True), (1.0,) * 5)),
        info(texts, record(replace(drawing, kept=(1,) * 288))),
        info(texts, record(Enlargement("0" * 12, 4, prompt))),
        told_by(texts, [(number, made(f"{number}{prompt}")) for number in range(1, 11)]),
        told_by(texts, [(number, made(prompt)) for number in range(1, 11)]),
        told_by(texts, [(number, made(f"{number}{prompt}", prompt)) for number in range(1, 11)]),
        told_by(texts, [(number, made(f"{number % 2}{prompt}")) for number in range(1, 11)]),
        *(answered(texts, asked, long, new_id(), "demo", [texts.first_frame], "<@1>").view for asked in (one, four)),
    ]
    for view in views:
        assert written(view) <= MESSAGE_TEXT
        assert view.total_children_count <= 40
        texts_shown = [item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay)]
        assert all(content.strip() for content in texts_shown)
        assert sum(len(content.encode()) + 12 for content in texts_shown) <= TEXT_BYTES


@given(st.text(), st.integers(2, 60))
def test_clipped_text_never_ends_inside_an_escape(text: str, room: int) -> None:
    clipped = plain(text, room)
    assert len(clipped) <= room
    body = clipped.removesuffix("…")
    assert (len(body) - len(body.rstrip("\\"))) % 2 == 0


@given(st.text(alphabet="*_~`|[]()<>#-+1. \n\\@a:/!&"))
def test_no_markup_survives(text: str) -> None:
    shown = plain(text)
    unescaped = re.sub(r"\\.", "x", shown)  # what is left after Discord has taken the escapes
    assert not re.search(r"[*_~`|\[\]<]", unescaped)
    assert not re.search(r"(?m)^\s*(#|>|-|\+|\d+\.)", unescaped)


def test_mentions_are_shown_as_words() -> None:
    for mention in ("@everyone", "@here", "<@123>", "<@!123>", "<@&123>", "<#123>", "</ask:123>", "<t:1:R>"):
        assert not re.search(rf"(?<!\\){re.escape(mention)}", plain(mention))


def test_alt_texts_are_cut_to_what_discord_takes() -> None:
    assert alt_text("short") == "short"
    assert alt_text("a" * 5000) == "a" * (ALT_TEXT - 1) + "…"


@pytest.mark.parametrize("nothing", ["", " \n", "\u200b\u2060", "\u2800", "\u3164\ufeff"])
def test_words_that_nobody_sees_describe_nothing_and_leave_no_gap(nothing: str) -> None:
    assert alt_text(nothing) is None
    assert one_line(nothing) == "…"


@pytest.mark.parametrize(
    ("name", "shown"), [("demo", "demo"), ("/home/me/weights", "weights"), ("owner/Janus", "Janus")]
)
def test_a_model_is_shown_without_its_path(name: str, shown: str) -> None:
    assert model_name(name) == shown


def test_durations_read_well() -> None:
    assert [duration(seconds, ENGLISH) for seconds in (0.2, 40.4, 89, 600)] == ["1 s", "40 s", "89 s", "10 min"]


def test_a_bar_is_full_only_at_the_end() -> None:
    assert bar(0, 100, 10) == "▱" * 10
    assert bar(99, 100, 10) == "▰" * 9 + "▱"
    assert bar(100, 100, 10) == "▰" * 10


def test_a_standing_tells_the_newest() -> None:
    standing = Standing(loading=True)
    assert standing.line(ENGLISH) == ENGLISH.loading
    standing = Standing().after(Queued(3))
    assert standing.line(ENGLISH) == "Waiting: number 3 in the queue"
    standing = standing.after(Started())
    assert standing.line(ENGLISH) == ENGLISH.started
    assert "25 %" in standing.after(Progress(1, 4)).line(ENGLISH)
    assert standing.after(Text("A ")).after(Text("cat")).text == "A cat"
