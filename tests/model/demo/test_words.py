import numpy as np

from model.demo.conversations import ask, compare, converse
from model.demo.questions import COUNT_ANSWERS, FORMS, PLACE_ANSWERS, describe, draw_scene
from model.demo.tokenizer import build_tokenizer, phrase_book
from model.demo.wishes import Item, Wish, draw_wish
from model.demo.wording import slipped, told, word
from model.demo.world import Scene, Shape
from model.weights.prompts import CONTROL


def test_a_wish_has_many_wordings_that_all_say_it() -> None:
    rng = np.random.default_rng(0)
    wish = Wish((Item("star", "yellow", "small", "top left"),), "white")
    wordings = {word(rng, wish, slips=0.0) for _ in range(300)}
    assert len(wordings) > 280
    for said in wordings:
        assert {"yellow", "star", "left", "white"} <= set(
            said.replace("-", " ")
            .replace(".", "")
            .replace(",", "")
            .replace(":", "")
            .replace("!", "")
            .replace("?", "")
            .replace(";", "")
            .split()
        ), said


def test_a_relation_is_said_in_its_own_words() -> None:
    rng = np.random.default_rng(1)
    above = Wish((Item("circle", "red"), Item("square", "blue")), "white", "above")
    for prompt in (word(rng, above, slips=0.0) for _ in range(50)):
        ways = ("above", "over", "on top of", "higher than", "below", "under", "beneath", "lower than")
        assert any(said in prompt for said in ways), prompt


def test_shapes_are_named_in_the_order_of_the_plan() -> None:
    rng = np.random.default_rng(9)
    for relation in ("left", "right", "above", "below"):
        wish = Wish((Item("circle", "red"), Item("star", "blue")), None, relation)
        for said in (told(rng, wish) for _ in range(60)):
            assert said.index("red") < said.index("blue"), said


def test_less_usual_wishes_are_said_in_their_own_words() -> None:
    rng = np.random.default_rng(7)
    stars = Item("star", "blue", "small")
    for _ in range(50):
        two = word(rng, Wish((stars, stars)), slips=0.0)
        assert any(said in two for said in ("stars", "another", "more", "again"))
        middling = told(rng, Wish((Item("star", "red", "medium"),)))
        assert any(said in middling for said in ("medium", "middle", "average"))
        anything = told(rng, Wish((Item("circle"), Item(None, "red"))))
        assert "red" in anything.replace("-", " ").replace(",", " ").split()


def test_a_slip_is_one_letter_of_one_word() -> None:
    rng = np.random.default_rng(8)
    said = "draw a purple star left of a square"
    slips = {slipped(rng, said) for _ in range(200)}
    assert len(slips) > 50
    for slip in slips - {said}:
        changed = [(was, now) for was, now in zip(said.split(), slip.split(), strict=True) if was != now]
        assert len(changed) == 1
        assert abs(len(changed[0][0]) - len(changed[0][1])) <= 1
    assert slipped(rng, "hello world") == "hello world"


def test_every_form_of_question_is_asked_and_answered() -> None:
    rng = np.random.default_rng(2)
    forms = {exchange.form for _ in range(100) for exchange in converse(rng, draw_scene(rng), turns=10)}
    assert forms == set(FORMS)


def test_answers_are_right() -> None:
    rng = np.random.default_rng(3)
    small, large = Shape("circle", "red", 0.2, 0.2, 0.2), Shape("star", "orange", 0.8, 0.8, 0.4)
    scene = Scene("blue", (small, large))
    answers: dict[str, set[str]] = {}
    for _ in range(200):
        for form in FORMS:
            if exchange := ask(rng, scene, form, slips=0.0):
                answers.setdefault(form, set()).add(exchange.answer)
    assert answers["colour"] == {"red", "orange"}
    assert answers["shape at"] == {"a red circle", "an orange star"}
    assert answers["background"] == {"blue"}
    assert answers["count"] == set(COUNT_ANSWERS)
    counted = [one for _ in range(400) if (one := ask(rng, scene, "count", slips=0.0))]
    for noun, count in (("objects", "two"), ("star", "one"), ("triangle", "none")):
        assert {one.answer for one in counted if noun in one.question} == {count}
    assert answers["exists"] == answers["relation"] == {"yes", "no"}
    assert answers["where"] == {PLACE_ANSWERS["top left"], PLACE_ANSWERS["bottom right"]}
    assert answers["kind"] == {"a circle", "a star"}
    assert answers["larger"] == {"the red circle", "the orange star"}
    assert answers["neighbour"] <= {"a red circle", "an orange star", "nothing"}
    assert answers["is it"] == answers["shows"] == {"yes", "no"}
    assert answers["describe"] == {
        "a small red circle in the top left corner and a large orange star in the bottom right corner,"
        " on a blue background."
    }
    assert describe(Scene("pink", ())) == "nothing, on a pink background."


def test_an_answer_names_the_shape_that_the_question_is_about() -> None:
    rng = np.random.default_rng(6)
    asked = [exchange for _ in range(100) for exchange in converse(rng, draw_scene(rng), turns=10)]
    about = {exchange.form for exchange in asked if isinstance(exchange.about, Shape)}
    assert about == set(FORMS) - {"background", "count", "exists", "describe", "shows"}
    for exchange in asked:
        if isinstance(exchange.about, Shape) and exchange.form not in ("relation", "is it"):
            shape = exchange.about
            said = {shape.colour, shape.kind, PLACE_ANSWERS[shape.place]}
            assert any(trait in exchange.answer for trait in said), exchange


def test_questions_about_two_pictures_say_which_one_they_mean() -> None:
    rng = np.random.default_rng(10)
    scenes = (
        Scene("white", (Shape("circle", "red", 0.5, 0.5, 0.3),)),
        Scene("blue", (Shape("star", "pink", 0.5, 0.5, 0.3),)),
    )
    asked = [exchange for _ in range(150) for exchange in compare(rng, scenes, turns=2)]
    assert {"the first", "the second", "neither"} <= {one.answer for one in asked if one.form == "which of two"}
    for one in asked:
        if one.form == "one of two":
            assert any(word in one.question for word in ("first", "second", "1", "2")), one.question
            if one.answer in ("white", "blue"):
                assert (one.answer == "white") == any(word in one.question for word in ("first", "1"))


def test_which_of_two_pictures_shows_something_that_is_only_named() -> None:
    """It may show more, on any background; a bare colour is never that of a background."""
    rng = np.random.default_rng(12)
    scenes = (
        Scene("blue", (Shape("circle", "red", 0.3, 0.3, 0.3), Shape("star", "pink", 0.7, 0.7, 0.3))),
        Scene("pink", (Shape("circle", "white", 0.5, 0.5, 0.3),)),
    )
    asked = compare(rng, scenes, 400, one_of_two=0, glimpses=1)
    named = [(one.about.items[0], one.answer) for one in asked if isinstance(one.about, Wish)]
    answers = {(item.kind, item.colour): answer for item, answer in named}
    assert answers == {
        ("circle", "red"): "the first",
        ("circle", "white"): "the second",
        ("circle", None): "both",
        ("star", None): "the first",
        ("star", "pink"): "the first",
        (None, "red"): "the first",
        (None, "white"): "the second",
    }


def test_a_share_of_wishes_only_names_a_shape() -> None:
    rng = np.random.default_rng(14)
    wishes = [draw_wish(rng, pairs=1.0, named=0.5) for _ in range(400)]
    named = [wish for wish in wishes if len(wish.items) == 1]
    assert 150 < len(named) < 250
    assert {wish for wish in named if wish != Wish((Item(wish.items[0].kind, wish.items[0].colour),))} == set()
    assert {(bool(wish.items[0].kind), bool(wish.items[0].colour)) for wish in named} == {
        (True, True),
        (True, False),
        (False, True),
    }


def test_a_form_of_question_can_be_made_sure_of() -> None:
    rng = np.random.default_rng(13)
    scene = Scene("white", (Shape("circle", "red", 0.2, 0.5, 0.3), Shape("star", "blue", 0.8, 0.5, 0.3)))
    for _ in range(30):
        assert "neighbour" in {one.form for one in converse(rng, scene, 6, first="neighbour")}


def test_an_empty_scene_can_be_asked_about() -> None:
    rng = np.random.default_rng(4)
    scene = Scene("green", ())
    found = {form: exchange.answer for form in FORMS if (exchange := ask(rng, scene, form))}
    assert found["count"] == "none"
    assert found["exists"] == "no"
    assert found["background"] == "green"


def test_the_tokenizer_knows_the_worlds_words_and_loses_nothing_else() -> None:
    tokenizer = build_tokenizer(phrase_book(1500))
    rng = np.random.default_rng(5)
    for _ in range(100):
        said = word(rng, draw_wish(rng, pairs=0.5), slips=0.0)
        letters = [piece for piece in tokenizer.tokenize(f" {said}") if piece.isalpha() and len(piece) == 1]
        assert set(letters) <= {"a"}, said
    strange = "Ein rötes Kreis auf 青 🎈 zeppelin"
    assert tokenizer.decode(tokenizer(strange, add_special_tokens=False).input_ids) == strange.lower()
    assert len({tokenizer.convert_tokens_to_ids(token) for token in CONTROL}) == len(CONTROL)
