"""`python -m data_jobs.backfill.dry`: a job on standard input, what a run would do on the output.

Both are JSON. Sources are kept to the folders and buckets of the settings, as those of
anybody who asks over HTTP. Exit code 1 with a sentence where they cannot be looked at.
"""

import json
import sys
from dataclasses import asdict

from pydantic import ValidationError

from data_jobs.backfill.survey import survey
from data_jobs.ingest import FAILED, told
from data_jobs.settings import JobSettings
from retrieval.errors import PmovesError
from retrieval.job_request import JobRequest


def main() -> int:
    """Answer one request; return the exit code."""
    try:
        request = JobRequest.model_validate_json(sys.stdin.read())
        found = survey(request, JobSettings(), confined=True)
    except (ValidationError, PmovesError) as error:
        print(told(error), file=sys.stderr)
        return FAILED
    print(json.dumps(asdict(found) | {"total_seconds": found.total_seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
