// Keys and buttons of the evidence viewer: next, previous, zoom, turn. Without it the links and the page still work.
"use strict";
(() => {
  const stage = document.querySelector(".stage");
  const bar = document.querySelector(".viewer-tools");
  if (!stage || !bar) return;
  const ZOOMS = ["zoom-fit", "zoom-1", "zoom-2", "zoom-4"];
  const TURNS = ["turn-0", "turn-90", "turn-180", "turn-270"];
  let zoom = 0;
  let turn = 0;
  const show = () => {
    stage.classList.remove(...ZOOMS, ...TURNS);
    stage.classList.add(ZOOMS[zoom], TURNS[turn]);
  };
  const go = (rel) => document.querySelector(`a[rel="${rel}"]`)?.click();
  const does = {
    next: () => go("next"),
    previous: () => go("prev"),
    larger: () => { zoom = Math.min(zoom + 1, ZOOMS.length - 1); show(); },
    smaller: () => { zoom = Math.max(zoom - 1, 0); show(); },
    turn: () => { turn = (turn + 1) % TURNS.length; show(); },
  };
  const keys = {
    n: "next", ArrowRight: "next", p: "previous", ArrowLeft: "previous",
    "+": "larger", "=": "larger", "-": "smaller", r: "turn",
  };
  document.addEventListener("keydown", (event) => {
    const taken = event.target.closest("input, textarea, select, video, audio");
    if (taken || event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    // Where a large picture scrolls sideways, the arrows scroll it.
    if (event.key.startsWith("Arrow") && event.target.closest(".stage") && zoom > 0) return;
    event.preventDefault();
    does[keys[event.key]]();
  });
  bar.addEventListener("click", (event) => does[event.target.closest("[data-does]")?.dataset.does]?.());
  bar.hidden = false;
  show();
})();
