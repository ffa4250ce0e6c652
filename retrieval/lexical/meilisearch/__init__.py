"""The lexical side in Meilisearch: a projection of the chunks, and searches in it."""
