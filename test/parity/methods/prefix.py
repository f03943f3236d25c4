"""Prefix-tuning, direct and reparametrised, against PEFT."""

import torch
from peft import PeftModel, PrefixTuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from cases import case, short

PREFIX = {"type": "prefix", "num_virtual_tokens": 6, "init_weights": "normal"}
PROJECTED = {**PREFIX, "prefix_projection": True, "encoder_hidden_size": 20}

CASES = [
    case("prefix-gpt2", "gpt2", PREFIX, max_length=40, learning_rate=1e-1, weight_decay=0.01),
    case("prefix-llama", "llama", {**PREFIX, "num_virtual_tokens": 9}, max_length=40, learning_rate=1e-2),
    case("prefix-qwen2", "qwen2", PREFIX, max_length=40, learning_rate=5e-3, lr_scheduler_type="cosine"),
    case("prefix-projected-gpt2", "gpt2", PROJECTED, max_length=40, learning_rate=2e-3, weight_decay=0.1),
    case("prefix-projected-llama", "llama", PROJECTED, max_length=40, learning_rate=2e-3),
    case("prefix-file-llama", "llama", PREFIX, max_length=40, learning_rate=1e-2, max_grad_norm=0.5),
]


def attach(model, spec, folder):
    """PEFT's random start; one case starts from a file that PEFT wrote, the others from the encoder's tensors."""
    method = spec["method"]
    config = PrefixTuningConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=method["num_virtual_tokens"],
        prefix_projection=method.get("prefix_projection", False), encoder_hidden_size=method.get("encoder_hidden_size"),
    )
    model = get_peft_model(model, config)
    if spec["name"].startswith("prefix-file"):
        model.save_pretrained(folder / "initial")
        return model, {"adapter": "initial"}
    start = {short(name): p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    save_file(start, folder / "initial.safetensors")
    return model, {}


def exported(folder, spec):
    base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    return PeftModel.from_pretrained(base, folder / "ours/adapter")
