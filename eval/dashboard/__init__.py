"""The pages and the JSON interface under `/eval`: stored runs, comparisons, trends, gates."""
