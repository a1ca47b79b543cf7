from __future__ import annotations

import pytest

from labeling.rendering.gate import clean


@pytest.mark.parametrize(
    ("html", "cleaned"),
    [
        ("<p onclick=x style=y id=z>a</p>", "<p>a</p>"),
        ("<script>a</script>b", "b"),
        ("<img src=x>a<input><button>b</button>", "ab"),
        ('<a href="javascript:x">a</a>', '<a target="_blank" rel="noopener noreferrer nofollow">a</a>'),
        ('<span class="is-keyword button">a</span>', '<span class="is-keyword">a</span>'),
        ('<math><mi href="x" style="y">a</mi></math>', "<math><mi>a</mi></math>"),
        ("<math><annotation-xml encoding=text/html><p>a</p></annotation-xml></math>", "<math></math>"),
    ],
)
def test_what_is_not_on_the_list_does_not_pass(html, cleaned):
    assert clean(html) == cleaned
