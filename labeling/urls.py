"""Addresses. The composition root: alignment is named here, as strings only."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include("labeling.api.urls")),
    path("api/v1/", include("alignment.api")),
    path("", include("labeling.views.urls")),
    path("", include("alignment.urls")),
]

handler500 = "labeling.views.failures.server_error"

websocket_urlpatterns: list[object] = []
