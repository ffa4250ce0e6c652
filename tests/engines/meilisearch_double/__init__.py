"""A double of Meilisearch: its HTTP protocol, its queue of tasks and its rules, without its speed.

The server is not published as a package that could be had where this is built, so that its
client is tested against this. It follows Meilisearch's public documentation, which each part
names, and takes nothing lightly that Meilisearch refuses: an attribute that was not declared
filterable, an id of other characters, a parameter that nobody knows. It knows no typing
errors, synonyms, scripts without spaces, facets and vectors, and its scores have the same
order and range as Meilisearch's, not the same values.

`PMOVES_TEST_MEILISEARCH_URL` points the tests at a real one.
"""
