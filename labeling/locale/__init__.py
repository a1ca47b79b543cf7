"""Texts and formats by language. The .po files are written by hand, the .mo files by `manage.py translations`."""
