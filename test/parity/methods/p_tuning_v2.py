"""P-tuning v2 against a PyTorch reference of the authors' rules (`test/reference/deep_prompt.py`).

Which values dropout drops is no rule of the method: the reference draws the bits that `ops/dropoutHash.ts` describes.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from cases import case

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reference"))
from deep_prompt import DeepPrompt  # noqa: E402

DIRECT = {"type": "p-tuning-v2", "num_virtual_tokens": 6, "prefix_dropout": 0.0}
THINNED = {**DIRECT, "prefix_dropout": 0.1}

CASES = [
    case("v2-gpt2", "gpt2", DIRECT, max_length=40, learning_rate=1e-2, weight_decay=0.01),
    case("v2-llama", "llama", DIRECT, max_length=40, learning_rate=3e-2, lr_scheduler_type="constant_with_warmup"),
    case(
        "v2-projected-llama", "llama", {**DIRECT, "prefix_projection": True, "prefix_hidden_size": 16}, max_length=40,
        learning_rate=2e-3,
    ),
    case("v2-dropout-gpt2", "gpt2", THINNED, max_length=40, learning_rate=1e-2),
    case("v2-dropout-llama", "llama", {**THINNED, "prefix_dropout": 0.3}, max_length=40, learning_rate=1e-2),
]


def attach(model, spec, folder):
    method = spec["method"]
    hidden = method["prefix_hidden_size"] if method.get("prefix_projection") else None
    prompt = DeepPrompt(model, method["num_virtual_tokens"], method["prefix_dropout"], hidden)
    start = {our_name(name): p.detach().clone() for name, p in prompt.named_parameters() if p.requires_grad}
    save_file(start, folder / "initial.safetensors")
    prompt.step, prompt.micro = 1, 0
    return prompt, {}


def our_name(name):
    return f"prompt_encoder.{name}"


def groups(model, spec):
    training = spec["training"]
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    rate, decay = training["learning_rate"], training.get("weight_decay", 0.0)
    return [
        {"params": [p for name, p in trained if "bias" not in name], "lr": rate, "weight_decay": decay},
        {"params": [p for name, p in trained if "bias" in name], "lr": rate, "weight_decay": 0.0},
    ]


def loss_sum(model, spec, batch, pad):
    """Micro-batches come in order; every example has masks of its own, drawn by the place where it begins."""
    lengths = [len(row["input_ids"]) for row in batch]
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    seed = random_bits(spec["training"]["seed"], stream_of("dropout"), model.step * 65536 + model.micro)
    model.draw = lambda _: torch.stack([mask(model, seed ^ int(pcg(start))) for start in starts])
    model.micro += 1
    ids, labels, seen = pad(batch)
    logits = model(ids, seen).logits[:, :-1]
    return F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum"
    )


def after_step(model, optimizer, step, spec):
    model.step, model.micro = step + 1, 0


WORD = 0xFFFFFFFF


def mixed(value):
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & WORD
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & WORD
    return value ^ (value >> 16)


def random_bits(seed, stream, index):
    """`randomBits` of `data/random.ts`."""
    first = mixed(mixed(seed ^ 0x9E3779B9) ^ stream)
    return mixed(mixed((first + index) & WORD) ^ mixed(first ^ 0x7F4A7C15) ^ stream)


def stream_of(name):
    value = 0x811C9DC5
    for letter in name:
        value = ((value ^ ord(letter)) * 0x01000193) & WORD
    return value


def pcg(value):
    state = (np.asarray(value, dtype=np.uint64) * 747796405 + 2891336453) & WORD
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & WORD
    return (word >> 22) ^ word


def mask(model, seed):
    """Bits of `ops/dropoutHash.ts` for keys and values of every block, as the columns of the table lie: [P, 2·layers·width]."""
    width = model.heads * model.size
    index = np.arange(model.length * width, dtype=np.uint64)
    pieces = []
    for layer in range(model.layers):
        for side in (0, 1):
            key = (stream_of(f"prefix dropout {layer}") + side) & WORD
            bits = pcg((pcg(index ^ pcg(seed ^ int(pcg(key)))) + key) & WORD)
            kept = (bits >> 8).astype(np.float32) * np.float32(2.0**-24) >= np.float32(model.rate)
            pieces.append(torch.from_numpy(kept.reshape(model.length, width).astype(np.float32)))
    return torch.cat(pieces, dim=1)


def exported(folder, spec):
    base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    return PeftModel.from_pretrained(base, folder / "ours/adapter")
