"""The lexical side in Elasticsearch: a projection of the chunks, and searches in it."""
