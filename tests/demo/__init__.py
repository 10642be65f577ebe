"""The demo: real Sceptre, real templates and the real function on a local AWS, checked as it goes."""
