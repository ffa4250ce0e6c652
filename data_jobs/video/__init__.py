"""Videos on YouTube and other sites as sources: their captions, or else their sound."""
