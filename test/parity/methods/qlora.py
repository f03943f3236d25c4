"""LoRA on a quantized base: PEFT's LoRA beside weights that bitsandbytes quantized and brought back.

The codes, scales and nested scales that our engine stores must be those of bitsandbytes, bit for bit; the mean that
double quantization subtracts depends on the order of a sum and may differ in its last bit. `int8` is ours: whole steps
of a 127th of a block's largest magnitude, halves to even.
"""

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from cases import case

LORA = {"type": "lora", "r": 4, "lora_alpha": 8, "target_modules": "all-linear"}
NF4 = {"quantization": "nf4"}

CASES = [
    case("qlora-nf4-gpt2", "gpt2", LORA, NF4, learning_rate=5e-3, weight_decay=0.01),
    case("qlora-nf4-llama", "llama", LORA, NF4, learning_rate=5e-3, lr_scheduler_type="constant", max_grad_norm=0.3),
    case("qlora-nf4-qwen2", "qwen2", LORA, {**NF4, "double_quant": False, "block_size": 128}, learning_rate=5e-3),
    case("qlora-fp4-llama", "llama", LORA, {"quantization": "fp4", "embedding_dtype": "f32"}, learning_rate=5e-3),
    case("qlora-int8-gpt2", "gpt2", LORA, {"quantization": "int8"}, learning_rate=5e-3),
]

# Adam amplifies what a rounded scale changes in the last bits of the base.
BOUNDS = {"loss": 2e-4}


def quantize(weight, memory):
    """A matrix [out, in] → the stored parts by name, and what they stand for."""
    kind, size = memory["quantization"], memory.get("block_size", 64)
    if kind == "int8":
        blocks = torch.nn.functional.pad(weight.flatten(), (0, -weight.numel() % size)).view(-1, size)
        absmax = blocks.abs().amax(1)
        codes = torch.round(blocks * (127 / absmax.clamp(min=1e-38))[:, None]).clamp(-127, 127)
        values = codes * (absmax * torch.tensor(1 / 127))[:, None]
        parts = {"codes": codes.to(torch.int8).flatten()[: weight.numel()].view(torch.uint8), "absmax": absmax}
        return parts, values.flatten()[: weight.numel()].view_as(weight)
    import bitsandbytes.functional as functional

    nested = memory.get("double_quant", True)
    packed, state = functional.quantize_4bit(weight, quant_type=kind, blocksize=size, compress_statistics=nested)
    parts = {"codes": packed.flatten(), "absmax": state.absmax}
    if nested:
        parts |= {"absmax2": state.state2.absmax, "offset": state.offset}
    return parts, functional.dequantize_4bit(packed, state)


def linears(model):
    return [(n, m) for n, m in model.named_modules() if isinstance(m, (torch.nn.Linear, Conv1D)) and n != "lm_head"]


def quantize_base(model, memory):
    """Replaces the weights of the blocks' linears by what their codes stand for, the embedding by halves."""
    stored = {}
    with torch.no_grad():
        for name, module in linears(model):
            turned = isinstance(module, Conv1D)
            weight = module.weight.t().contiguous() if turned else module.weight
            stored[f"{name}.weight"], values = quantize(weight.detach(), memory)
            module.weight.copy_(values.t() if turned else values)
        if memory.get("embedding_dtype", "f16") == "f16":
            for table in {model.get_input_embeddings().weight, model.get_output_embeddings().weight}:
                table.copy_(table.half().float())
    return stored


def attach(model, spec, folder):
    quantize_base(model, spec["memory"])
    config = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, lora_dropout=0.0, target_modules="all-linear")
    model = get_peft_model(model, config)
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            if "lora_B" in key:
                tensor.copy_(0.05 * torch.randn_like(tensor))
    model.save_pretrained(folder / "initial")
    return model, {"adapter": "initial"}


def load_base(folder):
    return AutoModelForCausalLM.from_pretrained(folder / "model", attn_implementation="eager", dtype=torch.float32)


def exported(folder, spec):
    base = load_base(folder)
    quantize_base(base, spec["memory"])
    return PeftModel.from_pretrained(base, folder / "ours/adapter")


def compare_files(folder, spec):
    """What we stored against what bitsandbytes stores; None when it is the same."""
    ours = load_file(folder / "ours/packed.safetensors")
    theirs = quantize_base(load_base(folder), spec["memory"])
    if set(ours) != set(theirs):
        return f"packed tensors differ: {sorted(set(ours) ^ set(theirs))}"
    for name, parts in theirs.items():
        data, at = ours[name].tobytes(), 0
        for part in [parts["codes"], parts["absmax"]]:
            expected = part.numpy().tobytes()
            if data[at : at + len(expected)] != expected:
                return f"{name}: the codes or scales differ"
            at += -(-len(expected) // 4) * 4
        if "offset" not in parts:
            continue
        offset, *absmax2 = np.frombuffer(data[at:], dtype=np.float32)
        ulps = abs(float(offset) - float(parts["offset"])) / (abs(float(parts["offset"])) * 2**-23)
        if ulps > 2 or np.abs(absmax2 - parts["absmax2"].numpy()).max() > 2e-7 * abs(offset):
            return f"{name}: the nested scales differ (mean by {ulps:.0f} units in the last place)"
    return None
