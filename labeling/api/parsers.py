"""Bodies that are files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles

CHUNK_BYTES = 64 * 1024
NAMELESS = "body"
IN_MEMORY_BYTES = 2 * 1024 * 1024


class RawFileParser(BaseParser):
    """Takes any body as one file without a name; a long one waits on disk, not in memory."""

    media_type = "*/*"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[Any, Any]:
        """The file under the name that a form has for it; none when the body is empty.

        Raises:
            ParseError: the connection broke before the whole body had come.
        """
        # The view closes it.
        spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
        size = 0
        while chunk := stream.read(CHUNK_BYTES):
            size += spool.write(chunk)
        announced = parser_context["request"].META.get("CONTENT_LENGTH") if parser_context else ""
        if announced and announced.isdecimal() and size < int(announced):
            spool.close()
            raise ParseError(f"the body is cut off: {size:,} of {int(announced):,} bytes came, send it again")
        if not size:
            spool.close()
            return DataAndFiles(QueryDict(""), MultiValueDict())
        spool.seek(0)
        file = UploadedFile(file=spool, name=NAMELESS, size=size)
        return DataAndFiles(QueryDict(""), MultiValueDict({"file": [file]}))
