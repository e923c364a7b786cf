# grainbench scale
expect 0 scale.text scale ../../data/published/hf-2077-vera.jsonl
refuse 2 "no arm was measured with three thread counts" scale table-record.jsonl
refuse 2 "name one record" scale
