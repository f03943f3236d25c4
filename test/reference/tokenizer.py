"""Writes tokenizer.json: the ids Python's tokenizers gives to awkward strings, for the built-in model's tokenizer and for
three small ones made here in the form that Qwen2, Llama 3 and Mistral use (tokenizers/*.json).

Run with the packages of test/parity/requirements.txt: python test/reference/tokenizer.py
"""

import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CORPUS = (ROOT / "media/examples/devil").glob("**/*.jsonl")

STRINGS = [
    "",
    " ",
    "a",
    "Define LOVE:",
    " A temporary insanity curable by marriage.",
    "In the beginning God created the heaven and the earth.",
    "  two leading spaces",
    "trailing spaces   ",
    "tab\tand\nnewline\r\nand\n\n\nmore",
    "\n\n leading breaks",
    "don't I'll we've THEY'RE it's",
    "12345 3.14 1,000,000",
    "naïve café déjà-vu",
    "cafe\u0301 (decomposed)",
    "Straße ÆØÅ ﬁ ½ ²",
    "日本語のテキスト 中文",
    "Русский العربية עברית हिन्दी",
    "emoji 😀👍🏽👨‍👩‍👧‍👦🇩🇪",
    "zero\u200bwidth\u00a0nbsp\ufeffbom",
    "\u0000\u0001\u007f control",
    "<|endoftext|>",
    "before<|endoftext|>after",
    "<|im_start|>user\nHi<|im_end|>\n",
    "<s>literal</s>",
    "x" * 200,
    "!?.,;:'\"()[]{}<>@#$%^&*-_=+\\|/~`",
    "snake_case camelCase kebab-case",
    "▁underline▁block",
]

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"\p{N}| ", r"\p{N}{1,3}| ")


def corpus():
    for path in sorted(CORPUS):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            yield row["prompt"] + row["completion"]


def byte_level(pattern, specials, size):
    tokenizer = Tokenizer(models.BPE(ignore_merges=pattern is LLAMA3))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet))
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in specials])
    return tokenizer


def qwen2():
    tokenizer = byte_level(QWEN2, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], 450)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def llama3():
    tokenizer = byte_level(LLAMA3, ["<|begin_of_text|>", "<|end_of_text|>"], 450)
    bos = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{bos[0]} $A", pair=f"{bos[0]} $A {bos[0]} $B", special_tokens=[bos]),
        ]
    )
    return tokenizer


def mistral():
    """Sentencepiece style: a space becomes a block character, unknown characters fall back to bytes."""
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(vocab_size=560, special_tokens=specials)
    words = (word for text in TEXT for word in text.split(" "))
    tokenizer.train_from_iterator(words, trainer)
    definition = json.loads(tokenizer.to_str())
    definition["added_tokens"] = [token for token in definition["added_tokens"] if token["id"] < 3]
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return tokenizer


TEXT = list(corpus())[:400]


def cases(tokenizer):
    return [
        {
            "text": text,
            "ids": tokenizer.encode(text, add_special_tokens=False).ids,
            "withSpecial": tokenizer.encode(text).ids,
            "decoded": tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids),
        }
        for text in STRINGS
    ]


def main():
    built = {"qwen2": qwen2(), "llama3": llama3(), "mistral": mistral()}
    for name, tokenizer in built.items():
        tokenizer.save(str(HERE / "tokenizers" / f"{name}.json"), pretty=False)
    built["tiny"] = Tokenizer.from_file(str(ROOT / "media/models/tiny/tokenizer.json"))
    result = {"tokenizers": tokenizers.__version__, "cases": {name: cases(each) for name, each in built.items()}}
    (HERE / "tokenizer.json").write_text(json.dumps(result) + "\n")


main()
