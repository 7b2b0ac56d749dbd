"""The two doors: the reporter's at the root in two languages, the staff's at a configurable path."""

from __future__ import annotations

from allauth.account import views as account
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, reverse_lazy

from complaints.admin.site import site

urlpatterns = [
    path(f"{settings.ADMIN_PATH}masuk/", account.login, name="account_login"),
    path(f"{settings.ADMIN_PATH}keluar/", account.logout, name="account_logout"),
    path(
        f"{settings.ADMIN_PATH}sandi/",
        account.PasswordChangeView.as_view(success_url=reverse_lazy("admin:index")),
        name="account_change_password",
    ),
    # allauth sends the right password of a switched-off account here.
    path(f"{settings.ADMIN_PATH}nonaktif/", account.account_inactive, name="account_inactive"),
    path(settings.ADMIN_PATH, site.urls),
    *i18n_patterns(path("", include("complaints.urls")), prefix_default_language=False),
]
