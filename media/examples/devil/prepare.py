#!/usr/bin/env python3
"""Turns Ambrose Bierce's "The Devil's Dictionary" into prompt/completion rows.

Reads the two files of the Debian package `dict-devil` (a dictd database: an index with base-64
offsets and a gzip-compatible text) and writes data/devil.train.jsonl and data/devil.eval.jsonl.
Needs nothing but Python's standard library; the same input always gives the same two files.

    apt-get install dict-devil
    python3 prepare.py
"""
import argparse
import gzip
import hashlib
import json
import pathlib
import re
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# Entries whose whole joke is contempt for a people. They are part of the book; they are no example for a model.
LEFT_OUT = {"AFRICAN", "NEGRO", "MULATTO", "ABORIGINIES", "MONGOLIAN", "HEBREW"}

# HEADWORD, part of speech, definition. A part of speech is one or more short dotted words: n., v.t., adj., n.pl.
ENTRY = re.compile(r"^(?P<word>[A-Z][A-Z'\- ]*[A-Z]),\s+"
                   r"(?P<pos>(?:n|v|adj|adv|pp|p|x|pro|interj|t|i|pl)\.(?:\s?(?:t|i|pl|p|v|a|n)\.)*)\s+(?P<body>\S.*)$")
PLAIN = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "--", "`": "'"}


def number(text):
    value = 0
    for char in text:
        value = value * 64 + DIGITS.index(char)
    return value


def entries(index_path, text_path):
    """Yields each entry of the database once, in the order of the book."""
    raw = gzip.open(text_path).read()
    spans = set()
    for line in index_path.read_text("utf-8").splitlines():
        name, offset, length = line.split("\t")[:3]
        if not name.startswith("00database"):
            spans.add((number(offset), number(length)))
    for offset, length in sorted(spans):
        piece = raw[offset:offset + length]
        try:
            yield piece.decode("utf-8")
        except UnicodeDecodeError:
            yield piece.decode("latin-1")


def plain(text):
    """ASCII with straight quotes, one space between words, no marks of emphasis."""
    for odd, ascii_ in PLAIN.items():
        text = text.replace(odd, ascii_)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    text = re.sub(r"[_*{}]", "", text)
    return re.sub(r"\s+", " ", text).strip()


def first_paragraph(text):
    """The prose that opens an entry; verse, its attribution and later paragraphs are indented or come after a gap."""
    lines = []
    for line in text.strip("\n").splitlines():
        if not line.strip() or (lines and line.startswith("   ")):
            break
        lines.append(line)
    # A word broken at its own hyphen ("slave-" / "driver") goes together again; a dash ("--") keeps its space.
    return plain(re.sub(r"(?<=\w)- (?=\w)", "-", " ".join(lines)))


def shorten(text, limit):
    """Whole sentences up to `limit` characters; None if not even the first one fits."""
    if len(text) <= limit and text[-1] in ".!?\"')":
        return text
    # A sentence ends at .!? before a capital; initials and titles ("A. B.", "Mr. X") do not count.
    ends = [m.end() for m in re.finditer(r"(?<![ .][A-Z])(?<!\bMr)(?<!\bDr)(?<!\bSt)(?<!\bMrs)[.!?][\"')]*(?= [\"'(]?[A-Z])", text)]
    fitting = [end for end in ends if end <= limit]
    return text[:fitting[-1]] if fitting else None


def rows(args):
    seen = set()
    for text in entries(args.index, args.text):
        match = ENTRY.match(first_paragraph(text))
        if not match or match["word"] in LEFT_OUT:
            continue
        word, pos = match["word"], match["pos"].replace(" ", "")
        body = shorten(match["body"], args.max_chars)
        if body is None or len(body.split()) < 3 or re.search(r"\bnigger", body, re.I) or word in seen:
            continue
        seen.add(word)
        # The space belongs to the completion: byte-level BPE keeps " n" as one token, so both halves
        # tokenized apart give the same tokens as the line tokenized whole.
        yield word, {"prompt": f"Define {word}:", "completion": f" {pos} {body}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=pathlib.Path, default="/usr/share/dictd/devil.index")
    parser.add_argument("--text", type=pathlib.Path, default="/usr/share/dictd/devil.dict.dz")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "data")
    parser.add_argument("--max-chars", type=int, default=280,
                        help="longest definition, in characters: 128 tokens of builtin:tiny hold it and its prompt")
    parser.add_argument("--eval-share", type=float, default=0.1)
    args = parser.parse_args()

    split = {"train": [], "eval": []}
    for word, row in rows(args):
        # The headword alone decides the side, so a word never moves when other rows change.
        point = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") / 2**32
        split["eval" if point < args.eval_share else "train"].append(row)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, part in split.items():
        path = args.out / f"devil.{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in part), "utf-8")
        print(f"{path}: {len(part)} rows")


if __name__ == "__main__":
    main()
