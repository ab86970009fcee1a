"use strict";
/** Chords and keys as musicians write them, and how chords fall into the bars of a chart: no page in it. Names, transposition and the
    wheel of keys follow aural.harmony; a test holds the two to each other.

    A note's name is a place on the line of fifths (… Bb -2, F -1, C 0, G 1 …), so that Gb (-6) and F# (6) are two names of one pitch.
    Spans are [{start, end, label, ink}]: seconds; Harte's label or a key's name; confidence in 0..255 or null. */
const harmony = (() => {
  // Harte's qualities: as on a lead sheet, the semitones over the root.
  const QUALITIES = {
    maj: ["", 0, 4, 7], min: ["m", 0, 3, 7], dim: ["dim", 0, 3, 6], aug: ["aug", 0, 4, 8], maj6: ["6", 0, 4, 7, 9], min6: ["m6", 0, 3, 7, 9],
    maj7: ["maj7", 0, 4, 7, 11], min7: ["m7", 0, 3, 7, 10], minmaj7: ["mMaj7", 0, 3, 7, 11], 7: ["7", 0, 4, 7, 10], aug7: ["aug7", 0, 4, 8, 10],
    dim7: ["dim7", 0, 3, 6, 9], hdim7: ["m7b5", 0, 3, 6, 10], sus2: ["sus2", 0, 2, 7], sus4: ["sus4", 0, 5, 7], maj9: ["maj9", 0, 4, 7, 11, 2],
    min9: ["m9", 0, 3, 7, 10, 2], 9: ["9", 0, 4, 7, 10, 2], 11: ["11", 0, 4, 7, 10, 2, 5], maj11: ["maj11", 0, 4, 7, 11, 2, 5],
    min11: ["m11", 0, 3, 7, 10, 2, 5], 13: ["13", 0, 4, 7, 10, 2, 5, 9], maj13: ["maj13", 0, 4, 7, 11, 2, 5, 9],
    min13: ["m13", 0, 3, 7, 10, 2, 5, 9], 1: ["1", 0], 5: ["5", 0, 7], "": ["", 0],
  };
  // What else people type for them.
  const TYPED = {
    maj: "M maj major Δ", min: "min mi - minor", dim: "° o", aug: "+ #5", maj6: "M6 maj6 add6", min6: "min6 mi6 -6", maj7: "M7 Maj7 ma7 j7 Δ7 ^7 ^",
    min7: "min7 mi7 -7", minmaj7: "mM7 mmaj7 m(maj7) minmaj7 -Δ7 -maj7 m(Maj7)", 7: "dom7", aug7: "7#5 +7 7+ 7(#5)", dim7: "°7 o7",
    hdim7: "ø ø7 min7b5 -7b5 m7(b5) mi7b5 h7 hdim7", sus4: "sus 4", sus2: "2", "sus4(b7)": "7sus4 7sus", "sus2(b7)": "7sus2", "sus4(b7,9)": "9sus4 9sus",
    "maj(9)": "add9 add2 (add9)", "min(9)": "madd9 m(add9)", "maj6(9)": "6/9 69", "7(b9)": "7b9 7(b9)", "7(#9)": "7#9 7(#9)", "7(#11)": "7#11", "7(*5,b5)": "7b5",
    maj9: "M9 Maj9 Δ9 ^9", min9: "min9 mi9 -9", min11: "min11 mi11 -11", maj13: "M13 Δ13 ^13", min13: "min13 mi13 -13", "min6(9)": "m69",
  };
  const QUALITY_OF = new Map(Object.entries(QUALITIES).filter(([quality]) => quality).map(([quality, [plain]]) => [plain, quality]));
  for (const [quality, words] of Object.entries(TYPED)) for (const word of words.split(" ")) QUALITY_OF.set(word, quality);
  const LETTERS = "FCGDAEB"; // places -1 to 5
  const STEPS = [0, 2, 4, 5, 7, 9, 11];
  const FIFTHS = [0, 2, 4, -1, 1, 3, 5];
  const modulo = (x, by) => ((x % by) + by) % by;

  // ---- notes and degrees

  const pitchClass = (place) => modulo(7 * place, 12);
  const signs = (text) => text.split("#").length - text.split("b").length;
  const placeOf = (name) => LETTERS.indexOf(name[0]) - 1 + 7 * signs(name.slice(1));
  const noteName = (place) => {
    const turns = Math.floor((place + 1) / 7);
    return LETTERS[modulo(place + 1, 7)] + (turns > 0 ? "#" : "b").repeat(Math.abs(turns));
  };
  const degree = (text) => {
    const number = (Number(/\d+/.exec(text)[0]) - 1) % 7;
    return { steps: modulo(STEPS[number] + signs(text), 12), fifths: FIFTHS[number] + 7 * signs(text) };
  };

  // ---- chords

  const LABEL = /^([A-G](?:b*|#*))(?::([a-z0-9]*)(?:\(([^()]*)\))?|\(([^()]*)\))?(?:\/((?:b*|#*)\d+))?$/;
  const DEGREE = /^\*?(?:b*|#*)(?:[1-9]|1[0-3])$/;
  /** Harte's label → {root, quality, degrees, bass}, root null for N and X; null for what is no chord. */
  const parse = (label) => {
    if (label === "N" || label === "X") return { root: null, quality: label, degrees: [], bass: "1" };
    const found = LABEL.exec(label);
    if (!found) return null;
    const [, root, word, inner, bare, bass = "1"] = found;
    const degrees = (inner ?? bare ?? "").split(",").map((one) => one.trim()).filter(Boolean);
    const quality = word || (degrees.length ? "" : "maj");
    if (!(quality in QUALITIES) || ![...degrees, bass].every((one) => DEGREE.test(one))) return null;
    return { root: placeOf(root), quality, degrees, bass };
  };
  /** A place a few fifths off, without double sharps or flats. */
  const moved = (place, fifths) => {
    let at = place + fifths;
    while (fifths && at > 10) at -= 12;
    while (fifths && at < -7) at += 12;
    return at;
  };
  /** As on a lead sheet, so many fifths off: root, the rest, "/" and the bass; what is no chord stands as it is. */
  const parts = (label, fifths = 0) => {
    const chord = parse(label);
    if (!chord) return [label, "", ""];
    if (chord.root === null) return [chord.quality === "N" ? "N.C." : "?", "", ""];
    const root = moved(chord.root, fifths);
    let word = QUALITIES[chord.quality][0];
    let added = chord.degrees.filter((one) => one[0] !== "*");
    if (word.startsWith("sus") && added.includes("b7")) {
      word = `7${word}`;
      added = added.filter((one) => one !== "b7");
    }
    const more = [...added.map((one) => (/^[b#]/.test(one) ? one : `add${one}`)), ...chord.degrees.filter((one) => one[0] === "*").map((one) => `no${one.slice(1)}`)];
    const bass = chord.bass === "1" ? "" : `/${noteName(root + degree(chord.bass).fifths)}`;
    return [noteName(root), word + (more.length ? `(${more.join(",")})` : ""), bass];
  };
  const plain = (label, fifths = 0) => parts(label, fifths).join("");
  /** With the signs that musicians read. */
  const signed = (text) => text.replaceAll("#", "♯").replaceAll("b", "♭");
  const shown = (label, fifths = 0) => (parse(label) ? parts(label, fifths).map(signed).join("") : label);
  /** "Am7", "F♯m7♭5", "C/E", "N.C." or Harte's own label → Harte's label; null for what is no chord. */
  const typed = (text) => {
    const name = text.trim().replaceAll("♭", "b").replaceAll("♯", "#");
    if (["N", "NC", "N.C.", "N.C", "n.c.", "nc", "-"].includes(name)) return "N";
    if (name === "X" || name === "?") return "X";
    const found = /^([A-G](?:b+|#+)?)(.*?)(?:\/([A-G](?:b+|#+)?))?$/.exec(name);
    const quality = found && (found[2] ? QUALITY_OF.get(found[2]) : "maj");
    if (!quality) return parse(name) ? name : null;
    if (!found[3] || found[3] === found[1]) return `${found[1]}:${quality}`;
    const away = placeOf(found[3]) - placeOf(found[1]) + 1;
    const sharps = Math.floor(away / 7);
    return `${found[1]}:${quality}/${(sharps > 0 ? "#" : "b").repeat(Math.abs(sharps))}${FIFTHS.indexOf(modulo(away, 7) - 1) + 1}`;
  };
  /** What sounds: pitch class of the root and of the bass, and the semitones over the root; null for N, X and what is no chord. */
  const tones = (label) => {
    const chord = parse(label);
    if (!chord || chord.root === null) return null;
    const out = new Set(chord.degrees.filter((one) => one[0] === "*").map((one) => degree(one).steps));
    const kept = QUALITIES[chord.quality].slice(1).filter((step) => !out.has(step));
    const steps = [...new Set([...kept, ...chord.degrees.filter((one) => one[0] !== "*").map((one) => degree(one).steps)])];
    const root = pitchClass(chord.root);
    return { root, bass: modulo(root + degree(chord.bass).steps, 12), steps };
  };

  // ---- keys

  /** "Gb:major", "A minor", "F#m", "C" → {place, minor}; null for no key. */
  const readKey = (text) => {
    const found = /^([A-G](?:b*|#*))(?:[: ]?(major|minor|maj|min|ionian|aeolian|m|M))?$/.exec(text.trim().replaceAll("♭", "b").replaceAll("♯", "#"));
    return found && { place: placeOf(found[1]), minor: ["minor", "min", "aeolian", "m"].includes(found[2]) };
  };
  const keyLabel = ({ place, minor }) => `${noteName(place)}:${minor ? "minor" : "major"}`;
  const keyName = (label) => {
    const key = readKey(label);
    return key ? `${signed(noteName(key.place))} ${key.minor ? "minor" : "major"}` : label === "N" ? "no key" : label;
  };
  /** "8A" for A minor, "8B" for C major; "" for no key. */
  const camelot = (label) => {
    const key = readKey(label);
    return key ? `${modulo(key.place - 3 * key.minor + 7, 12) + 1}${key.minor ? "A" : "B"}` : "";
  };
  /** A key as typed → the label of a sidecar; null for what is none. */
  const typedKey = (text) => {
    const key = readKey(text);
    return key ? keyLabel(key) : /^(n|none|no key)$/i.test(text.trim()) ? "N" : null;
  };
  const mainKey = (spans) => readKey(longest(spans));
  const longest = (spans) => {
    const lasts = new Map();
    for (const { start, end, label } of spans) if (readKey(label)) lasts.set(label, (lasts.get(label) || 0) + end - start);
    return [...lasts].reduce((most, one) => (one[1] > most[1] ? one : most), ["", 0])[0];
  };
  /** How many fifths further a transposed song is written, so that its key is one that people write: that of the key spans, else what
      the roots of the chords suggest. */
  const fifthsFor = (semitones, keys, chords) => {
    if (!modulo(semitones, 12)) return 0;
    let key = mainKey(keys);
    if (!key) {
      let [sum, weight] = [0, 1e-9];
      for (const { start, end, label } of chords) {
        const chord = parse(label);
        if (!chord || chord.root === null) continue;
        sum += chord.root * (end - start);
        weight += end - start;
      }
      key = { place: Math.round(sum / weight - 0.75), minor: false }; // I, IV, V, vi lie about their tonic's right neighbour
    }
    const low = key.minor ? -3 : -5;
    return modulo(7 * semitones + key.place - low, 12) + low - key.place;
  };
  const STEP_NAMES = { 1: "a fifth up", 11: "a fifth down", 4: "a major third up", 8: "a major third down", 2: "a tone up", 10: "a tone down", 7: "a semitone up", 5: "a semitone down", 3: "a minor third down", 9: "a minor third up", 6: "a tritone" };
  /** From each change of key on: how it lies to the key before. */
  const modulations = (keys) => {
    const runs = [];
    for (const span of keys) {
      const key = readKey(span.label);
      const last = runs[runs.length - 1];
      if (key && last && last.key.minor === key.minor && pitchClass(last.key.place) === pitchClass(key.place)) last.end = span.end;
      else if (key) runs.push({ ...span, key });
    }
    return runs.slice(1).map((run, i) => {
      const [from, to] = [runs[i].key, run.key];
      const mode = to.minor ? "minor" : "major";
      const relative = modulo(to.place - 3 * to.minor - (from.place - 3 * from.minor), 12);
      const fifths = modulo(to.place - from.place, 12);
      let label = STEP_NAMES[fifths];
      if (from.minor !== to.minor) label = relative === 0 ? `relative ${mode}` : fifths === 0 ? `parallel ${mode}` : `${label}, ${mode}`;
      return { start: run.start, end: run.end, label, ink: null };
    });
  };

  // ---- the chart

  const range = (from, to, step = 1) => Array.from({ length: Math.max(Math.ceil((to - from) / step), 0) }, (_, i) => from + i * step);
  const common = (sizes) => {
    const counts = new Map();
    for (const size of sizes) counts.set(size, (counts.get(size) || 0) + 1);
    return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), [4, 0])[0];
  };
  /** Cells of time: {start, end, at: seconds of the beats, number}. Beats before the first bar are number 0, its pick-up; where the bar
      isn't known, number is null. `downs` are bar lines where no beats are known. */
  const cells = (beats, downs) => {
    const { times } = beats;
    if (!times.length) {
      const made = Array.from(downs, (start, i) => ({ start, end: downs[i + 1] ?? start + (i ? start - downs[i - 1] : 2), number: i + 1 }));
      return made.map((cell) => ({ ...cell, at: range(0, 4).map((k) => cell.start + ((cell.end - cell.start) * k) / 4) }));
    }
    const bars = rhythm.bars(beats);
    const size = common(bars.map((bar) => bar.beats));
    const last = times.length > 1 ? 2 * times[times.length - 1] - times[times.length - 2] : times[0] + 0.5;
    const made = [];
    const put = (from, to, number) => to > from && made.push({ start: times[from], end: times[to] ?? last, at: Array.from(times.slice(from, to)), number });
    let done = 0;
    bars.forEach((bar, i) => {
      if (!i && bar.first <= size) put(0, bar.first, 0);
      else for (let from = bar.first - Math.ceil((bar.first - done) / size) * size; from < bar.first; from += size) put(Math.max(from, done), from + size, null);
      done = bar.first + bar.beats;
      put(bar.first, done, i + 1);
    });
    for (; done < times.length; done += size) put(done, Math.min(done + size, times.length), null);
    return made;
  };
  /** Where no beats are, each chord that lasts has a cell of its own. */
  const without = (chords, from, to, shortest) =>
    chords.filter(({ start, end, label }) => label !== "N" && Math.min(end, to) - Math.max(start, from) > shortest).map((span) => {
      const start = Math.max(span.start, from);
      return { start, end: Math.min(span.end, to), at: [start], number: null };
    });
  /** The chord that lasts longest between two times. */
  const lasting = (chords, from, to) => {
    let [found, most] = [null, 1e-6];
    for (const span of chords) {
      if (span.start >= to) break;
      const length = Math.min(span.end, to) - Math.max(span.start, from);
      if (length > most) [found, most] = [span, length];
    }
    return found;
  };
  /** The chart: cells with chords [{beat, label, ink}] at beats, `repeat` where a bar is like the one before, `section` where one begins. */
  const chart = (beats, downs, chords, sections) => {
    let made = cells(beats, downs);
    const [first, end] = made.length ? [made[0].start, made[made.length - 1].end] : [Infinity, Infinity];
    const shortest = made.length ? 1 : 0; // an early start and a last ring are no bars
    made = [...without(chords, -Infinity, first, shortest), ...made, ...without(chords, end, Infinity, shortest)];
    let from = 0; // chords before it are over
    for (const cell of made) {
      while (from < chords.length && chords[from].end <= cell.start) from++;
      const near = [];
      for (let i = from; i < chords.length && chords[i].start < cell.end; i++) near.push(chords[i]);
      cell.chords = [];
      cell.at.forEach((at, beat) => {
        const span = lasting(near, at, cell.at[beat + 1] ?? cell.end);
        const before = cell.chords[cell.chords.length - 1];
        if (span && !(before && before.label === span.label)) cell.chords.push({ beat, label: span.label, ink: span.ink });
      });
    }
    // A pick-up in which nothing is played is no bar.
    if (made.length && made[0].number === 0 && made[0].chords.every(({ label }) => label === "N")) made.shift();
    const letters = [...new Set(sections.map((one) => one.label))];
    for (const { start, label } of sections) {
      if (!made.length) break;
      const cell = made.reduce((best, one) => (Math.abs(one.start - start) < Math.abs(best.start - start) ? one : best));
      cell.section = /^[A-Z]\d?'*$/.test(label) ? label : `${String.fromCharCode(65 + (letters.indexOf(label) % 26))} ${label}`;
    }
    const told = ({ at, chords: inside }) => JSON.stringify([at.length, inside.map(({ beat, label }) => [beat, label])]);
    made.forEach((cell, i) => {
      const before = made[i - 1];
      cell.repeat = Boolean(before && before.number !== 0 && cell.chords.length && !cell.section && told(cell) === told(before));
    });
    return made;
  };

  // ---- corrections

  const REACH = 0.07; // seconds: what would be left of a span, if shorter, goes with the correction
  /** Spans with those that a person names put into them, as sure as can be; what is left of one of these stays, however short. */
  const corrected = (spans, said) =>
    said.reduce((all, one) => {
      let [first, last] = [one.start, one.end];
      const kept = all.flatMap((span) => {
        if (span.end <= one.start || span.start >= one.end) return [span];
        return [{ ...span, end: one.start }, { ...span, start: one.end }].filter(({ start, end }) => {
          if (span.said && end > start) return true;
          if (end > start && end - start < REACH) [first, last] = [Math.min(first, start), Math.max(last, end)];
          return end - start >= REACH;
        });
      });
      return [...kept, { ...one, start: first, end: last, ink: 255, said: true }].sort((a, b) => a.start - b.start);
    }, spans);
  /** The sidecar's tables; its times are the file's. */
  const toml = ({ chords, keys }, offset = 0) => {
    const seconds = (t) => Math.max(t + offset, 0).toFixed(3);
    const table = (name, word) => ({ start, end, label }) => `[[harmony.${name}]]\nstart = ${seconds(start)}\nend = ${seconds(end)}\n${word} = ${JSON.stringify(label)}`;
    return [...chords.map(table("chords", "label")), ...keys.map(table("keys", "key"))].join("\n\n");
  };

  return { camelot, chart, corrected, fifthsFor, keyLabel, keyName, mainKey, modulations, parse, parts, plain, readKey, shown, signed, toml, tones, typed, typedKey };
})();
