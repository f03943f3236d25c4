"""Writes prompt_adapters.json: prefixes and prompts as PEFT saves them, one for grouped queries among them.

Run with the packages of test/parity/requirements.txt: python test/reference/prompt_adapters.py
"""

import base64
import json
import pathlib
import tempfile

import peft
import torch
from transformers import AutoConfig, AutoModelForCausalLM

MODELS = {
    "gpt2": {"model_type": "gpt2", "vocab_size": 40, "n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 48},
    "llama": {
        "model_type": "llama", "vocab_size": 40, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 3, "num_key_value_heads": 1, "max_position_embeddings": 48,
    },
}
PREFIX, PROMPT = peft.PrefixTuningConfig, peft.PromptEncoderConfig
ADAPTERS = {
    "prefix": (PREFIX, {}),
    "projected": (PREFIX, {"prefix_projection": True, "encoder_hidden_size": 5}),
    "mlp": (PROMPT, {"encoder_hidden_size": 6}),
    "lstm": (PROMPT, {"encoder_hidden_size": 6, "encoder_reparameterization_type": "LSTM"}),
}


def save(model, kind):
    config, keys = ADAPTERS[kind]
    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_config(AutoConfig.for_model(**MODELS[model]))
    adapted = peft.get_peft_model(base, config(task_type="CAUSAL_LM", num_virtual_tokens=3, **keys))
    encoder = {name.split(".default.")[1]: tensor.detach() for name, tensor in adapted.named_parameters() if tensor.requires_grad}
    with tempfile.TemporaryDirectory() as folder:
        adapted.save_pretrained(folder)
        names = ["adapter_config.json", "adapter_model.safetensors"]
        files = {name: base64.b64encode((pathlib.Path(folder) / name).read_bytes()).decode() for name in names}
    tensors = {f"prompt_encoder.{name}": base64.b64encode(tensor.numpy().tobytes()).decode() for name, tensor in encoder.items()}
    return {"model": json.dumps(MODELS[model]), "keys": keys, "files": files, "encoder": tensors}


def main():
    result = {"peft": peft.__version__}
    for model in MODELS:
        result[model] = {kind: save(model, kind) for kind in ADAPTERS}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(result) + "\n")


main()
