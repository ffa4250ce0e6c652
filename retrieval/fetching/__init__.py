"""The one guarded client: URLs that somebody else names are fetched by nothing else."""
