"""OpenAI's protocol over HTTP, which most model servers speak: one client for all of them."""
