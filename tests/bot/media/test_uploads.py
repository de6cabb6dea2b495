import io

import pytest
from PIL import Image

from bot.media.uploads import Finished, TooLargeError, Upload, batches, encode

NOISE = Image.effect_noise((256, 256), 90).convert("RGB")


async def test_pictures_go_as_png_and_lose_nothing() -> None:
    (upload,) = await encode([Finished(NOISE, "janus-1", alt="noise")], 2**20)
    assert upload.name == "janus-1.png"
    assert upload.alt == "noise"
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.tobytes() == NOISE.tobytes()


async def test_a_picture_over_the_limit_goes_as_webp() -> None:
    limit = 30_000
    (upload,) = await encode([Finished(NOISE, "janus-1")], limit)
    assert upload.name == "janus-1.webp"
    assert len(upload.data) <= limit
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.size == NOISE.size


async def test_a_picture_that_is_too_large_even_then_goes_smaller() -> None:
    (upload,) = await encode([Finished(NOISE, "janus-1")], 7_000)
    assert len(upload.data) <= 7_000
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.size == (128, 128)


async def test_what_fits_in_no_way_is_an_error() -> None:
    with pytest.raises(TooLargeError, match="256 x 256"):
        await encode([Finished(NOISE, "janus-1")], 100)


def test_files_are_split_into_as_few_messages_as_take_them_and_keep_their_order() -> None:
    files = [Upload(str(i), bytes(size)) for i, size in enumerate([40, 50, 20, 100, 30])]
    split = [[file.name for file in batch] for batch in batches(files, 100)]
    assert split == [["0", "1"], ["2"], ["3"], ["4"]]


async def test_an_upload_can_be_sent_more_than_once() -> None:
    (upload,) = await encode([Finished(NOISE, "janus-1")], 2**20)
    for _ in range(2):
        file = upload.file()
        assert file.fp.read() == upload.data
        file.close()
