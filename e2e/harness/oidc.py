"""An OpenID Connect provider in which somebody has signed in already: it asks nothing."""

import base64
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from e2e.harness.loopback import Loopback

CLIENT = "ray-history"
"""The id of the only application."""
LIFETIME = 600


class Provider(Loopback):
    """A running provider; a context manager. `url` is its issuer, `person` the claims of whoever signs in next."""

    def __init__(self):
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes = {}
        self.person: dict = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                if url.path == "/.well-known/openid-configuration":
                    self._json(provider.discovery())
                elif url.path == "/keys":
                    self._json(provider.keys())
                elif url.path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.signed_in(query))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.send_error(404)

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                claims = provider.redeemed(form["code"][0])
                self._json(
                    {"access_token": "opaque", "token_type": "Bearer", "expires_in": LIFETIME, "id_token": claims}
                )

            def _json(self, document: dict):
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Logs nothing: the proxy reports what went wrong."""

        super().__init__(Handler)
        self.url = f"http://127.0.0.1:{self.port}"

    def discovery(self) -> dict:
        """Returns the provider's description of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self) -> dict:
        """Returns the public key."""
        numbers = self._key.public_key().public_numbers()
        number = lambda value: encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))  # noqa: E731
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": "only",
            "n": number(numbers.n),
            "e": number(numbers.e),
        }
        return {"keys": [key]}

    def signed_in(self, query: dict[str, str]) -> str:
        """Returns the URL of the application to which a browser is sent back."""
        code = secrets.token_hex(16)
        self._codes[code] = {**self.person, "nonce": query.get("nonce", "")}
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def redeemed(self, code: str) -> str:
        """Returns the signed token of a code, once."""
        now = int(time.time())
        own = {"iss": self.url, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + LIFETIME}
        parts = [{"alg": "RS256", "kid": "only", "typ": "JWT"}, own | self._codes.pop(code)]
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encoded(signature)}"


def encoded(data: bytes) -> str:
    """Returns base64 for URLs."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
