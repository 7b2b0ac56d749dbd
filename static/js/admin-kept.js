// Keeps what is chosen and typed in the person's session, when it changes and when the page is left, and asks before it
// sends whether the session still stands, so that nothing is lost. Without it the buttons of the form keep it.
"use strict";
(() => {
  const form = document.querySelector("form[data-alive]");
  if (!form) return;
  const over = form.querySelector(".session-over");
  const silent = form.querySelector(".no-answer");
  const token = form.elements.namedItem("csrfmiddlewaretoken");
  let isChanged = false;
  let isSent = false;
  let isAsking = false;
  let isPassing = false;
  let timer = 0;

  const keep = async (isLeaving) => {
    if (!isChanged || isSent) return;
    isChanged = false;
    const body = new URLSearchParams(new FormData(form));
    body.set("do", "hold");
    try {
      const page = location.pathname + location.search;
      // A session that has ended answers with a redirect to the login, which nobody follows.
      const answer = await fetch(page, { method: "POST", body, keepalive: isLeaving, redirect: "manual" });
      isChanged = !answer.ok;
      over.hidden = answer.type !== "opaqueredirect";
    } catch {
      isChanged = true;
    }
  };
  const note = () => {
    isChanged = true;
    clearTimeout(timer);
    timer = setTimeout(keep, 1500, false);
  };
  form.addEventListener("input", note);
  form.addEventListener("change", note);
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(true); });
  addEventListener("pagehide", () => keep(true));

  // How much is chosen; of a report that is not ticked nothing goes.
  const count = () => {
    const sums = {};
    for (const report of form.querySelectorAll(".parts")) {
      const whole = report.querySelector('input[name="reports"]');
      for (const box of report.querySelectorAll(".tick input")) {
        sums[box.name] = (sums[box.name] || 0) + (box.checked && (!whole || whole.checked) ? 1 : 0);
      }
    }
    for (const field of form.querySelectorAll("[data-count]")) field.textContent = sums[field.dataset.count] || 0;
  };
  form.addEventListener("change", count);

  // A form sent after the session has ended would be answered by the login, and what was typed would be gone. A new
  // session has another token against forged requests, which this page then takes over.
  form.addEventListener("submit", async (event) => {
    if (isPassing) return;
    event.preventDefault();
    // The second press of a double one: what the first sends is on its way.
    if (isAsking) return;
    isAsking = true;
    const button = event.submitter;
    over.hidden = silent.hidden = true;
    try {
      const answer = await fetch(form.dataset.alive, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector('input[name="csrfmiddlewaretoken"]');
      over.hidden = answer.ok && !answer.redirected;
      if (over.hidden && fresh) token.value = fresh.value;
    } catch {
      silent.hidden = false;
    }
    const notice = [over, silent].find((box) => !box.hidden);
    if (notice) {
      isAsking = false;
      notice.scrollIntoView({ block: "center" });
      return;
    }
    isSent = isPassing = true;
    form.requestSubmit(button);
    isPassing = false;
    // Where no answer comes, a later press sends again.
    setTimeout(() => { isAsking = false; }, 3000);
  });
})();
