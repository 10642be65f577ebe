"""The real program at a Runtime API of ours: one directory per case."""
