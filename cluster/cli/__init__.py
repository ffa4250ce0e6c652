"""The command line, `pmoves`."""


def main() -> None:
    """Run `pmoves`."""
    from cluster.cli.app import app

    app()
