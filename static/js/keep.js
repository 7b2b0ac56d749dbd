// Keeps what is typed when the page is hidden, and before a file is chosen: a phone that opens its camera drops the tab.
"use strict";

{
  const form = document.getElementById("form");
  // Another form of the page whose words are kept with those of this one.
  const other = document.querySelector("form[data-keep]");
  const state = form.querySelector("[role=status]");
  const unkept = state.textContent.trim();
  const changed = new Set();
  let left = false;
  let tried = false;
  let sending = null;

  // A reloaded page came before its words were kept.
  if (history.state) {
    history.replaceState(null, "");
    addEventListener("load", () => location.reload());
  }

  const own = crypto.getRandomValues(new Uint32Array(2)).join("");
  const version = form.elements.version || document.createElement("input");
  version.type = "hidden";
  version.name = "version";
  version.value += `.${own}`;
  form.prepend(version);
  other?.prepend(version.cloneNode());

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function send(body, keepalive) {
    return fetch(form.action, { method: "POST", body, keepalive, redirect: "error" });
  }

  async function save() {
    const data = new FormData(form);
    for (const [name, value] of other ? new FormData(other) : []) if (!data.has(name)) data.set(name, value);
    data.set("go", "keep");
    for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
    const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    const were = [...changed];
    changed.clear();
    try {
      // A request that outlives its page takes 64 KiB at most.
      const answer = await (await send(body, true).catch(() => send(body, false))).json();
      if (answer.token) form.elements.token.value = answer.token;
      if (answer.kept) version.value = `kept.${own}`;
      else were.forEach((one) => changed.add(one));
      say(answer.words || unkept);
    } catch {
      were.forEach((one) => changed.add(one));
      say(unkept);
    }
    sending = null;
  }

  function keep() {
    if (changed.size && !left && !sending) sending = save();
  }

  for (const one of other ? [form, other] : [form]) {
    one.addEventListener("input", (event) => {
      if (event.target.type === "file") return;
      changed.add(one);
      tried = false;
      if (!sending) say("");
    });
  }
  document.addEventListener("click", (event) => {
    if (event.target.type === "file") keep();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) keep();
  });
  addEventListener("pagehide", keep);
  addEventListener("beforeunload", () => {
    if (changed.size && !left) history.replaceState(1, "");
    keep();
  });
  addEventListener("pageshow", () => {
    left = false;
  });
  addEventListener("leave", () => {
    left = true;
  });
  // Uploads hold it back. What another form of the page has is kept first.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const { target, submitter } = event;
    if (!tried && [...changed].some((one) => one !== target)) {
      tried = true;
      keep();
    }
    if (!sending) {
      left = true;
      return;
    }
    event.preventDefault();
    sending.finally(() => target.requestSubmit(submitter?.isConnected ? submitter : undefined));
  });
}
