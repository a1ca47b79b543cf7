"""Websockets: a page hears at once what happens in its project. It reads the state from the database by itself.

A socket is closed when its session ends or its place is lost: at once, since the database tells of both, and at the
latest after half a minute.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, cast

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from labeling.errors import DomainError
from labeling.events import Event, of_person
from labeling.models import Session, User
from labeling.relay import RESYNC, Subscription, relay
from labeling.selectors.access import RESEARCHERS, membership_in

SIGNED_OUT = 4401
"""Close code when the session has ended."""
NO_MEMBER = 4404
"""Close code for somebody who has no place in the project, or lost it."""
RECHECK_SECONDS = 30.0


class ProjectConsumer(AsyncJsonWebsocketConsumer):
    """/ws/p/<slug>/ for members. The first message, and every one after a gap, is {"event": "resync"}."""

    async def connect(self) -> None:
        """Let members in; strangers and the signed-out are closed before they hear anything."""
        self.slug = self.scope["url_route"]["kwargs"]["slug"]
        self.forwarding: asyncio.Task[None] | None = None
        self.role = await self._role()
        if self.role is None:
            await self.close(NO_MEMBER)
            return
        await self.accept()
        self.forwarding = asyncio.create_task(self._forward())

    async def disconnect(self, code: int) -> None:
        """Stop listening."""
        if self.forwarding is not None:
            self.forwarding.cancel()
            with suppress(asyncio.CancelledError):
                await self.forwarding

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Pages send nothing; what comes is ignored."""

    async def _forward(self) -> None:
        mine = of_person(cast(User, self.scope["user"]).pk)
        async with relay().subscribe(self.slug, mine) as subscription:
            checked = time.monotonic()
            while True:
                event = await _next(subscription)
                about_me = event is not None and event.project == mine
                # After a gap something about the person may have been lost, too.
                is_resync = event is not None and event.name == RESYNC
                if about_me or is_resync or time.monotonic() - checked > RECHECK_SECONDS:
                    checked = time.monotonic()
                    if (code := await self._refused()) is not None:
                        await self.close(code)
                        return
                if event is not None and not about_me:
                    await self.send_json(self._message(event))

    async def _refused(self) -> int | None:
        """The code to close with, when the session has ended or the place is lost."""
        if not await self._is_signed_in():
            return SIGNED_OUT
        self.role = await self._role()
        return NO_MEMBER if self.role is None else None

    @database_sync_to_async
    def _is_signed_in(self) -> bool:
        key = self.scope["session"].session_key
        user = cast(User, self.scope["user"])
        return Session.objects.filter(pk=key, user=user.pk, expire_date__gt=timezone.now()).exists()

    def _message(self, event: Event) -> dict[str, Any]:
        """Annotators hear that something happened; who and what is for those who may see it."""
        details = event.details if self.role in RESEARCHERS else {}
        return {"event": event.name, **details}

    @database_sync_to_async
    def _role(self) -> str | None:
        user = cast("User | AnonymousUser", self.scope["user"])
        if user.is_authenticated:
            user.refresh_from_db(fields=["is_active", "is_superuser"])
        if not user.is_active:
            return None
        try:
            return membership_in(self.slug, user=user).role
        except DomainError:
            return None


async def _next(subscription: Subscription) -> Event | None:
    """The next event; None from time to time, so that a place that was lost is noticed in a quiet project too."""
    try:
        return await asyncio.wait_for(subscription.get(), timeout=RECHECK_SECONDS)
    except TimeoutError:
        return None
