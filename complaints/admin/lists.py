"""What the short lists of the staff's door share: filters that stand in one line each and say what is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    Filter = admin.SimpleListFilter
    Listed = ChangeList
else:
    Filter, Listed = admin.SimpleListFilter, ChangeList


class ListFilter(Filter):
    """A filter shown as one line that opens; it says what is chosen."""

    template = "admin/queue_filter.html"
    every = _("All")

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what can be chosen, the default first."""
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": self.every,
        }
        for value, label in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }
