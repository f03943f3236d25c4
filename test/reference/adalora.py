"""Writes adalora.json: AdaLoRA adapters that PEFT saves for the models of models.json after pruning, a module of rank 0
among them, and the weight updates PEFT computes from them.

Run with the packages of test/parity/requirements.txt: python test/reference/adalora.py
"""

import base64
import json
import pathlib
import tempfile

import peft
import torch
import transformers

here = pathlib.Path(__file__).parent
MODELS = json.loads((here / "models.json").read_text())["models"]
SETTINGS = dict(task_type="CAUSAL_LM", init_r=4, target_r=2, lora_alpha=6, total_step=20, tinit=2, tfinal=5)
TARGETS = {"gpt2": ["c_attn", "mlp.c_proj"], "llama": ["q_proj", "v_proj", "down_proj"]}


def adapter(name, pruned):
    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model(**json.loads(MODELS[name]["config"]))
    model = peft.get_peft_model(
        transformers.AutoModelForCausalLM.from_config(config), peft.AdaLoraConfig(**SETTINGS, target_modules=TARGETS[name])
    )
    pattern = {}
    values = [(key, value) for key, value in model.named_parameters() if "lora_E" in key]
    with torch.no_grad():
        for index, (key, value) in enumerate(values):
            keep = torch.tensor([index != 1 and (index + i) % 3 > 0 for i in range(4)]) if pruned else torch.ones(4) > 0
            value.copy_(torch.randn_like(value)).masked_fill_(~keep.unsqueeze(-1), 0.0)
            pattern[key.replace("base_model.model.", "")] = keep.tolist()
    if pruned:
        model.peft_config["default"].rank_pattern = pattern
    deltas = {
        key.replace("base_model.model.", ""): module.get_delta_weight("default").flatten().tolist()
        for key, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
    }
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        names = ["adapter_config.json", "adapter_model.safetensors"]
        files = {file: base64.b64encode((pathlib.Path(folder) / file).read_bytes()).decode() for file in names}
    ranks = {key.split(".lora_E")[0]: sum(kept) for key, kept in pattern.items()}
    return {"files": files, "ranks": ranks, "deltas": {key: delta[:40] for key, delta in deltas.items()}}


def main():
    result = {"peft": peft.__version__}
    for name in TARGETS:
        result[name] = adapter(name, True)
        result[f"{name}-whole"] = adapter(name, False)
    (here / "adalora.json").write_text(json.dumps(result, indent=1) + "\n")


main()
