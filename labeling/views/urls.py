"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from labeling.views import (
    auth,
    flags,
    guidelines,
    home,
    judge,
    people,
    preferences,
    project,
    prompts,
    quality,
    revise,
    work,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", home.healthz, name="healthz"),
    path("login/", auth.sign_in, name="login"),
    path("logout/", auth.sign_out, name="logout"),
    path("projects/new/", project.new, name="new-project"),
    path("p/<slug:slug>/", project.project, name="project"),
    path("settings/", preferences.preferences, name="preferences"),
    path("p/<slug:slug>/settings/", project.change_settings, name="project-settings"),
    path("p/<slug:slug>/flags/", flags.flags, name="flags"),
    path("p/<slug:slug>/flags/save/", flags.save, name="flags-save"),
    path("p/<slug:slug>/queue/", work.queue, name="queue"),
    path("p/<slug:slug>/judge/", judge.judge, name="judge"),
    path("p/<slug:slug>/judge/<int:assignment_id>/submit/", judge.submit, name="submit"),
    path("p/<slug:slug>/judge/<int:assignment_id>/skip/", judge.skip_item, name="skip"),
    path("p/<slug:slug>/judge/<int:assignment_id>/draft/", judge.keep_draft, name="draft"),
    path("p/<slug:slug>/judge/<int:assignment_id>/heartbeat/", judge.renew, name="heartbeat"),
    path("p/<slug:slug>/judge/last/", revise.last, name="last"),
    path("p/<slug:slug>/judge/back/", revise.back, name="back"),
    path("p/<slug:slug>/judge/<int:assignment_id>/", revise.judged, name="judged"),
    path("p/<slug:slug>/judge/<int:assignment_id>/revise/", revise.revise, name="revise"),
    path("p/<slug:slug>/judge/<int:assignment_id>/revise/draft/", revise.keep_revision, name="revise-draft"),
    path("p/<slug:slug>/guidelines/", guidelines.guidelines, name="guidelines"),
    path("p/<slug:slug>/guidelines/panel/", guidelines.panel, name="guidelines-panel"),
    path("p/<slug:slug>/guidelines/read/", guidelines.read, name="guidelines-read"),
    path("p/<slug:slug>/guidelines/write/", guidelines.write, name="guidelines-write"),
    path("p/<slug:slug>/guidelines/<int:number>/", guidelines.version, name="guidelines-version"),
    path("p/<slug:slug>/prompts/", prompts.prompts, name="prompts"),
    path("p/<slug:slug>/prompts/add/", prompts.add, name="prompts-add"),
    path("p/<slug:slug>/prompts/upload/", prompts.upload, name="prompts-upload"),
    path("p/<slug:slug>/prompts/<int:prompt_id>/", prompts.prompt, name="prompt"),
    path("p/<slug:slug>/prompts/<int:prompt_id>/topics/", prompts.change_topics, name="prompt-topics"),
    path("p/<slug:slug>/quality/", quality.quality, name="quality"),
    path("p/<slug:slug>/people/", people.people, name="people"),
    path("p/<slug:slug>/people/add/", people.add, name="people-add"),
    path("p/<slug:slug>/people/<int:user_id>/", people.change, name="people-change"),
]
