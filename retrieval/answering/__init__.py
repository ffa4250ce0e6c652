"""Answers from passages: each sentence names those that state it, or there is none."""
