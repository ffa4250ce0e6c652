"""Gates that a version of a persona must pass before it is published."""
