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
  const faults = [], name = (node) => node.outerHTML.slice(0, 120);
  const all = (what) => [...document.querySelectorAll(what)].filter((node) => !node.closest("[aria-hidden=true]"));
  const seen = (node) => node.checkVisibility({ visibilityProperty: true });
  const shown = (node) => node.textContent + [...node.querySelectorAll("img")].map((part) => part.alt).join("");
  const label_of = (node) => (shown(node).trim() || node.getAttribute("aria-label") || "").trim();
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const widest = all("body *").filter((node) => node.getBoundingClientRect().right > root.clientWidth + 1).pop();
    faults.push("sticks out: " + (widest ? name(widest) : root.scrollWidth));
  }
  const style = getComputedStyle(document.body), sum = (total, part) => total + Number(part);
  const light = (part) => style[part].match(/[0-9.]+/g).slice(0, 3).reduce(sum, 0);
  if (light("backgroundColor") > light("color") !== (scheme === "light")) faults.push("is not " + scheme);
  if (all("h1").filter(seen).length !== 1) faults.push("headings: " + all("h1").length);
  if (document.title.split(" · ")[0].trim().length < 3) faults.push("title: " + document.title);
  for (const node of all("input:not([type=hidden]), select, textarea")) {
    const label = [...(node.labels || [])].map(label_of).join("") || node.getAttribute("aria-label");
    if (seen(node) && !label) faults.push("no label: " + name(node));
  }
  for (const node of all("img")) if (!node.hasAttribute("alt")) faults.push("no alt: " + name(node));
  for (const node of all("a, button, summary")) {
    if (seen(node) && !label_of(node)) faults.push("no name: " + name(node));
  }
  const ids = all("[id]").map((node) => node.id);
  for (const id of ids.filter((id, place) => ids.indexOf(id) !== place)) faults.push("id twice: " + id);
  const sentence = (node) => getComputedStyle(node).display === "inline"
    && label_of(node.parentElement).length > label_of(node).length + 3;
  for (const node of least ? all("a, button, summary, select, textarea, input:not([type=hidden])") : []) {
    if (!seen(node) || (node.tagName === "A" && sentence(node))) continue;
    const boxes = [node, ...(node.labels || [])].map((part) => part.getBoundingClientRect());
    const widest = Math.max(...boxes.map((box) => box.width)), highest = Math.max(...boxes.map((box) => box.height));
    if (Math.min(widest, highest) < least) faults.push(`target ${widest} x ${highest}: ` + name(node));
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
  const node = document.activeElement, label = node.labels && node.labels[0], ringed = label || node;
  const style = getComputedStyle, drawn = (part) => style(part).outlineStyle !== "none";
  const box = (label && node.type !== "file" && node.getBoundingClientRect().width < 4 ? label : node)
    .getBoundingClientRect();
  // The middle of what lies in the window: a tall box may reach out of it.
  const middle = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
  const hit = document.elementFromPoint(box.x + box.width / 2, middle);
  const met = hit && [node, label].some((part) => part && (part.contains(hit) || hit.contains(part)));
  return { name: node.name || "", role: node.getAttribute("role") || "",
    seen: node.tagName === "BODY" || Boolean(met && !hit.contains(document.body)),
    text: (node.tagName === "BODY" ? "" : node.textContent).trim().replace(/\\s+/g, " "),
    ring: node.tagName === "BODY" || drawn(node) || drawn(ringed) };
}"""


def focus_of(window: Window) -> dict[str, Any]:
    """Return what has the focus: its field name, text and role, whether a ring is drawn around it, and whether it is
    seen: in the window, and below nothing else."""
    focus: dict[str, Any] = window.page.evaluate(_FOCUS)
    return focus
