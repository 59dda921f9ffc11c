// Going from page to page, forms while they are sent, menus and copy buttons. Every page works without it.

const byId = (id) => document.getElementById(id);

// --- a page has come in place of another, without being loaded ---

const settled = new WeakSet(); // the requests whose pages are in their place: htmx tells of each part of a page

function arrived() {
  const main = byId("main");
  const alert = main.querySelector("[role=alert]");
  const heading = main.querySelector("h1");
  const at = alert ?? (main.contains(document.activeElement) ? null : heading ?? main);
  if (byId("said")) heading?.setAttribute("aria-describedby", "said"); // which is read with it
  if (at) {
    if (!at.hasAttribute("tabindex")) at.tabIndex = -1;
    at.focus({ preventScroll: !alert });
  }
  announce(document.title);
}

function announce(text) {
  setTimeout(() => { byId("announced").textContent = text; }, 100); // readers miss what comes with its region
}

function showNewest() { // of a chart that is wider than the screen
  for (const chart of document.querySelectorAll("svg.timeline")) chart.parentElement.scrollLeft = chart.parentElement.scrollWidth;
}

document.addEventListener("htmx:afterSettle", (event) => {
  revealCopies();
  const { xhr, target } = event.detail;
  if (target !== document.body || settled.has(xhr)) return;
  settled.add(xhr);
  showNewest();
  arrived();
});

// --- forms, and a server that cannot be reached ---

const buttons = (form) => [...form.elements].filter((one) => one.matches("button:not([type=button]), input[type=submit]"));

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (elt.matches("form")) for (const button of buttons(elt)) button.disabled = true;
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = event.detail;
  if (elt.matches("form")) for (const button of buttons(elt)) button.disabled = false;
  if (successful) byId("lost").hidden = true;
});

document.addEventListener("htmx:sendError", (event) => {
  const lost = byId("lost");
  const looked = event.detail.requestConfig.verb === "get";
  lost.textContent = looked
    ? "The server cannot be reached. Try again when it is back."
    : "The server did not answer, so whether it did this is not known. Look before you send it again; what you typed is still here.";
  lost.hidden = false;
});

document.addEventListener("htmx:confirm", (event) => {
  const { path, triggeringEvent: sent } = event.detail;
  if (!/\/(delete|remove)$/.test(path.split("?")[0]) || event.target.closest("details.danger")) return; // a step of its own
  event.preventDefault();
  const what = sent.submitter?.textContent.trim() || "Delete it";
  if (confirm(`${what}? The history keeps it.`)) event.detail.issueRequest(true);
});

// --- menus ---

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// --- copy buttons ---

function revealCopies() {
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea"); // over plain HTTP browsers give no clipboard
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  await copy(button.dataset.copy);
  button.textContent = "Copied";
  announce("Copied");
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});

document.addEventListener("registry:refreshed", revealCopies);
revealCopies();
showNewest();
