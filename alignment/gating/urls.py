"""Addresses of the gate's pages; part of alignment.urls."""

from __future__ import annotations

from django.urls import path

from alignment.gating import views

urlpatterns = [
    path("p/<slug:slug>/gate/", views.gate, name="gate"),
    path("p/<slug:slug>/gate/settings/", views.change, name="gate-settings"),
    path("p/<slug:slug>/gate/<int:promotion_id>/promote/", views.promote, name="gate-promote"),
    path("p/<slug:slug>/gate/<int:promotion_id>/veto/", views.veto, name="gate-veto"),
    path("p/<slug:slug>/gate/rollback/<int:version>/", views.roll_back, name="gate-rollback"),
]
