"""What travels arrives as it was, and is nothing but this house's dataclasses and plain arrays."""

import io
import pickle
from typing import Any

import pytest
from PIL import Image

from model.cluster.parcels import Parcel
from model.requests import (
    Answer,
    Cancelled,
    Drawing,
    Enlarge,
    Event,
    Failed,
    Paint,
    Pictures,
    Preview,
    Progress,
    Question,
    Queued,
    Request,
    Started,
    Text,
    Turn,
)

PHOTO = Image.linear_gradient("L").resize((60, 40)).convert("RGB")


class Weapon:
    """What runs code where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("it was unpickled",)


def travel(parcel: Parcel[Any]) -> bytes:
    return pickle.dumps(parcel, protocol=5)


class Customs(pickle.Unpickler):
    """Takes note of whose code comes along."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.packages: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.packages.add(module.partition(".")[0])
        return super().find_class(module, name)


@pytest.mark.parametrize(
    "body",
    [
        Question(pictures=(PHOTO, PHOTO), question="what?", turns=(Turn(question="a", answer="b"),), owner="1"),
        Drawing(prompt="p", seed=3, kept=(1, 2), avoid="x", careful=True, owner="1"),
        Paint(tokens=((1, 2),), seeds=(3,)),
        Enlarge.of(PHOTO),
        Preview((PHOTO,)),
        Pictures((PHOTO,), ((1, 2),), (3,), {"decode": 1.0}, (0.5,)),
        Answer("a cat", 2, True, 0, {}),
        Queued(2, 1.5),
        Started(),
        Progress(1, 2),
        Text("a"),
        Cancelled(),
        Failed("it is too long", "refused", "prompt", 900),
    ],
    ids=lambda body: type(body).__name__,
)
def test_it_arrives_as_it_was(body: Request | Event) -> None:
    customs = Customs(travel(Parcel.of(body)))
    arrived = customs.load().unpack()
    assert customs.packages <= {"model", "numpy"}
    assert type(arrived) is type(body)
    assert arrived == body  # a picture equals another with the same pixels


def test_what_a_file_said_of_itself_stays_behind() -> None:
    picture = PHOTO.copy()
    picture.info["exif"] = Weapon()
    data = travel(Parcel[Request].of(Question(pictures=(picture,), question="what?")))
    assert b"PIL" not in data
    arrived = pickle.loads(data).unpack()
    assert arrived.pictures[0].info == {}
    assert arrived.pictures[0].tobytes() == PHOTO.tobytes()
    assert arrived.id


def test_a_picture_that_arrived_is_its_own() -> None:
    parcel = Parcel[Event].of(Preview((PHOTO,)))
    parcel.pictures[0].setflags(write=False)  # as what lies in memory that processes share
    unpacked = parcel.unpack()
    assert isinstance(unpacked, Preview)
    unpacked.pictures[0].putpixel((0, 0), (1, 2, 3))
    assert tuple(parcel.pictures[0][0, 0]) == PHOTO.getpixel((0, 0))
