"""What our change lists share: a filter drawn as one line that opens and says what is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.utils.translation import gettext_lazy as _

# The value of a choice in the address, and its label.
Choice = tuple[str, Any]


class ListFilter(SimpleListFilter):
    """A filter of a change list; ``every`` is the label of its first choice, which narrows nothing by itself."""

    parameter_name: str
    template = "admin/queue_filter.html"
    every = _("All")

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield what can be chosen, the default first, in the shape that Django's template tag reads."""
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
