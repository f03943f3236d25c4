"""Writes quantization.json: what bitsandbytes makes of seeded values, as codes, scales and nested scales.

Run: python test/reference/quantization.py   (torch, bitsandbytes 0.50.2, CPU)

Its portable implementation, see test/parity/portable.py.
"""

import base64
import json
import pathlib
import struct
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1] / "parity"))
import portable  # noqa: E402, F401
import bitsandbytes  # noqa: E402
import bitsandbytes.functional as F  # noqa: E402
import torch  # noqa: E402


def values(count, seed, scale=1.0):
    """The generator of test/engine/harness.ts, so that the inputs need not be stored: sums of three for a bell shape."""
    state, drawn = (seed * 2654435761 + 1) % 2**32, []
    for _ in range(3 * count):
        state = (state * 1664525 + 1013904223) % 2**32
        drawn.append(state / 2**31 - 1)
    sums = torch.tensor(drawn, dtype=torch.float64).reshape(count, 3).sum(1) * scale
    return sums.float()


def text(tensor):
    return base64.b64encode(tensor.contiguous().numpy().tobytes()).decode()


def entry(kind, count, seed, blocksize, nested, scale=1.0):
    x = values(count, seed, scale)
    packed, state = F.quantize_4bit(x, quant_type=kind, blocksize=blocksize, compress_statistics=nested)
    found = {"kind": kind, "count": count, "seed": seed, "scale": scale, "blockSize": blocksize, "nested": nested}
    found |= {"packed": text(packed.view(-1))}
    if count <= 2048:
        found["values"] = text(F.dequantize_4bit(packed, state).view(-1)[:count])
    if not nested:
        return {**found, "absmax": text(state.absmax)}
    offset = struct.unpack("<I", struct.pack("<f", float(state.offset)))[0]
    return {**found, "scales": text(state.absmax), "absmax2": text(state.state2.absmax), "offset": offset}


CASES = [
    entry("nf4", 4096, 1, 64, False),
    entry("nf4", 4096, 2, 64, True, 0.02),
    entry("fp4", 4096, 3, 64, False),
    entry("fp4", 1024, 4, 64, True, 3.0),
    entry("nf4", 64 * 300, 5, 64, True),
    entry("nf4", 1000, 6, 64, False),
    entry("nf4", 64 * 5 + 3, 7, 64, False),
    entry("nf4", 1, 8, 64, False),
    entry("nf4", 2048, 9, 32, True),
    entry("nf4", 4096, 10, 256, False),
    entry("nf4", 8192, 11, 4096, False),
]


def anchors():
    """Mean absolute error on N(0, 1), the figure of bitsandbytes' own tests."""
    x = torch.randn(1024, 1024, generator=torch.Generator().manual_seed(0))
    found = []
    for kind, blocksize, nested in [
        ("nf4", 64, False), ("nf4", 64, True), ("fp4", 64, False), ("nf4", 128, False), ("nf4", 256, False), ("nf4", 4096, False),
    ]:
        packed, state = F.quantize_4bit(x, quant_type=kind, blocksize=blocksize, compress_statistics=nested)
        error = (F.dequantize_4bit(packed, state) - x).abs().mean()
        found.append({"kind": kind, "blockSize": blocksize, "nested": nested, "error": round(float(error), 6)})
    return found


result = {
    "bitsandbytes": bitsandbytes.__version__,
    "dynamicMap": text(F.create_dynamic_map()),
    "nf4": text(F.get_4bit_type("nf4", device="cpu")),
    "fp4": text(F.get_4bit_type("fp4", device="cpu")),
    "cases": CASES,
    "anchors": anchors(),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result, indent=1) + "\n")
