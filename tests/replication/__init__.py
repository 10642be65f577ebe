"""Replication as code, on real nodes: real stacks, the real function, two OpenSearch nodes, and at the end the documents."""
