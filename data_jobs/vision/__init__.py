"""Pictures described by a vision model."""
