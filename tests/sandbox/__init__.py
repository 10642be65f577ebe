"""A local AWS for tests and the demo: ministack plus what it lacks.

Importing the package loads nothing: `sandbox.process` is used from virtual environments without ministack.
Start it with `python -m sandbox`; `README.md` lists what it imitates.
"""
