"""Writes targets.json: which modules PEFT adapts, with rank and scaling, for option sets on small models.

Run with the packages of test/parity/requirements.txt: python test/reference/targets.py
"""

import json
import pathlib
import warnings

import peft
import transformers

warnings.filterwarnings("ignore")

LISTS = {
    "gpt2": [
        {"target_modules": ["c_attn"]},
        {"target_modules": ["c_proj"]},
        {"target_modules": ["attn.c_proj", "mlp.c_fc"]},
        {"target_modules": ["roj"]},
        {"target_modules": "all-linear"},
        {"target_modules": "all-linear", "exclude_modules": ["c_proj"]},
        {"target_modules": r".*\.attn\..*"},
        {"target_modules": r"transformer\.h\.\d\.mlp\.c_(fc|proj)"},
        {"target_modules": ["c_attn", "c_fc"], "layers_to_transform": [0, 2]},
        {"target_modules": ["c_attn", "transformer.h.1.mlp.c_fc"], "layers_to_transform": 0},
        {"target_modules": ["c_attn"], "layers_to_transform": []},
        {"target_modules": ["c_attn", "c_proj"], "rank_pattern": {"mlp.c_proj": 3}, "alpha_pattern": {"c_attn": 5}},
        {"target_modules": ["c_attn", "lm_head"]},
    ],
    "llama": [
        {"target_modules": ["q_proj", "v_proj"]},
        {"target_modules": ["proj"]},
        {"target_modules": "ALL-Linear"},
        {"target_modules": "all-linear", "exclude_modules": r".*layers\.0\..*"},
        {"target_modules": r".*\.(q|v)_proj"},
        {"target_modules": "q_proj"},
        {"target_modules": r"(?P<start>model)\.layers\.[01]\.(?!mlp).*\.o_proj"},
        {"target_modules": r"model\.layers\.\d{,2}\.mlp\.up_proj\Z"},
        {"target_modules": ["q_proj"], "exclude_modules": ["layers.1.self_attn.q_proj"]},
        {"target_modules": ["q_proj"], "exclude_modules": ["q_proj"]},
        {"target_modules": ["down_proj"], "layers_to_transform": [1]},
        {"target_modules": ["down_proj"], "layers_to_transform": [7]},
        {"target_modules": r".*down_proj", "layers_to_transform": [1]},
        {"target_modules": "all-linear", "layers_to_transform": [1]},
        {
            "target_modules": "all-linear",
            "rank_pattern": {r"layers\.1\..*": 2, "q_proj": 6, "proj": 9, "^model.layers.0.mlp.up_proj": 7},
            "alpha_pattern": {"(k|v)_proj": 1, "self_attn.o_proj": 32},
        },
        {"target_modules": ["q_proj", "k_proj"], "rank_pattern": {"k_proj": 5}, "use_rslora": True},
        {"target_modules": ["model.layers.0.self_attn.q_proj", "o_proj"]},
    ],
}


def build(family):
    if family == "gpt2":
        config = transformers.GPT2Config(vocab_size=32, n_positions=8, n_embd=16, n_layer=3, n_head=2)
        return transformers.GPT2LMHeadModel(config)
    config = transformers.LlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return transformers.LlamaForCausalLM(config)


def select(family, options):
    try:
        config = peft.LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", **options)
        model = peft.get_peft_model(build(family), config).base_model.model
    except ValueError as error:
        return {"error": str(error).splitlines()[0][:120]}
    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, peft.tuners.lora.LoraLayer)]
    return {
        "targets": [
            [name, layer.r["default"], layer.lora_alpha["default"], layer.scaling["default"]] for name, layer in layers
        ]
    }


def main():
    cases = [
        {"family": family, "options": options, **select(family, options)}
        for family, lists in LISTS.items()
        for options in lists
    ]
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps({"peft": peft.__version__, "cases": cases}, indent=1) + "\n")
    for case in cases:
        print(case["family"], case["options"], len(case.get("targets", [])), case.get("error", ""))


main()
