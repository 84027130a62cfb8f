"""Writes the Parquet tables of this folder with pyarrow (25 or later): python tables.py"""
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}}


def messages(i):
    turns = [{"role": "user", "content": f"Question {i} é 🙂", "tool_calls": None}]
    if i % 2 == 0:
        turns.append({"role": "assistant", "content": None, "tool_calls": [CALL]})
        turns.append({"role": "tool", "content": "3", "tool_calls": None})
    return [*turns, {"role": "assistant", "content": f"Answer {i}", "tool_calls": None}]


def write(name, table, **options):
    pq.write_table(table, HERE / name, **options)


chats = pa.table({"id": pa.array(range(6), pa.int64()), "messages": [messages(i) for i in range(6)]})
for codec in ("snappy", "zstd", "gzip", "brotli", "lz4", "none"):
    write(f"chats-{codec}.parquet", chats, compression=codec, row_group_size=4)
labelled = pa.table(
    {
        "prompt": [f"Is {i} even?" for i in range(5)],
        "completion": ["yes", "no", None, "no", "yes"],
        "label": pa.array([True, True, False, False, None], pa.bool_()),
    }
)
write("labelled.parquet", labelled, compression="snappy", data_page_version="2.0")
