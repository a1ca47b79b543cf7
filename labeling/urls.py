"""Addresses. The composition root: alignment is named here, as strings only."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from labeling.api.views.schema import NothingHereView, SchemaView
from labeling.consumers import ProjectConsumer
from labeling.views.auth import admin_login
from labeling.views.home import favicon

urlpatterns = [
    path("favicon.ico", favicon, name="favicon"),
    path("admin/login/", admin_login),  # before the admin's own
    path("admin/", admin.site.urls),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/v1/", include("labeling.api.urls")),
    path("api/v1/", include("alignment.api")),
    re_path(r"^api/[\s\S]*/$", csrf_exempt(NothingHereView.as_view())),
    path("", include("labeling.views.urls")),
    path("", include("alignment.urls")),
]

handler500 = "labeling.views.failures.server_error"

websocket_urlpatterns = [
    path("ws/p/<slug:slug>/", cast("Any", ProjectConsumer.as_asgi())),  # Channels routes by Django's path
]
