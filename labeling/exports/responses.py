"""An export as the answer to a request: a stream, and of a snapshot any part of it (RFC 9110, ranges)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext

from labeling.exports.streams import Export
from labeling.models import ExportMark

RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})?")


def respond(request: HttpRequest, export: Export) -> HttpResponseBase:
    """The file, or the bytes of it that Range asks for.

    Live labels may change between two requests, so that only a snapshot's file can be taken up again: it has an ETag,
    and its length once it was written to its end.
    """
    if not export.key:
        parts = _asked_for(request, export.stream())
        response = _named(StreamingHttpResponse(parts, content_type=export.content_type), export)
        response["Accept-Ranges"] = "none"
        return response
    etag = f'"{export.key}"'
    if etag in request.headers.get("If-None-Match", ""):
        return _tagged(HttpResponse(status=304), export)
    asked = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or request.method == "HEAD" or request.headers.get("If-Range", etag) != etag:
        return _whole(request, export)
    begin, total = int(asked[1]), length_of(export)
    end = min(int(asked[2]), total - 1) if asked[2] else total - 1
    if begin > end:
        detail = gettext("the file has {total} bytes: begin before its end").format(total=total)
        response = JsonResponse({"detail": detail, "code": "behind_the_end"}, status=416)
        response["Content-Range"] = f"bytes */{total}"
        return _tagged(response, export)
    parts = _cut(export.stream(begin=begin), end - begin + 1)
    response = StreamingHttpResponse(parts, status=206, content_type=export.content_type)
    response["Content-Range"] = f"bytes {begin}-{end}/{total}"
    response["Content-Length"] = str(end - begin + 1)
    return _tagged(_named(response, export), export)


def length_of(export: Export) -> int:
    """How long a snapshot's file is; where nobody read it to its end yet, the rest is written without being sent."""
    known = _known_length(export)
    if known is not None:
        return known
    kept = ExportMark.objects.filter(snapshot=export.snapshot, key=export.key)
    last = kept.order_by("-position").values_list("position", flat=True).first() or 0
    for _ in _again(export).stream(begin=last):
        pass
    return cast(int, _known_length(export))


def _again(export: Export) -> Export:
    return Export(
        project=export.project,
        view=export.view,
        file_format=export.file_format,
        selection=export.selection,
        up_to=export.up_to,
        snapshot=export.snapshot,
    )


def _known_length(export: Export) -> int | None:
    ends = ExportMark.objects.filter(snapshot=export.snapshot, key=export.key, is_end=True)
    return ends.values_list("position", flat=True).first()


def _asked_for(request: HttpRequest, parts: Iterator[bytes]) -> Iterator[bytes]:
    """Nothing for HEAD, which asks for the headers: what nobody reads is not made."""
    return iter(()) if request.method == "HEAD" else parts


def _whole(request: HttpRequest, export: Export) -> HttpResponseBase:
    parts = _asked_for(request, export.stream())
    response = StreamingHttpResponse(parts, content_type=export.content_type)
    if (length := _known_length(export)) is not None:
        response["Content-Length"] = str(length)
    return _tagged(_named(response, export), export)


def _named(response: HttpResponseBase, export: Export) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    return response


def _tagged(response: HttpResponseBase, export: Export) -> HttpResponseBase:
    response["ETag"] = f'"{export.key}"'
    response["Accept-Ranges"] = "bytes"
    return response


def _cut(parts: Iterator[bytes], length: int) -> Iterator[bytes]:
    """The first bytes, and no more than are promised."""
    for part in parts:
        yield part[:length]
        length -= len(part)
        if length <= 0:
            return
