import io

import pytest
from PIL import Image

from bot import uploads
from bot.uploads import TooLargeError, encode, thumbnail

NOISE = Image.effect_noise((256, 256), 90).convert("RGB")


async def test_pictures_go_as_png_and_lose_nothing() -> None:
    (upload,) = await encode([NOISE], ["janus-1"], "noise", 2**20)
    assert upload.name == "janus-1.png"
    assert upload.alt == "noise"
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.tobytes() == NOISE.tobytes()


async def test_a_picture_over_the_limit_goes_as_webp() -> None:
    limit = 30_000
    (upload,) = await encode([NOISE], ["janus-1"], "noise", limit)
    assert upload.name == "janus-1.webp"
    assert len(upload.data) <= limit
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.size == NOISE.size


async def test_a_request_of_all_pictures_stays_inside_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "REQUEST_BYTES", 200_000)
    sent = await encode([NOISE] * 5, [f"janus-{i}" for i in range(5)], "noise", 10 * 2**20)
    assert len(sent) == 5
    assert sum(len(upload.data) for upload in sent) <= 200_000


async def test_what_fits_in_no_way_is_an_error() -> None:
    with pytest.raises(TooLargeError, match="256 x 256"):
        await encode([NOISE], ["janus-1"], "noise", 100)


async def test_an_upload_can_be_sent_more_than_once() -> None:
    (upload,) = await encode([NOISE], ["janus-1"], "noise", 2**20)
    for _ in range(2):
        file = upload.file()
        assert file.fp.read() == upload.data
        file.close()


def test_a_thumbnail_keeps_the_shape() -> None:
    upload = thumbnail(Image.new("RGB", (2000, 1000)), "picture", "wide", side=100)
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.size == (100, 50)
