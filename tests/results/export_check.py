"""Reads JSON and CSV exports strictly, with the members that their formats' documentation asks for."""
import csv
import json
import math
import statistics
import sys


def refuse(text):
    raise ValueError("not JSON: " + text)


def load(name):
    with open(sys.argv[1] + "/" + name, encoding="utf-8") as file:
        return json.load(file, parse_constant=refuse)


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


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

# github-action-benchmark, custom tools: an array that is not empty, of name, value and unit, with
# range and extra as texts where they are known (its README and the shape that its extraction parses).
for name, rows_an_arm in (("github-bigger", 1), ("github-smaller", 3)):
    listed = load(name)
    assert len(listed) == 6 * rows_an_arm and len({row["name"] for row in listed}) == len(listed)
    for row in listed:
        assert number(row["value"]) and set(row) <= {"name", "value", "unit", "range", "extra"}
        assert all(isinstance(row[key], str) and row[key] for key in set(row) - {"value"})

# hyperfine: seconds, and statistics of `times`; a scan's parameters are texts.
results = load("hyperfine")["results"]
assert len(results) == 6
for result in results:
    assert {"command", "mean", "stddev", "median", "user", "system", "min", "max", "times"} <= set(result)
    assert abs(statistics.stdev(result["times"]) - result["stddev"]) < 1e-9
    assert abs(statistics.median(result["times"]) - result["median"]) < 1e-9
    assert abs(sum(result["times"]) / len(result["times"]) - result["mean"]) < 1e-9
    assert min(result["times"]) == result["min"] <= result["median"] <= result["max"]
    assert len(result["exit_codes"]) == len(result["times"])
    assert all(isinstance(value, str) for value in result["parameters"].values())

# CSV: one line a sample, as many fields as titles.
with open(sys.argv[1] + "/csv", newline="", encoding="utf-8") as file:
    lines = list(csv.DictReader(file))
assert len(lines) == 240 and all(None not in line and None not in line.values() for line in lines)
assert sum(line["tainted"] != "" for line in lines) > 0
