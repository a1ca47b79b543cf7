"""Addresses of the API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from labeling.api.views.access import TokenView
from labeling.api.views.account import (
    ConfirmView,
    PasswordView,
    RecoveryCodesView,
    SecondFactorView,
    SessionsView,
    SessionView,
    TurnOffView,
)
from labeling.api.views.audit import AuditView
from labeling.api.views.conversations import (
    AskAgainView,
    ConversationView,
    FinishView,
    JudgedTurnView,
    ReviseTurnView,
    SayView,
    SettleView,
)
from labeling.api.views.data import ComparisonsView, ExportView
from labeling.api.views.figures import CoefficientsView, FiguresView, ReliabilitiesView, TrustView
from labeling.api.views.guidelines import GuidelinesHistoryView, GuidelinesReadView, GuidelinesView
from labeling.api.views.imports import CancelImportView, ImportReportView, ImportsView, ImportView, RejectedView
from labeling.api.views.invitations import InvitationsView, InvitationView, JoinView
from labeling.api.views.known import (
    KnownAnswersView,
    KnownAnswerView,
    LetInView,
    QualificationView,
    ReadinessOfPeopleView,
    ReadinessView,
)
from labeling.api.views.people import EraseView, GroupsView, GroupView, MembersView, MemberView
from labeling.api.views.projects import ArchiveView, CloneView, EffectsView, ProjectsView, ProjectView, RestoreView
from labeling.api.views.prompts import ChangeView, PromptsView, TagsView, TopicsView
from labeling.api.views.pseudonyms import PseudonymsView
from labeling.api.views.quality import AgreementView
from labeling.api.views.reviews import DecideView, DismissView, ReviewSettingsView, ReviewsView, ReviewView
from labeling.api.views.snapshot_jobs import CancelSnapshotJobView, SnapshotJobsView, SnapshotJobView
from labeling.api.views.snapshots import SnapshotsView, SnapshotView
from labeling.api.views.tokens import RevokeTokenView, TokensView
from labeling.api.views.work import DraftView, HeartbeatView, JudgedView, NextView, ReviseView, SkipView, SubmitView

app_name = "api"
urlpatterns = [
    path("token/", TokenView.as_view(), name="token"),
    path("tokens/", TokensView.as_view(), name="tokens"),
    path("tokens/<int:token_id>/", RevokeTokenView.as_view(), name="token-revoke"),
    path("password/", PasswordView.as_view(), name="password"),
    path("sessions/", SessionsView.as_view(), name="sessions"),
    path("sessions/<slug:name>/", SessionView.as_view(), name="session"),
    path("second-factor/", SecondFactorView.as_view(), name="second-factor"),
    path("second-factor/confirm/", ConfirmView.as_view(), name="second-factor-confirm"),
    path("second-factor/codes/", RecoveryCodesView.as_view(), name="second-factor-codes"),
    path("second-factor/off/", TurnOffView.as_view(), name="second-factor-off"),
    path("projects/", ProjectsView.as_view(), name="projects"),
    path("projects/<slug:slug>/", ProjectView.as_view(), name="project"),
    path("projects/<slug:slug>/effects/", EffectsView.as_view(), name="effects"),
    path("projects/<slug:slug>/clone/", CloneView.as_view(), name="clone"),
    path("projects/<slug:slug>/archive/", ArchiveView.as_view(), name="archive"),
    path("projects/<slug:slug>/restore/", RestoreView.as_view(), name="restore"),
    path("projects/<slug:slug>/pseudonyms/", PseudonymsView.as_view(), name="pseudonyms"),
    path("projects/<slug:slug>/guidelines/", GuidelinesHistoryView.as_view(), name="guidelines"),
    path("projects/<slug:slug>/guidelines/<int:version>/", GuidelinesView.as_view(), name="guidelines-version"),
    path("projects/<slug:slug>/guidelines/<int:version>/read/", GuidelinesReadView.as_view(), name="guidelines-read"),
    path("projects/<slug:slug>/prompts/", PromptsView.as_view(), name="prompts"),
    path("projects/<slug:slug>/prompts/import/", ImportView.as_view(), name="import"),
    path("projects/<slug:slug>/prompts/change/", ChangeView.as_view(), name="prompts-change"),
    path("projects/<slug:slug>/prompts/<int:prompt_id>/tags/", TagsView.as_view(), name="tags"),
    path("projects/<slug:slug>/imports/", ImportsView.as_view(), name="imports"),
    path("projects/<slug:slug>/imports/<int:import_id>/", ImportReportView.as_view(), name="import-report"),
    path("projects/<slug:slug>/imports/<int:import_id>/cancel/", CancelImportView.as_view(), name="import-cancel"),
    path("projects/<slug:slug>/imports/<int:import_id>/rejected/", RejectedView.as_view(), name="import-rejected"),
    path("projects/<slug:slug>/prompts/<int:prompt_id>/topics/", TopicsView.as_view(), name="topics"),
    path("projects/<slug:slug>/next/", NextView.as_view(), name="next"),
    path("projects/<slug:slug>/comparisons/", ComparisonsView.as_view(), name="comparisons"),
    path("projects/<slug:slug>/figures/", FiguresView.as_view(), name="figures"),
    path("projects/<slug:slug>/reliabilities/", ReliabilitiesView.as_view(), name="reliabilities"),
    path("projects/<slug:slug>/reliabilities/<slug:name>/", TrustView.as_view(), name="reliability"),
    path("projects/<slug:slug>/coefficients/", CoefficientsView.as_view(), name="coefficients"),
    path("projects/<slug:slug>/reviews/", ReviewsView.as_view(), name="reviews"),
    path("projects/<slug:slug>/reviews/settings/", ReviewSettingsView.as_view(), name="reviews-settings"),
    path("projects/<slug:slug>/reviews/<int:review_id>/", ReviewView.as_view(), name="review"),
    path("projects/<slug:slug>/reviews/<int:review_id>/decide/", DecideView.as_view(), name="review-decide"),
    path("projects/<slug:slug>/reviews/<int:review_id>/dismiss/", DismissView.as_view(), name="review-dismiss"),
    path("projects/<slug:slug>/known/", KnownAnswersView.as_view(), name="known"),
    path("projects/<slug:slug>/known/<int:known_id>/", KnownAnswerView.as_view(), name="known-one"),
    path("projects/<slug:slug>/readiness/", ReadinessView.as_view(), name="readiness"),
    path("projects/<slug:slug>/readiness/people/", ReadinessOfPeopleView.as_view(), name="readiness-people"),
    path("projects/<slug:slug>/readiness/people/<int:user_id>/", LetInView.as_view(), name="let-in"),
    path("projects/<slug:slug>/qualification/", QualificationView.as_view(), name="qualification"),
    path("projects/<slug:slug>/agreement/", AgreementView.as_view(), name="agreement"),
    path("projects/<slug:slug>/audit/", AuditView.as_view(), name="audit"),
    path("projects/<slug:slug>/members/", MembersView.as_view(), name="members"),
    path("projects/<slug:slug>/members/<int:user_id>/", MemberView.as_view(), name="member"),
    path("projects/<slug:slug>/members/<int:user_id>/erase/", EraseView.as_view(), name="erase"),
    path("projects/<slug:slug>/groups/", GroupsView.as_view(), name="groups"),
    path("projects/<slug:slug>/groups/<int:group_id>/", GroupView.as_view(), name="group"),
    path("projects/<slug:slug>/invitations/", InvitationsView.as_view(), name="invitations"),
    path("projects/<slug:slug>/invitations/<int:invitation_id>/", InvitationView.as_view(), name="invitation"),
    path("join/", JoinView.as_view(), name="join"),
    path("projects/<slug:slug>/export/", ExportView.as_view(), name="export"),
    path("projects/<slug:slug>/snapshots/", SnapshotsView.as_view(), name="snapshots"),
    path("projects/<slug:slug>/snapshots/<str:name>/", SnapshotView.as_view(), name="snapshot"),
    path("projects/<slug:slug>/snapshot_jobs/", SnapshotJobsView.as_view(), name="snapshot-jobs"),
    path("projects/<slug:slug>/snapshot_jobs/<int:job_id>/", SnapshotJobView.as_view(), name="snapshot-job"),
    path(
        "projects/<slug:slug>/snapshot_jobs/<int:job_id>/cancel/",
        CancelSnapshotJobView.as_view(),
        name="snapshot-job-cancel",
    ),
    path("assignments/<int:assignment_id>/draft/", DraftView.as_view(), name="draft"),
    path("assignments/<int:assignment_id>/submit/", SubmitView.as_view(), name="submit"),
    path("assignments/<int:assignment_id>/", JudgedView.as_view(), name="judged"),
    path("assignments/<int:assignment_id>/revise/", ReviseView.as_view(), name="revise"),
    path("assignments/<int:assignment_id>/conversation/", ConversationView.as_view(), name="conversation"),
    path("assignments/<int:assignment_id>/say/", SayView.as_view(), name="say"),
    path("assignments/<int:assignment_id>/ask-again/", AskAgainView.as_view(), name="ask-again"),
    path("assignments/<int:assignment_id>/judge-turn/", SettleView.as_view(), name="judge-turn"),
    path("assignments/<int:assignment_id>/finish/", FinishView.as_view(), name="finish"),
    path("assignments/<int:assignment_id>/turns/<int:number>/", JudgedTurnView.as_view(), name="judged-turn"),
    path("assignments/<int:assignment_id>/turns/<int:number>/revise/", ReviseTurnView.as_view(), name="revise-turn"),
    path("assignments/<int:assignment_id>/skip/", SkipView.as_view(), name="skip"),
    path("assignments/<int:assignment_id>/heartbeat/", HeartbeatView.as_view(), name="heartbeat"),
]
