"""What people choose for themselves."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from labeling.forms.preferences import PreferencesForm
from labeling.http import SignedInRequest, signed_in
from labeling.services.preferences import set_preferences


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def preferences(request: SignedInRequest) -> HttpResponse:
    """The person's own settings, and the change of them."""
    user = request.user
    if request.method == "POST":
        form = PreferencesForm(request.POST)
        if form.is_valid():
            set_preferences(user=user, **form.cleaned_data)
            with translation.override(user.language or translation.get_language()):
                messages.success(request, translation.gettext("Your settings are saved."))
            return redirect("preferences")
        return render(request, "labeling/preferences.html", {"form": form}, status=422)
    initial = {
        "language": user.language,
        "opted_out": user.opted_out,
        "reminds": user.break_minutes > 0,
        "break_minutes": user.break_minutes or PreferencesForm.DEFAULT_MINUTES,
    }
    return render(request, "labeling/preferences.html", {"form": PreferencesForm(initial=initial)})
