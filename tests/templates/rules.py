"""The rules every template keeps, each a function from a template to a list of findings.

A rule whose name begins with a defect's id (d15, d16, ...) refuses what the original sample shipped.
`test_rules.py` runs every rule over every template, and over a small bad template that it has to refuse.
"""

import rules_of_access
import rules_of_networks
import rules_of_resources
import rules_of_writing
from reading import RULES, document, granted, inline, listed, properties, statements

__all__ = ["RULES", "document", "granted", "inline", "listed", "properties", "statements"]
# Importing them is what registers their rules.
MODULES = (rules_of_writing, rules_of_resources, rules_of_access, rules_of_networks)
