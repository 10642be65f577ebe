"""The sandbox's own tests: `PYTHONPATH=tests python -m pytest tests/sandbox/tests`."""
