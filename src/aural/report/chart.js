"use strict";
/** The chord chart: four bars a line, chords on their beats, transposed and for a capo as one likes; a click on a bar goes there.

    const sheet = chordChart(section, seek); sheet.show(harmony.chart(…), fifthsFor, keyName); sheet.at(seconds) */
const chordChart = (box, seek) => {
  const $ = (id) => box.querySelector(`#${id}`);
  const made = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  let [cells, buttons, here] = [[], [], -1];
  let [fifthsFor, keyOf] = [() => 0, () => ""];

  const sounding = () => Number($("transpose").value);
  const capo = () => Number($("capo").value);
  const signed = (n) => (n > 0 ? `+${n}` : String(n).replace("-", "−"));

  const lines = () => {
    const all = [];
    let line = null;
    cells.forEach((cell, i) => {
      if (cell.number === 0 || !line || line.cells.length === 4 || cell.section) {
        line = { section: cell.section || "", cells: [], pickup: cell.number === 0 };
        all.push(line);
      }
      line.cells.push(i);
      if (cell.number === 0) line = null;
    });
    return all;
  };

  const bar = (i, fifths) => {
    const cell = cells[i];
    const button = made("button", "bar");
    button.type = "button";
    button.tabIndex = i === Math.max(here, 0) ? 0 : -1;
    button.dataset.index = i;
    const names = cell.chords.map(({ label }) => harmony.shown(label, fifths));
    const number = cell.number ? `bar ${cell.number}` : cell.number === 0 ? "pick-up" : "";
    button.setAttribute("aria-label", [number || "no bar", cell.repeat ? `again ${names.join(", ")}` : names.join(", ") || "no chord"].join(": "));
    if (cell.number === null) button.classList.add("loose");
    if (cell.section) button.classList.add("first");
    const before = cells[i - 1];
    const turned = cell.number > 1 && i + 1 < cells.length && before && before.number && before.at.length !== cell.at.length;
    const small = made("span", "small", cell.number ? String(cell.number) : "");
    if ((cell.number === 1 && cell.at.length > 1) || turned) small.append(made("i", "", rhythm.metreName(cell.at.length)));
    const beats = made("span", "beats");
    beats.style.gridTemplateColumns = `repeat(${cell.at.length}, minmax(min-content, 1fr))`;
    if (cell.repeat) beats.append(made("span", "again", "%"));
    else {
      cell.chords.forEach(({ beat, label, ink }, k) => {
        const chord = made("span", "chord");
        const [root, word, bass] = harmony.parse(label) ? harmony.parts(label, fifths).map(harmony.signed) : [label, "", ""];
        chord.append(root, ...(word ? [made("small", "", word)] : []), bass);
        chord.style.gridColumn = `${beat + 1} / ${cell.chords[k + 1] ? cell.chords[k + 1].beat + 1 : cell.at.length + 1}`;
        if (ink !== null) chord.style.opacity = 0.45 + (0.55 * ink) / 255;
        beats.append(chord);
      });
    }
    // Smaller where the names would fill a bar: of a phone or a printed sheet, or of any page.
    const letters = cell.repeat ? 0 : names.reduce((sum, name) => sum + name.length + 1, 0);
    if (letters > 13 || cell.chords.length > 2) button.classList.add("many");
    if (letters > 22) button.classList.add("crowded");
    button.append(small, beats);
    return button;
  };

  const draw = () => {
    const fifths = fifthsFor(sounding() - capo());
    buttons = [];
    $("bars").replaceChildren(
      ...lines().map((line) => {
        const row = made("div", line.pickup ? "line pickup" : "line");
        if (line.section) row.append(made("b", "section", line.section));
        for (const i of line.cells) buttons[i] = row.appendChild(bar(i, fifths));
        return row;
      }),
    );
    const said = [];
    const sounds = keyOf(fifthsFor(sounding()));
    if (sounding()) said.push(`${signed(sounding())} semitones${sounds ? `, in ${sounds}` : ""}`);
    if (capo()) said.push(`capo ${capo()}: play these shapes${keyOf(fifths) ? `, in ${keyOf(fifths)}` : ""}`);
    $("sounds").textContent = said.join(" · ");
    const before = here;
    here = -1;
    mark(before);
  };

  /** The bar that is current; -1 for none. */
  const mark = (i) => {
    if (i === here) return;
    for (const [at, on] of [[here, false], [i, true]]) {
      const button = buttons[at];
      if (!button) continue;
      button.classList.toggle("now", on);
      if (on) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    if (buttons[i]) for (const button of buttons) button.tabIndex = button === buttons[i] ? 0 : -1;
    here = i;
  };
  const at = (t) => {
    const cell = cells[here];
    if (cell && t + 1e-3 >= cell.start && t + 1e-3 < cell.end) return;
    mark(cells.findIndex(({ start, end }) => t + 1e-3 >= start && t + 1e-3 < end));
  };

  box.addEventListener("click", (event) => {
    const button = event.target.closest(".bar");
    if (button) seek(cells[button.dataset.index].start);
  });
  box.addEventListener("keydown", (event) => {
    const button = event.target.closest(".bar");
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -4, ArrowDown: 4 }[event.key];
    if (!button || !by || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[Math.min(Math.max(Number(button.dataset.index) + by, 0), buttons.length - 1)];
    for (const one of buttons) one.tabIndex = one === next ? 0 : -1;
    next.focus();
  });
  for (const id of ["transpose", "capo"]) $(id).addEventListener("change", draw);
  $("lower").addEventListener("click", () => step(-1));
  $("higher").addEventListener("click", () => step(1));
  const step = (by) => {
    $("transpose").value = String(Math.min(Math.max(sounding() + by, -6), 6));
    draw();
  };
  $("print").addEventListener("click", () => window.print());

  const show = (what, ...how) => {
    [cells, [fifthsFor, keyOf]] = [what, how];
    box.hidden = !cells.length;
    here = -1;
    draw();
  };
  return { show, at };
};
