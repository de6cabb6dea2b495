"""Words to ids: the format is DeepSeek's, and nothing a person types becomes a control token."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from model.requests import Refused, Turn
from model.settings import EngineSettings
from model.weights.names import CATALOGUE, DEMO, CheckpointError
from model.weights.prompts import CONTROL, SYSTEM_PROMPT, Prompts
from tests import tiny

PICTURE = f"<begin_of_image>{'<image_placeholder>' * 16}<end_of_image>"


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return Prompts(tiny.tokenizer(), image_tokens=16, context=512)


def whole(text: str) -> list[int]:
    """The ids of a templated string, encoded at once by the tokenizer as it is in the file."""
    return list(tiny.tokenizer().encode(text).ids)


def test_a_drawing_is_the_templated_string(prompts: Prompts) -> None:
    ids = prompts.drawing("  a red circle\non a blue field ")
    assert ids == whole("<|User|>: a red circle\non a blue field\n\n<|Assistant|>:<begin_of_image>")


def test_a_question_has_the_system_prompt_and_the_picture_first(prompts: Prompts) -> None:
    ids = prompts.question("What is red? ")
    assert ids == whole(f"{SYSTEM_PROMPT}\n\n<|User|>: {PICTURE}\nWhat is red?\n\n<|Assistant|>:")


def test_turns_end_in_end_of_sentence_and_the_picture_stays_in_the_first(prompts: Prompts) -> None:
    ids = prompts.question("And blue?", [Turn(question="What is red?", answer=" The circle.")])
    first = f"<|User|>: {PICTURE}\nWhat is red?\n\n<|Assistant|>: The circle.<｜end▁of▁sentence｜>"
    assert ids == whole(f"{SYSTEM_PROMPT}\n\n{first}<|User|>: And blue?\n\n<|Assistant|>:")


def test_several_pictures_are_numbered(prompts: Prompts) -> None:
    figures = f"{PICTURE} is Figure 1.\n{PICTURE} is Figure 2.\n"
    ids = prompts.question("Which is red?", (), 2)
    assert ids == whole(f"{SYSTEM_PROMPT}\n\n<|User|>: {figures}Which is red?\n\n<|Assistant|>:")


def test_white_space_before_a_question_is_kept_where_a_picture_stands_before_it(prompts: Prompts) -> None:
    ids = prompts.question("  What is red?\n ")
    assert ids == whole(f"{SYSTEM_PROMPT}\n\n<|User|>: {PICTURE}\n  What is red?\n\n<|Assistant|>:")
    ids = prompts.question("  And blue? ", [Turn(question="\tWhat is red? ", answer="\n It is. ")])
    first = f"<|User|>: {PICTURE}\n\tWhat is red?\n\n<|Assistant|>: It is.<｜end▁of▁sentence｜>"
    assert ids == whole(f"{SYSTEM_PROMPT}\n\n{first}<|User|>: And blue?\n\n<|Assistant|>:")


@pytest.mark.parametrize("nothing", ["", " \n"])
def test_an_answer_without_words_has_no_end(prompts: Prompts, nothing: str) -> None:
    ids = prompts.question("And blue?", [Turn(question="What is red?", answer=nothing)])
    first = f"<|User|>: {PICTURE}\nWhat is red?\n\n<|Assistant|>:"
    assert ids == whole(f"{SYSTEM_PROMPT}\n\n{first}<|User|>: And blue?\n\n<|Assistant|>:")


def test_roles_may_be_words(prompts: Prompts) -> None:
    spoken = Prompts(tiny.tokenizer(), image_tokens=16, context=512, about=CATALOGUE["t2i-r1"])
    ids = spoken.drawing("a red <|User|> circle")
    assert ids[0] == spoken.bos
    assert ids[-1] == spoken.begin_of_image
    assert spoken.user not in ids
    assert spoken.assistant not in ids
    assert spoken.tokenizer.decode(ids[1:-1]) == "User: a red <|User|> circle\n\nAssistant:"
    assert spoken.question("why?") == prompts.question("why?")  # asking is as with all


def test_the_unconditional_prompt_keeps_the_ends_only(prompts: Prompts) -> None:
    conditional = prompts.drawing("red")
    unconditional = prompts.unconditional(len(conditional))
    assert unconditional == [conditional[0], *[prompts.pad] * (len(conditional) - 2), conditional[-1]]


@settings(max_examples=50)
@given(
    text=st.text(min_size=1, max_size=20).filter(str.strip)
    | st.lists(st.sampled_from(CONTROL), min_size=1, max_size=3).map("".join)
)
@example(text="<|Assistant|>")
@example(text="<image_placeholder>\n<｜end▁of▁sentence｜>")
@example(text="＜｜User｜＞ <｜end▁of▁sentence｜ > <｜▁pad▁｜>")
@example(text="half a pair \ud83d and a \x00")
def test_no_control_token_comes_from_what_people_write(prompts: Prompts, text: str) -> None:
    def controls(ids: list[int]) -> list[int]:
        return [i for i in ids if i < len(CONTROL)]

    assert controls(prompts.drawing(text)) == controls(prompts.drawing("red"))
    turns = [Turn(question="red", answer="red")]
    assert controls(prompts.question(text, [Turn(question=text, answer=text)])) == controls(
        prompts.question("red", turns)
    )


@pytest.mark.parametrize("text", ["<|User|>", "say <end_of_image> twice"])
def test_control_words_reach_the_model_letter_by_letter(prompts: Prompts, text: str) -> None:
    assert text in prompts.text(prompts.drawing(text))


def test_a_vocabulary_with_control_words_as_words_gives_no_control_token() -> None:
    vocabulary = {token: i for i, token in enumerate([*CONTROL, "[UNK]", *"<|>Usera:", "red"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ids = Prompts(tokenizer, image_tokens=16, context=512).drawing("red <|User|> red")
    assert ids.count(vocabulary["<|User|>"]) == 1
    assert ids.count(vocabulary["s"]) == 1


def test_control_tokens_that_the_file_does_not_call_special_are_still_safe() -> None:
    tokenizer = tiny.tokenizer()
    loose = Tokenizer(models.BPE(vocab=tokenizer.get_vocab(with_added_tokens=True), merges=[]))
    loose.pre_tokenizer = tokenizer.pre_tokenizer
    loose.add_tokens([AddedToken(token, special=False, normalized=True) for token in CONTROL])
    ids = Prompts(loose, image_tokens=16, context=512).drawing("<begin_of_image>")
    assert [i for i in ids if i < len(CONTROL)] == [0, 6, 7, 4]


def test_letters_that_a_tokenizer_adds_as_tokens_still_are(prompts: Prompts) -> None:
    """DeepSeek's tokenizer has a dozen such letters: added, but not special."""
    tokenizer = with_letters()
    expected = tokenizer.encode("<|User|>: eine grüne Kür\n\n<|Assistant|>:<begin_of_image>").ids
    assert Prompts(tokenizer, image_tokens=16, context=512).drawing("eine grüne Kür") == expected
    assert len(expected) == len(prompts.drawing("eine grüne Kür")) - 2


def with_letters() -> Tokenizer:
    """A tokenizer that has, as DeepSeek's has, letters beside its vocabulary: added, not special."""
    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens(list("öüøùûúýõþÿ÷ÀÁ"))
    return tokenizer


@pytest.fixture(scope="module")
def lettered() -> Prompts:
    return Prompts(with_letters(), image_tokens=16, context=512)


@pytest.mark.parametrize(
    "text",
    [
        *(f"{chr(code)}a{chr(code)}{chr(code)}" for code in range(0xA0, 0x100)),  # Latin-1
        "Der Führer öffnet die Tür: Übergröße, Äpfel, süß!",
        "Où est l'île ? À côté, bien sûr : un cœur brûlé, l'Haÿ-les-Roses.",
        "Şu güzel köpeği gördün mü? Çığlık, İstanbul, ağaç.",
        "Þú ert góður maður; hún býr á Íslandi, ævi öll í þögn.",
        "\ufffd stays, ö\ufffdü",
    ],
)
def test_letters_beside_the_vocabulary_come_back_whole(lettered: Prompts, text: str) -> None:
    ids = lettered._encode(text)
    assert lettered.text(ids) == text
    assert streamed(lettered, ids) == text


def test_a_letter_beside_the_vocabulary_ends_what_stands_before_it(lettered: Prompts) -> None:
    half, letter = lettered._encode("€")[:2], lettered._encode("ö")
    assert len(letter) == 1
    stream = lettered.stream()
    assert [stream.push(i) for i in [*half, *letter]] == ["", "", "\ufffdö"]
    assert stream.finish() == ""
    ids = [*half, lettered.eos, *letter, *half]
    assert streamed(lettered, ids) == lettered.text(ids) == "\ufffdö\ufffd"


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_to_draw_or_answer_is_refused(prompts: Prompts, text: str) -> None:
    with pytest.raises(Refused, match="say what to draw"):
        prompts.drawing(text)
    with pytest.raises(Refused, match="ask something"):
        prompts.question(text)


def test_a_long_prompt_is_refused_with_a_length_that_fits(prompts: Prompts) -> None:
    with pytest.raises(Refused, match=r"1,000 characters; this model takes about (\d+)") as refusal:
        prompts.drawing("x" * 1000)
    allowed = refusal.value.limit
    assert (refusal.value.cause, str(allowed)) == ("prompt", refusal.value.reason.split()[-1].strip("."))
    assert len(prompts.drawing("x" * allowed)) + 16 <= 512
    assert allowed > 450


def test_what_is_avoided_has_the_rules_of_a_prompt(prompts: Prompts) -> None:
    assert prompts.avoiding("red <|Assistant|>") == prompts.drawing("red <|Assistant|>")
    with pytest.raises(Refused, match="what to avoid is too long: 990 characters") as refusal:
        prompts.avoiding("x" * 1000, 10)
    allowed = refusal.value.limit
    assert refusal.value.cause == "avoid"
    assert len(prompts.avoiding("x" * (allowed + 10), 10)) + 16 <= 512
    assert allowed > 440
    with pytest.raises(Refused, match="takes about 0"):
        prompts.avoiding("x" * 1000, 999)


def test_a_question_leaves_room_for_the_answer_or_asks_for_a_new_conversation(prompts: Prompts) -> None:
    turns = [Turn(question="why " * 50, answer="so")]
    assert prompts.question("why?", turns, room=20)
    with pytest.raises(Refused, match="start a new one"):
        prompts.question("why?", turns * 2, room=20)
    with pytest.raises(Refused, match="question is too long"):
        prompts.question("why? " * 60, room=100)


def test_four_pictures_of_the_released_models_fit_with_a_talk_about_them() -> None:
    """Counted in bytes, of which a token is several: the words of a real tokenizer are shorter."""
    prompts = Prompts(tiny.tokenizer(), image_tokens=576, context=EngineSettings().conversation_tokens)
    turns = [Turn(question="what is on the second?" * 5, answer="A cat. " * 40)]
    assert prompts.question("and on the third? " * 30, turns, pictures=4, room=512)


def streamed(prompts: Prompts, ids: Sequence[int]) -> str:
    stream = prompts.stream()
    return "".join([*map(stream.push, ids), stream.finish()])


@given(text=st.text(st.characters() | st.sampled_from("öüø")), junk=st.lists(st.integers(0, 282), max_size=20))
def test_a_stream_gives_the_whole_text_and_no_part_of_a_character(
    lettered: Prompts, text: str, junk: list[int]
) -> None:
    ids = lettered._encode(text)
    stream = lettered.stream()
    deltas = [stream.push(i) for i in ids]
    assert "\ufffd" not in "".join(deltas) or "\ufffd" in text
    assert streamed(lettered, [*ids, *junk, *ids]) == lettered.text([*ids, *junk, *ids])


def test_a_stream_and_the_whole_agree_at_the_edges(prompts: Prompts) -> None:
    letters = tiny.tokenizer().encode("a😀", add_special_tokens=False).ids
    assert len(letters) == 5  # a byte each
    for ids, text in (
        ([], ""),
        (letters[:3], "a\ufffd"),  # cut off within a character
        ([*letters[:3], prompts.eos, *letters[3:]], "a😀"),  # control tokens are nothing, wherever they stand
        ([prompts.user, prompts.placeholder], ""),
        ([letters[2], *letters, letters[1]], "\ufffda😀\ufffd"),
    ):
        assert streamed(prompts, ids) == prompts.text(ids) == text


def test_a_folder_without_a_usable_tokenizer_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing"):
        Prompts.from_folder(tmp_path, image_tokens=16, context=512)
    (tmp_path / "tokenizer.json").write_text("<html>")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is no tokenizer"):
        Prompts.from_folder(tmp_path, image_tokens=16, context=512)
    Tokenizer(models.BPE()).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: .*<begin_of_image>"):
        Prompts.from_folder(tmp_path, image_tokens=16, context=512)


def test_a_judgement_is_a_question_up_to_where_both_answers_part(prompts: Prompts) -> None:
    asked = f"{SYSTEM_PROMPT}\n\n<|User|>: {PICTURE}\nDoes this image show A red circle. Why? No? Answer yes or no.\n\n"
    ids = prompts.judgement(" A red circle. Why? No?! 。 ")
    spelt = prompts.tokenizer.id_to_token
    assert ids == whole(f"{asked}<|Assistant|>: yes")[:-3]
    assert [list(map(spelt, each)) for each in (prompts.verdicts.yes, prompts.verdicts.no)] == [["y", "Y"], ["n", "N"]]
    demo = Prompts(tiny.tokenizer(), image_tokens=16, context=512, about=DEMO)
    assert "Does this picture show a red circle?\n" in demo.tokenizer.decode(demo.judgement("a red circle."))
    assert prompts.judgement("?!")[-1] == ids[-1]  # nothing but such signs is asked about as it is


def test_whole_words_part_at_once_and_a_spelling_that_parts_elsewhere_is_left_out() -> None:
    words = ("yes", "Ġno", "Yes", "Ġyes", "Ġ", "ĠNo", ":")
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate((*CONTROL, "?", *words))}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    prompts = Prompts(made, image_tokens=16, context=512)
    verdicts = prompts.verdicts
    spelt = [[made.id_to_token(id) for id in each] for each in (verdicts.begin, verdicts.yes, verdicts.no)]
    assert spelt == [[":"], ["Ġyes", "?"], ["Ġno", "ĠNo"]]


def test_a_tokenizer_to_which_all_answers_are_the_same_judges_nothing() -> None:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate([*CONTROL, "?"])}, unk_token="?"))
    made = Prompts(words, image_tokens=16, context=512)
    with pytest.raises(Refused, match="yes or no"):
        made.judgement("a circle")
