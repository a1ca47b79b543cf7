"""A person's tokens of the API."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from labeling.errors import Conflict, Invalid
from labeling.forms.tokens import TokenForm
from labeling.http import SignedInRequest, signed_in
from labeling.models import ApiToken
from labeling.selectors.tokens import tokens_of
from labeling.services.tokens import create_token, revoke_token


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@signed_in
def tokens(request: SignedInRequest) -> HttpResponse:
    """The tokens, and a form for a new one; its text is in the reply that makes it and nowhere else."""
    if request.method != "POST":
        return _show(request, TokenForm())
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            made, text = create_token(user=request.user, **form.as_token())
        except (Invalid, Conflict) as error:
            form.add_error(None, error.message)
        else:
            return _show(request, TokenForm(), made=made, text=text)
    return _show(request, form, status=422)


@require_POST
@signed_in
def revoke(request: SignedInRequest, token_id: int) -> HttpResponse:
    """End a token at once."""
    revoked = revoke_token(user=request.user, token_id=token_id)
    messages.success(request, gettext("The token %(name)s is revoked.") % {"name": revoked.name})
    return redirect("tokens")


def _show(
    request: SignedInRequest, form: TokenForm, *, made: ApiToken | None = None, text: str = "", status: int = 200
) -> HttpResponse:
    context = {"tokens": tokens_of(request.user), "form": form, "made": made, "text": text}
    return render(request, "labeling/tokens.html", context, status=status)
