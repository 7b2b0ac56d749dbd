// Quick exit: Shift three times does it too, and the page leaves the history. Without this the link does the rest.
"use strict";
{
  const link = document.querySelector(".exit");
  const pause = 2000;
  let pressed = 0;
  let last = 0;
  const leave = (event) => {
    event.preventDefault();
    // What was typed is not kept on the way out.
    dispatchEvent(new Event("leave"));
    document.documentElement.hidden = true;
    document.title = "";
    location.replace(link.href);
  };
  link.addEventListener("click", leave);
  addEventListener("keydown", (event) => {
    // Capital letters are Shift with another key between.
    const isNext = event.key === "Shift" && !event.repeat && event.timeStamp - last < pause;
    pressed = isNext ? pressed + 1 : Number(event.key === "Shift" && !event.repeat);
    last = event.timeStamp;
    if (pressed === 3) leave(event);
  });
}
