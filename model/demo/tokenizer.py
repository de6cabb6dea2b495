"""The demo's tokenizer: the world's words as tokens, bytes for everything else.

Byte-level like Janus-Pro's own, so it loses nothing but upper case. Each word has two forms, after a space and
without one; there are no merges, so a word outside the vocabulary falls apart into bytes.
"""

from collections.abc import Iterable

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from model.demo.conversations import compare, converse
from model.demo.questions import draw_scene
from model.demo.wishes import draw_wish
from model.demo.wording import KIND_WORDS, PLURALS, SIZE_WORDS, word
from model.weights.prompts import (
    ASSISTANT,
    BEGIN_OF_IMAGE,
    BOS,
    CONTROL,
    END_OF_IMAGE,
    EOS,
    PAD,
    PLACEHOLDER,
    SYSTEM_PROMPT,
    USER,
)

CONTEXT = 1024  # positions of the language model
EVERYDAY = (
    "i you he she it we they my your no yes not and or of to in on at is are was be do does have has this that these "
    "those here there who what when where why how which can will would could should hello hi thanks ok good bad nice "
    "cat dog house tree car sun moon face person man woman animal flower water sky dark light bright pale medium sized "
    "middle three four five six many some any all other same different both rectangle heart line brown shapes colors "
    "colours circles squares triangles diamonds stars crosses object objects empty blank picture side corner edge half "
    "between inside outside around behind front near next beside more again another"
)


def phrase_book(samples: int = 6_000) -> Iterable[str]:
    """Enough of what is said in the world, and about it, to meet every word."""
    rng = np.random.default_rng(0)
    yield from (SYSTEM_PROMPT, EVERYDAY)
    yield from (words.replace("|", " ") for words in (*KIND_WORDS.values(), *PLURALS.values(), *SIZE_WORDS.values()))
    for _ in range(samples):
        yield word(rng, draw_wish(rng, pairs=0.5), slips=0.0)
        scenes = draw_scene(rng), draw_scene(rng)
        for exchange in converse(rng, scenes[0], turns=4, slips=0.0) + compare(rng, scenes, turns=1):
            yield f"{exchange.question} {exchange.answer}"


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Make a tokenizer that knows every word of some texts, and the control tokens of Janus-Pro."""
    normalizer = normalizers.Lowercase()
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = {"ĊĊ"}
    for text in texts:
        words.update(piece.removeprefix("Ġ") for piece, _ in split.pre_tokenize_str(normalizer.normalize_str(text)))
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    for form in (form for found in sorted(words - {""}) for form in (found, f"Ġ{found}")):
        vocabulary.setdefault(form, len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, split
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    bos = (BOS, tokenizer.token_to_id(BOS))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[bos])
    return wrap(tokenizer)


def wrap(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer as transformers' JanusProcessor wants it."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        extra_special_tokens={"image_token": PLACEHOLDER, "boi_token": BEGIN_OF_IMAGE, "eoi_token": END_OF_IMAGE},
        additional_special_tokens=[USER, ASSISTANT],
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
