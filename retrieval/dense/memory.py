"""Giving memory that is free back to the system."""

import ctypes

import pyarrow as pa


def give_back_memory() -> None:
    """Return what allocators keep for later; reading a table leaves several times its size."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    # Other C libraries than glibc do this by themselves.
    if trim is not None:
        trim(0)
