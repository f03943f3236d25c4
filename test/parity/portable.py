"""Keeps bitsandbytes' CPU library from loading, so that its portable implementation serves; import this first.

The library of bitsandbytes 0.50 finds the codes of scales with a coarse table that misses the nearest code now and then,
unlike its CUDA kernels and its portable implementation.
"""

import ctypes
import os

# Compiled code may fuse a product with a sum.
os.environ["TORCHDYNAMO_DISABLE"] = "1"
load = ctypes.LibraryLoader.LoadLibrary


def selective(self, name):
    if "bitsandbytes" in str(name):
        raise OSError(f"{name} stays out")
    return load(self, name)


ctypes.LibraryLoader.LoadLibrary = selective
