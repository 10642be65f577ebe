"""Real OpenSearch nodes for the sandbox's domains; standard library only.

`assembly` makes one home out of packages, `node` runs nodes from it. `README.md` says what is real and what is not.
"""
