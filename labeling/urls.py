"""Addresses. The composition root: alignment is named here, as strings only."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from labeling.consumers import ProjectConsumer
from labeling.views.auth import admin_login

urlpatterns = [
    path("admin/login/", admin_login),  # before the admin's own
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include("labeling.api.urls")),
    path("api/v1/", include("alignment.api")),
    path("", include("labeling.views.urls")),
    path("", include("alignment.urls")),
]

handler500 = "labeling.views.failures.server_error"

websocket_urlpatterns = [
    path("ws/p/<slug:slug>/", cast("Any", ProjectConsumer.as_asgi())),  # Channels routes by Django's path
]
