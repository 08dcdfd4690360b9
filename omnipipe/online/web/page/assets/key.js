// The dialog for an API key. It opens when the server answers 401, or from the bar.

import { key, onMissingKey } from "./api.js";

const find = (id) => document.getElementById(id);
const CALM = "This server may ask for a key. It stays in this tab and is forgotten when you close it.";

let asking = null;

/** Open the dialog with the reason `why`; resolves to whether a key was given. One dialog answers all who wait. */
export function askForKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = find("key");
    find("key-why").textContent = why;
    find("key-value").value = key.get();
    find("key-forget").hidden = !key.get();
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      asking = null;
      resolve(dialog.returnValue === "use");
    }, { once: true });
    dialog.showModal();
    find("key-value").select();
  });
  return asking;
}

/** `onChange` is called when the key was set or forgotten by hand. */
export function openKeyDialog(onChange) {
  const dialog = find("key");
  onMissingKey(askForKey);
  find("key-open").addEventListener("click", async () => (await askForKey(CALM)) && onChange());
  find("key-close").addEventListener("click", () => dialog.close(""));
  find("key-forget").addEventListener("click", () => {
    key.set("");
    dialog.close("");
    onChange();
  });
  find("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const value = find("key-value").value.trim();
    // What a header cannot hold is no key; the browser would refuse to send it.
    key.set(/^[\x21-\x7e]*$/.test(value) ? value : "");
    find("key-value").value = "";
    dialog.close(value ? "use" : "");
  });
}
