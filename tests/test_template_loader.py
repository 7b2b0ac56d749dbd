"""Line breaks of a template's source: where they vanish, where they are a space, and where they stay."""

import pytest
from django.template import engines

from portal.template_loader import collapse


@pytest.mark.parametrize(
    ("source", "collapsed"),
    [
        ("<p>\n  Received\n</p>\n", "<p>Received</p>"),
        ("<ul>\n  <li>\n    a\n  </li>\n  <li>b</li>\n</ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("one\n  two", "one two"),
        ("{{ a }}\n{% translate 'b' %}", "{{ a }} {% translate 'b' %}"),
        ("<b>\n  a\n</b>\n<i>b</i>", "<b>a</b> <i>b</i>"),
        ("<label>a</label>\n<input name='b'>\nc", "<label>a</label> <input name='b'> c"),
        ("a\n{% if b %}\n  , c\n{% endif %}\n.", "a{% if b %}, c{% endif %}."),
        ('a\n{% if b %}\n  {{ " " }}\n  c\n{% endif %}', 'a{% if b %}{{ " " }}c{% endif %}'),
        ("{% url 'home' as home %}\n{{ home }}", "{% url 'home' as home %}{{ home }}"),
        ("{% translate 'a' %}\n{% url 'b' as c %}", "{% translate 'a' %}{% url 'b' as c %}"),
        ('{% csrf_token %}\n<input type="hidden" name="a">\n<b>c</b>', None),
        (
            "<a href='b'\n   {% if c > d %}class='c'{% endif %}>e</a>",
            "<a href='b' {% if c > d %}class='c'{% endif %}>e</a>",
        ),
        ("a  b {% if c %} d{% endif %}", None),
    ],
)
def test_line_breaks_of_the_source(source: str, collapsed: str | None) -> None:
    """``None``: only the line breaks themselves go."""
    assert collapse(source) == (source.replace("\n", "") if collapsed is None else collapsed)


@pytest.mark.parametrize(
    "source",
    [
        "<pre>\n  a\n\n  b</pre>",
        "<textarea rows='2'>\n  {{ a }}\n</textarea>",
        "<script>\n  a();\n</script>",
        "{% blocktranslate %}a\n  b{% endblocktranslate %}",
        "{% verbatim %}\n  {{ a }}\n{% endverbatim %}",
    ],
)
def test_what_is_preformatted_stays(source: str) -> None:
    assert collapse(f"<p>\n{source}\n</p>") == f"<p>{source}</p>"


def test_pages_are_loaded_without_them() -> None:
    page = engines["django"].get_template("400.html").render({})
    assert "<body>" in page
    assert "\n" not in page
