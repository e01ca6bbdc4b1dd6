// Sends a file to the filter and shows what it answered. Without JavaScript the form sends it too, and JSON is shown.
"use strict";

const answer = document.getElementById("answer");
const form = document.querySelector("form");
const card = document.getElementById("card");

function say(...lines) {
  answer.replaceChildren(...lines.map((line) => {
    const element = document.createElement("p");
    element.append(line);
    return element;
  }));
}

function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

async function upload(file, name) {
  const body = new FormData();
  body.append("images[]", file, name);
  say("It is being judged …");
  const began = performance.now();
  try {
    const got = await fetch("/image", { method: "POST", body });
    const told = await got.json();
    const took = `${Math.round(performance.now() - began)} ms`;
    const stored = told.files?.[0]?.file;
    if (!got.ok || !stored) {
      say(strong(got.status === 503 ? "Not judged, not stored" : "Refused, not stored"), told.msg, `Status ${got.status}, ${took}`);
      return;
    }
    const picture = document.createElement("img");
    picture.alt = "What pict-rs stored";
    picture.src = `/image/original/${encodeURIComponent(stored)}`;
    say(strong("Passed, and stored"), `Status ${got.status}, ${took}`, picture);
  } catch (error) {
    say(strong("No answer"), `Is the filter running? ${error.message}`);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [file] = document.getElementById("file").files;
  upload(file, file.name);
});

card.hidden = false;
card.addEventListener("click", async () => upload(await (await fetch("card.png")).blob(), "card.png"));
