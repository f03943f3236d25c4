"""Writes sampling.json: logits after the processors that transformers' `generate` applies, for several settings.

Run: python test/reference/sampling.py   (torch, transformers, CPU)
"""

import json
import math
import pathlib

import torch
import transformers
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

VOCABULARY, TEXT = 41, [3, 17, 17, 29, 5, 40, 0]
SETTINGS = [
    {},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"temperature": 0.7, "top_k": 0},
    {"temperature": 1.0, "top_k": 50},
    {"temperature": 1.0, "top_k": 5},
    {"temperature": 1.0, "top_k": 1},
    {"temperature": 1.0, "top_k": 0, "top_p": 0.9},
    {"temperature": 1.0, "top_k": 0, "top_p": 0.01},
    {"temperature": 1.6, "top_k": 12, "top_p": 0.8, "repetition_penalty": 1.2},
    {"temperature": 0.3, "top_k": 30, "top_p": 0.97, "repetition_penalty": 1.5},
]


def logits(case: int) -> torch.Tensor:
    """Values of both signs and no two alike; the last case has ties at the edge of its top 5."""
    values = [4.0 * math.sin(1.3 * i + 0.7 * case) + 0.01 * i for i in range(VOCABULARY)]
    return torch.tensor(values, dtype=torch.float32)


def tied() -> torch.Tensor:
    return torch.tensor([float(i % 3) for i in range(VOCABULARY)], dtype=torch.float32)


model = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_embd=8, n_layer=1, n_head=1, n_positions=16))
ids = torch.tensor([TEXT])


def processed(scores: torch.Tensor, settings: dict) -> list[float | None]:
    sample = "temperature" in settings
    config = GenerationConfig(do_sample=sample, pad_token_id=0, **settings)
    config, _ = model._prepare_generation_config(config)
    processors = model._get_logits_processor(generation_config=config, input_ids_seq_length=len(TEXT), device="cpu")
    row = processors(ids, scores[None].clone())[0]
    return [None if math.isinf(score) else score for score in row.tolist()]


def entry(scores: torch.Tensor, settings: dict) -> dict:
    complete = {"temperature": 0, "top_k": 50, "top_p": 1, "repetition_penalty": 1, **settings}
    return {"settings": complete, "logits": scores.tolist(), "scores": processed(scores, settings)}


cases = [entry(logits(case), settings) for case, settings in enumerate(SETTINGS)]
cases.append(entry(tied(), {"temperature": 1.0, "top_k": 5}))
trace = {"transformers": transformers.__version__, "text": TEXT, "cases": cases}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(trace, indent=1) + "\n")
