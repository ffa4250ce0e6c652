"""Finding names and what is said of them in passages."""
