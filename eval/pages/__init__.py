"""What people look at: runs and comparisons as HTML pages that need nothing else."""
