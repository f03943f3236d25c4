"""Writes safetensors_file.json: a file with every dtype, as the reference implementation writes it.

Run with the packages of test/parity/requirements.txt: python test/reference/safetensors_file.py
"""

import base64
import json
import pathlib

import safetensors
import safetensors.torch
import torch

DTYPES = ["bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32", "uint32", "float32"]
DTYPES += ["float64", "int64", "uint64"]


def main():
    tensors = {f"{name} {index}": torch.arange(6).reshape(2, 3).to(getattr(torch, name)) for name in DTYPES for index in (1, 0)}
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 4)
    tensors['quoted "name" \\ é\n'] = torch.ones(1)
    data = safetensors.torch.save(tensors, metadata={"format": 'p"t'})
    path = pathlib.Path(__file__).with_suffix(".json")
    result = {"safetensors": safetensors.__version__, "file": base64.b64encode(data).decode()}
    path.write_text(json.dumps(result) + "\n")


main()
