"""The last gate: what is not on this list does not reach a page, whatever the renderer made of a text."""

from __future__ import annotations

import nh3

MATHEMATICS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup"),
    *("munder", "mover", "munderover", "mmultiscripts", "mtable", "mtr", "mtd", "mphantom", "mstyle", "menclose"),
    *("mpadded", "merror"),
}
TAGS = MATHEMATICS | {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "div", "pre", "code", "em", "strong", "s"),
    *("ul", "ol", "li", "a", "span", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    **{"a": {"href"}, "ol": {"start", "dir"}, "ul": {"dir"}, "p": {"dir"}, "blockquote": {"dir"}},
    **{"div": {"role", "aria-label", "dir"}, "pre": {"dir"}, "span": {"data-mark"}},
    **{f"h{level}": {"dir"} for level in range(1, 7)},
    "math": {"display"},
    "mo": {"stretchy", "fence", "form", "separator", "lspace", "rspace", "movablelimits", "minsize", "maxsize"},
    **{"mi": {"mathvariant"}, "mstyle": {"displaystyle", "scriptlevel"}, "mspace": {"width"}},
    **{"mfrac": {"linethickness"}, "mover": {"accent"}, "munder": {"accentunder"}, "mtable": {"displaystyle"}},
    "mtd": {"columnspan", "rowspan"},
}
# The token kinds of code, and what the renderer needs to tell apart.
CLASSES = {
    "span": {
        *("mark", "scroll", "image", "address", "unlinked", "is-comment", "is-string", "is-number", "is-keyword"),
        *("is-name", "is-type", "is-constant", "is-added", "is-removed"),
    },
    "p": {"markup"},
    "div": {"scroll"},
    "pre": {"code"},
    "code": {"formula"},
    **{cell: {"is-center", "is-right"} for cell in ("th", "td")},
}


def clean(html: str) -> str:
    """The HTML with nothing in it but the tags, attributes and classes above; links leave without a referrer."""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
    )
