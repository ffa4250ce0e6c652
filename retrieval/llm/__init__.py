"""Language models behind OpenAI's protocol: one client for all providers."""
