"""AdaLoRA against PEFT: losses, budget, masks and scores over all phases of the schedule."""

from types import SimpleNamespace

import torch
from peft import AdaLoraConfig, PeftModel, get_peft_model
from peft.tuners.adalora.layer import RankAllocator
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from cases import case

ADALORA = {
    "type": "adalora", "init_r": 6, "target_r": 3, "lora_alpha": 12, "tinit": 10, "tfinal": 20,
    "orth_reg_weight": 0.1, "target_modules": "all-linear",
}
RUN = {"max_steps": 60, "importance_steps": 1, "learning_rate": 5e-3}

CASES = [
    case("adalora-gpt2", "gpt2", ADALORA, **RUN),
    case("adalora-llama", "llama", {**ADALORA, "deltaT": 4, "beta1": 0.9, "beta2": 0.8}, weight_decay=0.01, **RUN),
    case("adalora-llama-tight", "llama", {**ADALORA, "orth_reg_weight": 0.5, "target_r": 1, "tfinal": 5}, **{**RUN, "max_grad_norm": 0.3}),
    case("adalora-llama-continued", "llama", {**ADALORA, "target_r": 2}, **RUN),
    case("adalora-gpt2-bias-norms", "gpt2", {**ADALORA, "bias": "lora_only", "modules_to_save": ["ln_1", "ln_f"]}, **RUN),
    case("adalora-llama-modules", "llama", {**ADALORA, "modules_to_save": ["embed_tokens", "lm_head", "norm"]}, **{**RUN, "learning_rate": 2e-3}),
    case("adalora-gpt2-continued", "gpt2", {**ADALORA, "target_r": 2, "export_format": "lora"}, **RUN),
]

KEYS = ("init_r", "target_r", "lora_alpha", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight", "target_modules", "modules_to_save", "bias")


def attach(model, spec, folder):
    method = spec["method"]
    chosen = {key: method[key] for key in KEYS if key in method}
    config = AdaLoraConfig(task_type="CAUSAL_LM", total_step=spec["training"]["max_steps"], **chosen)
    base, model = model, get_peft_model(model, config)
    if "continued" in spec["name"]:
        return continued(model, base, folder)
    tensors = {our_name(k): p.detach().contiguous() for k, p in model.named_parameters() if p.requires_grad}
    save_file(tensors, folder / "initial.safetensors")
    return model, {}


def continued(model, base, folder):
    """From an adapter that PEFT wrote after pruning: ranks 0 to 6, modules of rank 0 among them."""
    pattern = {}
    with torch.no_grad():
        for index, (name, tensor) in enumerate((n, p) for n, p in model.named_parameters() if "lora_E" in n):
            keep = torch.rand(tensor.shape[0]) < (0.0 if index == 1 else 0.7)
            tensor.copy_(0.3 * torch.randn_like(tensor)).masked_fill_(~keep.unsqueeze(-1), 0.0)
            pattern[name.replace("base_model.model.", "")] = keep.tolist()
    model.peft_config["default"].rank_pattern = pattern
    model.save_pretrained(folder / "initial")
    again = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    model = PeftModel.from_pretrained(again, folder / "initial", is_trainable=True)
    # PEFT counts the initial budget before it cuts the tensors of a loaded adapter; then kthvalue prunes too many.
    tuner = model.base_model
    tuner.rankallocator = RankAllocator(tuner.model, tuner.peft_config["default"], "default")
    return model, {"adapter": "initial"}


def our_name(name):
    for part in ("base_model.model.", ".default", ".modules_to_save", ".base_layer"):
        name = name.replace(part, "")
    return name


def regularization(model, spec):
    """The term that PEFT's own forward pass adds to a loss."""
    tuner = model.base_model
    forward = tuner.model.forward
    tuner.model.forward = lambda: SimpleNamespace(loss=torch.zeros(()))
    try:
        return tuner.forward().loss
    finally:
        tuner.model.forward = forward


def after_step(model, optimizer, step, spec):
    model.base_model.update_and_allocate(step)


def facts(model, step):
    tuner = model.base_model
    allocator, pattern = tuner.rankallocator, tuner.peft_config["default"].rank_pattern
    found = {"budget": allocator.budget_schedule(step)[0], "kept": {}, "scores": {}}
    for name in (n for n, p in tuner.model.named_parameters() if "lora_E" in n):
        path = name.split(".lora_E")[0]
        rank = dict(tuner.model.named_parameters())[name].shape[0]
        known = (pattern or {}).get(name, [True] * rank)
        found["kept"][path] = known if len(known) == rank else [True] * rank
        if allocator.exp_avg_ipt:
            scored = {f: allocator._element_score(name.replace("lora_E", f"lora_{f}")) for f in "ABE"}
            found["scores"][path] = (scored["E"].view(-1) + (scored["A"].mean(1) + scored["B"].mean(0))).tolist()
    return found


def ours_by_path(report, spec):
    """Fates of triplets by module path; rows are labelled with the end of the path, columns with blocks."""
    blocks = "transformer.h" if spec["model"] == "gpt2" else "model.layers"
    table = report["tables"][0]
    return {
        (blocks, block, label): cell
        for label, row in zip(table["modules"], report["triplets"], strict=True)
        for block, cell in zip(table["blocks"], row, strict=True)
        if cell is not None
    }


def compare_facts(ours, theirs, spec):
    if len(ours) != len(theirs):
        return f"{len(ours)} reports instead of {len(theirs)}"
    for report, expected in zip(ours, theirs, strict=True):
        step, cells = report["step"], ours_by_path(report, spec)
        if report["budget"]["planned"] != expected["budget"]:
            return f"step {step}: budget {report['budget']['planned']} instead of {expected['budget']}"
        if report["budget"]["actual"] != sum(sum(kept) for kept in expected["kept"].values()):
            return f"step {step}: {report['budget']['actual']} triplets kept"
        highest = max((s for scores in expected["scores"].values() for s in scores), default=0)
        for path, kept in expected["kept"].items():
            cell = next(
                (c for (root, block, label), c in cells.items() if path.startswith(f"{root}.{block}.") and path.endswith(f".{label}")),
                [],
            )
            if [fate["kept"] for fate in cell] != kept:
                return f"step {step}: another mask in {path}"
            for fate, score in zip(cell, expected["scores"].get(path, []), strict=False):
                if abs(fate["score"] - score) > 2e-3 * score + 1e-5 * highest:
                    return f"step {step}: score {fate['score']} instead of {score} in {path}"
    return None


def exported(folder, spec):
    """Both forms must compute the same."""
    models = {}
    for form in ("adalora", "lora"):
        base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
        main = spec["method"].get("export_format", "adalora") == form
        models[form] = PeftModel.from_pretrained(base, folder / ("ours/adapter" if main else f"ours/adapter/{form}")).eval()
    prompt = torch.tensor([[7, 3, 99, 20]])
    with torch.no_grad():
        first, second = (model(input_ids=prompt).logits for model in models.values())
    assert (first - second).abs().max() <= 1e-5 * first.abs().max(), "ADALORA and its fold into LoRA differ"
    return models["adalora"]
