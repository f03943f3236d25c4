"""Houlsby and Pfeiffer adapters against the `adapters` library; Rebuffi's residual adapters against a reference here.

The library pins an older transformers, so that this file runs in an environment of its own.
"""

import re

import adapters
import torch
from adapters import DoubleSeqBnConfig, SeqBnConfig
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM

from cases import case

HOULSBY = {"type": "bottleneck", "placement": "houlsby", "reduction_factor": 4}
PFEIFFER = {"type": "bottleneck", "placement": "pfeiffer", "reduction_factor": 4}
SERIES = {"type": "bottleneck", "placement": "residual_series"}
PARALLEL = {"type": "bottleneck", "placement": "residual_parallel"}

CASES = [
    case("bottleneck-houlsby-gpt2", "gpt2", HOULSBY, learning_rate=5e-3, weight_decay=0.01),
    case("bottleneck-houlsby-llama", "llama", HOULSBY, learning_rate=5e-3, lr_scheduler_type="cosine"),
    case("bottleneck-pfeiffer-gpt2", "gpt2", PFEIFFER, learning_rate=5e-3, max_grad_norm=0.5),
    case("bottleneck-pfeiffer-llama", "llama", PFEIFFER, learning_rate=5e-3, lr_scheduler_type="constant", warmup_steps=0),
    case("bottleneck-pfeiffer-qwen2", "qwen2", {**PFEIFFER, "non_linearity": "swish"}, learning_rate=5e-3),
    case(
        "bottleneck-houlsby-gpt2-norms", "gpt2",
        {**HOULSBY, "non_linearity": "gelu", "leave_out": [0], "train_layer_norms": True},
        learning_rate=2e-3, weight_decay=0.1,
    ),
    case(
        "bottleneck-houlsby-llama-norms", "llama",
        {"type": "bottleneck", "bottleneck_size": 7, "non_linearity": "relu", "train_layer_norms": True},
        learning_rate=2e-3, weight_decay=0.1,
    ),
    case("residual-series-gpt2", "gpt2", SERIES, learning_rate=1e-3, weight_decay=0.01),
    case("residual-series-llama", "llama", SERIES, learning_rate=1e-3),
    case("residual-parallel-gpt2", "gpt2", PARALLEL, learning_rate=1e-3),
    case("residual-parallel-llama", "llama", {**PARALLEL, "leave_out": [1]}, learning_rate=1e-3, weight_decay=0.01),
]

NAME = "probe"


def attach(model, spec, folder):
    if is_residual(spec["method"]):
        attach_residual(model, spec["method"])
        save_file({our_name(name): tensor.detach().clone() for name, tensor in trained(model)}, folder / "initial.safetensors")
        return model, {}
    adapters.init(model)
    model.add_adapter(NAME, config=library_config(spec["method"], model.config.hidden_size), set_active=True)
    model.train_adapter(NAME)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if f".adapters.{NAME}." in name:
                tensor.copy_(0.1 * torch.randn_like(tensor))
    model.save_adapter(folder / "initial", NAME, with_head=False, use_safetensors=True)
    if spec["method"].get("train_layer_norms"):
        for name, tensor in model.named_parameters():
            tensor.requires_grad |= is_norm(name)
    return model, {"adapter": "initial"}


def library_config(method, hidden_size):
    changes = {key: method[key] for key in ("non_linearity", "leave_out", "reduction_factor") if key in method}
    if "bottleneck_size" in method:
        changes["reduction_factor"] = hidden_size / (method["bottleneck_size"] + 0.5)
    return (SeqBnConfig if method.get("placement") == "pfeiffer" else DoubleSeqBnConfig)(**changes)


def is_norm(name):
    return any(part in name for part in ("norm", "ln_1", "ln_2", "ln_f"))


def our_name(name):
    """Our files call every adapter `default` and name residual matrices by their sublayer."""
    name = re.sub(r"\.(self_attn\.o_proj|attn\.c_proj)\.alpha\.", ".attention_adapters.adapters.default.alpha.", name)
    name = re.sub(r"\.mlp\.(down_proj|c_proj)\.alpha\.", ".output_adapters.adapters.default.alpha.", name)
    return name.replace(f".adapters.{NAME}.", ".adapters.default.")


class Residual(nn.Module):
    """y = f + αf in series, y = f + αx in parallel: `conv_task` of srebuffi/residual_adapters, `models.py`, there a 1x1
    convolution with batch norm; here the layer whose output is f and whose input is x is the last one of a sublayer."""

    def __init__(self, layer, inputs, outputs, parallel):
        super().__init__()
        self.layer = layer
        self.alpha = nn.Linear(inputs, outputs, bias=False)
        self.parallel = parallel

    def forward(self, x):
        f = self.layer(x)
        return f + self.alpha(x if self.parallel else f)


def attach_residual(model, method):
    for tensor in model.parameters():
        tensor.requires_grad = False
    parallel = method["placement"] == "residual_parallel"
    llama = hasattr(model, "model")
    for index, block in enumerate(model.model.layers if llama else model.transformer.h):
        if index in method.get("leave_out", []):
            continue
        ends = [(block.self_attn, "o_proj"), (block.mlp, "down_proj")] if llama else [(block.attn, "c_proj"), (block.mlp, "c_proj")]
        for parent, leaf in ends:
            layer = getattr(parent, leaf)
            inputs = layer.in_features if llama else layer.weight.shape[0]
            wrapped = Residual(layer, inputs if parallel else model.config.hidden_size, model.config.hidden_size, parallel)
            nn.init.normal_(wrapped.alpha.weight, std=0.02)
            setattr(parent, leaf, wrapped)
    return model


def exported(folder, spec):
    base = AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)
    if is_residual(spec["method"]):
        model = attach_residual(base, spec["method"])
        tensors = load_file(folder / "ours/adapter/adapter.safetensors")
        with torch.no_grad():
            for name, tensor in trained(model):
                tensor.copy_(tensors[our_name(name)])
        return model
    adapters.init(base)
    info = {}
    base.load_adapter(str(folder / "ours/adapter"), set_active=True, use_safetensors=True, loading_info=info)
    assert not info.get("missing_keys") and not info.get("unexpected_keys"), info
    return base


def is_residual(method):
    return method.get("placement", "").startswith("residual")


def trained(model):
    return [(name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad]
