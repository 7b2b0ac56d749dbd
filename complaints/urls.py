"""The reporter's addresses, the same below every language's prefix; none contains anything of a report."""

from __future__ import annotations

from django.urls import path, re_path

from complaints.views import api, parking, public, report, retaliation, status, ticket_code

urlpatterns = [
    path("", public.home, name="home"),
    path("sehat/", public.health, name="health"),
    path("lapor/", report.start, name="report_start"),
    path("lapor/ditekan/", report.start, {"door": "pressed"}, name="report_pressed"),
    path("lapor/melihat/", report.start, {"door": "witnessed"}, name="report_witnessed"),
    path("lapor/siapa/", report.who, name="report_who"),
    path("lapor/cerita/", report.story, name="report_story"),
    path("lapor/periksa/", report.check, name="report_check"),
    path("lapor/kode/", ticket_code.show, name="report_code"),
    path("lapor/kode/unduh/", ticket_code.download, name="report_code_file"),
    path("lapor/kode/pengingat/", ticket_code.reminder, name="report_code_reminder"),
    path("lapor/nanti/", parking.show, name="report_parked"),
    path("lapor/berkas/hapus/", report.file_remove, name="report_file_remove"),
    path("lapor/berkas/mulai/", api.begin, name="upload_begin"),
    path("lapor/berkas/potongan/", api.segment, name="upload_segment"),
    path("lapor/berkas/selesai/", api.finish, name="upload_finish"),
    path("lapor/berkas/keadaan/", api.state, name="upload_state"),
    path("lapor/berkas/batal/", api.cancel, name="upload_cancel"),
    path("lapor/unggahan/hapus/", report.post_remove, name="report_post_remove"),
    path("lapor/batal/", report.cancel, name="report_cancel"),
    re_path(r"^lapor/pintu-lain/(?P<door>bawaslu|sp4n)/$", public.door_elsewhere, name="door_elsewhere"),
    path("tidak-ditanyakan/", public.never_asked, name="never_asked"),
    path("cek/", status.enter, name="status_enter"),
    path("cek/laporan/", status.show, name="status_page"),
    path("cek/laporan/jawab/", status.message, name="status_message"),
    path("cek/laporan/bukti/", status.files, name="status_files"),
    path("cek/laporan/bukti/hapus/", status.file_remove, name="status_file_remove"),
    path("cek/laporan/unggahan/", status.post, name="status_post"),
    path("cek/laporan/nama/", status.name, name="status_name"),
    path("cek/laporan/terjadi/", retaliation.tell, name="status_retaliation"),
    path("cek/laporan/cabut/", status.withdraw, name="status_withdraw"),
    path("cek/keluar/", status.leave, name="status_leave"),
]
