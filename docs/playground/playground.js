/* Draws what docs/playground/driver.py says. Nothing is computed here, and nothing leaves the page. */
"use strict";

(() => {
  const root = document.getElementById("pg-root");
  if (!root) return;

  const base = new URL(".", document.currentScript.src);
  const find = (id) => document.getElementById(`pg-${id}`);
  const MARKS = { passed: "✓", done: "✓", refused: "✗", unusable: "!", skipped: "–", unreached: "·" };
  const STATES = {
    done: "passes",
    refused: "refuses",
    unusable: "cannot be computed",
    unreached: "not reached",
    passed: "passed",
    skipped: "not checked",
  };

  let worker;
  let lastNumber = 0;
  const waiting = new Map();
  let queue = Promise.resolve();
  let edits = {}; // what the reader put in the place of computed values, by id
  let typed = {}; // the part of it that has not been computed with yet
  let values = {};
  let delay;

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  /* Codes and requirement ids in a text become links to their pages. */
  function linked(text) {
    const pieces = text.split(/(ISO-\d{4}|V1-[A-Z]+-\d{2})/);
    return pieces.map((piece, i) => {
      if (i % 2 === 0) return piece;
      const page = piece.startsWith("ISO") ? find("errors") : find("spec");
      return make("a", { href: `${page.href.split("#")[0]}#${piece.toLowerCase()}` }, piece);
    });
  }

  function withLinks(tag, attributes, text) {
    return make(tag, attributes, ...linked(text));
  }

  /* ---- the worker ---- */

  function ask(order) {
    lastNumber += 1;
    const number = lastNumber;
    worker.postMessage({ number, order: JSON.stringify(order) });
    return new Promise((resolve) => waiting.set(number, resolve));
  }

  function load() {
    find("load").disabled = true;
    find("status").textContent = "Loading Python and the reference …";
    worker = new Worker(new URL("worker.js", base), { type: "module" });
    worker.onerror = () => failed("the worker did not start");
    worker.onmessage = ({ data }) => {
      if (data.ready) started();
      else if (data.failed) failed(data.failed);
      else {
        waiting.get(data.number)(JSON.parse(data.result));
        waiting.delete(data.number);
      }
    };
  }

  function failed(why) {
    find("status").textContent = `The reference could not be loaded: ${why}. Reload the page to try again.`;
  }

  async function started() {
    await compute();
    for (const part of root.ownerDocument.querySelectorAll(".pg-later")) part.hidden = false;
    for (const part of root.ownerDocument.querySelectorAll(".pg-before")) part.hidden = true;
    find("status").textContent = "The reference is running in this page.";
    if (document.activeElement === document.body) find("status").focus(); // the button that had the focus is gone
  }

  /* ---- the session ---- */

  /* One order after the other, each with what was typed until then. `order` makes it of the edits. */
  function session(order) {
    clearTimeout(delay);
    queue = queue.then(async () => {
      edits = { ...edits, ...typed };
      typed = {};
      const result = await ask(order(edits));
      if (result.problem) {
        say(result.problem, "unusable");
        return;
      }
      edits = result.edits;
      values = {};
      result.steps.forEach(drawStep);
      const bad = result.steps.find((step) => step.state === "refused" || step.state === "unusable");
      say(result.summary, bad ? bad.state : "done", bad && `#pg-step-${bad.id}`);
      find("reset").disabled = Object.keys(edits).length === 0;
    });
    return queue;
  }

  function compute() {
    return session((edits) => ({ do: "session", edits }));
  }

  function say(text, state, where) {
    const bar = find("bar");
    bar.dataset.state = state;
    const summary = find("summary");
    if (summary.dataset.text === text) return;
    summary.dataset.text = text;
    summary.replaceChildren(`${MARKS[state]} `, ...linked(text), ...(where ? [" ", make("a", { href: where }, "Show")] : []));
  }

  function drawStep(step, index) {
    const card = find(`step-${step.id}`) || newStep(step, index);
    card.dataset.state = step.state;
    const state = card.querySelector(".pg-state");
    state.textContent = `${MARKS[step.state]} ${STATES[step.state]}`;
    const chip = find(`chip-${step.id}`);
    chip.dataset.state = step.state;
    chip.querySelector("span").textContent = MARKS[step.state];
    chip.setAttribute("aria-label", `Step ${index + 1}, ${step.title}: ${STATES[step.state]}`);
    card.querySelector(".pg-refusal").replaceChildren(...refusal(step));
    drawValues(card.querySelector(".pg-values"), step.values);
    card.querySelector(".pg-checks").replaceChildren(...step.checks.map(drawCheck));
  }

  function newStep(step, index) {
    const card = make(
      "section",
      { class: "pg-step", id: `pg-step-${step.id}`, "aria-labelledby": `pg-title-${step.id}`, tabindex: "-1" },
      make(
        "h3",
        { id: `pg-title-${step.id}` },
        make("span", { class: "pg-number" }, String(index + 1)),
        ` ${step.title} `,
        make("span", { class: "pg-side", "data-side": step.side }, step.side === "wire" ? "on the wire" : step.side),
        make("span", { class: "pg-state" }),
      ),
      withLinks("p", { class: "pg-says" }, step.says),
      make("div", { class: "pg-refusal" }),
      make("ol", { class: "pg-checks" }),
      make("div", { class: "pg-values" }),
    );
    find("steps").append(card);
    const link = make("a", { id: `pg-chip-${step.id}`, href: `#pg-step-${step.id}` }, `${index + 1} `, make("span"));
    find("chips").append(make("li", {}, link));
    return card;
  }

  function drawValues(box, list) {
    const wanted = new Set(list.map((value) => `pg-row-${value.id}`));
    for (const row of [...box.children]) if (!wanted.has(row.id)) row.remove();
    list.forEach((value, i) => {
      values[value.id] = value.text;
      const row = find(`row-${value.id}`) || newRow(value);
      if (box.children[i] !== row) box.insertBefore(row, box.children[i] || null);
      fillRow(row, value);
    });
  }

  function newRow(value) {
    const id = `pg-value-${value.id}`;
    const editable = value.kind !== "seen";
    const lines = value.text.includes("\n") || value.id === "used";
    const long = value.text.length > 30 || lines;
    const field =
      editable && !long
        ? make("input", { type: "text" })
        : make("textarea", { rows: lines ? "4" : "2", readonly: !editable });
    field.id = id;
    field.spellcheck = false;
    field.autocomplete = "off";
    field.setAttribute("autocapitalize", "off");
    field.setAttribute("aria-describedby", `pg-about-${value.id}`);
    if (editable) {
      field.addEventListener("input", () => {
        typed[value.id] = field.value;
        clearTimeout(delay);
        delay = setTimeout(compute, 400);
      });
      field.addEventListener("change", compute);
    }
    const buttons = make("span", { class: "pg-buttons" });
    if (editable) buttons.append(button("Flip a bit", `of ${value.label}`, () => flip(value.id), "pg-flip"));
    if (editable) buttons.append(button("Undo", `the change of ${value.label}`, () => undo(value.id, field), "pg-undo"));
    if (value.id === "raw") buttons.append(button("Take it to the box below", "", takeBelow));
    return make(
      "div",
      { class: "pg-row", id: `pg-row-${value.id}`, "data-kind": value.kind, "data-lines": String(lines) },
      make(
        "div",
        { class: "pg-head" },
        make(
          "span",
          { class: "pg-name" },
          make("label", { for: id }, value.label),
          make("span", { class: "pg-tag" }),
          make("span", { class: "pg-size" }),
        ),
        buttons,
      ),
      field,
      make("p", { class: "pg-about", id: `pg-about-${value.id}` }),
    );
  }

  function button(text, hidden, action, name = "") {
    const more = hidden ? [make("span", { class: "pg-hidden" }, ` ${hidden}`)] : [];
    return make("button", { type: "button", class: `pg-button ${name}`, onclick: action }, text, ...more);
  }

  function fillRow(row, value) {
    const field = row.querySelector("input, textarea");
    if (!(value.id in typed) && field.value !== value.text) field.value = value.text;
    row.dataset.edited = value.edited;
    row.dataset.problem = Boolean(value.problem);
    field.setAttribute("aria-invalid", Boolean(value.problem));
    if (value.kind !== "seen") {
      row.querySelector(".pg-flip").disabled = value.text === "";
      row.querySelector(".pg-undo").hidden = !value.edited;
    }
    row.querySelector(".pg-tag").textContent = value.edited ? "changed by you" : value.seed ? "input" : "";
    row.querySelector(".pg-size").textContent = value.kind === "seen" ? "" : [value.kind, value.size].filter(Boolean).join(", ");
    row.querySelector(".pg-about").replaceChildren(...linked([value.problem, value.note].filter(Boolean).join(" ")));
  }

  function flip(id) {
    session((edits) => ({ do: "flip", edits, id }));
  }

  function undo(id, field) {
    field.focus();
    session(({ [id]: gone, ...rest }) => ({ do: "session", edits: rest }));
  }

  function drawCheck(check) {
    const line = make(
      "li",
      { "data-state": check.state },
      make("span", { class: "pg-mark", "aria-hidden": "true" }, MARKS[check.state]),
      make("span", { class: "pg-hidden" }, `${STATES[check.state]}: `),
      make("span", {}, check.text),
    );
    const codes = check.codes.join(", ");
    if (check.note || codes) line.append(make("span", { class: "pg-side-note" }, ...linked([check.note, codes].filter(Boolean).join(" "))));
    return line;
  }

  function refusal(step) {
    if (step.problem) return [make("p", { class: "pg-problem" }, step.problem)];
    return step.error ? drawError(step.error) : [];
  }

  function drawError(error) {
    const lines = [
      make("p", { class: "pg-code" }, ...linked(error.code), ` ${error.name}`, make("span", {}, ` status ${error.status}`)),
      make("p", {}, error.hint, error.detail ? ` Here: ${error.detail}.` : ""),
    ];
    if (error.requirements.length) lines.push(withLinks("p", {}, `Asked for by ${error.requirements.join(", ")}.`));
    if (error.body) lines.push(make("p", {}, "What the other side gets: ", make("code", {}, error.body)));
    return lines;
  }

  /* ---- the pasted request ---- */

  const FIELDS = ["request", "mac", "enc", "now", "canonical"];

  function fillForm(fields) {
    for (const name of FIELDS) find(`in-${name}`).value = fields[name] || "";
  }

  function takeBelow() {
    fillForm({ request: values.raw, mac: values.mac_key, enc: values.server_enc, now: values.now });
    find("in-request").focus();
    find("in-request").scrollIntoView({ block: "center" });
    examine();
  }

  async function example() {
    fillForm((await ask({ do: "example" })).fields);
    examine();
  }

  async function examine(event) {
    if (event) event.preventDefault();
    const fields = Object.fromEntries(FIELDS.map((name) => [name, find(`in-${name}`).value]));
    const found = await ask({ do: "examine", fields });
    const box = find("found");
    find("verdict").textContent = found.problem || found.summary;
    find("verdict").dataset.state = found.problem ? "unusable" : found.error ? "refused" : "done";
    box.replaceChildren(...(found.problem ? [] : drawFound(found)));
  }

  function drawFound(found) {
    const parts = [];
    if (found.error) parts.push(make("div", { class: "pg-refusal" }, ...drawError(found.error)));
    if (found.advice.length) parts.push(make("h4", {}, "What it looks like"), list(found.advice));
    if (found.differences) parts.push(make("h4", {}, "Where the canonical strings differ"), ...drawDifferences(found.differences));
    if (found.canonical !== null) {
      parts.push(make("h4", {}, "The canonical string, as the reference sees it"), canonicalTable(found.canonical));
      parts.push(make("h4", {}, "Its signature"), signatures(found));
    }
    if (found.payload !== null) parts.push(make("h4", {}, "The payload"), make("pre", { tabindex: "0" }, make("code", {}, found.payload)));
    parts.push(make("h4", {}, "The nine checks"), make("ol", { class: "pg-checks" }, ...found.checks.map(drawCheck)));
    if (found.notes.length) parts.push(make("h4", {}, "Notes"), list(found.notes));
    return parts;
  }

  function list(texts) {
    return make("ul", {}, ...texts.map((text) => withLinks("li", {}, text)));
  }

  function canonicalTable(text) {
    const names = ["METHOD", "PATH", "TIMESTAMP", "NONCE"];
    const rows = text.split("\n").map((line, i) =>
      make("div", {}, make("dt", {}, names[i] || ""), make("dd", {}, make("code", {}, line || "(empty)"))),
    );
    return make("dl", { class: "pg-lines" }, ...rows);
  }

  function signatures(found) {
    const rows = [["expected", found.expected], ["received", found.received || "(none)"]];
    return make("dl", { class: "pg-lines" }, ...rows.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, make("code", {}, text)))));
  }

  function drawDifferences(differences) {
    if (!differences.length) return [make("p", {}, "Nowhere.")];
    return differences.map((difference) =>
      make(
        "div",
        { class: "pg-difference" },
        make("p", {}, make("strong", {}, `Line ${difference.line} (${difference.part}), column ${difference.column}`)),
        side("reference", difference.ours, difference.our_code, difference.our_byte),
        side("yours", difference.theirs, difference.their_code, difference.their_byte),
      ),
    );
  }

  function side(name, pieces, code, byte) {
    const shown = pieces ? [pieces[0], make("mark", {}, pieces[1]), pieces[2]] : ["(no such line)"];
    return make(
      "div",
      { class: "pg-side-by-side" },
      make("span", {}, name),
      make("code", {}, ...shown),
      make("span", { class: "pg-side-note" }, pieces ? `byte ${byte}: ${code}` : code),
    );
  }

  /* ---- start ---- */

  find("load").addEventListener("click", load);
  find("random").addEventListener("click", () => session(() => ({ do: "random" })));
  find("reset").addEventListener("click", () => session(() => ({ do: "session", edits: {} })));
  find("form").addEventListener("submit", examine);
  find("example").addEventListener("click", example);
})();
