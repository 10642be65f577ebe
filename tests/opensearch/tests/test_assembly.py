"""The home of the nodes: what it is made of, and where it may lie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from opensearch import assembly
from opensearch.node import TARGET, Distribution


@pytest.fixture
def home(tmp_path):
    """Something that looks like a full distribution."""
    folder = tmp_path / "full"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / f"opensearch-core-{assembly.VERSION}.jar").touch()
    return folder


@pytest.fixture
def without_tools(monkeypatch):
    monkeypatch.setattr(assembly, "_certificates", lambda cache: cache / "certificates")
    monkeypatch.setattr(assembly, "_java", lambda cache, home: Path("/bin/true"))
    monkeypatch.setattr(assembly, "reachable", lambda target: target)


def test_a_home_is_kept(monkeypatch):
    """The second run finds everything: no Maven, no downloads."""
    monkeypatch.setattr(assembly, "_download", lambda *_: pytest.fail("downloads again"))
    before = json.loads((TARGET / "distribution.json").read_text())
    cache = Path(before["certificates"]).parent
    if before["kind"] == "full":
        pytest.skip("OPENSEARCH_HOME is used")
    assert assembly._assembled(cache).exists()


def test_the_real_security_plugin_is_there():
    home = Path(Distribution.read().home)
    descriptor = (home / "plugins/opensearch-security/plugin-descriptor.properties").read_text()
    assert f"version={assembly.VERSION}" in descriptor.replace(" ", "")


def test_without_maven_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly.shutil, "which", lambda _: None)
    with pytest.raises(assembly.Missing, match="apt install maven"):
        assembly._assembled(tmp_path)


def test_a_full_distribution_is_used_as_it_is(tmp_path, home, without_tools):
    made = assembly.assemble(tmp_path / "target", {"OPENSEARCH_HOME": str(home)})
    assert (made["home"], made["kind"], made["replicates"]) == (str(home), "full", False)
    plugin = home / "plugins" / "opensearch-cross-cluster-replication"
    plugin.mkdir(parents=True)
    (plugin / "replication.jar").touch()
    assert assembly.assemble(tmp_path / "target", {"OPENSEARCH_HOME": str(home)})["replicates"]
    assert Distribution.read(tmp_path / "target").replicates


def test_what_is_no_distribution_is_refused(tmp_path, without_tools):
    with pytest.raises(assembly.Missing, match="opensearch-core"):
        assembly.assemble(tmp_path / "target", {"OPENSEARCH_HOME": str(tmp_path)})


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_replication_plugin_goes_into_a_home_of_its_own(tmp_path, home, without_tools, monkeypatch, form):
    monkeypatch.setattr(assembly, "_assembled", lambda cache: home)
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "plugin-descriptor.properties").write_text(f"name=x\nopensearch.version={assembly.VERSION}\n")
    (folder / "replication.jar").touch()
    given = folder
    if form == "zip":
        given = tmp_path / "plugin.zip"
        with zipfile.ZipFile(given, "w") as packed:
            for path in folder.iterdir():
                packed.write(path, path.name)
    made = assembly.assemble(tmp_path / "target", {"REPLICATION_PLUGIN": str(given)})
    assert made["replicates"]
    assert made["home"] != str(home)
    assert not (home / "plugins").exists()
    assert assembly.assemble(tmp_path / "target", {"REPLICATION_PLUGIN": str(given)})["home"] == made["home"]


def test_a_plugin_of_another_version_is_refused(tmp_path, home, without_tools, monkeypatch):
    monkeypatch.setattr(assembly, "_assembled", lambda cache: home)
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "plugin-descriptor.properties").write_text("opensearch.version=2.19.0\n")
    for given, sentence in ((folder, "made for OpenSearch"), (tmp_path / "none.zip", "neither a file")):
        with pytest.raises(assembly.Missing, match=sentence):
            assembly.assemble(tmp_path / "target", {"REPLICATION_PLUGIN": str(given)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's nodes run as somebody else")
def test_what_only_root_can_read_is_cached_elsewhere(tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    (private / "target").mkdir()
    assert str(assembly.reachable(private / "target")).startswith("/var/tmp/")
    assert assembly.reachable(tmp_path) == tmp_path.resolve()


def test_the_nodes_need_nothing_but_the_standard_library():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import opensearch.node; print('boto3' in sys.modules)"
    command = [sys.executable, "-S", "-c", code, str(Path(__file__).resolve().parents[2])]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"
