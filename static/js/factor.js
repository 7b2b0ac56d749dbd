// Pages of the second factor: buttons that need a script appear with it; recovery codes can be printed.
"use strict";
for (const button of document.querySelectorAll("button[hidden]")) {
  button.hidden = false;
}
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const note = document.querySelector("[data-key-error]");
  note.hidden = true;
  requestAnimationFrame(() => (note.hidden = false));
});
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
