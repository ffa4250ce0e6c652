"""Sentences of captions and show notes with the relations that they state."""
