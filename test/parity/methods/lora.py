"""LoRA, rsLoRA and LoRA+ against PEFT."""

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, Trainer

from cases import case

LORA = {"type": "lora", "r": 4, "lora_alpha": 8, "target_modules": "all-linear"}

CASES = [
    case("lora-gpt2", "gpt2", LORA, learning_rate=5e-3, weight_decay=0.01),
    case("lora-llama", "llama", LORA, learning_rate=5e-3, lr_scheduler_type="cosine", warmup_steps=0, warmup_ratio=0.1),
    case("lora-qwen2", "qwen2", LORA, learning_rate=5e-3, lr_scheduler_type="constant_with_warmup"),
    case(
        "lora-llama-rslora-patterns", "llama",
        {
            **LORA, "use_rslora": True, "rank_pattern": {"q_proj": 7, "layers.1.mlp.down_proj": 2},
            "alpha_pattern": {"v_proj": 5},
        },
        learning_rate=2e-3, max_grad_norm=0.5, weight_decay=0.1,
    ),
    case(
        "lora-gpt2-some-layers", "gpt2",
        {**LORA, "r": 3, "target_modules": ["c_attn", "mlp.c_proj"], "layers_to_transform": [1]},
        learning_rate=1e-2, lr_scheduler_type="constant", warmup_steps=0, max_grad_norm=0,
    ),
    case("lora-plus-llama", "llama", {**LORA, "loraplus_lr_ratio": 8}, learning_rate=1e-3, gradient_accumulation_steps=3),
]

CASES += [
    case("lora-gpt2-bias", "gpt2", {**LORA, "bias": "all"}, learning_rate=2e-3, weight_decay=0.1),
    case(
        "lora-gpt2-bias-targets-norms", "gpt2",
        {**LORA, "target_modules": ["attn.c_proj"], "bias": "lora_only", "modules_to_save": ["ln_1", "ln_f"]},
        learning_rate=2e-3,
    ),
    case(
        "lora-llama-modules", "llama",
        {**LORA, "modules_to_save": ["embed_tokens", "lm_head", "norm"]}, learning_rate=2e-3, weight_decay=0.1,
    ),
    case("lora-llama-whole-projection", "llama", {**LORA, "modules_to_save": ["q_proj", "1.mlp"]}, learning_rate=2e-3),
    case("lora-qwen2-tied-embedding", "qwen2", {**LORA, "modules_to_save": ["embed_tokens"]}, learning_rate=2e-3),
]

KEYS = (
    "r", "lora_alpha", "target_modules", "use_rslora", "rank_pattern", "alpha_pattern", "layers_to_transform",
    "modules_to_save", "bias",
)


def attach(model, spec, folder):
    method = spec["method"]
    config = LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **{k: method[k] for k in KEYS if k in method})
    # One weight for embedding and head is trained as one; without this PEFT parts the two.
    config.ensure_weight_tying = bool(model.config.tie_word_embeddings and method.get("modules_to_save"))
    model = get_peft_model(model, config)
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            if "lora_B" in key:
                tensor.copy_(0.05 * torch.randn_like(tensor))
            elif tensor.requires_grad and "lora_A" not in key:
                tensor.add_(0.05 * torch.randn_like(tensor))
    model.save_pretrained(folder / "initial")
    return model, {"adapter": "initial"}


def our_name(name):
    for part in ("base_model.model.", ".default", ".modules_to_save", ".base_layer"):
        name = name.replace(part, "")
    return name


def groups(model, spec):
    """transformers' Trainer groups by decay; LoRA+ puts B at a multiple of the rate."""
    training, ratio = spec["training"], spec["method"].get("loraplus_lr_ratio", 1)
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    found = {}
    for name, tensor in model.named_parameters():
        if not tensor.requires_grad:
            continue
        rate = training["learning_rate"] * (ratio if "lora_B" in name else 1)
        decay = training.get("weight_decay", 0.0) if name in decayed else 0.0
        found.setdefault((rate, decay), []).append(tensor)
    return [{"params": tensors, "lr": rate, "weight_decay": decay} for (rate, decay), tensors in found.items()]


def compare_files(folder, spec):
    """Our merged weights against PEFT's `merge_and_unload` of the adapter that our engine exported."""
    ours = load_file(folder / "ours/merged.safetensors")
    theirs = exported(folder, spec).merge_and_unload().state_dict()
    for name, tensor in ours.items():
        expected = theirs[name]
        if (tensor - expected).abs().max() > 1e-6 * expected.abs().max():
            return f"{name} is merged otherwise than PEFT does"
    return None


def exported(folder, spec):
    base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    return PeftModel.from_pretrained(base, folder / "ours/adapter")
