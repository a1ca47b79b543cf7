"""Files with prompts or preferences into a project: streamed, checked row by row, one transaction for each file.

reading turns a file into rows, one module for each format turns a row into a record, storing writes records, and
files puts them together.
"""
