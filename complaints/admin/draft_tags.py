"""The mark of a form whose texts are kept as a draft, for templates."""

from __future__ import annotations

import uuid
from typing import TypedDict, cast

from django import forms, template
from django.http import HttpRequest
from django.template.context import RequestContext
from django.utils import timezone

from complaints.admin.base import StaffRequest
from complaints.services import staff_drafts
from complaints.services.staff_drafts import Draft

register = template.Library()


class DraftMark(TypedDict):
    """What ``admin/draft.html`` reads; ``is_bound`` where the form shows what was posted, so that no draft fills it."""

    object_id: uuid.UUID
    form: str
    is_bound: bool
    filled: Draft | None
    request: HttpRequest


@register.inclusion_tag("admin/draft.html", takes_context=True)
def draft(
    context: RequestContext,
    object_id: uuid.UUID,
    name: str,
    *,
    key: object = "",
    form: forms.Form | None = None,
    holder: uuid.UUID | None = None,
) -> DraftMark:
    """Mark the form around it, before its fields: ``name`` and ``key`` tell it from the others of the case or release.

    Where the address asks for drafts, as the link without a script does, the kept texts are filled in.
    """
    request = cast(StaffRequest, context["request"])
    full_name = f"{name}-{key}" if key else name
    is_bound = bool(form and form.is_bound)
    kept: Draft | None = None
    if "drafts" in request.GET and form is not None and not is_bound:
        kept = staff_drafts.drafts_of(
            keyring=request.keyring, object_id=object_id, holder=holder, now=timezone.now()
        ).get(full_name)
        form.initial.update(kept.texts if kept else {})
    return {"object_id": object_id, "form": full_name, "is_bound": is_bound, "filled": kept, "request": request}
