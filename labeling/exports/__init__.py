"""A project's judgements as files: streamed with constant memory, with a manifest that says what they hold.

views say which rows and columns, jsonl, csv and parquet how they are written, streams and files put them together.
"""
