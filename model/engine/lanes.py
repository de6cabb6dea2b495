"""The lanes that requests wait in, and how much of one a request takes. No torch here."""

from model.requests import Drawing, Enlarge, Paint, Question, Request

# Pixels are those of enlargements, and paints the pictures whose tokens are there.
PICTURES, ANSWERS, PIXELS, PAINTS = "pictures", "answers", "pixels", "paints"


def wanted(request: Request) -> tuple[str, int]:
    """Tell a request's lane, and how many seats of it: one a picture."""
    match request:
        case Drawing():
            return PICTURES, request.candidates
        case Question():
            return ANSWERS, 1
        case Paint():
            return PAINTS, 1
        case Enlarge():
            return PIXELS, 1
