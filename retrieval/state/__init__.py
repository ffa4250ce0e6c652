"""The state database: jobs, API keys, and the migrations that make their tables."""
