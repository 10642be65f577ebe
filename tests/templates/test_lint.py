"""The linters find nothing, and nothing is ignored for all templates at once."""

import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT, SCEPTRE, TEMPLATES

TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(path):
    lint = subprocess.run([TOOLS / "cfn-lint", path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert lint.stdout + lint.stderr == ""
    assert lint.returncode == 0


def test_cfn_lint_is_not_told_to_ignore_anything():
    assert not [name for name in (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml") if (ROOT / name).exists()]


def test_yamllint_finds_nothing():
    # Not the configuration of Sceptre: it is YAML only once Jinja has rendered it.
    places = [ROOT / "templates", SCEPTRE / "vars"]
    lint = subprocess.run([TOOLS / "yamllint", "--strict", *places], cwd=ROOT, capture_output=True, text=True, check=False)
    assert lint.stdout + lint.stderr == ""
    assert lint.returncode == 0
