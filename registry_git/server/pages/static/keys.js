// The keyboard. Keys of one character can be turned off, since who speaks to the machine may say one by chance.

const OFF = "registry-git-keys-off";
const SECOND = 1500; // milliseconds that the second key of two may take
const dialog = () => document.getElementById("keys");
let begun = -Infinity; // when `g` was pressed
let searching = false;

function stored() {
  try {
    return localStorage.getItem(OFF) !== null;
  } catch {
    return false; // this browser keeps nothing
  }
}

function search() {
  const field = document.querySelector("main input[type=search]");
  field?.focus();
  field?.select();
  return Boolean(field);
}

function show() {
  dialog().querySelector("input").checked = !stored();
  dialog().showModal();
}

function pressed(key, now) {
  const second = now - begun < SECOND;
  begun = -Infinity;
  if (second) {
    const link = document.querySelector(`.top nav a[data-key="${CSS.escape(key)}"]`);
    link?.click();
    return Boolean(link);
  }
  if (key === "g") begun = now;
  else if (key === "?") show();
  else if (key !== "/") return false;
  else if (!search()) {
    searching = true;
    document.querySelector('.top nav a[data-key="m"]').click();
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Shift") return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || dialog().open || stored()) return;
  if (pressed(event.key, event.timeStamp)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("button.keys")) show();
  else if (event.target === dialog()) dialog().close(); // beside it
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("#keys input")) return;
  if (event.target.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
});

function reveal() {
  for (const button of document.querySelectorAll("button.keys[hidden]")) button.hidden = false;
  if (searching && search()) searching = false;
}

document.addEventListener("htmx:afterSettle", reveal);
reveal();
