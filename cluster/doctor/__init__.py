"""Looks for what would keep the mesh from working, and says what to do."""
