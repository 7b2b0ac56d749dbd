"""Labels of platforms and of acts on social media; the codes are those of domain.posts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Platform(models.TextChoices):
    """The platform of a post."""

    FACEBOOK = "facebook", "Facebook"
    INSTAGRAM = "instagram", "Instagram"
    THREADS = "threads", "Threads"
    X = "x", "X (Twitter)"
    TIKTOK = "tiktok", "TikTok"
    YOUTUBE = "youtube", "YouTube"
    WHATSAPP = "whatsapp", "WhatsApp"
    TELEGRAM = "telegram", "Telegram"
    LINKEDIN = "linkedin", "LinkedIn"
    OTHER = "other", _("Another platform")


class PostAct(models.TextChoices):
    """What the account did; the joint decree names each act (KE4, KE5, D6, D7)."""

    POST = "post", _("Wrote or posted it")
    LIKE = "like", _("Liked it")
    COMMENT = "comment", _("Commented on it")
    SHARE = "share", _("Shared it")
    FOLLOW = "follow", _("Follows the account")
    PHOTO = "photo", _("Is in the photo")
    GROUP = "group", _("Is in the group")
