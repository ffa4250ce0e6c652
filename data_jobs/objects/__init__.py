"""Sources in an object store: `s3://bucket/prefix`."""
