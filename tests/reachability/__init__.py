"""Can it get there? Proofs about who reaches whom, from nothing but the state of EC2.

`network` is what was read, `paths` is the analysis (pure: state in, verdict with the missing hop's name out),
`reading` reads the state through the API, `flows` is the table of what a deployment promises.
"""
