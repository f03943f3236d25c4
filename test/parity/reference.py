"""Trains parity cases with PyTorch and PEFT, and holds our engine's results against them.

    python reference.py ROOT [NAME …]

writes models, adapters, rows and configs into ROOT and prints the names of its cases, a JSON list on one line. Then, for
each name that it reads from standard input, it trains that case, compares it with ROOT/NAME/ours, writes
ROOT/NAME/report.json and prints the same report on one line.

Each file in `methods/` has CASES and `attach(model, spec, folder) -> (model, additions)`: the reference model with its
method and start values, and keys for our config's method section. It writes what we start from: an adapter folder, or
`initial.safetensors` with tensors under our parameter names. Optional functions: `groups`, `loss_sum`, `loss_tokens`,
`regularization`, `before_step`, `after_step`, `facts` with `compare_facts`, `compare_files`, `our_name`, `exported`;
optional BOUNDS.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

import portable  # noqa: F401

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, Trainer, get_scheduler
from transformers.utils import logging

import cases

# Largest relative differences. Final tensors carry dozens of Adam steps of rounding: an element whose gradient is near
# zero may move by a different sign.
BOUNDS = {"loss": 1e-4, "gradient": 1e-4, "logits": 1e-4, "tensor": 5e-3, "learningRate": 1e-9}


# Files whose reference library this interpreter has; parity.mjs knows which environment has what.
METHODS = [importlib.import_module(f"methods.{name}") for name in os.environ["PARITY_METHODS"].split(",")]


def chosen(names):
    """Pairs of a method's file and one of its cases. A name chooses the cases that contain it."""
    pairs = [(method, spec) for method in METHODS for spec in method.CASES]
    return [(method, spec) for method, spec in pairs if not names or any(name in spec["name"] for name in names)]


def prepare(method, spec, folder):
    """Model folder, rows, our config, and whatever the method starts from."""
    folder.mkdir(parents=True, exist_ok=True)
    model = cases.build_model(spec["model"])
    model.save_pretrained(folder / "model")
    cases.write_tokenizer(folder / "model")
    cases.write_inputs(spec, folder, attach(method, model, spec, folder)[1])


def attach(method, model, spec, folder):
    """The same start values whenever it is called."""
    torch.manual_seed(13)
    model, additions = method.attach(model, spec, folder)
    return model.train(), additions


def load_base(folder):
    return AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)


def parameter_groups(method, model, spec):
    """transformers' Trainer groups by decay."""
    if hasattr(method, "groups"):
        return method.groups(model, spec)
    training = spec["training"]
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    trained = [(name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad]
    rate, decay = training["learning_rate"], training.get("weight_decay", 0.0)
    return [
        {"params": [t for name, t in trained if name in decayed], "lr": rate, "weight_decay": decay},
        {"params": [t for name, t in trained if name not in decayed], "lr": rate, "weight_decay": 0.0},
    ]


def windows(rows, training):
    """Batches in file order, windows of `gradient_accumulation_steps`, epoch after epoch."""
    size, accumulation = training["per_device_train_batch_size"], training["gradient_accumulation_steps"]
    batches = [rows[i : i + size] for i in range(0, len(rows), size)]
    per_epoch = [batches[i : i + accumulation] for i in range(0, len(batches), accumulation)]
    step = 0
    while True:
        yield per_epoch[step % len(per_epoch)]
        step += 1


def pad(batch):
    longest = max(len(row["input_ids"]) for row in batch)
    def padded(key, value):
        return torch.tensor([row[key] + [value] * (longest - len(row[key])) for row in batch])
    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in batch])
    return padded("input_ids", 0), padded("labels", -100), mask


def loss_sum(model, batch):
    ids, labels, mask = pad(batch)
    logits = model(input_ids=ids, attention_mask=mask).logits
    return F.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]).float(), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum"
    )


def train(method, model, spec, rows):
    training = spec["training"]
    optimizer = torch.optim.AdamW(
        [group for group in parameter_groups(method, model, spec) if group["params"]],
        betas=(training.get("adam_beta1", 0.9), training.get("adam_beta2", 0.999)),
        eps=training.get("adam_epsilon", 1e-8),
        foreach=False,
    )
    warmup = training.get("warmup_steps", 0) or int(np.ceil(training["max_steps"] * training.get("warmup_ratio", 0.0)))
    scheduler = get_scheduler(training["lr_scheduler_type"], optimizer, warmup, training["max_steps"])
    losses, norms, rates, first, facts = [], [], [], {}, []
    for step, window in zip(range(training["max_steps"]), windows(rows, training)):
        count = sum(method_count(method, spec, row) for batch in window for row in batch)
        optimizer.zero_grad()
        total = 0.0
        for batch in window:
            loss = method_loss(method, model, spec, batch) / count
            loss.backward()
            total += float(loss)
        if hasattr(method, "regularization"):
            method.regularization(model, spec).backward()
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        if step == 0:
            first = {name: p.grad.clone() for name, p in trained if p.grad is not None}
        bound = training["max_grad_norm"]
        norms.append(
            float(torch.nn.utils.clip_grad_norm_([p for _, p in trained], bound if bound > 0 else float("inf")))
        )
        losses.append(total)
        rates.append(scheduler.get_last_lr()[0])
        if hasattr(method, "before_step"):
            method.before_step(model, optimizer, spec)
        optimizer.step()
        scheduler.step()
        if hasattr(method, "after_step"):
            method.after_step(model, optimizer, step + 1, spec)
        if hasattr(method, "facts"):
            facts.append(method.facts(model, step + 1))
    return {"losses": losses, "gradNorms": norms, "learningRates": rates, "gradients": first, "facts": facts}


def method_loss(method, model, spec, batch):
    """Sum of token losses; a method with virtual tokens of its own brings its own forward pass."""
    return method.loss_sum(model, spec, batch, pad) if hasattr(method, "loss_sum") else loss_sum(model, batch)


def method_count(method, spec, row):
    if hasattr(method, "loss_tokens"):
        return method.loss_tokens(spec, row)
    return sum(label != -100 for label in row["labels"][1:])


def relative(ours, theirs):
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return float("inf")
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12))


def per_tensor(method, ours, named):
    our_name = getattr(method, "our_name", cases.short)
    worst, where = 0.0, ""
    for name, tensor in named:
        if tensor.numel() == 0:
            continue
        found = ours.get(our_name(name))
        difference = float("inf") if found is None else relative(found.reshape(tensor.shape), tensor.numpy())
        if difference >= worst:
            worst, where = difference, our_name(name)
    return worst, where


def exported_logits(method, folder, spec, prompts):
    """What the reference library computes from the files that our engine exported."""
    if hasattr(method, "exported"):
        model = method.exported(folder, spec)
    else:
        model = AutoModelForCausalLM.from_pretrained(
            folder / "ours/adapter", attn_implementation="eager", dtype=torch.float32
        )
    model.eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([ids])).logits[0, -1].numpy() for ids in prompts]


def compared_facts(method, ours, theirs, spec, folder):
    if hasattr(method, "compare_files"):
        return method.compare_files(folder, spec)
    return method.compare_facts(ours["importance"], theirs["facts"], spec) if hasattr(method, "compare_facts") else None


def compare(method, spec, folder):
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    model = attach(method, load_base(folder), spec, folder)[0]
    theirs = train(method, model, spec, rows)
    ours = json.loads((folder / "ours/summary.json").read_text())
    worst_gradient, gradient_at = per_tensor(method, load_file(folder / "ours/gradients.safetensors"), theirs["gradients"].items())
    trained = [(k, p.detach()) for k, p in model.named_parameters() if p.requires_grad]
    worst_tensor, tensor_at = per_tensor(method, load_file(folder / "ours/final.safetensors"), trained)
    logits = exported_logits(method, folder, spec, ours["prompts"])
    report = {
        "name": spec["name"],
        "loss": max(abs(a - b) / abs(b) for a, b in zip(ours["losses"], theirs["losses"], strict=True)),
        "gradNorm": max(abs(a - b) / abs(b) for a, b in zip(ours["gradNorms"], theirs["gradNorms"], strict=True)),
        "learningRate": max(abs(a - b) for a, b in zip(ours["learningRates"], theirs["learningRates"], strict=True)),
        "gradient": worst_gradient,
        "gradientAt": gradient_at,
        "tensor": worst_tensor,
        "tensorAt": tensor_at,
        "logits": max(relative(a, b) for a, b in zip(ours["logits"], logits, strict=True)),
        "firstLoss": theirs["losses"][0],
        "lastLoss": theirs["losses"][-1],
        # What is not a number: masks, selected sets, ranks. None when they are equal.
        "facts": compared_facts(method, ours, theirs, spec, folder),
    }
    bounds = {**BOUNDS, **getattr(method, "BOUNDS", {})}
    report["passed"] = report["facts"] is None and all(report[key] <= bound for key, bound in bounds.items())
    return report


def reported(method, spec, folder):
    """The report of a case; one that cannot be compared failed, and the others go on."""
    try:
        report = compare(method, spec, folder)
    except Exception:
        report = {"name": spec["name"], "passed": False, "error": traceback.format_exc()}
    (folder / "report.json").write_text(json.dumps(report, indent=2))
    return json.dumps(report).replace("Infinity", "1e999")


def main():
    root, *names = sys.argv[1:]
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    pairs = {spec["name"]: (method, spec) for method, spec in chosen(names)}
    for name, (method, spec) in pairs.items():
        prepare(method, spec, Path(root) / name)
    print(json.dumps(list(pairs)), flush=True)
    for line in sys.stdin:
        name = line.strip()
        print(reported(*pairs[name], Path(root) / name), flush=True)


main()
