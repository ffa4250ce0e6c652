"""Hybrid search as a library: corpus, embedding, dense, lexical, fusion, pipeline."""
