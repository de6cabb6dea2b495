import numpy as np
import pytest

from model.demo.codes import CELLS, CODES, GRID, decode, encode, planned, snapped
from model.demo.judge import read, shows
from model.demo.questions import draw_scene
from model.demo.wishes import draw_example, draw_wish, is_granted
from model.demo.world import COLOURS, KINDS, PLACES, Scene, Shape, is_held_out, render


def test_a_tenth_of_the_combinations_is_held_out() -> None:
    combinations = [
        Scene(background, (Shape(kind, colour, 0.5, 0.5, 0.3),))
        for background in COLOURS
        for colour in COLOURS
        for kind in KINDS
    ]
    assert sum(map(is_held_out, combinations)) == len(combinations) / 10


def test_the_rule_sees_through_the_order_of_partners() -> None:
    a, b = Shape("circle", "red", 0.2, 0.2, 0.2), Shape("star", "blue", 0.8, 0.8, 0.2)
    for background in COLOURS:
        assert is_held_out(Scene(background, (a, b))) == is_held_out(Scene(background, (b, a)))


@pytest.mark.parametrize("held_out", [False, True])
def test_the_generators_keep_the_rule(held_out: bool) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_example(rng, pairs=0.5, held_out=held_out)[1] for _ in range(200)]
    asked = [draw_scene(rng, held_out=held_out) for _ in range(200)]
    assert all(is_held_out(scene) == held_out for scene in drawn + [scene for scene in asked if scene.shapes])


def test_examples_grant_their_wishes() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        wish, scene = draw_example(rng, pairs=1.0)
        assert is_granted(wish, scene)


def test_codes_hold_a_scene_without_loss() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        scene = draw_example(rng, pairs=0.6)[1]
        codes = encode(scene)
        assert codes.min() >= 0
        assert codes.max() < CODES
        assert decode(codes) == scene


def test_broken_codes_are_no_scene() -> None:
    codes = encode(draw_example(np.random.default_rng(3), pairs=1.0)[1])
    for place in range(len(codes)):
        broken = codes.copy()
        broken[place] = (broken[place] + 1) % CODES
        assert decode(broken) != decode(codes)
    assert decode(np.zeros_like(codes)) is None


def test_the_first_row_is_background_and_plans_all_the_rest() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        scene = draw_example(rng, pairs=0.6)[1]
        assert set(render(scene, 192).crop((0, 0, 192, 16)).get_flattened_data()) == {COLOURS[scene.background]}
        assert planned(encode(scene)[:GRID]) == scene


def test_the_plan_copies_what_a_prompt_may_say_of_places() -> None:
    def drawn(star: tuple[int, int], cross: tuple[int, int]) -> list[int]:
        shapes = (snapped("star", "red", "small", *star), snapped("cross", "blue", "small", *cross))
        return [int(code) for code in encode(Scene("white", shapes))[:GRID]]

    left, right, upper = drawn((5, 1), (4, 8)), drawn((5, 8), (4, 1)), drawn((2, 5), (8, 5))
    assert len({left[0], right[0], upper[0]}) == 3  # the relation
    assert len({left[3], right[3], upper[3]}) == 3  # size and place of the star
    near = drawn((5, 2), (4, 8))
    assert (near[0], near[3]) == (left[0], left[3])  # a cell further, but said with the same words


def test_the_first_column_counts_the_rows_down_to_the_next_shape() -> None:
    upper, lower = snapped("star", "red", "small", 3, 6), snapped("cross", "blue", "large", 5, 2)
    cells = encode(Scene("white", (lower, upper))).reshape(GRID, GRID) % CELLS
    margin = cells[:, 0].tolist()
    assert margin[1] - margin[2] == 1  # two rows to go, one
    assert cells[3, :6].tolist() == list(range(margin[3], margin[3] - 6, -1))  # six columns to go, ..., one
    assert margin[4] not in (margin[1], margin[2])  # one row to go, but to the other shape
    assert margin[6:] == [row * GRID for row in range(6, GRID)]  # nothing more begins: plain positions


def test_every_place_can_be_asked_for() -> None:
    rng = np.random.default_rng(4)
    said = {item.place for _ in range(2000) for item in draw_wish(rng, pairs=0.5).items}
    assert said == {None, *PLACES}


def test_the_judge_reads_what_was_rendered() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for i in range(60):
        wish, scene = draw_example(rng, pairs=0.6)
        wrong += not shows(wish, read(render(scene, (192, 384)[i % 2])))
    assert wrong == 0


def test_the_judge_reads_size_and_place_of_any_clear_scene() -> None:
    rng = np.random.default_rng(6)
    for _ in range(40):
        scene = draw_scene(rng)
        seen = read(render(scene, 192))
        assert seen is not None
        assert seen.background == scene.background
        facts = [{(s.kind, s.colour, s.size_name, s.place) for s in one.shapes} for one in (seen, scene)]
        assert facts[0] == facts[1]


def test_the_judge_does_not_read_noise_or_half_a_shape() -> None:
    from PIL import Image

    noise = np.random.default_rng(7).integers(0, 256, (192, 192, 3), dtype=np.uint8)
    assert read(Image.fromarray(noise)) is None
    picture = render(Scene("white", (Shape("star", "red", 0.5, 0.5, 0.4),)), 192)
    picture.paste((250, 250, 250), (96, 0, 192, 192))
    assert read(picture) is None
    picture = render(Scene("gray", (Shape("circle", "blue", 0.5, 0.5, 0.4),)), 192)
    picture.paste(COLOURS["gray"], (0, 96, 192, 192))
    assert read(picture) is None  # an ellipse fits half a disc rather well
