// Marks by hand: a selected passage, a box drawn on a picture, a place of the player. Without it the same is done by
// ticks and numbers.
"use strict";
(() => {
  const form = document.querySelector("form.redaction");
  if (!form) return;
  const field = (name) => form.elements.namedItem(name);
  for (const element of form.querySelectorAll(".with-script")) element.hidden = false;

  // Characters before a place, counted as the server counts them: by code points, not by UTF-16 units.
  const text = form.querySelector("[data-text]");
  const before = (node, offset) => {
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(node, offset);
    return [...range.toString()].length;
  };
  const select = () => {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) return;
    const [start, end] = [before(range.startContainer, range.startOffset), before(range.endContainer, range.endOffset)];
    field("selection").value = `${start}-${end}`;
    form.requestSubmit(form.querySelector('button[value="mark"]'));
  };

  const player = form.querySelector("audio, video");
  const take = (name) => { field(name).value = player.currentTime.toFixed(3); };
  const does = { selection: select, start: () => take("start"), end: () => take("end") };
  form.addEventListener("click", (event) => does[event.target.closest("[data-does]")?.dataset.does]?.());

  const NS = "http://www.w3.org/2000/svg";
  for (const figure of form.querySelectorAll(".boxes")) {
    const drawing = figure.querySelector("svg");
    const place = (event) => {
      const frame = drawing.getBoundingClientRect();
      const part = (value, size) => Math.min(10000, Math.max(0, Math.round(value / size * 10000)));
      return [part(event.clientX - frame.left, frame.width), part(event.clientY - frame.top, frame.height)];
    };
    let from = null;
    let box = null;
    drawing.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      form.querySelector("rect.new")?.remove();
      from = place(event);
      box = document.createElementNS(NS, "rect");
      box.setAttribute("class", "new");
      drawing.append(box);
      drawing.setPointerCapture(event.pointerId);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (!from) return;
      const to = place(event);
      const [x, y] = [Math.min(from[0], to[0]), Math.min(from[1], to[1])];
      const [width, height] = [Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1])];
      for (const [name, value] of Object.entries({ x, y, width, height })) box.setAttribute(name, value);
      const numbers = { left: x, top: y, width, height };
      for (const [name, value] of Object.entries(numbers)) field(name).value = (value / 100).toFixed(2);
      field("page").value = figure.dataset.page;
    });
    for (const name of ["pointerup", "pointercancel"]) drawing.addEventListener(name, () => { from = null; });
  }
})();
