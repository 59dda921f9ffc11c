// The page follows the registry: one stream a tab, and only of the tab that is looked at, since browsers allow a server
// six connections. What somebody types is never thrown away: then a notice says that the registry has moved.

const AGAIN = 5000; // milliseconds until a stream that was refused is asked for again
const main = () => document.getElementById("main");
const notice = () => { document.getElementById("moved").hidden = false; };
let source = null;
let again = 0;

function listen() {
  const wanted = Boolean(main().dataset.tag) && document.visibilityState === "visible";
  if (!wanted) {
    stop();
  } else if (!source) {
    source = new EventSource("/events");
    source.addEventListener("moved", (event) => moved(event.data));
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser asks again by itself
      stop();
      again = setTimeout(listen, AGAIN);
    });
  }
}

function stop() {
  clearTimeout(again);
  source?.close();
  source = null;
}

const initial = (field) => field.options
  ? ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value
  : field.defaultValue;

function changed(field) {
  if (field.type === "hidden" || field.disabled) return false;
  if (field.form?.method === "get") { // what is looked for already is in the address
    return field.value !== (new URLSearchParams(location.search).get(field.name) ?? "") && field.value !== initial(field);
  }
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  return field.value !== initial(field);
}

function busy() {
  if (document.body.classList.contains("htmx-request")) return true; // its answer will be newer
  if (main().querySelector("details.menu[open], dialog[open]")) return true;
  if ("typed" in main().dataset) return true; // a form that was refused, with what was typed
  return [...main().querySelectorAll("input, textarea, select")].some(changed);
}

async function moved(tag) {
  const shown = main();
  if (!shown.dataset.tag || shown.dataset.tag === tag) return; // nothing of the registry, or what we did ourselves
  if (busy()) {
    notice();
    return;
  }
  const address = location.pathname + location.search;
  let text = "";
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    if (answer.ok && !answer.redirected) text = await answer.text();
  } catch {
    return; // the server went away; when it is back, the stream tells the state again
  }
  if (main() !== shown || location.pathname + location.search !== address) return; // another page by now
  if (!text || busy()) {
    notice();
    return;
  }
  refresh(new DOMParser().parseFromString(text, "text/html"));
}

function refresh(page) {
  const top = scrollY;
  const callbacks = {
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.matches("details")),
    beforeNodeMorphed: (node) => !node.matches?.("[data-later]"), // what was loaded into it stays until it loads anew
  };
  for (const place of ["#main", ".top nav"]) {
    const [here, there] = [document.querySelector(place), page.querySelector(place)];
    if (!here || !there) continue;
    Idiomorph.morph(here, there, { callbacks, ignoreActiveValue: true });
    htmx.process(document.querySelector(place));
  }
  document.title = page.title;
  document.getElementById("moved").hidden = true;
  scrollTo({ top, behavior: "instant" });
  document.dispatchEvent(new Event("registry:refreshed"));
}

// What is loaded into a page later stays as it was when it cannot be had, say because the session has ended.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (!target.matches("[data-later]")) return;
  const asked = new URL(target.getAttribute("hx-get"), location.href);
  if (xhr.status !== 200 || new URL(xhr.responseURL).pathname !== asked.pathname) event.detail.shouldSwap = false;
});

addEventListener("pagehide", stop);
addEventListener("pageshow", listen);
document.addEventListener("visibilitychange", listen);
document.addEventListener("htmx:afterSettle", listen);
listen();
