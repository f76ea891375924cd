// Every page works without this; it makes a few things easier.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const ready = () => {
    const summary = document.querySelector(".nhsuk-error-summary");
    if (summary) {
      summary.focus();
      summary.addEventListener("click", (event) => {
        const link = event.target.closest("a[href^='#']");
        const field = link && document.getElementById(link.hash.slice(1));
        if (!field) return;
        event.preventDefault();
        const legend = field.closest("fieldset");
        (legend || field.closest(".nhsuk-form-group") || field).scrollIntoView();
        field.focus({ preventScroll: true });
      });
    }

    // A menu of many lines is folded where the window is narrow.
    const menu = document.querySelector(".nhsuk-header__menu");
    if (menu) {
      const list = menu.parentElement;
      const toggle = menu.querySelector("button");
      const narrow = matchMedia("(max-width: 48em)");
      list.prepend(menu);
      const fold = (folded) => {
        list.classList.toggle("scr-menu--closed", folded);
        toggle.setAttribute("aria-expanded", String(!folded));
      };
      const fit = () => {
        menu.hidden = !narrow.matches;
        fold(narrow.matches);
      };
      toggle.addEventListener("click", () => fold(toggle.getAttribute("aria-expanded") === "true"));
      toggle.addEventListener("keydown", (event) => { if (event.key === "Escape") fold(true); });
      narrow.addEventListener("change", fit);
      fit();
    }

    // A form that was sent is not sent again by a second press.
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
    addEventListener("pageshow", () => {
      for (const form of document.forms) delete form.dataset.sent;
    });

    // What belongs to an answer is shown with it.
    for (const input of document.querySelectorAll("input[data-aria-controls]")) {
      const more = document.getElementById(input.dataset.ariaControls);
      const fit = () => {
        more.className = more.className.replace(/ ?\S+--hidden/, "");
        if (!input.checked) more.classList.add(`${more.classList[0]}--hidden`);
      };
      for (const each of document.getElementsByName(input.name)) each.addEventListener("change", fit);
      fit();
    }

    for (const button of document.querySelectorAll("button[data-print]")) {
      button.addEventListener("click", () => print());
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
  else ready();
})();
