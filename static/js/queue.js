// Keys and ticks of the queue. Without it every line is a link, every tick a box, and one link ticks them all.
"use strict";
(() => {
  const links = [...document.querySelectorAll("table.cases tbody th a")];
  const boxes = [...document.querySelectorAll("table.cases tbody input[name=case]")];
  const many = document.getElementById("many");
  const shown = document.getElementById("ticked");
  const list = document.getElementById("keys");
  const all = document.getElementById("tick-all");
  const here = () => links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const count = () => {
    const number = boxes.filter((box) => box.checked).length;
    if (shown) { shown.value = String(number); shown.hidden = false; }
  };
  const go = (step) => {
    const at = here();
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
    links[next]?.focus();
  };
  const tick = () => {
    const box = boxes[here()];
    if (box) { box.checked = !box.checked; count(); }
  };
  const take = () => {
    if (!many) return;
    const box = boxes[here()];
    if (!boxes.some((one) => one.checked)) {
      if (!box) return;
      box.checked = true;
    }
    many.requestSubmit(many.querySelector("button[value=mine]"));
  };
  const does = {
    j: () => go(1),
    k: () => go(-1),
    o: () => links[here()]?.click(),
    x: tick,
    m: take,
    "/": () => document.getElementById("id_words")?.focus(),
    "?": () => { if (list) { list.open = !list.open; list.querySelector("summary").focus(); } },
  };
  const typing = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
  if (list?.dataset.on === "yes") {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !does[event.key]) return;
      if (event.target.closest?.(typing)) return;
      event.preventDefault();
      does[event.key]();
    });
  }
  // A fold lies over the lines: Escape, or a click beside it, closes it.
  const close = (kept) => document.querySelectorAll("details.filter[open]").forEach((one) => {
    if (!one.contains(kept)) one.open = false;
  });
  document.addEventListener("click", (event) => close(event.target));
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details.filter[open]");
    if (open) { close(null); open.querySelector("summary").focus(); }
  });
  many?.addEventListener("change", count);
  boxes.forEach((box) => box.addEventListener("change", count));
  all?.addEventListener("click", (event) => {
    event.preventDefault();
    const tickThem = boxes.some((box) => !box.checked);
    boxes.forEach((box) => { box.checked = tickThem; });
    count();
  });
  count();
})();
