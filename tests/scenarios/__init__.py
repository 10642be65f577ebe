"""Black-box scenarios: the project as a user runs it, against the local AWS of `tests/sandbox`."""
