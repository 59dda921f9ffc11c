// What needs a browser that runs scripts: live update, copy buttons, the keyboard. Every page works without it.
"use strict";

const main = () => document.getElementById("main");
const typing = () => {
  const at = document.activeElement;
  if (at && at.matches("input:not([type=hidden]), textarea, select") && main().contains(at)) return true;
  if (main().querySelector("details.menu[open], dialog[open]")) return true;
  return [...main().querySelectorAll("input:not([type=hidden]), textarea")].some((one) => one.value !== one.defaultValue);
};

function moved(tag) {
  const shown = main().dataset.tag;
  if (!shown || shown === tag) return; // no page of the registry, the past, or what we have just done ourselves
  if (typing()) {
    document.getElementById("moved").hidden = false;
    return;
  }
  htmx.ajax("GET", location.pathname + location.search, { target: "#main", select: "#main", swap: "outerHTML" });
}

function listen() {
  if (!main().dataset.tag) return;
  const source = new EventSource("/events");
  source.addEventListener("moved", (event) => moved(event.data));
  addEventListener("pagehide", () => source.close());
}

function revealCopies() {
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.matches("input, textarea, select")) {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

document.addEventListener("htmx:afterSettle", revealCopies);
revealCopies();
listen();
