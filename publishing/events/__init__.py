"""Events: their contracts, the outbox that keeps them, and their delivery to webhooks."""
