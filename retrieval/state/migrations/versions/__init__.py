"""How the state database came to its present tables, one revision a file."""
