"""A real nginx in front of several replicas, set up as an Ingress controller does it from config/ingress."""

import os
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from e2e.harness import processes
from e2e.harness.loopback import free_ports
from e2e.harness.processes import REPOSITORY

START_SECONDS = 20
STOP_SECONDS = 40
# As an Ingress controller writes it, with the map of config/ingress and the annotations of its Ingress.
CONFIGURATION = """
daemon off;
worker_processes 2;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    gzip on;
    gzip_proxied any;
    gzip_min_length 256;
    gzip_types application/json application/javascript text/css text/plain;
    include {snippet};
    upstream replicas {{
        hash $ray_history_session consistent;
        {servers}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {directory}/tls.crt;
        ssl_certificate_key {directory}/tls.key;
        location {prefix}/ {{
            rewrite ^{prefix}(/.*)$ $1 break;
            proxy_pass http://replicas;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix "{prefix}";
            proxy_buffering off;
            proxy_read_timeout 60s;
            proxy_next_upstream {retries};
            add_header X-Replica $upstream_addr always;
        }}
    }}
}}
"""


class Ingress:
    """A running nginx; a context manager. `url` ends with the prefix, and is https.

    `retries` are the failures after which another replica is asked; `probe` is a path that is 200 when it runs.
    """

    def __init__(
        self, directory: Path, prefix: str, *replicas: str, retries: str = "error timeout", probe: str = "/livez"
    ):
        (self._port,) = free_ports(1)
        self._directory, self._prefix, self._retries, self._probe = directory, prefix, retries, probe
        self._replicas = replicas
        self.url = f"https://127.0.0.1:{self._port}{prefix}"
        self.certificate = directory / "tls.crt"

    def __enter__(self):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=127.0.0.1", "-days", "2"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1"]
        processes.run(command, cwd=self._directory)
        self._write()
        self._trust = ssl.create_default_context(cafile=str(self._directory / "tls.crt"))
        self._process = processes.start(self._command(), self._directory / "nginx.log")
        processes.wait_until_up(self._process, lambda: self.get(self._probe)[0] == 200, self.tail, START_SECONDS)
        return self

    def __exit__(self, *_):
        processes.stop(self._process, STOP_SECONDS)

    def _command(self) -> list[str]:
        return [program(), "-p", str(self._directory), "-e", f"{self._directory}/error.log", "-c", self._configuration]

    @property
    def _configuration(self) -> str:
        return f"{self._directory}/nginx.conf"

    def _write(self):
        servers = "\n        ".join(f"server {urlsplit(replica).netloc};" for replica in self._replicas)
        snippet = REPOSITORY / "config" / "ingress" / "http_snippet.conf"
        names = {"directory": self._directory, "port": self._port, "prefix": self._prefix}
        names["retries"] = self._retries
        text = CONFIGURATION.format(servers=servers, snippet=snippet, **names)
        Path(self._configuration).write_text(text)

    def route(self, *replicas: str):
        """Sends requests to these replicas from now on, as a controller does when endpoints change."""
        self._replicas = replicas
        self._write()
        processes.run([*self._command(), "-s", "reload"])

    def tail(self) -> str:
        """Returns the end of nginx's logs."""
        logs = [self._directory / name for name in ["nginx.log", "error.log"]]
        return "\n".join(log.read_text(errors="replace")[-3000:] for log in logs if log.exists())

    def open(self, path: str, **headers: str):
        """An answer to be read piece by piece."""
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)
        return urllib.request.urlopen(request, timeout=90, context=self._trust)

    def get(self, path: str, **headers: str):
        """Status, headers and body of a GET on a connection of its own; 0 and the reason when there was no answer."""
        try:
            with self.open(path, **headers) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()
        except OSError as error:
            return 0, {}, str(error).encode()

    def replica(self, path: str, **headers: str) -> str:
        """Returns the address of the replica that answered."""
        status, found, body = self.get(path, **headers)
        assert status, body
        return re.split(r", ", found["X-Replica"])[-1]


def program() -> str:
    """The nginx that scripts/install-nginx unpacks, or the one that NGINX names."""
    path = os.environ.get("NGINX", str(REPOSITORY / ".cache" / "nginx" / "usr" / "sbin" / "nginx"))
    assert Path(path).is_file(), f"{path} is missing: run scripts/install-nginx, or name one in NGINX"
    return path
