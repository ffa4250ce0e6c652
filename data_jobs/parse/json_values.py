"""JSON values as records."""
