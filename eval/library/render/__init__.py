"""Renderers: one source text in, the bytes of one file out, the same every time."""
