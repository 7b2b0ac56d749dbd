// Puts a standard text into its field without asking the server. Without it the button does the same with a new page.
"use strict";
document.addEventListener("click", (event) => {
  const button = event.target.closest('.standard button[value="insert"]');
  if (!button) return;
  const box = button.closest(".standard");
  const field = button.form?.elements.namedItem(box.dataset.field);
  const chosen = box.querySelector("select").value;
  const text = [...box.querySelectorAll("template")].find((one) => one.dataset.text === chosen);
  if (!field || !text) return;
  event.preventDefault();
  const typed = field.value.trimEnd();
  const words = text.content.textContent;
  field.value = typed ? `${typed}\n\n${words}` : words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
