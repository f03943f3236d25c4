"""WeightLoRA and WeightLoRA+ against a PyTorch reference of the authors' rules.

The rules are those of brain-mmo-lab/WLoRA at 809edb82: the layer of `peft/src/peft/tuners/weight_lora/layer.py`
(`get_delta_weight`: ω·A·B·alpha/r) and `src/optimizers.py` (`WeightAdamW.step`, `FatAdamW.step`, `proj_0`), with PEFT's
start values for A and B. Adam's ε stands where PyTorch has it.
"""

import numpy as np
import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from cases import case

WEIGHTLORA = {"type": "weightlora", "r": 2, "lora_alpha": 8, "selection_warmup_ratio": 0, "freeze_ratio": 1}
GROWING = {**WEIGHTLORA, "growth": "smart", "fat_step": 8, "max_fat_steps": 2, "lr_w": 0.5}
# No warm-up: at a rate of zero all ω are equal, and which of them are dropped would be a matter of sorting.
TRAINING = {"learning_rate": 5e-3, "warmup_steps": 0, "importance_steps": 1, "max_grad_norm": 0, "adam_epsilon": 1e-6}

CASES = [
    case("weightlora-gpt2", "gpt2", {**WEIGHTLORA, "k": 3, "lr_w": 1.0, "fat_step": 1}, **TRAINING),
    case("weightlora-llama", "llama", {**WEIGHTLORA, "k": 5, "lr_w": 0.5, "fat_step": 3}, **TRAINING),
    case("weightlora-llama-share", "llama", {**WEIGHTLORA, "k": 5, "selection": "omega_norm", "lr_w": 0.5, "fat_step": 4}, **TRAINING),
    case(
        "weightlora-gpt2-freeze", "gpt2",
        {**WEIGHTLORA, "k": 3, "lr_w": 1.0, "selection_warmup_ratio": 0.1, "freeze_ratio": 0.4}, **TRAINING,
    ),
    case("weightlora-plus-gpt2", "gpt2", {**GROWING, "growth": "dummy"}, **TRAINING),
    case("weightlora-plus-llama", "llama", GROWING, **TRAINING),
]


class Adapter(nn.Module):
    """A frozen Linear or Conv1D with ω·s·B·A beside it."""

    def __init__(self, base, path, rank, scale):
        super().__init__()
        self.base, self.path, self.scale = base, path, scale
        inputs, outputs = base.weight.shape if isinstance(base, Conv1D) else reversed(base.weight.shape)
        self.lora_A = nn.Parameter(torch.empty(rank, inputs))
        nn.init.kaiming_uniform_(self.lora_A, a=5**0.5)
        self.lora_B = nn.Parameter(0.05 * torch.randn(outputs, rank))
        self.lora_w = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.base(x) + self.lora_w * self.scale * ((x @ self.lora_A.T) @ self.lora_B.T)


def attach(model, spec, folder):
    from safetensors.torch import save_file

    method = spec["method"]
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    modules = [(n, m) for n, m in model.named_modules() if isinstance(m, (nn.Linear, Conv1D)) and n != "lm_head"]
    model.adapters, start = [], {}
    for path, module in modules:
        parent = model.get_submodule(path.rpartition(".")[0])
        adapter = Adapter(module, path, method["r"], method["lora_alpha"] / method["r"])
        setattr(parent, path.rpartition(".")[2], adapter)
        model.adapters.append(adapter)
        start[f"{path}.lora_A.weight"] = adapter.lora_A.detach()
        start[f"{path}.lora_B.weight"] = adapter.lora_B.detach()
        start[f"{path}.lora_w"] = adapter.lora_w.detach()
    save_file({name: tensor.clone().contiguous() for name, tensor in start.items()}, folder / "initial.safetensors")
    model.kept = list(range(len(modules)))
    model.growths = 0
    return model, {}


def our_name(name):
    return name.replace(".lora_A", ".lora_A.weight").replace(".lora_B", ".lora_B.weight")


def groups(model, spec):
    """ω is a group of its own with the SGD rate in place of Adam's; `after_step` undoes what Adam does to it."""
    training, rate = spec["training"], spec["training"]["learning_rate"]
    pairs = [p for adapter in model.adapters for p in (adapter.lora_A, adapter.lora_B)]
    return [{"params": pairs, "lr": rate, "weight_decay": training.get("weight_decay", 0.0)}]


def after_step(model, optimizer, step, spec):
    method, training = spec["method"], spec["training"]
    # The scheduler has moved on already: the factor of this step is that of its previous call.
    factor = optimizer.param_groups[0]["lr_of_step"] / training["learning_rate"]
    growing = method.get("growth", "none") != "none"
    every = method.get("fat_step", 1)
    live = [model.adapters[i] for i in model.kept]
    if not growing or model.growths < method["max_fat_steps"]:
        for adapter in live:
            adapter.lora_w.data -= factor * method["lr_w"] * adapter.lora_w.grad
    if growing:
        if step % every == 0 and model.growths < method["max_fat_steps"]:
            grow(model, optimizer, method, training)
    elif selects(method, training, step):
        select(model, method)
        if step == last_selection(method, training):
            drop(model, [i for i, adapter in enumerate(model.adapters) if float(adapter.lora_w.detach()) == 0])
    # ω is in no group of the optimizer, which therefore never clears its gradient.
    for adapter in model.adapters:
        adapter.lora_w.grad = None


def warmup(method, training):
    return int(training["max_steps"] * method["selection_warmup_ratio"])


def last_selection(method, training):
    if method["freeze_ratio"] >= 1:
        return float("inf")
    return max(warmup(method, training) + 1, int(training["max_steps"] * method["freeze_ratio"]))


def selects(method, training, step):
    last = last_selection(method, training)
    return step == last or (warmup(method, training) < step < last and step % method.get("fat_step", 1) == 0)


def drop(model, indices):
    for index in indices:
        for tensor in (model.adapters[index].lora_w, model.adapters[index].lora_A, model.adapters[index].lora_B):
            tensor.data.zero_()
            tensor.requires_grad_(False)
    model.kept = [i for i in model.kept if i not in indices]


def select(model, method):
    """`proj_0`: zero the n − K smallest, when ω has a gradient at all."""
    gradients = torch.stack([adapter.lora_w.grad[0] for adapter in model.adapters])
    if float(torch.linalg.norm(gradients)) <= 1e-10:
        return
    omega = torch.stack([adapter.lora_w.data[0] for adapter in model.adapters])
    score = omega
    if method.get("selection") == "omega_norm":
        norms = torch.stack([torch.linalg.norm(a.lora_B @ a.lora_A).detach() for a in model.adapters])
        score = omega.abs() * norms / norms.sum()
    _, lost = torch.topk(score, k=len(model.adapters) - method["k"], largest=False)
    for index in lost.tolist():
        model.adapters[index].lora_w.data.zero_()


def grow(model, optimizer, method, training):
    """`FatAdamW.step` at a multiple of fat_step: the chosen half by ω stays; its rank doubles, its moments restart."""
    count = len(model.kept) // 2
    omega = torch.stack([model.adapters[i].lora_w.data[0] for i in model.kept])
    _, lost = torch.topk(omega, k=len(model.kept) - count, largest=False)
    kept = [i for place, i in enumerate(model.kept) if place not in lost.tolist() and float(omega[place]) > 0]
    drop(model, set(model.kept) - set(kept))
    pairs = []
    for index in kept:
        adapter = model.adapters[index]
        # Adam stands still in a growing step.
        a, b = adapter.before
        rank, inputs = a.shape
        fresh = torch.from_numpy(uniform(f"{adapter.path} {rank} growth", training["seed"], inputs * rank)).reshape(inputs, rank)
        m = a.T.double()
        if method["growth"] == "smart":
            q, r = torch.linalg.qr(m, mode="reduced")
            fresh = fresh - q @ (q.T @ fresh)
            m, b = q, (r @ b.T.double()).T
        adapter.lora_A = nn.Parameter(torch.cat([m, fresh], dim=1).T.float().contiguous())
        adapter.lora_B = nn.Parameter(torch.cat([b.double(), torch.zeros(b.shape[0], rank)], dim=1).float().contiguous())
        pairs += [adapter.lora_A, adapter.lora_B]
    optimizer.param_groups[0]["params"] = pairs
    optimizer.state.clear()
    model.growths += 1


def before_step(model, optimizer, spec):
    optimizer.param_groups[0]["lr_of_step"] = optimizer.param_groups[0]["lr"]
    for adapter in model.adapters:
        adapter.before = (adapter.lora_A.detach().clone(), adapter.lora_B.detach().clone())


def facts(model, step):
    return [i for i, adapter in enumerate(model.adapters) if float(adapter.lora_w.detach()) != 0]


def compare_facts(importance, theirs, spec):
    """The set of adapters with ω ≠ 0 after each step; ours in the order of blocks within rows."""
    growing = spec["method"].get("growth", "none") != "none"
    for ours, chosen in zip(importance, theirs, strict=True):
        # Our report of a growing step shows what the step started from.
        if growing and ours["step"] % spec["method"]["fat_step"] == 0:
            continue
        table = next(t for t in ours["tables"] if t["metric"] == "kept")
        count = int(sum(sum(v or 0 for v in row) for row in table["values"]))
        if count != len(chosen):
            return f"step {ours['step']}: {count} adapters kept, not {len(chosen)}"
        # Modules of a block follow one another in execution order, and so do the rows of the table.
        blocks, rows = len(table["blocks"]), len(table["modules"])
        flat = [i for i in range(blocks * rows) if table["values"][i % rows][i // rows]]
        if flat != chosen:
            return f"step {ours['step']}: adapters {flat} kept, not {chosen}"
    return None


def exported(folder, spec):
    base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    return PeftModel.from_pretrained(base, folder / "ours/adapter")


def mix(value):
    value &= 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return value ^ (value >> 16)


def uniform(name, seed, count):
    """The random numbers of `webview/engine/data/random.ts`."""
    stream = 0x811C9DC5
    for character in name:
        stream = ((stream ^ ord(character)) * 0x01000193) & 0xFFFFFFFF
    first = mix(mix(seed ^ 0x9E3779B9) ^ stream)
    second = mix(first ^ 0x7F4A7C15)
    bits = [mix(mix((first + i) & 0xFFFFFFFF) ^ second ^ stream) for i in range(count)]
    return np.asarray([np.float64(np.float32(b / 4294967296)) for b in bits])
