// Keeps what is typed when the page is hidden, and before a file is chosen: a phone that opens its camera drops the tab.
"use strict";

{
  const form = document.getElementById("form");
  const state = document.currentScript.previousElementSibling;
  const unkept = state.textContent.trim();
  let changed = false;
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

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  function send(body, keepalive) {
    return fetch(form.action, { method: "POST", body, keepalive, redirect: "error" });
  }

  async function save() {
    const data = new FormData(form);
    data.set("go", "keep");
    for (const [name, value] of [...data]) if (value instanceof File) data.delete(name);
    const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    changed = false;
    try {
      // A request that outlives its page takes 64 KiB at most.
      const answer = await (await send(body, true).catch(() => send(body, false))).json();
      if (answer.token) form.elements.token.value = answer.token;
      if (answer.kept) version.value = `kept.${own}`;
      else changed = true;
      say(answer.words || unkept);
    } catch {
      changed = true;
      say(unkept);
    }
    sending = null;
  }

  function keep() {
    if (changed && !left && !sending) sending = save();
  }

  form.addEventListener("input", (event) => {
    if (event.target.type === "file") return;
    changed = true;
    tried = false;
    if (!sending) say("");
  });
  document.addEventListener("click", (event) => {
    if (event.target.type === "file") keep();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) keep();
  });
  addEventListener("pagehide", keep);
  addEventListener("beforeunload", () => {
    if (changed && !left) history.replaceState(1, "");
    keep();
  });
  addEventListener("pageshow", () => {
    left = false;
  });
  addEventListener("leave", () => {
    left = true;
  });
  // Uploads hold it back. Before another form of the page leads away, this one is kept.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const { target, submitter } = event;
    if (!tried && changed && target !== form) {
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
