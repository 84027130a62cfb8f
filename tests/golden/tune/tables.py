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


def sometimes(values, type=None):
    return pa.array([None if i % 7 == 3 else value for i, value in enumerate(values)], type)


ROWS = range(40)
kinds = pa.table(
    {
        "texts": sometimes([f"text {i} é" for i in ROWS]),
        "lengths": sometimes(["a" * (i % 5) for i in ROWS]),
        "choice": sometimes([("yes", "no", "perhaps")[i % 3] for i in ROWS]),
        "none": pa.array([None for _ in ROWS], pa.string()),
        "whole": sometimes([i * 7 - 50 for i in ROWS], pa.int32()),
        "long": sometimes([i * 70001 for i in ROWS], pa.int64()),
        "half": sometimes([i / 2 for i in ROWS], pa.float32()),
        "flag": sometimes([i % 3 == 0 for i in ROWS]),
        "ids": sometimes([[j for j in range(i % 4)] for i in ROWS], pa.list_(pa.int32())),
    }
)
encodings = {"texts": "DELTA_BYTE_ARRAY", "lengths": "DELTA_LENGTH_BYTE_ARRAY", "whole": "DELTA_BINARY_PACKED"}
encodings |= {"long": "DELTA_BINARY_PACKED", "half": "BYTE_STREAM_SPLIT", "flag": "RLE", "none": "PLAIN"}
for version in ("1.0", "2.0"):
    write(
        f"kinds-{version[0]}.parquet",
        kinds,
        compression="none",
        data_page_version=version,
        use_dictionary=["choice"],
        column_encoding=encodings,
        write_statistics=False,
        store_schema=False,
    )
