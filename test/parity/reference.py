"""Trains parity cases with PyTorch and PEFT, then holds our engine's results against them.

    python reference.py prepare ROOT [NAME …]   writes models, adapters, rows and configs
    python reference.py compare ROOT [NAME …]   trains, compares with ROOT/NAME/ours, writes ROOT/NAME/report.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from peft import PeftModel
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, Trainer, get_scheduler
from transformers.utils import logging

import cases

LOSS_BOUND = 1e-4
GRADIENT_BOUND = 1e-4
LOGIT_BOUND = 1e-4
# Final tensors carry 50 Adam steps of rounding: an element whose gradient is near zero may move by a different sign.
TENSOR_BOUND = 5e-3


def load(folder, spec):
    model = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    if spec["method"]["type"] == "lora":
        model = PeftModel.from_pretrained(model, folder / "initial", is_trainable=True)
    return model.train()


def parameter_groups(model, spec):
    """transformers' Trainer groups by decay; LoRA+ puts B at a multiple of the rate."""
    training, method = spec["training"], spec["method"]
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    decayed = set(Trainer.get_decay_parameter_names(None, base if base is model else model))
    ratio = method.get("loraplus_lr_ratio", 1)
    groups = {}
    for name, tensor in model.named_parameters():
        if not tensor.requires_grad:
            continue
        rate = training["learning_rate"] * (ratio if "lora_B" in name else 1)
        decay = training.get("weight_decay", 0.0) if name in decayed else 0.0
        groups.setdefault((rate, decay), []).append(tensor)
    return [{"params": tensors, "lr": rate, "weight_decay": decay} for (rate, decay), tensors in groups.items()]


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


def train(model, spec, rows):
    training = spec["training"]
    optimizer = torch.optim.AdamW(
        parameter_groups(model, spec),
        betas=(training.get("adam_beta1", 0.9), training.get("adam_beta2", 0.999)),
        eps=training.get("adam_epsilon", 1e-8),
        foreach=False,
    )
    warmup = training.get("warmup_steps", 0) or int(np.ceil(training["max_steps"] * training.get("warmup_ratio", 0.0)))
    scheduler = get_scheduler(training["lr_scheduler_type"], optimizer, warmup, training["max_steps"])
    trained = [p for p in model.parameters() if p.requires_grad]
    losses, norms, rates, first = [], [], [], {}
    for step, window in zip(range(training["max_steps"]), windows(rows, training)):
        count = sum(int((torch.tensor(row["labels"][1:]) != -100).sum()) for batch in window for row in batch)
        optimizer.zero_grad()
        total = 0.0
        for batch in window:
            loss = loss_sum(model, batch) / count
            loss.backward()
            total += float(loss)
        if step == 0:
            first = {key: p.grad.clone() for key, p in model.named_parameters() if p.requires_grad}
        bound = training["max_grad_norm"]
        norms.append(float(torch.nn.utils.clip_grad_norm_(trained, bound if bound > 0 else float("inf"))))
        losses.append(total)
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"losses": losses, "gradNorms": norms, "learningRates": rates, "gradients": first}


def short(name):
    """Parameter names as our engine and a PEFT file without prefix have them."""
    return name.replace("base_model.model.", "").replace(".default", "")


def relative(ours, theirs):
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return float("inf")
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12))


def per_tensor(ours, named):
    worst, where = 0.0, ""
    for name, tensor in named:
        found = ours.get(short(name))
        difference = float("inf") if found is None else relative(found.reshape(tensor.shape), tensor.numpy())
        if difference >= worst:
            worst, where = difference, short(name)
    return worst, where


def exported_logits(folder, spec, prompts):
    """What Hugging Face computes from the files that our engine exported."""
    if spec["method"]["type"] == "lora":
        base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
        model = PeftModel.from_pretrained(base, folder / "ours/adapter")
    else:
        model = AutoModelForCausalLM.from_pretrained(folder / "ours/adapter", attn_implementation="eager", dtype=torch.float32)
    model.eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([ids])).logits[0, -1].numpy() for ids in prompts]


def compare(folder, spec):
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    model = load(folder, spec)
    theirs = train(model, spec, rows)
    ours = json.loads((folder / "ours/summary.json").read_text())
    gradients = load_file(folder / "ours/gradients.safetensors")
    final = load_file(folder / "ours/final.safetensors")
    worst_gradient, gradient_at = per_tensor(gradients, [(k, g) for k, g in theirs["gradients"].items()])
    trained = [(k, p.detach()) for k, p in model.named_parameters() if p.requires_grad]
    worst_tensor, tensor_at = per_tensor(final, trained)
    logits = exported_logits(folder, spec, ours["prompts"])
    loss_differences = [abs(a - b) / abs(b) for a, b in zip(ours["losses"], theirs["losses"], strict=True)]
    report = {
        "name": spec["name"],
        "loss": max(loss_differences),
        "gradNorm": max(abs(a - b) / abs(b) for a, b in zip(ours["gradNorms"], theirs["gradNorms"], strict=True)),
        "learningRate": max(abs(a - b) for a, b in zip(ours["learningRates"], theirs["learningRates"], strict=True)),
        "gradient": worst_gradient,
        "gradientAt": gradient_at,
        "tensor": worst_tensor,
        "tensorAt": tensor_at,
        "logits": max(relative(a, b) for a, b in zip(ours["logits"], logits, strict=True)),
        "firstLoss": theirs["losses"][0],
        "lastLoss": theirs["losses"][-1],
    }
    report["passed"] = (
        report["loss"] <= LOSS_BOUND
        and report["gradient"] <= GRADIENT_BOUND
        and report["logits"] <= LOGIT_BOUND
        and report["tensor"] <= TENSOR_BOUND
        and report["learningRate"] <= 1e-9
    )
    (folder / "report.json").write_text(json.dumps(report, indent=2))
    print(json.dumps(report), flush=True)


def main():
    action, root, *names = sys.argv[1:]
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if action == "prepare":
        cases.write_all(root, names)
        print(json.dumps([spec["name"] for spec in cases.chosen(names)]))
    else:
        for spec in cases.chosen(names):
            compare(Path(root) / spec["name"], spec)


main()
