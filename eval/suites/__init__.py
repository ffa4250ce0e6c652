"""Named subsets of a collection with thresholds of their own."""
