"""Words to token ids, in DeepSeek's conversation format.

Control tokens are placed by id. What people write goes through a tokenizer in which no control token can match, so
`<|Assistant|>` in a question is thirteen characters to the model and nothing more. For ordinary text the ids are
those of the whole templated string: a tokenizer treats the text between two control tokens on its own anyway.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import DecodeStream

from model.requests import Refused, Turn
from model.weights.names import JANUS_PRO, Checkpoint, CheckpointError

BOS = "<｜begin▁of▁sentence｜>"
EOS = "<｜end▁of▁sentence｜>"
PAD = "<｜▁pad▁｜>"
PLACEHOLDER = "<image_placeholder>"
BEGIN_OF_IMAGE = "<begin_of_image>"
END_OF_IMAGE = "<end_of_image>"
USER = "<|User|>"
ASSISTANT = "<|Assistant|>"
CONTROL = (BOS, EOS, PAD, PLACEHOLDER, BEGIN_OF_IMAGE, END_OF_IMAGE, USER, ASSISTANT)

# The default of DeepSeek's VLChatProcessor: questions have it, drawings have none.
SYSTEM_PROMPT = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)
YES, NO = ("yes", "Yes"), ("no", "No")  # spellings that count: those that part where the first ones do
CLOSING = ".?!。？！"  # the signs that end a prompt, but not where it stands within a question


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How yes and no are told apart: the ids that both begin with after who speaks, and those that may follow."""

    begin: list[int]
    yes: tuple[int, ...]
    no: tuple[int, ...]


class Prompts:
    """Builds the token ids of every prompt, and turns ids into words again.

    The ids of control tokens are attributes: `bos`, `eos`, `pad`, `placeholder`, `begin_of_image`, `end_of_image`,
    `user`, `assistant`. `vocabulary` is the largest id that can come out, plus one.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        image_tokens: int,
        context: int,
        seen_tokens: int | None = None,
        about: Checkpoint = JANUS_PRO,
    ) -> None:
        """Take over `tokenizer` (it is changed).

        `image_tokens`: positions that a drawn picture takes. `seen_tokens`: positions of one that is looked at; as
        many if not given, as in Janus-Pro. `context`: positions that the model has. `about`: how it was
        taught to speak. Raises CheckpointError if a control token is missing.
        """
        known = tokenizer.get_vocab(with_added_tokens=True)
        missing = [token for token in CONTROL if token not in known]
        if missing:
            raise CheckpointError(f"the tokenizer has no {', '.join(missing)}: this is no Janus-Pro tokenizer.")
        # Checkpoints differ in which tokens they call special; here every control token is.
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
        tokenizer.encode_special_tokens = True  # text that looks like a special token is encoded as text
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        self._special = frozenset(i for i, token in added.items() if token.special)
        # Words that a tokenizer has besides its vocabulary stand for themselves: the decoder would take their letters
        # for bytes. DeepSeek's has thirteen letters of that kind, ö and ü among them.
        self.literal = {i: token.content for i, token in added.items() if not token.special}
        self.image_tokens = image_tokens
        self.seen_tokens = image_tokens if seen_tokens is None else seen_tokens
        self.context = context
        self.bos, self.eos, self.pad = known[BOS], known[EOS], known[PAD]
        self.placeholder = known[PLACEHOLDER]
        self.begin_of_image, self.end_of_image = known[BEGIN_OF_IMAGE], known[END_OF_IMAGE]
        self.user, self.assistant = known[USER], known[ASSISTANT]
        self.vocabulary = max(known.values()) + 1
        # who speaks in a wish to draw: control tokens, or words where a checkpoint was taught so
        self.roles: tuple[int | str, int | str] = about.roles or (self.user, self.assistant)
        self.judging = about.judging

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        *,
        image_tokens: int,
        context: int,
        seen_tokens: int | None = None,
        about: Checkpoint = JANUS_PRO,
    ) -> "Prompts":
        """Read `tokenizer.json`. Raises CheckpointError, naming the file.

        The file is read as it is: under transformers 5 LlamaTokenizerFast, which DeepSeek's configuration names,
        replaces its pre-tokenizer and gives other ids.
        """
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise CheckpointError(f"{file} is missing: the folder has no tokenizer.")
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises plain Exception for whatever it can't read
            raise CheckpointError(f"{file} is no tokenizer ({error}).") from error
        try:
            return cls(tokenizer, image_tokens=image_tokens, context=context, seen_tokens=seen_tokens, about=about)
        except CheckpointError as error:
            raise CheckpointError(f"{file}: {error}") from None

    def drawing(self, prompt: str) -> list[int]:
        """Build the ids that ask for a drawing: BOS, the prompt as the user's turn, begin of image.

        Raises Refused if the prompt is empty, or too long to leave room for the picture.
        """
        text = prompt.strip()
        if not text:
            raise Refused("The prompt is empty: say what to draw.")
        ids = self._wish(text)
        self._check("prompt", text, len(ids) + self.image_tokens)
        return ids

    def avoiding(self, words: str, given: int = 0) -> list[int]:
        """Build the ids that guidance compares with where a drawing must have none of `words`: those that ask for them.

        So the step away from no prompt becomes one away from these words (negative prompting: Chang et al., Muse, ICML
        2023, section 2.7). Raises Refused if they are too long to leave room for the picture: the last `given`
        characters are not the asker's, who is told what is left.
        """
        ids = self._wish(words)
        self._check("avoid", words, len(ids) + self.image_tokens, given=given)
        return ids

    def unconditional(self, length: int) -> list[int]:
        """Build the `length` ids (at least 2) that guidance compares with: a drawing's prompt with its words blank."""
        return [self.bos, *[self.pad] * (length - 2), self.begin_of_image]

    def question(self, question: str, turns: Sequence[Turn] = (), pictures: int = 1, *, room: int = 1) -> list[int]:
        """Build the ids of a question about `pictures` pictures after earlier `turns`, oldest first.

        Every picture is `seen_tokens` placeholders between begin and end of image. They stand at the head of the
        first turn; several are numbered as figures. At least `room` positions stay free for the answer. Raises
        Refused if the question is empty, or if it all is longer than the model's context (fewer turns may fit).
        """
        if not question.strip():
            raise Refused("The question is empty: ask something about the picture.")
        ids = self._ids([*self._asked(question, turns, pictures), ":"])
        self._check("question", question.strip(), len(ids) + room, 0 if turns else pictures)
        return ids

    def judgement(self, prompt: str) -> list[int]:
        """Build the ids of the question whether a picture shows `prompt`, and of what both `verdicts` begin with.

        Raises Refused if the prompt is too long for that.
        """
        shown = prompt.strip().rstrip(f"{CLOSING} ") or prompt.strip()
        ids = [*self._ids(self._asked(self.judging.replace("{prompt}", shown), (), 1)), *self.verdicts.begin]
        self._check("prompt", prompt.strip(), len(ids) + 1)
        return ids

    @cached_property
    def verdicts(self) -> Verdicts:
        """How a judgement may be worded. Raises Refused where that is all the same to the tokenizer."""
        said = {answer: self._encode(f": {answer}") for answer in (*YES, *NO)}
        pairs = enumerate(zip(said[YES[0]], said[NO[0]], strict=False))
        at = next((at for at, (yes, no) in pairs if yes != no), None)
        if at is None:
            raise Refused("This model can't say yes or no, so it can't judge pictures.")
        begin = said[YES[0]][:at]
        yes, no = (tuple(said[answer][at] for answer in spelt if said[answer][:at] == begin) for spelt in (YES, NO))
        return Verdicts(begin, yes, no)

    def _asked(self, question: str, turns: Sequence[Turn], pictures: int) -> list[int | str]:
        """Give the pieces of a conversation up to where the answer is spoken."""
        picture = [self.begin_of_image, *[self.placeholder] * self.seen_tokens, self.end_of_image]
        head: list[int | str] = []
        for i in range(pictures):
            head += [*picture, "\n" if pictures == 1 else f" is Figure {i + 1}.\n"]
        pieces: list[int | str] = [self.bos, f"{SYSTEM_PROMPT}\n\n"]
        for turn in turns:
            pieces += self._message(self.user, turn.question, "\n\n", head)
            pieces += self._message(self.assistant, turn.answer, self.eos)
            head = []
        return [*pieces, *self._message(self.user, question, "\n\n", head), self.assistant]

    def _message(self, role: int, text: str, end: int | str, head: Sequence[int | str] = ()) -> list[int | str]:
        """Format what one side said, as DeepSeek's `Conversation.get_prompt` does: said nothing, it has no `end`.

        White space around the whole message goes; what stands between the pictures of a `head` and the words is kept.
        """
        said = text.rstrip() if head else text.strip()
        return [role, ": ", *head, said, end] if head or said else [role, ":"]

    def text(self, ids: Sequence[int]) -> str:
        """Turn an answer's ids into text; control tokens are left out, broken UTF-8 becomes U+FFFD.

        DeepSeek's own decoding damages the letters that its tokenizer adds; here they come out whole.
        """
        return "".join(
            "".join(map(self.literal.__getitem__, run))
            if is_literal
            else self.tokenizer.decode(list(run), skip_special_tokens=True)
            for is_literal, run in groupby(ids, self.literal.__contains__)
        )

    def stream(self) -> "TextStream":
        """Open a stream that turns one answer's ids into text as they come."""
        return TextStream(self)

    def _wish(self, text: str) -> list[int]:
        user, assistant = self.roles
        return self._ids([self.bos, user, f": {text}\n\n", assistant, ":", self.begin_of_image])

    def _ids(self, pieces: Iterable[int | str]) -> list[int]:
        """Encode every run of text between two ids as one string: a tokenizer may merge across pieces."""
        ids: list[int] = []
        for is_text, run in groupby(pieces, lambda piece: isinstance(piece, str)):
            part = list(run)
            ids += self._encode("".join(map(str, part))) if is_text else map(int, part)
        return ids

    def _encode(self, text: str) -> list[int]:
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair, which JSON can carry, is no text
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        if self._special.isdisjoint(ids):
            return ids
        # A vocabulary may hold a control token's spelling as a word too. No single letter is one.
        return [i for letter in text for i in self.tokenizer.encode(letter, add_special_tokens=False).ids]

    def _check(
        self, what: Literal["prompt", "avoid", "question"], text: str, positions: int, pictures: int = 0, given: int = 0
    ) -> None:
        """Raise Refused if `positions` are more than the context holds; say how long `text` may be instead.

        Its last `given` characters are there to stay.
        """
        excess = positions - self.context
        if excess <= 0:
            return
        used = len(self._encode(text))
        if used <= excess and pictures > 1:
            reason = f"{pictures} pictures are more than this model can look at together: ask about fewer."
            raise Refused(reason, "pictures")
        if used <= excess:
            raise Refused("The conversation is longer than this model can follow: start a new one.", "conversation")
        allowed = max(0, len(text) * (used - excess) // used - given)
        named = "text of what to avoid" if what == "avoid" else what
        reason = f"The {named} is too long: {len(text) - given:,} characters; this model takes about {allowed:,}."
        raise Refused(reason, what, allowed)


class TextStream:
    """One answer's text as it grows. All that it gives out, joined, is `Prompts.text` of all ids."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._begin()

    def _begin(self) -> None:
        self._stream = DecodeStream(skip_special_tokens=True)
        self._ids: list[int] = []  # since the last literal: what the decoder is to see together
        self._sent = 0  # characters of them

    def push(self, token: int) -> str:
        """Take the next id; give the text that is sure by now: never a part of a character."""
        if (literal := self._prompts.literal.get(token)) is not None:
            before = self.finish()
            self._begin()
            return before + literal
        self._ids.append(token)
        text: str = self._stream.step(self._prompts.tokenizer, token) or ""
        self._sent += len(text)
        return text

    def finish(self) -> str:
        """Give what is left at the end: bytes that never became a character."""
        return self._prompts.text(self._ids)[self._sent :]
