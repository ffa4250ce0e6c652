"""Many settings over the same retrieved lists, chosen on some queries and judged on others."""
