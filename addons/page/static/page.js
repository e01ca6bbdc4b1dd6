// The "what if" slider: the counts at each hundredth are in the page already, so nothing is asked for.
"use strict";

for (const form of document.querySelectorAll("form.what-if")) {
  const counts = form.dataset.counts.split(" ").map(Number);
  const number = form.querySelector("input[type=number]");
  const slider = form.querySelector("input[type=range]");
  const chosen = form.parentElement.querySelector("line.chosen");

  const show = (value) => {
    if (!(value >= 0 && value <= 1)) return; // half a number is being typed
    const refused = counts[Math.round(value * (counts.length - 1))];
    form.querySelector(".number").textContent = refused;
    form.querySelector(".share").textContent = (counts[0] ? (100 * refused) / counts[0] : 0).toFixed(2);
    const x = value * Number(form.dataset.width);
    chosen.setAttribute("x1", x);
    chosen.setAttribute("x2", x);
    chosen.toggleAttribute("hidden", number.value === number.defaultValue); // there a rule of the policy has its line
  };

  slider.hidden = false;
  form.querySelector("button").hidden = true;
  slider.addEventListener("input", () => {
    number.value = Number(slider.value).toFixed(2);
    show(slider.valueAsNumber);
  });
  number.addEventListener("input", () => {
    if (number.value !== "") slider.value = number.value;
    show(number.valueAsNumber);
  });
  form.addEventListener("submit", (event) => event.preventDefault()); // it is shown already
  show(number.valueAsNumber);
}
