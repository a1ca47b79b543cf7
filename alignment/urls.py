"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from alignment import views
from alignment.asking import views as asking
from alignment.clocks import views as clocks
from alignment.gating import urls as gating
from alignment.seeing import views as seeing

app_name = "alignment"
urlpatterns = [
    path("p/<slug:slug>/loop/", clocks.loop_status, name="loop-status"),
    path("p/<slug:slug>/loop/settings/", clocks.change_settings, name="loop-settings"),
    path("p/<slug:slug>/loop/pause/", clocks.pause, name="loop-pause"),
    path("p/<slug:slug>/loop/refresh/", clocks.refresh, name="loop-refresh"),
    path("p/<slug:slug>/loop/train/", clocks.train, name="loop-train"),
    path("p/<slug:slug>/loop/rewards/<int:number>/", clocks.make_current, name="loop-rewards"),
    *gating.urlpatterns,
    path("p/<slug:slug>/loop/asking/", asking.asking, name="asking"),
    path("p/<slug:slug>/runs/", views.runs, name="runs"),
    path("p/<slug:slug>/runs/start/", views.start, name="run-start"),
    path("p/<slug:slug>/runs/<int:run_id>/", views.run, name="run"),
    path("p/<slug:slug>/runs/<int:run_id>/curves/", views.curves, name="run-curves"),
    path("p/<slug:slug>/runs/<int:run_id>/state/", views.run_state, name="run-state"),
    path("p/<slug:slug>/runs/<int:run_id>/stop/", views.stop, name="run-stop"),
    path("p/<slug:slug>/policies/", views.policies, name="policies"),
    path("p/<slug:slug>/policies/<int:version>/promote/", views.promote, name="promote"),
    path("p/<slug:slug>/policies/evaluate/", views.evaluate, name="evaluate"),
    path("p/<slug:slug>/policies/samples/", views.samples, name="samples"),
    path("p/<slug:slug>/policies/samples/write/", views.write_samples, name="samples-write"),
    path("p/<slug:slug>/leaderboard/", seeing.leaderboard, name="leaderboard"),
    path("p/<slug:slug>/lineage/completions/<int:completion_id>/", seeing.completion, name="lineage-completion"),
    path("p/<slug:slug>/lineage/labels/<int:label_id>/", seeing.label, name="lineage-label"),
    path("p/<slug:slug>/runs/<int:run_id>/repeat/", seeing.repeat, name="run-repeat"),
    path("p/<slug:slug>/my-part/", seeing.own_part, name="own-part"),
    path("p/<slug:slug>/watch/", seeing.watch, name="watch"),
    path("p/<slug:slug>/watch/picture/", seeing.picture, name="picture"),
]
