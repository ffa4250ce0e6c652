"""Where gates, requests with their answers, and what was measured are kept."""
