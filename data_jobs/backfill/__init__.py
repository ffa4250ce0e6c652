"""Backfills: whole libraries by one specification, again and again."""
