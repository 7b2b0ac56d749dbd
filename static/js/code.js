// The code page: two buttons that need a script appear with it; everything else works without.
"use strict";
for (const button of document.querySelectorAll("button[hidden]")) {
  button.hidden = false;
}
document.querySelector("[data-print]").addEventListener("click", () => window.print());
document.querySelector("[data-copy]").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const ticket = document.getElementById("ticket");
  const code = ticket.textContent.trim().split(/\s+/).join("-");
  try {
    await navigator.clipboard.writeText(code);
    button.textContent = button.dataset.copy;
  } catch {
    getSelection().selectAllChildren(ticket);
  }
});
