"""The bucket of the S3 server in the cluster, and how a test writes to it."""

import datetime as dt
import hashlib
import hmac
import http.client
from urllib.parse import quote, urlsplit

URL = "http://store.store.svc.cluster.local:7070"
NAME, REGION = "ray", "us-east-1"
KEY, SECRET = "cluster", "cluster-secret"


class Bucket:
    """The bucket, by an address of its server that this machine reaches."""

    def __init__(self, endpoint: str):
        self._host = urlsplit(endpoint).netloc

    def put(self, key: str, body: bytes):
        """Stores an object."""
        # Each part of a path as the signature wants it; slashes stay.
        path = quote(f"/{NAME}/{key}", safe="/-_.~")
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request("PUT", path, body, self._signed(path, body))
            answer = connection.getresponse()
            told = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"PUT {path}: {answer.status} {told[:300]!r}")

    def _signed(self, path: str, body: bytes) -> dict[str, str]:
        """Returns the headers of a request with its signature (version 4)."""
        now = dt.datetime.now(dt.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": self._host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"PUT\n{path}\n\n{lines}\n{names}\n{digest}"
        scope = f"{day}/{REGION}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": credential}
