#!/usr/bin/env python3
"""Makes `builtin:tiny`: a Llama of one million parameters that has read the King James Bible.

Needs the text and four Python packages:
    apt-get install bible-kjv bible-kjv-text
    pip install torch==2.13.0 transformers safetensors tokenizers numpy
Then, for the weights in this folder (about a quarter of an hour on two idle CPU cores, at 11 thousand tokens a second):
    python3 pretrain.py --stop 1810 --cool 500
The tokenizer in the folder is kept; --new-tokenizer trains it again. A usable model.safetensors is written
every --save-minutes, so an interrupted run still leaves a model (of a lower quality).
"""
import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import time

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
END = "<|endoftext|>"
CONTEXT = 256

CONFIG = dict(
    vocab_size=2048, hidden_size=128, intermediate_size=352, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=2, head_dim=32, max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, tie_word_embeddings=True,
    attention_bias=False, mlp_bias=False, attention_dropout=0.0, hidden_act="silu", initializer_range=0.02,
    bos_token_id=0, eos_token_id=0, pad_token_id=0,
)


# ---------------------------------------------------------------- text

def chapters():
    """The Bible as a list of chapters, each one line of flowing text without verse numbers."""
    printed = subprocess.run(["bible", "-f", "Gen1:1-Rev22:21"], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in printed.splitlines():
        match = re.match(r"^(\S+?)(\d+):(\d+)\s+(.*)$", line)  # "Ge1:1 In the beginning ..." and "1Sam2:3 ..."
        if match:
            found.setdefault((match[1], int(match[2])), []).append(re.sub(r"\s+", " ", match[4]).strip())
    return [" ".join(verses) for verses in found.values()]


def split(docs, every):
    """Every `every`-th chapter is held out."""
    return ([d for i, d in enumerate(docs) if i % every != every - 1],
            [d for i, d in enumerate(docs) if i % every == every - 1])


def example_text(path):
    if not path.exists():
        raise SystemExit(f"The tokenizer is also trained on {path}, which is missing. Run prepare.py in that folder's parent.")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row["prompt"] + row["completion"] for row in rows]


# ---------------------------------------------------------------- tokenizer

def train_tokenizer(out, docs, definitions, repeat):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=CONFIG["vocab_size"], special_tokens=[END], show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(docs + definitions * repeat, trainer)
    assert tokenizer.get_vocab_size() == CONFIG["vocab_size"] and tokenizer.token_to_id(END) == 0
    tokenizer.save(str(out / "tokenizer.json"))
    write_json(out / "tokenizer_config.json", dict(
        add_prefix_space=False, bos_token=END, clean_up_tokenization_spaces=False, eos_token=END,
        model_max_length=CONTEXT, pad_token=END, tokenizer_class="PreTrainedTokenizerFast"))


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")


def stream(tokenizer, docs):
    """One long row of tokens; every chapter ends in the end-of-text token, and one stands before the first."""
    ids = [0]
    for encoding in tokenizer.encode_batch(docs):
        ids += encoding.ids + [0]
    return np.array(ids, dtype=np.int64)


# ---------------------------------------------------------------- model

def write_weights(path, model):
    """F16, Hugging Face names, no lm_head (it is the embedding). Renamed into place, so a reader never sees half."""
    tensors = {name: value.detach().to(torch.float16).contiguous()
               for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(tensors, str(path) + ".part", metadata={"format": "pt"})
    os.chmod(str(path) + ".part", 0o644)
    os.replace(str(path) + ".part", path)


def loss_of(model, tokens, targets):
    logits = model(input_ids=tokens, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


@torch.no_grad()
def evaluate(model, ids, limit=None):
    """Mean loss over windows of 256 predicted tokens that do not overlap; the rest at the end is left out."""
    count = (len(ids) - 1) // CONTEXT
    windows = range(count if limit is None else min(limit, count))
    tokens = torch.from_numpy(np.stack([ids[i * CONTEXT:i * CONTEXT + CONTEXT + 1] for i in windows]))
    model.eval()
    total = sum(loss_of(model, part[:, :-1], part[:, 1:]).item() * len(part) for part in tokens.split(32))
    model.train()
    return total / len(tokens)


def unigram(train, held):
    """Entropy of the held-out tokens' own frequencies, and their loss under the training frequencies, in nats."""
    own = np.bincount(held, minlength=CONFIG["vocab_size"]) / len(held)
    model = np.bincount(train, minlength=CONFIG["vocab_size"]) + 1.0
    model /= model.sum()
    seen = own > 0
    return -(own[seen] * np.log(own[seen])).sum(), -(own * np.log(model)).sum()


def rate(step, args):
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    done = (step - args.warmup) / max(1, args.steps - args.warmup)
    value = args.lr * (args.last_lr + (1 - args.last_lr) * 0.5 * (1 + math.cos(math.pi * done)))
    if args.stop:  # leave the cosine early: a straight line down over the last --cool steps
        value *= max(args.last_lr, min(1.0, (args.stop - step) / args.cool))
    return value


@torch.no_grad()
def sample(model, tokenizer, prompt, length, seed):
    torch.manual_seed(seed)
    tokens = torch.tensor([tokenizer.encode(prompt).ids])
    model.eval()
    out = model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=length, do_sample=True,
                         temperature=0.8, top_k=50, pad_token_id=0, eos_token_id=0)
    model.train()
    return tokenizer.decode(out[0].tolist(), skip_special_tokens=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--definitions", type=pathlib.Path, help="extra text for the tokenizer, never for the weights",
                        default=HERE.parents[1] / "examples/devil/data/devil.train.jsonl")
    parser.add_argument("--repeat-definitions", type=int, default=6)
    parser.add_argument("--new-tokenizer", action="store_true")
    parser.add_argument("--hold-out-every", type=int, default=20)
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--stop", type=int, help="end at this step of the cosine instead of at --steps")
    parser.add_argument("--cool", type=int, default=500, help="with --stop: steps of linear decay before it")
    parser.add_argument("--state", type=pathlib.Path, help="file to keep the run in: written with every save, read at the start")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--last-lr", type=float, default=0.05, help="share of --lr that is left at the end")
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="on a busy machine one is faster than two")
    parser.add_argument("--save-minutes", type=float, default=4)
    parser.add_argument("--eval-every", type=int, default=250)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)

    train_docs, held_docs = split(chapters(), args.hold_out_every)
    if args.new_tokenizer or not (args.out / "tokenizer.json").exists():
        train_tokenizer(args.out, train_docs, example_text(args.definitions), args.repeat_definitions)
    tokenizer = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    train, held = stream(tokenizer, train_docs), stream(tokenizer, held_docs)
    own, cross = unigram(train, held)
    print(f"{len(train_docs)} chapters = {len(train)} tokens to train on, {len(held_docs)} = {len(held)} held out, "
          f"{sum(map(len, held_docs)) / len(held):.2f} characters per token")
    print(f"held out: unigram entropy {own:.4f}, loss under the training unigrams {cross:.4f} (nats per token)")

    model = LlamaForCausalLM(LlamaConfig(**CONFIG, rope_theta=10000.0))
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    write_json(args.out / "config.json", dict(
        architectures=["LlamaForCausalLM"], model_type="llama", torch_dtype="float16", rope_theta=10000.0,
        use_cache=True, **CONFIG))
    write_json(args.out / "generation_config.json", dict(
        bos_token_id=0, eos_token_id=0, pad_token_id=0, do_sample=True, temperature=0.8, top_k=50, max_new_tokens=64))

    decayed = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": args.weight_decay},
                                   {"params": rest, "weight_decay": 0.0}], lr=args.lr, betas=(0.9, 0.95))
    random = np.random.default_rng(args.seed)
    first, last = 0, args.stop or args.steps
    if args.state and args.state.exists():
        state = torch.load(args.state, weights_only=True)
        first = state["step"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        random.bit_generator.state = state["random"]
        print(f"continues at step {first}")

    def save(step):
        write_weights(args.out / "model.safetensors", model)
        if args.state:
            torch.save(dict(step=step, model=model.state_dict(), optimizer=optimizer.state_dict(),
                            random=random.bit_generator.state), args.state)

    began = saved = time.time()
    recent = []
    for step in range(first, last):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, args)
        starts = random.integers(0, len(train) - CONTEXT, args.batch)
        window = torch.from_numpy(np.stack([train[s:s + CONTEXT + 1] for s in starts]))
        loss = loss_of(model, window[:, :-1], window[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(loss.item())
        if step % 50 == 49:
            speed = (step + 1 - first) * args.batch * CONTEXT / (time.time() - began)
            print(f"step {step + 1} loss {np.mean(recent[-50:]):.4f} lr {rate(step, args):.5f} {speed:.0f} tokens/s", flush=True)
        if step % args.eval_every == args.eval_every - 1:
            print(f"step {step + 1} held-out loss {evaluate(model, held, 64):.4f} (first 64 windows)", flush=True)
        if time.time() - saved > args.save_minutes * 60:
            save(step + 1)
            saved = time.time()

    save(last)
    with torch.no_grad():  # what is reported is what is in the file
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.float16))
    print(f"{(time.time() - began) / 60:.1f} minutes; final loss with the f16 weights: "
          f"train {evaluate(model, train):.4f}, held out {evaluate(model, held):.4f}")
    for seed, prompt in enumerate(["And it came to pass", "The LORD said unto", "Blessed is the man that", "Define LOVE:"]):
        print(f"--- {sample(model, tokenizer, prompt, 100, seed)}")


if __name__ == "__main__":
    main()
