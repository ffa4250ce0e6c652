"""The mesh beside txtai's API and Haystack behind Hayhooks, on the same machine and corpus."""
