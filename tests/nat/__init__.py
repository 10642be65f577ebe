"""The NAT instance for real: what templates/egress.yaml writes on it, run in network namespaces and beside fake metadata."""
