"""What is measured on a page as it lies in the window: nothing sticks out, everything has a name, everything can be
hit with a thumb. Contrast is not looked at here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

from tests.browser.window import Window

# The least side of a target, WCAG 2.2 (2.5.8); links inside a sentence are exempt there.
TARGET_PX = 24

_FAULTS = """([scheme, least]) => {
  const faults = [], name = (one) => one.outerHTML.slice(0, 120);
  const all = (what) => [...document.querySelectorAll(what)].filter((one) => !one.closest("[aria-hidden=true]"));
  const seen = (one) => one.checkVisibility({ visibilityProperty: true });
  const shown = (one) => one.textContent + [...one.querySelectorAll("img")].map((part) => part.alt).join("");
  const said = (one) => (shown(one).trim() || one.getAttribute("aria-label") || "").trim();
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const widest = all("body *").filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1).pop();
    faults.push("sticks out: " + (widest ? name(widest) : root.scrollWidth));
  }
  const style = getComputedStyle(document.body), sum = (total, part) => total + Number(part);
  const light = (part) => style[part].match(/[0-9.]+/g).slice(0, 3).reduce(sum, 0);
  if (light("backgroundColor") > light("color") !== (scheme === "light")) faults.push("is not " + scheme);
  if (all("h1").filter(seen).length !== 1) faults.push("headings: " + all("h1").length);
  if (document.title.split(" · ")[0].trim().length < 3) faults.push("title: " + document.title);
  for (const one of all("input:not([type=hidden]), select, textarea")) {
    const label = [...(one.labels || [])].map(said).join("") || one.getAttribute("aria-label");
    if (seen(one) && !label) faults.push("no label: " + name(one));
  }
  for (const one of all("img")) if (!one.hasAttribute("alt")) faults.push("no alt: " + name(one));
  for (const one of all("a, button, summary")) if (seen(one) && !said(one)) faults.push("no name: " + name(one));
  const ids = all("[id]").map((one) => one.id);
  for (const id of ids.filter((id, place) => ids.indexOf(id) !== place)) faults.push("id twice: " + id);
  const sentence = (one) => getComputedStyle(one).display === "inline"
    && said(one.parentElement).length > said(one).length + 3;
  for (const one of least ? all("a, button, summary, select, textarea, input:not([type=hidden])") : []) {
    if (!seen(one) || (one.tagName === "A" && sentence(one))) continue;
    const boxes = [one, ...(one.labels || [])].map((part) => part.getBoundingClientRect());
    const widest = Math.max(...boxes.map((box) => box.width)), highest = Math.max(...boxes.map((box) => box.height));
    if (Math.min(widest, highest) < least) faults.push(`target ${widest} x ${highest}: ` + name(one));
  }
  return faults;
}"""


def faults(page: Page, scheme: str, *, least: int = TARGET_PX) -> list[str]:
    """Return what is wrong with the page as it lies in the window; ``least`` 0 leaves targets alone."""
    texts: list[str] = page.evaluate(_FAULTS, [scheme, least])
    return texts


def looked_at(window: Window, language: str, sizes: Sequence[tuple[int, str]], *, least: int = TARGET_PX) -> list[str]:
    """Return what is wrong with the page in each of ``sizes``, pairs of a width and "light" or "dark"."""
    problems = []
    if (spoken := window.page.locator("html").get_attribute("lang")) != language:
        problems.append(f"{window.path} speaks {spoken}")
    for width, scheme in sizes:
        window.page.set_viewport_size({"width": width, "height": 800})
        window.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        problems += [f"{window.path} {width} {scheme}: {fault}" for fault in faults(window.page, scheme, least=least)]
    return problems


_FOCUS = """() => {
  const one = document.activeElement, label = one.labels && one.labels[0], ringed = label || one;
  const style = getComputedStyle, drawn = (part) => style(part).outlineStyle !== "none";
  return { name: one.name || "", role: one.getAttribute("role") || "",
    text: (one.tagName === "BODY" ? "" : one.textContent).trim().replace(/\\s+/g, " "),
    ring: one.tagName === "BODY" || drawn(one) || drawn(ringed) };
}"""


def focus_of(window: Window) -> dict[str, Any]:
    """Return what has the focus: its field name, text and role, and whether a ring is drawn around it."""
    focus: dict[str, Any] = window.page.evaluate(_FOCUS)
    return focus
