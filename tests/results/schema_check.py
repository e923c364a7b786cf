"""Validates files by a JSON schema with python's jsonschema: schema_check.py [--lines] SCHEMA FILE...
With --lines every line of a file is a document of its own."""
import json
import sys

import jsonschema


def refuse(text):
    raise ValueError("not JSON: " + text)


lines = sys.argv[1] == "--lines"
schema_path, *paths = sys.argv[2 if lines else 1:]
with open(schema_path, encoding="utf-8") as file:
    schema = json.load(file)
kind = jsonschema.validators.validator_for(schema)
kind.check_schema(schema)
validator = kind(schema)
bad = 0
for path in paths:
    with open(path, encoding="utf-8") as file:
        texts = file.read().splitlines() if lines else [file.read()]
    assert texts, path + " is empty"
    for number, text in enumerate(texts, 1):
        for problem in validator.iter_errors(json.loads(text, parse_constant=refuse)):
            print(f"{path}: line {number}: {problem.message}")
            bad += 1
sys.exit(bad > 0)
