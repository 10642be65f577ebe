"""Run OpenSearch nodes from the assembled home: small, on loopback, ended by process id.

    distribution = Distribution.read("target/opensearch")
    with Node(distribution, "leader") as node:
        node.await_ready()
        node.request("GET", "/_cluster/health")
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

# Who may do everything on every node: nobody can take this mapping away, and the API does not show it.
SUPERUSER = "sandbox-superuser"
# Read, so that a test can say where its nodes are cached.
TARGET = Path(__file__).resolve().parents[2] / "target" / "opensearch"


class Distribution(NamedTuple):
    """What `assembly` wrote down."""

    java: str
    home: str
    certificates: str
    version: str
    replicates: bool
    kind: str

    @classmethod
    def read(cls, target: str | Path = TARGET) -> Distribution:
        try:
            written = json.loads((Path(target) / "distribution.json").read_text())
        except FileNotFoundError:
            raise RuntimeError("the OpenSearch nodes are not assembled: run `make nodes`") from None
        return cls(*(written[name] for name in cls._fields))


class Answer(NamedTuple):
    """Status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


class Node:
    """One node of one cluster, with data, logs and ports of its own.

    Guarantees: data survive `stop` and `start`, and the ports stay the same.
    """

    def __init__(
        self,
        distribution: Distribution,
        name: str,
        folder: str | None = None,
        shared: str | None = None,
        heap_megabytes: int = 0,
        settings: dict | None = None,
    ):
        self.distribution, self.name = distribution, name
        heavy = distribution.replicates or distribution.kind == "full"
        self.heap = heap_megabytes or int(os.environ.get("OPENSEARCH_HEAP_MB", 0)) or (384 if heavy else 256)
        self.folder = Path(folder or tempfile.mkdtemp(prefix=f"tandem-node-{name}-"))
        # Where repositories of type fs may be; several nodes may share it.
        self.shared = Path(shared or self.folder / "shared")
        self.http_port, self.transport_port = free_ports(2)
        self._process: subprocess.Popen | None = None
        self._lock, self._idle = threading.Lock(), []
        self._prepare(settings or {})

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def transport(self) -> str:
        return f"127.0.0.1:{self.transport_port}"

    def start(self) -> None:
        """Start the process; `await_ready` waits until it answers."""
        if self.is_running:
            return
        home, java = Path(self.distribution.home), self.distribution.java
        bootstrap = next(home.glob("agent/opensearch-agent-bootstrap-*.jar"))
        command = [
            *_dying_with_us(),
            java,
            f"-Xms{self.heap}m",
            f"-Xmx{self.heap}m",
            # Small and quick to start, which matters more here than speed.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            f"-Xbootclasspath/a:{bootstrap}",
            f"-Djava.io.tmpdir={self.folder}/tmp",
            f"-XX:ErrorFile={self.folder}/logs/hs_err.log",
            "-Dlog4j.shutdownHookEnabled=false",
            "-Dlog4j2.disable.jmx=true",
            "-Dio.netty.noUnsafe=true",
            "-Dio.netty.noKeySetOptimization=true",
            f"-Dopensearch.path.home={home}",
            f"-Dopensearch.path.conf={self.folder}/config",
            "-Dopensearch.distribution.type=zip",
            "-Dopensearch.bundled_jdk=false",
            "-cp",
            f"{home}/lib/*",
            "org.opensearch.bootstrap.OpenSearch",
        ]
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "LANG": "C.UTF-8"}
        with open(self.folder / "logs" / "output.log", "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_somebody_else(),
            )

    def await_ready(self, seconds: float = 120) -> None:
        """Come back when it answers and knows its security configuration."""
        deadline = time.monotonic() + seconds
        while True:
            if not self.is_running:
                raise RuntimeError(f"node {self.name} ended{self._last_words()}")
            try:
                if self.request("GET", "/_cluster/health", seconds=5).status == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"node {self.name} did not answer within {seconds:g} s{self._last_words()}")
            time.sleep(0.1)

    def stop(self, seconds: float = 15) -> None:
        """Ask it to end, and end it when it does not; the data stay."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            self._send(signal.SIGCONT)
            self._send(signal.SIGTERM)
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        with self._lock:
            self._idle.clear()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._send(signal.SIGKILL)
            self._process.wait(timeout=10)

    def suspend(self) -> None:
        """It keeps its connections and says nothing."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def remove(self) -> None:
        """End it and forget its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def rss_megabytes(self) -> int:
        """Resident memory, 0 where it cannot be known."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        return next((int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict | None = None,
        seconds: float = 120,
        user: str = SUPERUSER,
        roles: tuple[str, ...] | None = None,
    ) -> Answer:
        """Ask the node as a user, the superuser unless another is named; `headers` replace that altogether."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if headers is None:
            headers = identity(user, roles if roles is not None else (user,))
            if body is not None:
                headers["content-type"] = "application/json"
        connection, is_fresh = self._connection(seconds)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            content = response.read()
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            # A connection that was kept may have been closed meanwhile; a request on it never arrived.
            if not is_fresh and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                with self._lock:
                    self._idle.clear()
                return self.request(method, path, body, headers, seconds)
            raise error if isinstance(error, OSError) else ConnectionError(str(error)) from error
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return answer

    def __enter__(self) -> Node:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _connection(self, seconds: float) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            if kept.sock:
                kept.sock.settimeout(seconds)
            return kept, False
        return http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=seconds), True

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _last_words(self) -> str:
        log = self.folder / "logs" / "output.log"
        text = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        return f"; its log ends with\n{text}"

    def _prepare(self, settings: dict) -> None:
        for name in ("config/opensearch-security", "data", "logs", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.shared.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config"
        for name in ("ca.pem", "node.pem", "node.key"):
            shutil.copy(Path(self.distribution.certificates) / name, config)
        written = {
            "cluster.name": self.name,
            "node.name": self.name,
            "network.host": "127.0.0.1",
            "http.port": self.http_port,
            "transport.port": self.transport_port,
            "discovery.type": "single-node",
            "path.data": f"{self.folder}/data",
            "path.logs": f"{self.folder}/logs",
            "path.repo": [str(self.shared)],
            "repositories.url.allowed_urls": [f"file:{self.shared}/*"],
            # A laptop's disk may be full; its owner decides.
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "plugins.security.ssl.transport.pemcert_filepath": "node.pem",
            "plugins.security.ssl.transport.pemkey_filepath": "node.key",
            "plugins.security.ssl.transport.pemtrustedcas_filepath": "ca.pem",
            "plugins.security.ssl.transport.enforce_hostname_verification": False,
            "plugins.security.ssl.http.enabled": False,
            "plugins.security.allow_default_init_securityindex": True,
            "plugins.security.nodes_dn": ["CN=node,O=tandem-test"],
            "plugins.security.authcz.admin_dn": ["CN=admin,O=tandem-test"],
            "plugins.security.audit.type": "noop",
            "plugins.security.restapi.roles_enabled": ["all_access", "security_rest_api_access", SUPERUSER],
            "plugins.security.system_indices.enabled": True,
            **settings,
        }
        # JSON values are YAML values.
        (config / "opensearch.yml").write_text("".join(f"{k}: {json.dumps(v)}\n" for k, v in written.items()))
        (config / "log4j2.properties").write_text(_LOGGING)
        self._prepare_security(config / "opensearch-security")
        for path in (self.folder, self.shared, *self.folder.rglob("*")):
            if user := _somebody_else():
                shutil.chown(path, user["user"], user["group"])

    def _prepare_security(self, folder: Path) -> None:
        home = Path(self.distribution.home)
        given = next(
            f for f in (home / "plugins/opensearch-security/config", home / "config/opensearch-security") if f.exists()
        )
        for name in ("action_groups", "allowlist", "audit", "nodes_dn", "roles", "tenants"):
            shutil.copy(given / f"{name}.yml", folder)
        with open(folder / "roles.yml", "a") as roles:
            roles.write(_SUPERUSER_ROLE)
        (folder / "config.yml").write_text(_AUTHENTICATION)
        (folder / "internal_users.yml").write_text("_meta: {type: internalusers, config_version: 2}\n")
        (folder / "roles_mapping.yml").write_text(
            "_meta: {type: rolesmapping, config_version: 2}\n"
            f"{SUPERUSER}: {{reserved: true, hidden: true, backend_roles: [{SUPERUSER}]}}\n"
        )


def identity(user: str, roles: tuple[str, ...]) -> dict[str, str]:
    """The headers with which the node believes a front proxy."""
    return {"x-proxy-user": user, "x-proxy-roles": ",".join(roles), "x-forwarded-for": "127.0.0.1"}


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now, all different, and none that the system gives to outgoing connections.

    A node that is stopped and started again keeps its ports: one of those would be taken meanwhile.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(10_000, _first_ephemeral_port())
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _first_ephemeral_port() -> int:
    try:
        return max(int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]), 11_000)
    except OSError:
        return 32_768


def _somebody_else() -> dict:
    """OpenSearch refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import grp

    groups = {entry.gr_name for entry in grp.getgrall()}
    return {"user": "nobody", "group": "nogroup" if "nogroup" in groups else "nobody", "extra_groups": []}


def _dying_with_us() -> list[str]:
    """Where the machine can: the node ends with the thread that started it, even if that is killed."""
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    return [program, "--pdeathsig", "KILL"] if program else []


_LOGGING = """status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""

_SUPERUSER_ROLE = f"""
{SUPERUSER}:
  reserved: true
  hidden: true
  cluster_permissions: ["*"]
  index_permissions:
    - index_patterns: ["*"]
      allowed_actions: ["*"]
"""

_AUTHENTICATION = r"""_meta: {type: config, config_version: 2}
config:
  dynamic:
    http:
      anonymous_auth_enabled: false
      xff: {enabled: true, internalProxies: '127\.0\.0\.1'}
    authc:
      proxy:
        http_enabled: true
        transport_enabled: true
        order: 0
        http_authenticator:
          {type: proxy, challenge: false, config: {user_header: x-proxy-user, roles_header: x-proxy-roles}}
        authentication_backend: {type: noop}
      basic:
        http_enabled: true
        transport_enabled: true
        order: 1
        http_authenticator: {type: basic, challenge: true}
        authentication_backend: {type: intern}
"""
