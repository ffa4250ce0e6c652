"""How object stores are spoken to: one place for Lance, which holds the corpus, and s3fs.

Lance takes options with each table that is opened, so what was configured last in this
process counts. Both are given the same keys, time limits and number of tries.
"""

import math
import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retrieval.errors import InvalidInputError

if TYPE_CHECKING:
    from retrieval.settings import S3Settings

_SCHEME = "s3://"
_current: "S3Settings | None" = None


def configure(s3: "S3Settings") -> None:
    """Let this process speak to S3 as `s3` says from now on.

    Raises `InvalidInputError` where `s3.ca_file` cannot be read.
    """
    global _current
    _current = s3
    if s3.ca_file:
        _trust(s3.ca_file)


def storage_options(uri: str) -> dict[str, str] | None:
    """Return what Lance needs for a table at `uri`; None where it needs nothing."""
    if _current is None or not uri.startswith(_SCHEME):
        return None
    s3 = _current
    options = {
        "aws_region": s3.region,
        "aws_endpoint": _endpoint(s3, urlsplit(uri).netloc),
        "aws_virtual_hosted_style_request": str(not s3.path_style).lower(),
        "allow_http": str(s3.endpoint.startswith("http://")).lower(),
        "aws_access_key_id": s3.access_key_id,
        "aws_secret_access_key": s3.secret_access_key.get_secret_value(),
        "aws_session_token": s3.session_token.get_secret_value(),
        "connect_timeout": f"{round(s3.connect_timeout_s * 1_000)}ms",
        "timeout": f"{round(s3.timeout_s * 1_000)}ms",
        "client_max_retries": str(s3.retries),
        # Seconds for one request with all its tries and the pauses between them.
        "client_retry_timeout": str(math.ceil(s3.timeout_s * (1 + s3.retries))),
    }
    return {name: value for name, value in options.items() if value}


def file_system(s3: "S3Settings") -> Any:
    """Return a file system of s3fs; it remembers no listings and is shared with nobody.

    Raises `InvalidInputError` where the extra `s3` is not installed.
    """
    try:
        import s3fs
    except ImportError as error:
        raise InvalidInputError(
            "reading from S3 needs the package s3fs: pip install 'pmoves-mesh[s3]'"
        ) from error
    files = s3fs.S3FileSystem(
        anon=False,
        key=s3.access_key_id or None,
        secret=s3.secret_access_key.get_secret_value() or None,
        token=s3.session_token.get_secret_value() or None,
        endpoint_url=s3.endpoint or None,
        client_kwargs={"region_name": s3.region, "verify": s3.ca_file or None},
        config_kwargs={
            "connect_timeout": s3.connect_timeout_s,
            "read_timeout": s3.timeout_s,
            "retries": {"mode": "standard", "total_max_attempts": 1 + s3.retries},
            "s3": {"addressing_style": "path" if s3.path_style else "virtual"},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    # The tries of botocore are enough; s3fs would multiply them by its own.
    files.retries = 1
    return files


def _endpoint(s3: "S3Settings", bucket: str) -> str:
    if not s3.endpoint or s3.path_style:
        return s3.endpoint.rstrip("/")
    parts = urlsplit(s3.endpoint)
    return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path.rstrip('/')}"


def _trust(ca_file: str) -> None:
    """Let Lance trust `ca_file` beside the system's authorities; it reads the environment."""
    try:
        ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInputError(
            f"s3.ca_file: {ca_file} holds no certificates that can be read: {error}"
        ) from error
    os.environ["SSL_CERT_FILE"] = ca_file
    os.environ.setdefault("SSL_CERT_DIR", ssl.get_default_verify_paths().openssl_capath)
