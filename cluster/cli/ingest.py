"""`pmoves ingest`."""


def ingest() -> None:
    """x"""
