"""Parses dashboards with Grafana's own types and serializes them again: dashboards.py FILE…

Reports fields that the types do not define, which are lost in the round trip.
"""

import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(before: object, after: object, path: str) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        there = [key for key in before if key in after]
        gone = [f"{path}.{key}" for key in before if key not in after]
        return gone + [one for key in there for one in lost(before[key], after[key], f"{path}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after))
        return [one for i, (old, new) in pairs for one in lost(old, new, f"{path}[{i}]")]
    return [] if before == after else [path]


plugins.register_default_plugins()
for file in sys.argv[1:]:
    with open(file) as text:
        dashboard = json.load(text)
    back = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    for path in lost(dashboard, back, ""):
        print(f"{file}: {path} is not in Grafana's schema")
