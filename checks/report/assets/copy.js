// Copies a replay command; where the clipboard is not available, selects it instead.
"use strict";
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code"), status = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      status.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(code);
      status.textContent = "Selected: copy it with the keyboard.";
    }
  });
}
