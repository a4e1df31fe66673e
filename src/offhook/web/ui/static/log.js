// The live log: a button that pauses it. Filters work on while it is paused.
"use strict";
(() => {
  const pause = document.querySelector("#pause");
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  pause.hidden = false;
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(!isPaused()));
    if (!isPaused()) htmx.trigger("#lines", "resume");
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isPaused() && event.detail.elt.id === "lines") event.preventDefault();
  });
})();
