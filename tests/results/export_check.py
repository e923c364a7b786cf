"""Reads the JSON and CSV exports as their consumers do: strictly, with the members they need."""
import csv
import json
import math
import sys


def refuse(text):
    raise ValueError("not JSON: " + text)


def load(name):
    with open(sys.argv[1] + "/" + name, encoding="utf-8") as file:
        return json.load(file, parse_constant=refuse)


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# Bencher: benchmark -> measure slug -> value and bounds, nothing else (schema v0, draft 7).
bmf = load("bmf")
assert len(bmf) == 6
for name, measures in bmf.items():
    assert 0 < len(name) <= 1024
    for slug, metric in measures.items():
        assert 0 < len(slug) <= 64 and all(c.isalnum() or c == "-" for c in slug)
        assert set(metric) <= {"value", "lower_value", "upper_value"} and number(metric["value"])
    rate = measures["mib-per-second"]
    assert rate["lower_value"] <= rate["value"] <= rate["upper_value"]

# Google Benchmark's compare.py: schema version 1; rows by name and unit, one a repetition; its U
# test wants repetitions of a name together.
google = load("google")
assert google["context"]["json_schema_version"] == 1 and google["context"]["caches"] == []
rows = {}
for row in google["benchmarks"]:
    assert number(row["real_time"]) and number(row["cpu_time"]) and row["time_unit"] == "ns"
    assert row["run_type"] == "iteration"
    rows.setdefault(row["name"], []).append(row)
assert len(rows) == 6
for name, group in rows.items():
    assert [row["repetition_index"] for row in group] == list(range(len(group)))
    assert all(row["repetitions"] == len(group) >= 9 for row in group)

# github-action-benchmark: arrays of name, value, unit.
for name in ("github-bigger", "github-smaller"):
    listed = load(name)
    assert listed and len({row["name"] for row in listed}) == len(listed)
    for row in listed:
        assert number(row["value"]) and row["unit"] and set(row) <= {"name", "value", "unit", "range", "extra"}

# hyperfine: seconds, and statistics of `times`.
for result in load("hyperfine")["results"]:
    assert abs(sum(result["times"]) / len(result["times"]) - result["mean"]) < 1e-9
    assert min(result["times"]) == result["min"] <= result["median"] <= result["max"]
    assert len(result["exit_codes"]) == len(result["times"])
    assert all(isinstance(value, str) for value in result["parameters"].values())

# CSV: one line a sample, as many fields as titles.
with open(sys.argv[1] + "/csv", newline="", encoding="utf-8") as file:
    lines = list(csv.DictReader(file))
assert len(lines) == 240 and all(None not in line and None not in line.values() for line in lines)
assert sum(line["tainted"] != "" for line in lines) > 0
