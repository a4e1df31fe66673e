// Keeps what is ticked when the table is refreshed, and says how many are chosen.
"use strict";
(() => {
  let ticked = new Set();
  const boxes = () => document.querySelectorAll("#phones input[type=checkbox][id]");
  const tell = () => {
    const place = document.querySelector("#chosen");
    if (!place) return;
    const count = document.querySelectorAll("#phones input[name=mac]:checked").length;
    const all = document.querySelector("#everything");
    place.textContent = all && all.checked ? "(all that are found)" : count ? `(${count})` : "";
  };
  document.addEventListener("change", (event) => {
    if (event.target.closest("#phones")) tell();
  });
  let model = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "phones") return;
    // A refresh keeps the choice; another search makes another choice.
    if (event.detail.requestConfig.elt.id !== "phones") return;
    ticked = new Set([...boxes()].filter((box) => box.checked).map((box) => box.id));
    model = document.querySelector("#new-model")?.value || "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const box of boxes()) box.checked = box.checked || ticked.has(box.id);
    const list = document.querySelector("#new-model");
    if (list && model) list.value = model;
    ticked = new Set();
    model = "";
    tell();
  });
})();
