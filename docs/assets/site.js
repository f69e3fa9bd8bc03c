// Small helpers of the site. Without JavaScript every page is complete: filters stay hidden.
(() => {
  "use strict";

  // mkdocs-material draws diagrams with a global `mermaid`, and would fetch it from another host where there is none.
  // This one has three megabytes: it is loaded from this site, by the first diagram of a page that has any.
  const base = new URL("mermaid.min.js", document.currentScript.src).href;
  let config = {};
  let loading = null;
  const load = () =>
    (loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = base;
      script.onload = () => resolve(window.mermaid);
      script.onerror = () => reject(new Error("mermaid.min.js is not there"));
      document.head.append(script);
    }));
  window.mermaid = {
    initialize(given) {
      config = given;
    },
    async render(...given) {
      const mermaid = await load();
      mermaid.initialize(config);
      return mermaid.render(...given);
    },
  };

  function filter(box) {
    const input = box.querySelector("input");
    const count = box.querySelector("[role=status]");
    const entries = [...document.querySelectorAll(box.dataset.filter)];
    const texts = entries.map((entry) => entry.textContent.toLowerCase());
    const id = box.dataset.id ? new RegExp(box.dataset.id, "i") : null;
    const plain = id ? /^\s*(\d{4})\s*$/ : null;

    function apply() {
      const found = id && (id.exec(input.value) ?? plain.exec(input.value));
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      entries.forEach((entry, at) => {
        // A code in what was pasted decides alone: the rest of a log line is not in any entry.
        const fits = found
          ? entry.dataset.code === `ISO-${found[1]}`
          : words.every((word) => texts[at].includes(word));
        entry.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      for (const heading of document.querySelectorAll("h2[data-section]")) heading.hidden = words.length > 0;
      count.textContent = input.value.trim() ? `${shown} of ${entries.length} ${box.dataset.noun}` : "";
    }

    input.addEventListener("input", apply);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        input.value = "";
        apply();
      }
      if (event.key === "Enter") {
        const first = entries.find((entry) => !entry.hidden)?.querySelector("h2, h3");
        if (first && input.value.trim()) {
          event.preventDefault();
          first.tabIndex = -1;
          first.focus();
          first.scrollIntoView();
        }
      }
      event.stopPropagation(); // the theme's own keys (s, f, n, p) are letters here
    });
    // A link to an entry that is filtered away shows all again.
    window.addEventListener("hashchange", () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (target?.closest("[hidden]")) {
        input.value = "";
        apply();
        target.scrollIntoView();
      }
    });
    box.hidden = false;
    apply();
  }

  function start() {
    document.querySelectorAll(".filter[data-filter]").forEach(filter);
    // A table that is wider than its place is scrolled, and has to be within reach of the keyboard then.
    for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
      if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0;
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
