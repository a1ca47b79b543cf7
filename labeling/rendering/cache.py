"""A cache with a bound on what it holds, shared by the threads of a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """Keeps what was used last, up to a total size; what is larger than an eighth of that is not kept at all."""

    def __init__(self, *, limit: int, size: Callable[[Value], int]) -> None:
        self.limit = limit
        self.size = size
        self.total = 0
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Value | None:
        """The value, when it is still there."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Keep the value, and let go what was not used for the longest time."""
        size = self.size(value)
        if size > self.limit // 8:
            return
        with self._lock:
            known = self._values.pop(key, None)
            self.total += size - (self.size(known) if known is not None else 0)
            self._values[key] = value
            while self.total > self.limit:
                _, oldest = self._values.popitem(last=False)
                self.total -= self.size(oldest)

    def __len__(self) -> int:
        return len(self._values)
