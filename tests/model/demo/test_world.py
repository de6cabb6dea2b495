import numpy as np
import pytest
from PIL import Image

from model.demo.claims import FAULTS, claim, faults
from model.demo.codes import AT, AT_ONCE, BEGUN, CELLS, CODES, COUNTS, GRID, decode, encode, has_room, planned, snapped
from model.demo.crispness import crispness
from model.demo.judge import read
from model.demo.questions import draw_scene
from model.demo.wishes import (
    NEAREST,
    Item,
    Wish,
    absent,
    arrange,
    draw_example,
    draw_wish,
    is_granted,
    is_item,
    shows,
    widened,
)
from model.demo.world import COLOURS, KINDS, PLACES, RELATIONS, Scene, Shape, is_held_out, render


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
    assert len({left[2], right[2], upper[2]}) == 3  # size and place of the star
    near = drawn((5, 2), (4, 8))
    assert (near[0], near[2]) == (left[0], left[2])  # a cell further, but said with the same words


def test_background_notes_count_down_to_each_block() -> None:
    first, second = snapped("cross", "blue", "large", 5, 2), snapped("star", "red", "small", 3, 6)
    cells = encode(Scene("white", (first, second))).reshape(GRID, GRID) % CELLS
    rests = [divmod(int(cell), COUNTS) for cell in cells[1:, 0] - AT["rest"]]
    assert rests[:6] == [(4, 2), (3, 1), (2, 0), (1, BEGUN), (0, BEGUN), (BEGUN, BEGUN)]  # rows to go until each begins
    assert (cells[3, 1:6] - AT["reach 1"]).tolist() == [5, 4, 3, 2, 1]  # columns to go until the star
    assert (cells[5, 1:2] - AT["reach 0"]).tolist() == [1]
    assert cells[4, 1:6].tolist() == [1, 2, 3, 4, 5]  # any other cell tells its column
    beside = encode(Scene("white", (first, snapped("star", "red", "small", 2, 1)))).reshape(GRID, GRID) % CELLS
    assert beside[2, 0] - AT["rest"] == 3 * COUNTS + AT_ONCE


def test_there_is_room_for_what_does_not_touch_and_can_be_counted() -> None:
    def room(*blocks: tuple[str, int, int]) -> bool:
        return has_room(tuple(snapped("square", "red", size, row, column) for size, row, column in blocks))

    assert room(("large", 1, 1), ("large", 7, 6))
    assert room(("large", 3, 1), ("large", 1, 7))  # the left one begins later
    assert not room(("large", 1, 1), ("large", 3, 7))  # it would be in the way
    assert not room(("large", 1, 1), ("large", 6, 1))  # they would touch
    assert not room(("small", 2, 1), ("small", 2, 6))  # two that begin in one row
    assert not room(("small", 0, 1))
    assert not room(("small", 1, 10))


def test_where_two_shapes_stand_follows_from_their_sizes_and_places() -> None:
    for sizes in (("small", "small"), ("small", "large"), ("large", "large")):
        wish = Wish((Item("star", "red", sizes[0], "top left"), Item("cross", "blue", sizes[1], "bottom right")))
        scenes = [arrange(np.random.default_rng(seed), wish) for seed in range(5)]
        assert scenes[0] is not None
        assert all(scene == scenes[0] for scene in scenes)


def test_what_is_said_of_two_shapes_follows_from_their_places() -> None:
    rng = np.random.default_rng(13)
    for relation in RELATIONS:
        for _ in range(20):
            scene = arrange(rng, Wish((Item("star", "red"), Item("cross", "blue")), None, relation))
            assert scene is not None
            (column, row), (other, below) = (PLACES[shape.place] for shape in scene.shapes)
            expected = {"left": (2, 0), "right": (-2, 0), "above": (0, 2), "below": (0, -2)}[relation]
            assert (other - column, below - row) == expected


def test_every_place_can_be_asked_for() -> None:
    rng = np.random.default_rng(4)
    said = {item.place for _ in range(2000) for item in draw_wish(rng, pairs=0.5).items}
    assert said == {None, *PLACES}


def test_what_is_less_usual_can_be_granted_too() -> None:
    rng = np.random.default_rng(9)
    for _ in range(100):
        wish = widened(rng, draw_wish(rng, pairs=0.5, wide=0.0))
        scene = arrange(rng, wish)
        assert scene is None or is_granted(wish, scene)


def test_what_is_absent_is_not_shown() -> None:
    rng = np.random.default_rng(8)
    for _ in range(200):
        _, scene = draw_example(rng, pairs=0.6)
        (item,) = absent(rng, scene).items
        assert item.kind or item.colour
        assert not any(is_item(item, shape) for shape in scene.shapes)


def test_two_of_a_kind_are_alike_and_a_shape_is_never_of_its_backgrounds_colour() -> None:
    rng = np.random.default_rng(10)
    twins = arrange(rng, Wish((Item("star"), Item("star")), "blue"))
    assert twins is not None
    assert twins.shapes[0].colour == twins.shapes[1].colour
    hidden = arrange(rng, Wish((Item("circle", "red"),), "red"))
    assert hidden is not None
    assert hidden.shapes[0].colour == NEAREST["red"] != "red"


def test_claims_are_true_or_wrong_as_they_say() -> None:
    rng = np.random.default_rng(11)
    for i in range(200):
        scene = draw_example(rng, pairs=0.6)[1] if i % 2 else draw_scene(rng)
        wish, true = claim(rng, scene)
        assert shows(wish, scene) == true
    assert not any(claim(rng, Scene("green", ()), true=true)[1] for true in (True, False, None))


def test_a_claim_is_wrong_where_something_is_wrong_with_it() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        scene = draw_scene(rng)
        wish, true = claim(rng, scene)
        wrong = faults(wish, scene)
        assert len(wrong) == FAULTS
        assert any(wrong) != true
    swapped = Scene("white", (Shape("circle", "red", 0.2, 0.5, 0.2), Shape("star", "blue", 0.8, 0.5, 0.2)))
    said = Wish((Item("star", "blue"), Item("circle", "red")), "white", "left")
    assert [i for i, wrong in enumerate(faults(said, swapped)) if wrong] == [2]  # the relation


def test_what_is_rendered_is_crisp_and_what_is_blurred_or_mottled_is_not() -> None:
    rng = np.random.default_rng(12)
    scenes = [draw_example(rng, pairs=0.6)[1] for _ in range(6)]
    ideal = crispness((render(scene, 192), scene) for scene in scenes)
    assert (ideal.off, ideal.spread) == (0, 0)
    assert ideal.outline < 0.2
    small = [(render(scene, 24).resize((192, 192), Image.Resampling.NEAREST), scene) for scene in scenes]
    assert crispness(small).outline > 0.5
    mottled = np.asarray(render(scenes[0], 192)) * np.where(np.arange(192) % 2, 0.95, 1)[:, None]
    assert crispness([(Image.fromarray(mottled.astype(np.uint8)), scenes[0])]).spread > 1


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
    noise = np.random.default_rng(7).integers(0, 256, (192, 192, 3), dtype=np.uint8)
    assert read(Image.fromarray(noise)) is None
    picture = render(Scene("white", (Shape("star", "red", 0.5, 0.5, 0.4),)), 192)
    picture.paste((250, 250, 250), (96, 0, 192, 192))
    assert read(picture) is None
    picture = render(Scene("gray", (Shape("circle", "blue", 0.5, 0.5, 0.4),)), 192)
    picture.paste(COLOURS["gray"], (0, 96, 192, 192))
    assert read(picture) is None  # an ellipse fits half a disc rather well
