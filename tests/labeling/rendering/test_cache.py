from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from labeling.rendering.cache import BoundedCache


def cache(limit):
    return BoundedCache[str, str](limit=limit, size=len)


def test_what_was_put_is_there_and_nothing_else():
    kept = cache(80)
    kept.put("a", "12345")

    assert kept.get("a") == "12345"
    assert kept.get("b") is None


def test_what_was_not_used_for_longest_goes_first():
    kept = cache(80)
    for key in "abcdefgh":
        kept.put(key, key * 10)
    kept.get("a")

    kept.put("i", "i" * 10)

    assert [key for key in "abcdefghi" if kept.get(key)] == list("acdefghi")
    assert kept.total == 80


def test_the_same_key_counts_once():
    kept = cache(80)
    kept.put("a", "12345")

    kept.put("a", "123")

    assert (kept.total, len(kept), kept.get("a")) == (3, 1, "123")


def test_what_would_push_everything_else_out_is_not_kept():
    kept = cache(80)
    kept.put("a", "1")

    kept.put("b", "x" * 11)

    assert (kept.get("a"), kept.get("b")) == ("1", None)


def test_threads_leave_the_total_right():
    kept = cache(800)

    def work(number):
        for step in range(500):
            kept.put(str((number * 7 + step) % 97), "x" * (step % 30))
            kept.get(str(step % 97))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert kept.total == sum(len(kept.get(str(key)) or "") for key in range(97))
    assert kept.total <= 800
