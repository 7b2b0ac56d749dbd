// Keeps what is typed as a draft, at most every ten seconds, and says two minutes before the session ends that it does.
// Asking how long it lasts and keeping a draft are no activity: a page that is left open ends as one without a script.
"use strict";
(() => {
  const bar = document.querySelector("#session-end");
  if (!bar) return;
  const WARN_SECONDS = 120, KEEP_MS = 10000;
  const token = () => document.querySelector('input[name="csrfmiddlewaretoken"]').value;
  let endsAt = 0, timer = 0;

  // "soon" with a button, "last" where nothing can be moved any more, "over"; "" hides the bar.
  const show = (state) => {
    bar.hidden = !state;
    for (const part of bar.children) part.hidden = part.dataset.state !== state;
    const time = new Date(endsAt).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    for (const field of bar.querySelectorAll(".ends-at")) field.textContent = time;
  };
  const wait = (seconds) => {
    clearTimeout(timer);
    // A browser counts no further than 24 days in a timer.
    timer = setTimeout(ask, Math.max(1, seconds) * 1000, false);
  };
  // Asks how long the session lasts, or moves its end; returns whether it still stands.
  const ask = async (isMoved) => {
    let answer;
    try {
      const body = isMoved ? new URLSearchParams({ csrfmiddlewaretoken: token() }) : undefined;
      answer = await fetch(bar.dataset.url, { method: isMoved ? "POST" : "GET", body, redirect: "manual" });
    } catch {
      wait(30);
      return true;
    }
    if (!answer.ok) {
      show("over");
      return false;
    }
    const left = await answer.json();
    endsAt = Date.now() + left.seconds * 1000;
    if (left.seconds > WARN_SECONDS + 5) {
      show("");
      wait(left.seconds - WARN_SECONDS);
    } else {
      show(left.longest > left.seconds + 5 ? "soon" : "last");
      wait(left.seconds + 1);
    }
    return true;
  };
  bar.querySelector("button").addEventListener("click", () => ask(true));
  endsAt = Date.now() + Number(bar.dataset.seconds) * 1000;
  wait(Number(bar.dataset.seconds) - WARN_SECONDS);

  const isText = (field) => field.name && (field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && field.type === "text"));
  const marks = [...document.querySelectorAll('input[name="draft"][data-url]')].filter((mark) => mark.form);
  for (const mark of marks) {
    const form = mark.form, note = mark.nextElementSibling;
    const fields = () => [...form.elements].filter(isText);
    const tell = (part) => {
      note.hidden = !part;
      for (const words of note.children) words.hidden = !words.classList.contains(part);
    };
    let base = 0, isChanged = false, isSent = false, due = 0;
    const keep = async (isLeaving) => {
      clearTimeout(due);
      due = 0;
      if (!isChanged || isSent) return;
      isChanged = false;
      const body = new URLSearchParams({ csrfmiddlewaretoken: token(), form: mark.dataset.form, base });
      for (const field of fields()) body.set(`text.${field.name}`, field.value);
      try {
        const answer = await fetch(mark.dataset.url, { method: "POST", body, keepalive: isLeaving, redirect: "manual" });
        if (answer.type === "opaqueredirect") show("over");
        if (answer.status === 413) tell("too-large");
        if (answer.status === 429 || answer.type === "opaqueredirect") plan();
        if (!answer.ok) return;
        const kept = await answer.json();
        base = kept.stamp;
        if (kept.replaced) tell("replaced");
      } catch {
        plan();
      }
    };
    const plan = () => {
      isChanged = true;
      due = due || setTimeout(keep, KEEP_MS, false);
    };
    form.addEventListener("input", plan);
    document.addEventListener("visibilitychange", () => { if (document.hidden) keep(true); });
    addEventListener("pagehide", () => keep(true));
    mark.addEventListener("kept", (event) => {
      const draft = event.detail;
      base = draft.stamp;
      if ("bound" in mark.dataset) return;
      const empty = fields().filter((field) => field.name in draft.texts && field.value === field.defaultValue);
      for (const field of empty) field.value = draft.texts[field.name];
      if (!empty.length) return;
      note.querySelector(".kept-at").textContent = draft.at;
      tell("restored");
      const fold = form.closest("details");
      if (fold) fold.open = true;
    });
    // Once the session is over nothing is sent: the login would answer, and what was typed would be gone.
    form.addEventListener("submit", async (event) => {
      if (isSent || Date.now() < endsAt) {
        isSent = true;
        return;
      }
      event.preventDefault();
      const button = event.submitter;
      if (await ask(false)) form.requestSubmit(button);
    });
  }
  // What was kept of the forms of this page, asked for once.
  const fill = async (url) => {
    const answer = await fetch(url, { redirect: "manual" });
    if (!answer.ok) return;
    const { drafts } = await answer.json();
    for (const mark of marks) {
      const draft = mark.dataset.url === url && drafts[mark.dataset.form];
      if (draft) mark.dispatchEvent(new CustomEvent("kept", { detail: draft }));
    }
  };
  for (const url of new Set(marks.map((mark) => mark.dataset.url))) fill(url).catch(() => {});
})();
