// Presses "Go on" by itself while a team's key is being changed. Without it the button does the same.
"use strict";
document.querySelector("form[data-go-on]")?.requestSubmit();
