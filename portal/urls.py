"""The addresses: the reporter's at the root in two languages, those of staff below ADMIN_PATH."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base.views import IndexView
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, reverse_lazy

from portal import health
from portal.accounts import login, mfa_enrolment, unsent

_LOGIN = [
    path("masuk/", login.StaffLoginView.as_view(), name="account_login"),
    path("masuk/faktor/", login.SecondFactorView.as_view(), name="mfa_authenticate"),
    path("keluar/", login.StaffLogoutView.as_view(), name="account_logout"),
    path("sandi/", login.PasswordView.as_view(success_url=reverse_lazy("admin:index")), name="account_change_password"),
    # allauth redirects a deactivated account here after the right password.
    path("nonaktif/", account.account_inactive, name="account_inactive"),
    # allauth's other views have no address: sign-up, password reset, login by code, trusted browsers.
    path("pengesahan/", login.ConfirmationView.as_view(), name="account_confirmation"),
    path("belum-terkirim/", unsent.unsent, name="unsent"),
    path("konfirmasi/", login.ConfirmView.as_view(), name="account_reauthenticate"),
    path("faktor/", IndexView.as_view(), name="mfa_index"),
    path("faktor/aplikasi/", mfa_enrolment.ActivateAppView.as_view(), name="mfa_activate_totp"),
    path("faktor/aplikasi/gambar.svg", mfa_enrolment.app_picture, name="mfa_picture"),
    path("faktor/aplikasi/hapus/", mfa_enrolment.RemoveAppView.as_view(), name="mfa_deactivate_totp"),
    path("faktor/kunci/", mfa_enrolment.AddKeyView.as_view(), name="mfa_add_webauthn"),
    path("faktor/kunci/<int:pk>/hapus/", mfa_enrolment.RemoveKeyView.as_view(), name="mfa_remove_webauthn"),
    path("faktor/kode/", mfa_enrolment.CodesView.as_view(), name="mfa_view_recovery_codes"),
    path("faktor/kode/baru/", mfa_enrolment.NewCodesView.as_view(), name="mfa_generate_recovery_codes"),
]

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path(settings.ADMIN_PATH, include(_LOGIN)),
    path(settings.ADMIN_PATH, include("complaints.admin.urls")),
    *i18n_patterns(path("", include("complaints.urls")), prefix_default_language=False),
]
handler500 = "portal.errors.server_error"
