"""Writes models.json: config.json, weights and linear modules of small models as transformers makes them, and the LoRA
adapters PEFT saves for two of them.

Run with the packages of test/parity/requirements.txt: python test/reference/models.py
"""

import base64
import json
import pathlib
import tempfile

import peft
import torch
import transformers

GPT2 = dict(vocab_size=40, n_positions=12, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
LLAMA = dict(
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
)

MODELS = {
    "gpt2": transformers.GPT2Config(**GPT2),
    "gpt2-inner": transformers.GPT2Config(**GPT2, n_inner=24, activation_function="gelu"),
    "gpt2-untied": transformers.GPT2Config(**GPT2, tie_word_embeddings=False),
    "llama": transformers.LlamaConfig(**LLAMA, rms_norm_eps=1e-5, eos_token_id=[2, 3]),
    "llama-tied": transformers.LlamaConfig(**LLAMA, tie_word_embeddings=True),
    "llama-bias": transformers.LlamaConfig(**LLAMA, attention_bias=True, mlp_bias=True, head_dim=8),
    "qwen2": transformers.Qwen2Config(**LLAMA, tie_word_embeddings=True),
    "mistral": transformers.MistralConfig(**LLAMA, sliding_window=None, head_dim=8, rope_theta=1e6),
}

ADAPTERS = {
    "gpt2": dict(r=4, lora_alpha=8, target_modules=["c_attn", "mlp.c_proj"], rank_pattern={"mlp.c_proj": 2}),
    "llama": dict(r=3, lora_alpha=6, target_modules="all-linear", use_rslora=True, lora_dropout=0.1),
    "llama-dora": dict(target_modules=["q_proj"], use_dora=True),
    "llama-save": dict(target_modules=["q_proj"], modules_to_save=["lm_head"]),
    "llama-embed": dict(target_modules=["q_proj", "embed_tokens"]),
}


def build(name):
    torch.manual_seed(7)
    return transformers.AutoModelForCausalLM.from_config(MODELS[name])


def describe(name):
    model = build(name)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        config = (pathlib.Path(folder) / "config.json").read_text()
        tied = model.config.tie_word_embeddings
    linear = (torch.nn.Linear, transformers.pytorch_utils.Conv1D)
    return {
        "config": config,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tensors": {
            key: list(value.shape) for key, value in model.state_dict().items() if not (tied and key == "lm_head.weight")
        },
        "modules": [name for name, module in model.named_modules() if isinstance(module, linear)],
    }


def adapter(name):
    base = name.split("-")[0]
    model = peft.get_peft_model(build(base), peft.LoraConfig(task_type="CAUSAL_LM", **ADAPTERS[name]))
    for key, value in model.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(value)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        names = ["adapter_config.json", "adapter_model.safetensors"]
        files = {file: base64.b64encode((pathlib.Path(folder) / file).read_bytes()).decode() for file in names}
    samples = {
        key.replace("base_model.model.", "").replace(".default", ""): value.flatten()[:3].tolist()
        for key, value in model.named_parameters()
        if "lora_" in key
    }
    return {"model": base, "files": files, "samples": samples}


def main():
    result = {
        "transformers": transformers.__version__,
        "peft": peft.__version__,
        "models": {name: describe(name) for name in MODELS},
        "adapters": {name: adapter(name) for name in ADAPTERS},
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(result, indent=1) + "\n")


main()
