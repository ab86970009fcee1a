"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

  // ---- the data

  const data = JSON.parse($("#data").textContent);
  const duration = Math.max(data.duration, 0.001);
  const TYPES = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

  const bytes = (text) => {
    const raw = atob(text);
    const made = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) made[i] = raw.charCodeAt(i);
    return made;
  };
  const unpack = (packed) => (packed ? new TYPES[packed.t](bytes(packed.d).buffer) : null);
  const lanes = data.lanes.map((lane) => {
    const made = { ...lane, canvas: document.getElementById(lane.id) };
    for (const name of ["times", "starts", "ends", "ink", "word", "pitches", "velocities", "tracks"]) made[name] = unpack(lane[name]);
    if (lane.curves) {
      made.curves = lane.curves.map(unpack);
      if (!made.times) made.times = Float64Array.from(made.curves[0] || [], (_, i) => lane.first + i * lane.step);
    }
    return made;
  });

  /** The first index whose value is at least x. */
  const find = (sorted, x) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const word = (lane, i) => (lane.place ? String(lane.place[i] || "") : lane.words ? lane.words[lane.word[i]] : "");
  const ink = (lane, i) => (lane.ink ? 0.2 + (0.8 * lane.ink[i]) / 255 : 1);
  /** Harte's chords and keys as musicians write them. */
  const isChords = (lane) => lane.kind === "spans" && /chord/.test(lane.field);
  const isKeys = (lane) => lane.kind === "spans" && /^key/.test(lane.field);
  const pretty = (lane, text) => (isChords(lane) ? harmony.shown(text) : isKeys(lane) ? harmony.keyName(text) : text);
  const pad = (n) => String(n).padStart(2, "0");
  const stamp = (t, digits = 1) => {
    const unit = 10 ** digits;
    const whole = Math.floor(t * unit + 1e-6) / unit;
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    const seconds = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return hours ? `${hours}:${pad(minutes)}:${seconds}` : `${minutes}:${seconds}`;
  };
  const NOTES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
  const pitchName = (midi) => NOTES[Math.round(midi) % 12] + (Math.floor(Math.round(midi) / 12) - 1);

  // ---- beats and bars

  const ofField = (name) => lanes.find((lane) => lane.field === name && lane.kind === "events");
  const beatLane = ofField("beats");
  const downLane = ofField("downbeats");
  const metric = (lane) => lane.words && lane.words.every((label) => /^\d*$/.test(label));
  const asBeats = ({ times, words, word: index, ink: sure }) => ({
    times: Float64Array.from(times),
    place: Uint16Array.from(times, (_, i) => (words && /^\d+$/.test(words[index[i]]) ? Number(words[index[i]]) : 0)),
    ink: sure || null,
  });
  /** The beats as the page was made with them. */
  const printed = beatLane ? asBeats(beatLane) : { times: new Float64Array(0), place: new Uint16Array(0), ink: null };
  if (beatLane && metric(beatLane)) beatLane.place = printed.place;
  let beats = printed;
  const barLines = () => {
    const first = beats.times.filter((_, i) => beats.place[i] === 1);
    return first.length || !downLane ? first : downLane.times;
  };
  let bars = barLines();
  /** "bar 12.3": bar and beat; what comes before the first downbeat is bar 0; "" where no bar is known. */
  const position = (t) => {
    const bar = find(bars, t + 1e-4);
    const beat = find(beats.times, t + 1e-4) - 1;
    if (!bars.length || t > bars[bars.length - 1] + 10) return "";
    if (!beats.times.length) return bar ? `bar ${bar}` : "";
    return beat >= 0 && beats.place[beat] ? `bar ${bar}.${beats.place[beat]}` : "";
  };

  // ---- the view: one time axis for all lanes

  const region = $("#lanes");
  const over = $("#over");
  const whole = $("#whole");
  const ruler = $("#ruler");
  const grid = $("#grid");
  const view = { start: 0, scale: 1, width: 1, dirty: true, follow: true };
  const seen = () => view.width / view.scale;
  const widest = () => view.width / duration;
  const closest = () => Math.max(Math.min(1200, 16e6 / duration), widest());
  const toX = (t) => (t - view.start) * view.scale;
  const toTime = (x) => view.start + x / view.scale;

  const look = (start, scale) => {
    view.scale = clamp(scale, widest(), closest());
    // A whole number of pixels, so that waveform and canvases agree.
    view.start = Math.round(clamp(start, 0, Math.max(duration - seen(), 0)) * view.scale) / view.scale;
    view.dirty = true;
    wake();
  };
  const zoom = (factor, x = null) => {
    const at = x === null ? clamp(toX(now()), 0, view.width) : x;
    const t = toTime(at);
    const scale = clamp(view.scale * factor, widest(), closest());
    look(t - at / scale, scale);
  };
  const show = (start, end) => {
    const span = Math.max((end - start) * 3, Math.min(8, duration));
    look((start + end) / 2 - span / 2, view.width / span);
  };

  // ---- colours

  const colours = {};
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["paper", "raised", "ink", "soft", "faint", "line", "wave", "accent"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
    colours.set = Array.from({ length: 8 }, (_, i) => style.getPropertyValue(`--c${i}`).trim());
    for (const lane of [...lanes, data.pitches || {}]) lane.painted = null;
  };
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  /** The colour of each word of a lane: chords by their root, the same in every lane and whatever is corrected; the eight colours go to
      the roots that last longest. */
  const SILENT = new Set(["N", "X", "", "silence", "no chord"]);
  const rootOf = (label) => harmony.tones(label)?.root ?? label;
  const roots = (() => {
    const lasts = new Map();
    for (const lane of lanes.filter(isChords)) {
      lane.starts.forEach((start, i) => {
        const root = rootOf(word(lane, i));
        if (!SILENT.has(root)) lasts.set(root, (lasts.get(root) || 0) + lane.ends[i] - start);
      });
    }
    return [...lasts].sort((a, b) => b[1] - a[1]).map((one) => one[0]);
  })();
  const hue = (lane) => {
    if (lane.hues) return lane.hues;
    const groups = isChords(lane) ? (lane.words || []).map(rootOf) : lane.words || [];
    const known = isChords(lane) ? roots : [...new Set(groups.filter((label) => !SILENT.has(label)))];
    for (const group of groups) if (!SILENT.has(group) && !known.includes(group)) known.push(group);
    lane.hues = groups.map((label) => (SILENT.has(label) ? -1 : known.indexOf(label) % 8));
    return lane.hues;
  };

  // ---- drawing

  const FONT = `11px ${getComputedStyle(document.body).fontFamily}`;
  const prepare = (canvas, height) => {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(view.width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, view.width, height);
    c.font = FONT;
    c.textBaseline = "middle";
    c.globalAlpha = 1;
    return c;
  };

  /** Text that stays readable over what is drawn there. */
  const label = (c, text, x, y) => {
    c.globalAlpha = 0.85;
    c.strokeStyle = colours.paper;
    c.lineWidth = 3.5;
    c.lineJoin = "round";
    c.strokeText(text, x, y);
    c.globalAlpha = 1;
    c.fillStyle = colours.soft;
    c.fillText(text, x, y);
  };

  /** Every how many bars a line still has room. */
  const barStep = (room) => {
    if (bars.length < 2) return 1;
    const width = ((bars[bars.length - 1] - bars[0]) / (bars.length - 1)) * view.scale;
    let step = 1;
    while (step * width < room) step *= step === 1 ? 4 : 2;
    return step;
  };
  const eachBar = (room, draw) => {
    const step = barStep(room);
    for (let i = find(bars, view.start - 1); i < bars.length && bars[i] < view.start + seen(); i++) {
      if (i % step === 0) draw(toX(bars[i]), i + 1);
    }
  };
  const drawGrid = (c, height) => {
    c.globalAlpha = 1;
    c.fillStyle = colours.line;
    eachBar(36, (x) => c.fillRect(Math.round(x), 0, 1, height));
  };
  /** Over a picture: light enough to look through. */
  const drawGridOver = (c, height) => {
    c.globalAlpha = 0.3;
    c.fillStyle = colours.accent;
    eachBar(36, (x) => c.fillRect(Math.round(x), 0, 1, height));
    c.globalAlpha = 1;
  };

  /** Bar lines are tall and numbered; the beats between them stand in steps, lower from beat to beat; where the bar isn't known
      they are short ticks, all alike. */
  const drawBeats = (lane, c, height) => {
    const { times } = lane;
    const first = find(times, view.start - 40 / view.scale);
    const last = find(times, view.start + seen() + 2 / view.scale);
    const gap = times.length > 1 ? ((times[times.length - 1] - times[0]) / (times.length - 1)) * view.scale : 99;
    const near = clamp((gap - 2.5) / 3, 0, 1); // far away only the bars are left
    const none = !bars.length;
    const step = barStep(5);
    const numbered = barStep(38);
    const counts = gap > 26;
    const floor = counts ? height - 11 : height;
    const ceiling = 15;
    if (lane === beatLane && edit.on && edit.chosen !== null) {
      const x = toX(edit.chosen);
      c.globalAlpha = 0.22;
      c.fillStyle = colours.accent;
      c.fillRect(x - 6, 0, 12, height);
      c.globalAlpha = 1;
    }
    c.textAlign = "center";
    for (let i = first; i < last; i++) {
      const x = Math.round(toX(times[i]));
      const place = lane === beatLane ? beats.place[i] : 1;
      if (place === 1) {
        const bar = find(bars, times[i] + 1e-4);
        if ((bar - 1) % step) continue;
        c.globalAlpha = ink(lane, i);
        c.fillStyle = colours.accent;
        const told = (bar - 1) % numbered === 0;
        c.fillRect(x - (gap > 14 ? 1 : 0), told ? 0 : ceiling, gap > 14 ? 2 : 1, height);
        c.textAlign = "left";
        if (told) label(c, bar, x + 5, 8);
        c.textAlign = "center";
      } else if (near > 0 || none) {
        c.globalAlpha = ink(lane, i) * (none ? Math.max(near, 0.35) : near);
        c.fillStyle = place ? colours.ink : colours.faint;
        const tall = place ? clamp(1.19 - 0.17 * place, 0.25, 1) : 0.4;
        const top = floor - (floor - ceiling) * tall;
        c.fillRect(x, top, 1, floor - top);
      } else continue;
      if (counts && place > 1) {
        c.globalAlpha = 0.4 + 0.6 * ink(lane, i);
        c.fillStyle = colours.soft;
        c.fillText(place, x, height - 5);
      }
    }
    c.textAlign = "left";
  };

  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const drawRuler = () => {
    const c = prepare(ruler, 26);
    const step = STEPS.find((s) => s * view.scale >= 68) || 7200;
    const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
    c.fillStyle = colours.soft;
    for (let i = Math.floor(view.start / step); i * step <= view.start + seen(); i++) {
      const x = Math.round(toX(i * step));
      c.fillRect(x, 18, 1, 8);
      c.fillText(stamp(i * step, digits), x + 4, 13);
      for (let j = 1; j < 5; j++) c.fillRect(Math.round(toX((i + j / 5) * step)), 22, 1, 4);
    }
  };

  const draw = {
    events(lane, c, height) {
      const { times } = lane;
      const first = find(times, view.start - 2 / view.scale);
      const last = find(times, view.start + seen() + 2 / view.scale);
      if (lane.place || lane === downLane) {
        drawBeats(lane, c, height);
        return;
      }
      if (lane.words && lane.words.length > 1 && lane.words.length <= 12) {
        const row = height / lane.words.length;
        for (let i = first; i < last; i++) {
          const j = lane.word[i];
          c.globalAlpha = ink(lane, i);
          c.fillStyle = colours.set[j % 8];
          c.fillRect(Math.round(toX(times[i])) - 1, j * row + 1, clamp(view.scale * 0.03, 2, 5), row - 2);
        }
        if (row >= 9) lane.words.forEach((text, j) => label(c, text, 4, (j + 0.5) * row));
        return;
      }
      c.fillStyle = colours.ink;
      // Where several share a pixel, the surest of them is drawn, and drawn once.
      for (let i = first; i < last; ) {
        const x = Math.round(toX(times[i]));
        let sure = 0;
        for (; i < last && Math.round(toX(times[i])) === x; i++) sure = Math.max(sure, ink(lane, i));
        c.globalAlpha = sure * clamp(0.35 + view.scale / 60, 0.35, 1);
        c.fillRect(x, height * 0.2, 1, height * 0.8);
      }
    },

    spans(lane, c, height) {
      const { starts, ends } = lane;
      const colour = hue(lane);
      if (!starts.length && lane.empty) label(c, lane.empty, 5, height / 2 + 0.5);
      if (!lane.longest) lane.longest = starts.reduce((most, start, i) => Math.max(most, ends[i] - start), 0);
      for (let i = find(starts, view.start - lane.longest); i < starts.length && starts[i] < view.start + seen(); i++) {
        const [a, b] = [toX(starts[i]), toX(ends[i])];
        if (b < 0) continue;
        const fill = lane.word && colour[lane.word[i]] >= 0 ? colours.set[colour[lane.word[i]]] : colours.faint;
        const x = Math.round(a);
        const w = Math.max(Math.round(b) - x - 1, 1);
        c.globalAlpha = ink(lane, i) * 0.24;
        c.fillStyle = fill;
        c.fillRect(x, 2, w, height - 4);
        c.globalAlpha = ink(lane, i);
        c.fillRect(x, 2, Math.min(w, 2.5), height - 4);
        if (edit.on && edit.span && edit.span.lane === lane && Math.abs(edit.span.start - starts[i]) < 1e-3) {
          c.globalAlpha = 1;
          c.strokeStyle = colours.accent;
          c.lineWidth = 1.5;
          c.strokeRect(x + 0.75, 1.75, w - 0.5, height - 3.5);
        }
        const left = Math.max(x, 0);
        const room = x + w - left - 10;
        const text = pretty(lane, word(lane, i));
        if (room > 8 && text) {
          c.globalAlpha = Math.max(ink(lane, i), 0.55);
          c.fillStyle = colours.ink;
          c.save();
          c.beginPath();
          c.rect(left, 0, x + w - left - 2, height);
          c.clip();
          c.fillText(text, left + 7, height / 2 + 0.5);
          c.restore();
        }
      }
    },

    curve(lane, c, height) {
      const { times, curves } = lane;
      const pitched = lane.sonify === "tone"; // a frequency: drawn on a logarithmic axis, silent at 0 and below
      const value = pitched ? (v) => (v > 0 ? Math.log2(v) : NaN) : (v) => v;
      if (!lane.range) {
        let [low, high] = [Infinity, -Infinity];
        for (const row of curves) {
          for (const v of row) {
            const y = value(v);
            if (y < low) low = y;
            if (y > high) high = y;
          }
        }
        if (!pitched && low >= 0 && high <= 1) [low, high] = [0, 1];
        else if (high - low < 1e-6) [low, high] = [low - 1, high + 1];
        else if (!pitched) {
          const middle = (high + low) / 2;
          const half = Math.max((high - low) / 2, Math.abs(middle) * 0.08); // a steady tempo looks steady
          [low, high] = [middle - half, middle + half];
        }
        lane.range = Number.isFinite(low) ? [low, high] : [0, 1];
      }
      const [low, high] = lane.range;
      const y = (v) => 4 + (height - 8) * (1 - (value(v) - low) / (high - low));
      const first = Math.max(find(times, view.start) - 1, 0);
      const last = Math.min(find(times, view.start + seen()) + 1, times.length);
      const stride = Math.max(1, Math.floor((last - first) / (view.width * 2)));
      const from = first - (first % stride);
      c.lineJoin = "round";
      c.lineWidth = 1.4;
      curves.forEach((row, k) => {
        c.strokeStyle = curves.length > 1 ? colours.set[k % 8] : own(lane) || colours.ink;
        c.beginPath();
        let down = false;
        for (let i = from; i < last; i += stride) {
          const at = y(row[i]);
          if (Number.isNaN(at)) {
            down = false;
            continue;
          }
          if (down) c.lineTo(toX(times[i]), at);
          else c.moveTo(toX(times[i]), at);
          down = true;
        }
        c.stroke();
      });
      if (!pitched && height >= 32 && high > 1.5) {
        for (const [v, at] of [[high, 7], [low, height - 7]]) {
          const text = v < 10 ? v.toFixed(1) : String(Math.round(v));
          c.globalAlpha = 0.85;
          c.fillStyle = colours.paper;
          c.fillRect(0, at - 7, c.measureText(text).width + 6, 14);
          label(c, text, 3, at);
        }
      }
    },

    roll(lane, c, height) {
      const [low, high] = rangeOf(lane);
      const row = height / (high - low + 1);
      if (data.pitches) drawPitches(c, low, high, height);
      c.globalAlpha = 0.7;
      c.fillStyle = colours.line;
      for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12) c.fillRect(0, Math.round((high - pitch + 1) * row), view.width, 1);
      drawNotes(lane, c, low, high, row);
      // The leading voice and the bass stand out among the notes.
      if (lane.field === "notes") {
        for (const other of overNotes()) (other.kind === "roll" ? drawNotes : drawLine)(other, c, low, high, row);
      }
      for (let pitch = Math.ceil(low / 12) * 12; pitch <= high; pitch += 12) {
        const y = (high - pitch + 1) * row - 6;
        if (y > 8) label(c, pitchName(pitch), 3, y);
      }
    },

    picture(lane, c, height) {
      drawPicture(lane, c, 0, lane.rows, height);
    },
  };

  /** Melody and bass have a colour each, wherever they are drawn. */
  const OWN = { melody: 3, melody_notes: 3, bass: 0 };
  const own = (lane) => colours.set[OWN[lane.field]] || "";
  /** The lanes that are drawn once more over the notes: the melody's contour, else its notes, and the bass. */
  const overNotes = () => {
    const sung = lanes.some((lane) => lane.field === "melody");
    return lanes.filter((lane) => (lane.kind === "curve" && lane.field === "melody") || (lane.kind === "roll" && lane.field in OWN && !(sung && lane.field === "melody_notes")));
  };
  /** The lowest and the highest pitch of a roll. */
  const rangeOf = (lane) => {
    if (lane.range) return lane.range;
    const { starts, ends, pitches } = lane;
    lane.longest = starts.reduce((most, start, i) => Math.max(most, ends[i] - start), 0);
    let [low, high] = pitches.length ? [pitches.reduce((a, b) => Math.min(a, b), 127) - 1, pitches.reduce((a, b) => Math.max(a, b), 0) + 1] : [48, 72];
    if (high - low < 14) [low, high] = [low - 6, high + 6];
    return (lane.range = [Math.floor(low), Math.ceil(high)]);
  };
  const drawNotes = (lane, c, low, high, row) => {
    const { starts, ends, pitches } = lane;
    rangeOf(lane);
    const several = lane.tracks && lane.names.length > 1;
    const thick = Math.max(row - 0.8, 1.6);
    c.fillStyle = own(lane) || colours.set[2];
    const end = view.start + seen();
    for (let i = find(starts, view.start - lane.longest); i < starts.length && starts[i] < end; i++) {
      if (ends[i] < view.start || pitches[i] < low || pitches[i] > high) continue;
      const x = toX(starts[i]);
      if (several) c.fillStyle = colours.set[lane.tracks[i] % 8];
      c.globalAlpha = lane.ink ? ink(lane, i) : lane.velocities ? 0.35 + (0.65 * lane.velocities[i]) / 127 : 0.9;
      c.fillRect(x, (high - pitches[i]) * row + 0.4, Math.max(toX(ends[i]) - x - 0.6, 1.2), thick);
    }
  };
  /** A contour in Hz over a roll. */
  const drawLine = (lane, c, low, high, row) => {
    const { times } = lane;
    const values = lane.curves[0] || [];
    const first = Math.max(find(times, view.start) - 1, 0);
    const last = Math.min(find(times, view.start + seen()) + 1, times.length);
    const stride = Math.max(1, Math.floor((last - first) / (view.width * 2)));
    c.globalAlpha = 1;
    c.strokeStyle = own(lane);
    c.lineWidth = clamp(row * 0.5, 2, 3);
    c.lineJoin = "round";
    c.beginPath();
    let before = NaN;
    for (let i = first - (first % stride); i < last; i += stride) {
      const pitch = values[i] > 0 ? 69 + 12 * Math.log2(values[i] / 440) : NaN;
      const y = pitch >= low - 0.5 && pitch <= high + 0.5 ? (high - pitch + 0.5) * row : NaN;
      if (Math.abs(y - before) < 2.5 * row) c.lineTo(toX(times[i]), y); // a leap is not sung through
      else if (!Number.isNaN(y)) c.moveTo(toX(times[i]), y);
      before = y;
    }
    c.stroke();
  };
  /** What sounds between two pitches, a row a semitone, light enough to write on. */
  const drawPitches = (c, low, high, height) => {
    const { lowest, rows } = data.pitches;
    const [bottom, top] = [Math.max(low, lowest), Math.min(high, lowest + rows - 1)];
    if (top < bottom) return;
    const row = height / (high - low + 1);
    c.save();
    c.globalAlpha = 0.45;
    c.translate(0, (high - top) * row);
    drawPicture(data.pitches, c, lowest + rows - 1 - top, top - bottom + 1, (top - bottom + 1) * row);
    c.restore();
  };
  /** Some rows of a picture, as high as asked. */
  const drawPicture = (lane, c, from, rows, height) => {
    const level = lane.levels[view.scale > (lane.levels[lane.levels.length - 1].width / duration) * 1.5 ? 0 : lane.levels.length - 1];
    const perSecond = level.width / duration;
    const tiles = painted(lane, level);
    for (let i = Math.floor((view.start * perSecond) / lane.tile); i < tiles.length; i++) {
      const x = toX((i * lane.tile) / perSecond);
      if (x > view.width) break;
      if (tiles[i]) c.drawImage(tiles[i], 0, from, tiles[i].width, rows, x, 0, (tiles[i].width / perSecond) * view.scale + 0.3, height);
    }
  };

  /** The tiles of a picture in the colours of the theme, painted when they are first seen. */
  const painted = (lane, level) => {
    if (!lane.painted) lane.painted = new Map();
    if (!lane.painted.has(level)) {
      const made = [];
      lane.painted.set(level, made);
      level.tiles.forEach(async (tile, i) => {
        const image = new Image();
        image.src = `data:image/png;base64,${tile}`;
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.width, image.height];
        const c = canvas.getContext("2d", { willReadFrequently: true });
        c.drawImage(image, 0, 0);
        const pixels = c.getImageData(0, 0, image.width, image.height);
        const table = palette();
        const words = new Uint32Array(pixels.data.buffer);
        for (let p = 0; p < words.length; p++) words[p] = table[words[p] & 255];
        c.putImageData(pixels, 0, 0);
        made[i] = canvas;
        view.dirty = true;
        wake();
      });
    }
    return lane.painted.get(level);
  };
  /** Paper to ink; the accent stays with the playhead and the bars. */
  const palette = () => {
    const [paper, dark] = [colours.paper, colours.ink].map(rgb);
    const table = new Uint32Array(256);
    for (let i = 0; i < 256; i++) {
      const share = Math.min(i / 252, 1) ** 1.25;
      const [r, g, b] = paper.map((x, k) => Math.round(x + (dark[k] - x) * share));
      table[i] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
    return table;
  };

  const top = data.peaks ? unpack(data.peaks.top) : null;
  const bottom = data.peaks ? unpack(data.peaks.bottom) : null;
  const drawWhole = () => {
    const c = prepare(whole, 26);
    if (top) {
      c.fillStyle = colours.wave;
      for (let x = 0; x < view.width; x++) {
        const a = Math.floor((x * top.length) / view.width);
        const b = Math.max(Math.floor(((x + 1) * top.length) / view.width), a + 1);
        let [up, down] = [0, 0];
        const stride = Math.max(1, (b - a) >> 5);
        for (let i = a; i < b && i < top.length; i += stride) {
          up = Math.max(up, top[i]);
          down = Math.max(down, bottom[i]);
        }
        c.fillRect(x, 13 - (up / 255) * 10, 1, ((up + down) / 255) * 10 + 0.5);
      }
    }
    const scale = view.width / duration;
    c.fillStyle = colours.accent;
    for (const button of all(".doubts button[data-start]")) {
      const start = Number(button.dataset.start);
      c.fillRect(start * scale, 24, Math.max((button.dataset.end - start) * scale, 2), 2);
    }
    const x = view.start * scale;
    if (view.scale > widest() * 1.001) {
      c.globalAlpha = 0.12;
      c.fillStyle = colours.ink;
      c.fillRect(x, 0, Math.max(seen() * scale, 2), 26);
      c.globalAlpha = 0.5;
      c.strokeStyle = colours.ink;
      c.strokeRect(Math.round(x) + 0.5, 0.5, Math.max(Math.round(seen() * scale) - 1, 2), 25);
      c.globalAlpha = 1;
    }
  };

  // ---- the player (wavesurfer.js) and its waveform

  const player = { ready: false, playable: false, still: 0, scale: 0 };
  const source = (() => {
    const embedded = $("#sound");
    if (embedded) {
      const url = URL.createObjectURL(new Blob([bytes(embedded.textContent.trim())], { type: data.sound.mime }));
      embedded.remove();
      return url;
    }
    return data.sound && data.sound.href ? data.sound.href : "";
  })();
  const WAVE = 84;
  let wave = null;
  const now = () => (player.playable && wave ? clamp(wave.getCurrentTime(), 0, duration) : player.still);
  const playing = () => player.playable && wave !== null && wave.isPlaying();
  const say = (text) => ($("#message").textContent = text);

  /** A part of the outline on one of wavesurfer's canvases: a column a pixel, so that no seam shows between canvases. */
  const outline = (channels, c) => {
    const { width, height } = c.canvas;
    const sides = channels.length > 1 ? channels : [channels[0], channels[0]];
    const n = sides[0].length;
    const size = (side, x) => {
      const a = (x * n) / width;
      const b = ((x + 1) * n) / width;
      if (b - a < 1) {
        const [i, part] = [Math.floor(a), a - Math.floor(a)];
        return side[i] * (1 - part) + side[Math.min(i + 1, n - 1)] * part;
      }
      let most = 0;
      for (let i = Math.floor(a); i < b && i < n; i++) if (side[i] > most) most = side[i];
      return most;
    };
    for (let x = 0; x < width; x++) {
      const [up, down] = sides.map((side) => size(side, x) * (height / 2));
      c.fillRect(x, height / 2 - up, 1, Math.max(up + down, 1));
    }
  };

  const startPlayer = () => {
    const media = new Audio();
    media.preload = "auto";
    wave = WaveSurfer.create({
      container: "#wave", media, height: WAVE, duration, peaks: top ? [top, bottom].map((side) => Float32Array.from(side, (v) => v / 275)) : [new Float32Array(2)],
      url: source || undefined, minPxPerSec: view.scale, interact: false, hideScrollbar: true, autoScroll: false, autoCenter: false,
      cursorWidth: 0, waveColor: colours.wave, progressColor: colours.soft, renderFunction: outline, cspNonce: document.body.dataset.nonce,
    });
    wave.on("ready", () => {
      player.ready = true;
      player.scale = 0;
      view.dirty = true;
      wake();
    });
    $("#play").disabled = true;
    media.addEventListener("loadedmetadata", () => {
      player.playable = true;
      $("#play").disabled = false;
      wave.setVolume(Number($("#volume").value));
      if (player.still) wave.setTime(player.still);
    });
    media.addEventListener("error", () => {
      player.playable = false;
      $("#play").disabled = true;
      say(data.sound && data.sound.href ? `${decodeURIComponent(data.sound.href)} can't be played: put it where this page expects it.` : "This browser can't play Ogg sound; a newer one can.");
    });
    wave.on("error", () => {}); // told by the media's own event
    if (!source) say("The sound is not in this page.");
    const changed = () => {
      const on = playing();
      $("#play").classList.toggle("playing", on);
      $("#play").setAttribute("aria-label", on ? "pause" : "play");
      if (on) view.follow = true;
      silence();
      wake();
    };
    wave.on("play", changed);
    wave.on("pause", changed);
    wave.on("finish", () => {
      changed();
      if (loop && loop[1] > duration - 0.2) {
        seek(loop[0]);
        toggle();
      }
    });
    wave.on("seeking", () => {
      silence();
      wake();
    });
  };

  const seek = (t) => {
    player.still = clamp(t, 0, duration);
    if (player.playable) wave.setTime(player.still);
    view.follow = true;
    if (player.still < view.start || player.still > view.start + seen()) look(player.still - seen() * 0.3, view.scale);
    wake();
  };
  const toggle = async () => {
    if (!player.playable) return;
    hear();
    if (!playing() && now() >= duration - 0.05) seek(loop ? loop[0] : 0);
    try {
      await wave.playPause();
    } catch (error) {
      say(`The sound can't be played: ${error.message}`);
    }
  };

  // ---- steps by beats and bars

  const step = (times, direction, otherwise) => {
    const t = now();
    if (!times.length) return seek(t + direction * otherwise);
    if (direction > 0) {
      const i = find(times, t + 0.02);
      return go(i < times.length ? times[i] : duration);
    }
    const i = find(times, t - (playing() ? 0.3 : 0.02)) - 1; // while it plays, the beat just heard is not meant
    return go(i >= 0 ? times[i] : 0);
  };
  const go = (t) => {
    seek(t);
    choose(t);
  };
  const stepBeat = (direction) => step(beats.times, direction, 5);
  const stepBar = (direction) => step(bars.length ? bars : beats.times, direction, 5);

  // ---- loops

  let loop = null;
  let turns = Infinity; // how often it still goes back
  const setLoop = (start, end, times = Infinity) => {
    loop = start === null || end - start < 0.05 ? null : [clamp(start, 0, duration), clamp(end, 0, duration)];
    turns = times;
    $("#looped").setAttribute("aria-pressed", String(loop !== null));
    view.dirty = true;
    wake();
  };
  const barAround = (t, count = 1) => {
    const i = find(bars, t + 1e-3) - 1;
    if (i < 0 || i + 1 >= bars.length) return null;
    return [bars[i], bars[Math.min(i + count, bars.length - 1)]];
  };
  const spanAround = (lane, t) => {
    for (let i = find(lane.starts, t + 1e-3) - 1; i >= 0; i--) if (lane.ends[i] > t) return [lane.starts[i], lane.ends[i]];
    return null;
  };
  /** Back to the start where the loop ends; one who seeks past it is let go. */
  const turned = (t) => {
    if (!loop || t < loop[1] || t > loop[1] + 0.5 || !playing()) return t;
    if (turns-- <= 0) {
      setLoop(null);
      return t;
    }
    wave.setTime(loop[0]);
    return loop[0];
  };
  const toggleLoop = () => {
    if (loop) return setLoop(null);
    const sections = lanes.find((lane) => lane.kind === "spans" && /section|segment|structure/.test(lane.field));
    const t = now();
    const found = (sections && spanAround(sections, t)) || barAround(t, 4) || [Math.max(t, view.start), Math.min(Math.max(t, view.start) + Math.min(8, seen()), duration)];
    return setLoop(...found);
  };

  // ---- sounds beside the sound: clicks and tones, scheduled ahead of time on the audio clock

  const AHEAD = 0.25;
  let context = null;
  let drift = null; // audio clock minus media clock, smoothed
  const voices = lanes.filter((lane) => lane.sonify).map((lane) => ({ lane, on: false, loudness: 0.6, next: 0, gain: null, clicks: {} }));

  const hear = () => {
    if (!voices.some((voice) => voice.on)) return;
    if (!context) context = new AudioContext({ latencyHint: "interactive" });
    if (context.state === "suspended") context.resume();
  };
  const silence = () => {
    drift = null;
    for (const voice of voices) {
      if (voice.gain) voice.gain.disconnect();
      voice.gain = null;
    }
  };
  const click = (voice, hz) => {
    if (!voice.clicks[hz]) {
      const buffer = context.createBuffer(1, Math.round(context.sampleRate * 0.03), context.sampleRate);
      const samples = buffer.getChannelData(0);
      for (let i = 0; i < samples.length; i++) {
        const t = i / context.sampleRate;
        samples[i] = (hz === 1000 ? 0.7 : 1) * Math.sin(2 * Math.PI * hz * t) * Math.exp(-t / 0.007);
      }
      voice.clicks[hz] = buffer;
    }
    return voice.clicks[hz];
  };
  const pitchOfClick = (lane, i) => {
    if (lane.field === "downbeats" || (lane === beatLane && beats.place[i] === 1)) return 1500;
    return lane.field === "beats" ? 1000 : 2200;
  };
  /** The moment on the audio clock that is heard now. */
  const heard = () => {
    const mark = context.getOutputTimestamp ? context.getOutputTimestamp() : null;
    if (mark && mark.performanceTime) {
      const t = mark.contextTime + (performance.now() - mark.performanceTime) / 1000;
      if (Math.abs(t - context.currentTime) < 0.5) return t;
    }
    return context.currentTime - (context.outputLatency || 0);
  };
  const hertz = (midi) => 440 * 2 ** ((midi - 69) / 12);
  /** A tone: it comes in `attack` seconds and dies away in about three times `release`. */
  const note = (voice, hz, when, seconds, loudness, { type = "triangle", attack = 0.008, release = 0.015 } = {}) => {
    const oscillator = context.createOscillator();
    const envelope = context.createGain();
    oscillator.type = type;
    oscillator.frequency.value = hz;
    envelope.gain.setValueAtTime(0, when);
    envelope.gain.linearRampToValueAtTime(loudness, when + Math.min(attack, seconds));
    envelope.gain.setTargetAtTime(0, when + Math.max(seconds - release, attack, 0.01), release);
    oscillator.connect(envelope).connect(voice.gain);
    oscillator.start(when);
    oscillator.stop(when + seconds + 6 * release);
  };
  /** A soft pad: the bass under the chord, the chord's tones round middle C. */
  const chordPad = (voice, label, when, seconds) => {
    const chord = harmony.tones(label);
    if (!chord) return;
    const soft = { attack: 0.06, release: 0.09 };
    note(voice, hertz(36 + ((chord.bass + 8) % 12) + 4), when, seconds, 0.22, soft);
    for (const step of chord.steps) note(voice, hertz(55 + ((chord.root + step + 5) % 12)), when, seconds, 0.1, { ...soft, type: step === 0 ? "triangle" : "sine" });
  };
  const bassTone = { type: "sawtooth", attack: 0.012, release: 0.03 };
  /** Where a voice goes out: many tones at once are held below clipping, and the bass is dull enough to sit under the rest. */
  let tamed = null;
  const outOf = ({ lane }) => {
    if (lane.kind === "events") return context.destination;
    if (!tamed) {
      tamed = context.createDynamicsCompressor();
      tamed.connect(context.destination);
    }
    if (lane.field !== "bass") return tamed;
    const filter = context.createBiquadFilter();
    filter.frequency.value = 500;
    filter.connect(tamed);
    return filter;
  };
  const schedule = () => {
    turned(now()); // here too: a hidden page draws no frames
    if (!context || context.state !== "running" || !playing()) return;
    const rate = wave.getPlaybackRate();
    const t = now();
    const measured = heard() - t / rate;
    drift = drift === null || Math.abs(measured - drift) > 0.04 ? measured : drift + 0.1 * (measured - drift);
    // A hidden page gets its timer once a second.
    const until = Math.min(t + (document.hidden ? 1.6 : AHEAD) * rate, loop && t < loop[1] ? loop[1] : duration);
    for (const voice of voices) {
      if (!voice.on) continue;
      if (!voice.gain) {
        voice.gain = context.createGain();
        voice.gain.gain.value = voice.loudness ** 2;
        voice.gain.connect(outOf(voice));
        voice.next = t;
        voice.begun = false;
      }
      const { lane } = voice;
      const clock = (x) => drift + x / rate;
      const lasting = lane.kind === "roll" || lane.kind === "spans";
      const sounded = lasting ? lane.starts : lane.times;
      if (!sounded) continue;
      let from = find(sounded, voice.next);
      if (lasting && !voice.begun) from = find(sounded, voice.next - lane.longest);
      voice.begun = true;
      for (let i = from; i < sounded.length && sounded[i] < until; i++) {
        const joined = sounded[i] < voice.next; // it sounds already
        const when = clock(joined ? voice.next : sounded[i]);
        const at = Math.max(when, context.currentTime);
        const seconds = lasting ? clock(lane.ends[i]) - at : 0;
        if (joined ? seconds < 0.05 : when < context.currentTime - 0.03) continue;
        if (lane.kind === "events") {
          const player = context.createBufferSource();
          player.buffer = click(voice, pitchOfClick(lane, i));
          player.connect(voice.gain);
          player.start(at);
        } else if (lane.kind === "roll") {
          const strong = lane.velocities ? 0.1 + (0.2 * lane.velocities[i]) / 127 : 0.25;
          note(voice, hertz(lane.pitches[i]), at, clamp(seconds, 0.01, 8), strong, lane.field === "bass" ? bassTone : {});
        } else if (lane.kind === "spans") {
          chordPad(voice, word(lane, i), at, Math.max(seconds, 0.05));
        } else if (lane.kind === "curve") {
          const ends = i + 1 >= sounded.length || sounded[i + 1] - sounded[i] > 0.1;
          if (!voice.line) {
            voice.line = { oscillator: context.createOscillator(), gain: context.createGain() };
            voice.line.oscillator.type = "triangle";
            voice.line.gain.gain.value = 0;
            voice.line.oscillator.connect(voice.line.gain);
            voice.line.oscillator.start();
          }
          if (voice.line.to !== voice.gain) {
            voice.line.gain.disconnect();
            voice.line.gain.connect(voice.gain);
            voice.line.to = voice.gain;
          }
          const hz = lane.curves[0][i];
          if (hz > 0) voice.line.oscillator.frequency.setTargetAtTime(hz, at, 0.004);
          voice.line.gain.gain.setTargetAtTime(hz > 0 ? 0.3 : 0, at, 0.006);
          if (ends) voice.line.gain.gain.setTargetAtTime(0, at + 0.1 / rate, 0.01);
        }
      }
      voice.next = until;
    }
  };
  setInterval(schedule, 50);

  const setVoice = (voice, on) => {
    voice.on = on;
    const box = $(`.voice[data-lane="${voice.lane.id}"]`);
    box.checked = on;
    box.parentElement.classList.toggle("on", on);
    $(`.loud[data-lane="${voice.lane.id}"]`).hidden = !on;
    if (voice.gain) voice.gain.disconnect();
    voice.gain = null;
    hear();
  };

  // ---- the beats that are shown: as printed, corrected, or on the constant grid

  const steady = { on: false };
  const derived = ["metre", "tempo curve", "grid"].map((name) => lanes.find((lane) => lane.field === name));
  const [metreLane, tempoLane, gridLane] = derived;
  const KEPT = ["times", "words", "word", "ink", "starts", "ends", "curves", "place"];
  const asPrinted = new Map([beatLane, downLane, ...derived].filter(Boolean).map((lane) => [lane, Object.fromEntries(KEPT.map((name) => [name, lane[name]]))]));
  const knownMetres = () => rhythm.metres(beats).filter((run) => run.beats > 1); // a lone first beat is no metre
  const showBeats = () => {
    for (const [lane, kept] of asPrinted) Object.assign(lane, kept, { range: null, hues: null, longest: 0 });
    beats = printed;
    if (edited()) {
      beats = rhythm.corrected(rhythm.cut(edit.said(), duration), before, duration);
      if (tempoLane) Object.assign(tempoLane, { times: beats.times, curves: [rhythm.tempoCurve(beats)] });
      if (tempoLane && !tempoLane.curves[0].length) tempoLane.times = [];
      if (gridLane) Object.assign(gridLane, { starts: [], ends: [], empty: "measured anew by the next run" });
      if (metreLane) {
        const runs = knownMetres();
        const names = runs.map((run) => rhythm.metreName(run.beats));
        const words = [...new Set(names)];
        Object.assign(metreLane, { starts: runs.map((run) => run.start), ends: runs.map((run) => run.end), words, word: names.map((name) => words.indexOf(name)), ink: null });
      }
    } else if (steady.on) beats = rhythm.gridded(printed, data.grids);
    if (beatLane && beats !== printed) Object.assign(beatLane, { times: beats.times, place: beats.place, ink: beats.ink });
    bars = barLines();
    if (downLane && edited()) Object.assign(downLane, { times: bars, ink: null });
    for (const lane of asPrinted.keys()) describe(lane);
    silence();
    said = "";
    view.dirty = true;
    wake();
  };
  const setGrid = (on) => {
    const box = $("#gridded");
    if (!box || box.disabled) return;
    steady.on = on;
    box.checked = on;
    box.parentElement.classList.toggle("on", on);
    showBeats();
    showChart();
  };

  // ---- chords and keys that are shown, and the chart of them

  const [chordLane, keyLane, modulationLane] = ["chords", "key", "modulation"].map((name) => lanes.find((lane) => lane.kind === "spans" && lane.field === name));
  const spansOf = (lane) => (lane ? Array.from(lane.starts, (start, i) => ({ start, end: lane.ends[i], label: word(lane, i), ink: lane.ink ? lane.ink[i] : null })) : []);
  /** The spans as the page was made with them. */
  const harmonic = new Map([chordLane, keyLane].filter(Boolean).map((lane) => [lane, { spans: spansOf(lane), sure: lane.ink !== null }]));
  const setSpans = (lane, spans, sure) => {
    const words = [...new Set(spans.map((one) => one.label))];
    Object.assign(lane, {
      starts: spans.map((one) => one.start), ends: spans.map((one) => one.end), words, word: spans.map((one) => words.indexOf(one.label)),
      ink: sure ? spans.map((one) => one.ink ?? 255) : null, hues: null, longest: 0,
    });
    describe(lane);
  };
  const sheet = $("#chart") && chordChart($("#chart"), (t) => go(t));
  const showChart = () => {
    if (!sheet) return;
    const [chords, keys] = [chordLane, keyLane].map(spansOf);
    const main = harmony.mainKey(keys);
    const key = (fifths) => (main ? harmony.keyName(harmony.keyLabel({ ...main, place: main.place + fifths })) : "");
    sheet.show(harmony.chart(beats, beats.times.length ? [] : bars, chords, data.sections), (semitones) => harmony.fifthsFor(semitones, keys, chords), key);
    sheet.at(now());
  };
  const showHarmony = () => {
    for (const [lane, { spans, sure }] of harmonic) {
      const said = current()[lane === keyLane ? "keys" : "chords"].filter((one) => !isSaid(one, began[lane === keyLane ? "keys" : "chords"]));
      if (said.length || lane.changed) setSpans(lane, harmony.corrected(spans, said), sure);
      lane.changed = said.length > 0;
    }
    if (modulationLane) setSpans(modulationLane, harmony.modulations(spansOf(keyLane)), false);
    silence();
    view.dirty = true;
    wake();
  };

  // ---- corrections

  const began = { bar_starts: [], tempo: null, metre: [], chords: [], keys: [], ...data.correction };
  const before = data.heard ? asBeats({ ...data.heard, times: unpack(data.heard.times), word: unpack(data.heard.word), ink: unpack(data.heard.ink) }) : printed;
  const edit = {
    on: false,
    chosen: null, // seconds of a beat
    past: [began],
    at: 0,
    /** What is to be done to the beats; where those before the sidecar's corrections aren't known, its tempo is done already. */
    said: () => (data.heard || current().tempo !== began.tempo ? current() : { ...current(), tempo: null }),
  };
  const current = () => edit.past[edit.at];
  const told = ({ bar_starts: starts, tempo, metre }) => JSON.stringify([starts, tempo, metre]);
  const edited = () => told(current()) !== told(began);
  const isSaid = (one, list) => list.some(({ start, end, label }) => start === one.start && end === one.end && label === one.label);
  const byTime = (a, b) => a - b;
  const rounded = (t) => Math.round(t * 1000) / 1000;
  const change = (what) => {
    const made = { ...current(), ...what };
    made.bar_starts = [...new Set(made.bar_starts.map(rounded))].sort(byTime);
    made.metre = made.metre.map((one) => ({ from: rounded(one.from), beats: one.beats })).sort((a, b) => a.from - b.from);
    const last = Math.floor(duration * 1000) / 1000; // what ends later lies past the end of the sound
    const tidy = (one) => ({ start: rounded(one.start), end: Math.min(rounded(one.end), last), label: one.label });
    for (const name of ["chords", "keys"]) made[name] = made[name].map((one) => (isSaid(one, began[name]) ? one : tidy(one))).sort((a, b) => a.start - b.start);
    if (JSON.stringify(made) === JSON.stringify(current())) return;
    edit.past = [...edit.past.slice(0, edit.at + 1), made];
    edit.at++;
    shownAnew();
  };
  const turnBack = (by) => {
    edit.at = clamp(edit.at + by, 0, edit.past.length - 1);
    shownAnew();
  };
  const shownAnew = () => {
    const box = $("#gridded");
    if (box) box.disabled = edited();
    if (box && edited() && steady.on) {
      steady.on = box.checked = false;
      box.parentElement.classList.remove("on");
    }
    showBeats();
    showHarmony();
    showChart();
    choose(edit.chosen);
    panel();
  };
  /** The beat nearest to a time is the one that buttons speak of. */
  const choose = (t) => {
    if (!edit.on || t === null || !beats.times.length) return;
    edit.chosen = beats.times[rhythm.nearest(beats.times, t)];
    view.dirty = true;
    wake();
    panel();
  };
  /** The chord or the key at a time is the one that is named anew. */
  const chooseSpan = (lane, t) => {
    const found = edit.on && harmonic.has(lane) && spanAround(lane, t);
    if (!found) return;
    edit.span = { lane, start: found[0], end: found[1] };
    view.dirty = true;
    wake();
    panel();
    if (matchMedia("(pointer: coarse)").matches) return; // a keyboard on the screen would hide the lane
    $("#name").focus();
    $("#name").select();
  };
  /** Gives the chosen chord or key another name. */
  const rename = (text) => {
    if (!edit.span) return say("Click a chord or a key first.");
    const { lane, start, end } = edit.span;
    const label = lane === keyLane ? harmony.typedKey(text) : harmony.typed(text);
    if (label === null) return say(lane === keyLane ? "A key is a note and its mode: Eb major, F# minor." : "A chord is written as Am7, F#m7b5, C/E or N.C.");
    say("");
    const name = lane === keyLane ? "keys" : "chords";
    const others = current()[name].filter((one) => one.end <= start + 1e-3 || one.start >= end - 1e-3);
    return change({ [name]: [...others, { start, end, label }] });
  };
  const startHere = () => edit.chosen !== null && change({ bar_starts: [...current().bar_starts, edit.chosen] });
  const shift = (by) => {
    const starts = current().bar_starts.length ? current().bar_starts : bars.slice(0, 1);
    if (!starts.length) return say("No bar is known: choose a beat and make it beat 1.");
    const moved = Array.from(starts, (t) => beats.times[rhythm.nearest(beats.times, t) + by]);
    if (moved.every((t) => t !== undefined)) change({ bar_starts: moved });
  };
  const metreHere = (count) => {
    if (edit.chosen === null) return;
    const others = current().metre.filter((one) => Math.abs(one.from - edit.chosen) > 0.07);
    change({ metre: [...others, { from: edit.chosen, beats: count }] });
  };
  const setTempo = (tempo) => change({ tempo: current().tempo === tempo ? null : tempo });
  const typedTempo = () => {
    const bpm = Number($("#bpm").value.trim().replace(",", "."));
    if (!(bpm >= 20 && bpm <= 400)) return say("A tempo is a number of beats a minute between 20 and 400.");
    say("");
    return change({ tempo: bpm });
  };
  const setEdit = (on) => {
    if (!$("#edit")) return;
    edit.on = on;
    $("#edit").hidden = !on;
    $("#pencil").setAttribute("aria-pressed", String(on));
    if (on && steady.on) setGrid(false);
    view.dirty = true;
    wake();
    if (!on) return;
    if (getComputedStyle($("#edit")).position === "fixed") region.scrollIntoView({ block: "start" });
    const gap = beats.times.length > 1 ? (60 / rhythm.bpm(beats.times)) * view.scale : 99;
    if (gap < 12) zoom(18 / gap);
    choose(edit.chosen === null ? now() : edit.chosen);
    panel();
  };
  const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const panel = () => {
    if (!edit.on) return;
    const { bar_starts: starts, tempo, metre, chords, keys } = current();
    if (beatLane) {
      $("#chosen").textContent = edit.chosen === null ? "There are no beats." : [stamp(edit.chosen, 3), position(edit.chosen) || "bar not known"].join(" · ");
      const sizes = knownMetres().map((run) => rhythm.metreName(run.beats));
      $("#state").textContent = [beats.times.length > 1 ? `${rhythm.bpm(beats.times).toFixed(1)} BPM` : "", [...new Set(sizes)].join(", ")].filter(Boolean).join(" · ");
      for (const button of all("#edit .one")) button.disabled = edit.chosen === null;
      for (const name of ["half", "double"]) $(`#${name}`).setAttribute("aria-pressed", String(tempo === name));
    }
    if (harmonic.size) {
      const { lane, start, end } = edit.span || {};
      const i = lane ? find(lane.starts, start + 1e-3) - 1 : -1;
      $("#which").textContent = lane === keyLane && keyLane ? "This key" : "This chord";
      $("#span").textContent = lane ? `${stamp(rounded(start), 2)}–${stamp(rounded(end), 2)} · ${pretty(lane, word(lane, i))}` : "Click one in its lane.";
      if (lane && document.activeElement !== $("#name")) $("#name").value = lane === keyLane ? harmony.keyName(word(lane, i)) : harmony.plain(word(lane, i));
    }
    $("#undo").disabled = edit.at === 0;
    $("#redo").disabled = edit.at === edit.past.length - 1;
    $("#plain").disabled = !starts.length && tempo === null && ![metre, chords, keys].some((list) => list.length);
    $("#save").disabled = edit.past.length === 1;
    const item = (text, without) => {
      const li = element("li", text);
      const button = Object.assign(element("button", "×"), { type: "button", title: "remove" });
      button.setAttribute("aria-label", `remove ${text}`);
      button.addEventListener("click", () => change(without()));
      li.append(" ", button);
      return li;
    };
    $("#changes").replaceChildren(
      ...starts.map((t) => item(`beat 1 at ${stamp(t, 3)}`, () => ({ bar_starts: starts.filter((one) => one !== t) }))),
      ...(tempo === null ? [] : [item(typeof tempo === "number" ? `tempo near ${tempo} BPM` : `${tempo} the tempo`, () => ({ tempo: null }))]),
      ...metre.map((one) => item(`${rhythm.metreName(one.beats)} from ${stamp(one.from, 3)}`, () => ({ metre: metre.filter((other) => other !== one) }))),
      ...chords.map((one) => item(`${harmony.shown(one.label)} from ${stamp(one.start, 2)} to ${stamp(one.end, 2)}`, () => ({ chords: chords.filter((other) => other !== one) }))),
      ...keys.map((one) => item(`${harmony.keyName(one.label)} from ${stamp(one.start, 2)} to ${stamp(one.end, 2)}`, () => ({ keys: keys.filter((other) => other !== one) }))),
    );
  };
  const save = () => {
    const text = rhythm.toml(current(), data.offset, [data.correction.rest, harmony.toml(current(), data.offset)].filter(Boolean).join("\n\n"));
    const link = element("a", "");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/toml" }));
    link.download = $("#sidecar").textContent;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // ---- one frame

  let asked = false;
  const wake = () => {
    if (!asked) requestAnimationFrame(frame);
    asked = true;
  };
  const frame = () => {
    asked = false;
    let t = now();
    if (playing()) {
      t = turned(t);
      player.still = t;
      if (view.follow && seen() < duration - 1e-6) {
        const lead = seen() * 0.35;
        if (t > view.start + lead || t < view.start) look(t - lead, view.scale);
      }
      wake();
    }
    if (view.dirty) redraw();
    moveHead(t);
  };
  const redraw = () => {
    view.dirty = false;
    drawWhole();
    drawRuler();
    drawGrid(prepare(grid, WAVE), WAVE);
    for (const lane of lanes) {
      const height = lane.height;
      const c = prepare(lane.canvas, height);
      if (lane.kind !== "picture" && lane !== beatLane) drawGrid(c, height);
      draw[lane.kind](lane, c, height);
      if (lane.kind === "picture") drawGridOver(c, height);
    }
    if (player.ready) {
      if (player.scale !== view.scale) {
        player.scale = view.scale;
        wave.zoom(view.scale);
      }
      wave.setScroll(Math.round(view.start * view.scale));
    }
    $("#loop").hidden = !loop;
    if (loop) {
      const [a, b] = loop.map(toX);
      $("#loop").style.left = `${a}px`;
      $("#loop").style.width = `${Math.max(b - a, 1)}px`;
    }
  };
  let said = "";
  const moveHead = (t) => {
    const x = toX(t);
    const head = $("#head");
    head.style.visibility = x < -1 || x > view.width + 1 ? "hidden" : "";
    head.style.transform = `translateX(${clamp(x, 0, view.width - 1)}px)`;
    $("#mark").style.transform = `translateX(${clamp((t / duration) * view.width, 0, view.width - 1)}px)`;
    if (sheet) sheet.at(t);
    const text = stamp(t);
    if (text === said) return;
    said = text;
    $("#now").textContent = text;
    $("#bar").textContent = position(t);
    over.setAttribute("aria-valuenow", t.toFixed(1));
    over.setAttribute("aria-valuetext", `${text} ${position(t)}`);
  };

  // ---- pointers: click seeks, drag moves, two fingers or the wheel zoom, shift selects

  /** The lane under the pointer; a captured pointer's target is the region, so its place decides. */
  const laneAt = (event) =>
    lanes.find((lane) => {
      const rect = lane.canvas.getBoundingClientRect();
      return event.clientY >= rect.top && event.clientY < rect.bottom;
    });
  const onWhole = (event) => event.clientY < whole.getBoundingClientRect().bottom;
  const local = (event) => event.clientX - over.getBoundingClientRect().left;
  const fingers = new Map();
  let gesture = null;
  region.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const x = local(event);
    if (x < 0) return;
    fingers.set(event.pointerId, x);
    region.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      const [a, b] = fingers.values();
      gesture = { kind: "pinch", gap: Math.max(Math.abs(a - b), 20), scale: view.scale, at: toTime((a + b) / 2) };
    } else if (fingers.size === 1) {
      const kind = onWhole(event) ? "whole" : event.shiftKey ? "select" : "press";
      gesture = { kind, x, start: view.start, at: toTime(x) };
      if (kind === "whole") look((x / view.width) * duration - seen() / 2, view.scale);
    }
  });
  region.addEventListener("pointermove", (event) => {
    const x = local(event);
    tell(event, x);
    if (!gesture || !fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, x);
    if (gesture.kind === "pinch" && fingers.size === 2) {
      const [a, b] = fingers.values();
      const scale = clamp((gesture.scale * Math.max(Math.abs(a - b), 20)) / gesture.gap, widest(), closest());
      look(gesture.at - (a + b) / 2 / scale, scale);
    } else if (gesture.kind === "whole") look((x / view.width) * duration - seen() / 2, view.scale);
    else if (gesture.kind === "select") setLoop(Math.min(gesture.at, toTime(x)), Math.max(gesture.at, toTime(x)));
    else if (gesture.kind === "drag" || Math.abs(x - gesture.x) > 5) {
      gesture.kind = "drag";
      view.follow = false;
      look(gesture.start - (x - gesture.x) / view.scale, view.scale);
    }
  });
  const release = (event) => {
    if (!fingers.delete(event.pointerId) || !gesture) return;
    if (event.type === "pointerup") {
      if (gesture.kind === "press") {
        seek(toTime(local(event)));
        choose(toTime(local(event)));
        chooseSpan(laneAt(event), toTime(local(event)));
      }
      if (gesture.kind === "whole" && view.scale <= widest() * 1.001) seek((local(event) / view.width) * duration);
    }
    if (!fingers.size) gesture = null;
    else gesture = { kind: "spent" };
  };
  region.addEventListener("pointerup", release);
  region.addEventListener("pointercancel", release);
  region.addEventListener("pointerleave", () => ($("#hover").textContent = ""));
  region.addEventListener("dblclick", (event) => {
    const x = local(event);
    if (x < 0 || onWhole(event)) return;
    const lane = laneAt(event);
    const found = (lane && lane.kind === "spans" && spanAround(lane, toTime(x))) || barAround(toTime(x));
    if (found) {
      setLoop(...found);
      seek(found[0]);
    }
  });
  region.addEventListener(
    "wheel",
    (event) => {
      const x = local(event);
      if (x < 0) return;
      const unit = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 400 : 1;
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
      if (sideways) {
        if (seen() >= duration - 1e-6) return;
        event.preventDefault();
        view.follow = false;
        look(view.start + (sideways * unit) / view.scale, view.scale);
        return;
      }
      // Where nothing is left to zoom out of, the wheel scrolls the page.
      if (event.deltaY > 0 && view.scale <= widest() * 1.001 && !event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-clamp(event.deltaY * unit, -240, 240) * (event.ctrlKey ? 0.01 : 0.0025)), x);
    },
    { passive: false },
  );

  /** The note of a roll under the pointer, in words. */
  const notesAt = ({ starts, ends, pitches, velocities, ink: sure, longest }, t, pitch) => {
    for (let i = find(starts, t) - 1; i >= 0 && starts[i] > t - longest; i--) {
      if (ends[i] <= t || Math.abs(pitches[i] - pitch) > 0.75) continue;
      return [`note at ${stamp(starts[i], 3)}`, velocities && `velocity ${velocities[i]}`, sure && `${Math.round((sure[i] / 255) * 100)} % sure`];
    }
    return [];
  };
  /** What lies under the pointer, in words. */
  const tell = (event, x) => {
    if (event.pointerType === "touch" || x < 0) return;
    const t = onWhole(event) ? (x / view.width) * duration : toTime(x);
    if (t > duration) return;
    const words = [stamp(t, 2), position(t)];
    const lane = laneAt(event);
    const rect = lane && lane.canvas.getBoundingClientRect();
    if (lane && lane.kind === "spans") {
      const i = find(lane.starts, t + 1e-6) - 1;
      if (i >= 0 && lane.ends[i] > t) words.push(pretty(lane, word(lane, i)), isKeys(lane) && harmony.camelot(word(lane, i)), lane.ink ? `${Math.round((lane.ink[i] / 255) * 100)} % sure` : "");
    } else if (lane && lane.kind === "events" && lane.times.length) {
      const after = find(lane.times, t);
      const i = after > 0 && (after === lane.times.length || t - lane.times[after - 1] < lane.times[after] - t) ? after - 1 : after;
      if (Math.abs(lane.times[i] - t) * view.scale < 12) {
        words.push(`${lane.title} at ${stamp(lane.times[i], 3)}`, word(lane, i), lane.ink ? `${Math.round((lane.ink[i] / 255) * 100)} % sure` : "");
      }
    } else if (lane && lane.kind === "curve" && lane.times.length) {
      const i = clamp(find(lane.times, t), 0, lane.times.length - 1);
      const pitched = (hz) => (hz > 0 ? `${pitchName(69 + 12 * Math.log2(hz / 440))} · ${hz.toFixed(1)} Hz` : "silent");
      words.push(...lane.curves.slice(0, 4).map((row, k) => (lane.sonify === "tone" ? pitched(row[i]) : `${lane.names[k] || ""} ${row[i].toPrecision(4)}`.trim())));
    } else if (lane && lane.kind === "roll" && lane.range) {
      const pitch = lane.range[1] - ((event.clientY - rect.top) / rect.height) * (lane.range[1] - lane.range[0] + 1) + 0.5;
      words.push(pitchName(pitch), ...notesAt(lane, t, pitch));
    }
    $("#hover").textContent = words.filter(Boolean).join(" · ");
  };

  // ---- buttons and keys

  $("#play").addEventListener("click", toggle);
  $("#back").addEventListener("click", () => stepBar(-1));
  $("#forth").addEventListener("click", () => stepBar(1));
  $("#looped").addEventListener("click", toggleLoop);
  $("#closer").addEventListener("click", () => zoom(1.6));
  $("#wider").addEventListener("click", () => zoom(1 / 1.6));
  $("#fit").addEventListener("click", () => look(0, 0));
  $("#ask").addEventListener("click", () => $("#help").showModal());
  $("#speed").addEventListener("change", (event) => {
    if (wave) wave.setPlaybackRate(Number(event.target.value), true);
    silence();
  });
  $("#volume").addEventListener("input", (event) => wave && wave.setVolume(Number(event.target.value)));
  if ($("#gridded")) $("#gridded").addEventListener("change", (event) => setGrid(event.target.checked));
  if ($("#edit")) {
    const does = {
      named: () => rename($("#name").value), none: () => rename("N"), pencil: () => setEdit(!edit.on), one: startHere, metred: () => metreHere(Number($("#metre").value)), earlier: () => shift(-1), later: () => shift(1), half: () => setTempo("half"), double: () => setTempo("double"),
      typed: typedTempo, undo: () => turnBack(-1), redo: () => turnBack(1), plain: () => change({ bar_starts: [], tempo: null, metre: [], chords: [], keys: [] }), save, done: () => setEdit(false),
    };
    for (const [id, act] of Object.entries(does)) $(`#${id}`)?.addEventListener("click", act);
    $("#bpm")?.addEventListener("keydown", (event) => event.key === "Enter" && typedTempo());
    $("#name")?.addEventListener("keydown", (event) => {
      if (event.key === "Enter") rename(event.target.value);
      if (event.key === "Enter" || event.key === "Escape") event.target.blur();
    });
  }
  for (const voice of voices) {
    $(`.voice[data-lane="${voice.lane.id}"]`).addEventListener("change", (event) => setVoice(voice, event.target.checked));
    $(`.loud[data-lane="${voice.lane.id}"]`).addEventListener("input", (event) => {
      voice.loudness = Number(event.target.value);
      if (voice.gain) voice.gain.gain.value = voice.loudness ** 2;
    });
  }
  if ($("#more")) {
    $("#more").addEventListener("click", (event) => {
      for (const button of all(".doubts .more")) button.hidden = false;
      event.target.hidden = true;
    });
  }
  for (const button of all(".doubts button[data-start]")) {
    button.addEventListener("click", () => {
      const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
      for (const one of all(".doubts button")) one.setAttribute("aria-current", String(one === button));
      seek(start);
      show(start, end);
      choose(start);
      setLoop(start, Math.max(end, start + 2), 1);
      if (!playing()) toggle();
    });
  }
  // One who used the mouse goes on with the keys of the player, not with those of the box just clicked.
  const letGo = (event) => {
    if (event.type === "change" ? event.target.matches("select") : event.detail > 0 && !event.target.matches("select, option, input[type=text]")) document.activeElement.blur();
  };
  for (const box of all(".transport, #edit, .doubts, #chart")) for (const type of ["click", "change"]) box.addEventListener(type, letGo);
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (edit.on && (event.ctrlKey || event.metaKey) && key.toLowerCase() === "z" && !target.matches("input[type=text]")) {
      event.preventDefault();
      turnBack(event.shiftKey ? 1 : -1);
    }
    if (event.ctrlKey || event.metaKey || event.altKey || $("#help").open) return;
    if (target.matches("select, input[type=text], input[type=range]")) return;
    if (key === " " && target.matches("button, summary, a, input")) return;
    const does = {
      " ": toggle,
      ArrowLeft: () => (event.shiftKey ? stepBar(-1) : stepBeat(-1)),
      ArrowRight: () => (event.shiftKey ? stepBar(1) : stepBeat(1)),
      Home: () => seek(0),
      End: () => seek(duration),
      "+": () => zoom(1.6),
      "=": () => zoom(1.6),
      "-": () => zoom(1 / 1.6),
      "−": () => zoom(1 / 1.6),
      0: () => look(0, 0),
      l: toggleLoop,
      c: () => {
        const voice = voices.find((one) => one.lane === beatLane) || voices[0];
        if (voice) setVoice(voice, !voice.on);
      },
      f: () => {
        view.follow = !view.follow;
        wake();
      },
      g: () => setGrid(!steady.on),
      e: () => setEdit(!edit.on),
      "?": () => $("#help").showModal(),
      ...(edit.on && { z: () => turnBack(event.shiftKey ? 1 : -1) }),
      ...(edit.on && beatLane && { 1: startHere, "[": () => shift(-1), "]": () => shift(1) }),
    }[key.length === 1 ? key.toLowerCase() : key];
    if (!does) return;
    event.preventDefault();
    does();
  });

  // ---- tables for those who read rather than look

  const columns = {
    events: (lane) => [["time", (i) => lane.times[i].toFixed(3)], ["label", (lane.place || lane.words) && ((i) => word(lane, i))]],
    spans: (lane) => [
      ["start", (i) => lane.starts[i].toFixed(3)], ["end", (i) => lane.ends[i].toFixed(3)], ["label", (i) => word(lane, i)],
      ["Camelot", isKeys(lane) && ((i) => harmony.camelot(word(lane, i)))],
    ],
    roll: (lane) => [
      ["start", (i) => lane.starts[i].toFixed(3)], ["end", (i) => lane.ends[i].toFixed(3)], ["pitch", (i) => pitchName(lane.pitches[i])],
      ["MIDI", (i) => Number(lane.pitches[i].toFixed(2))], ["velocity", lane.velocities && ((i) => lane.velocities[i])],
      ["track", lane.tracks && ((i) => lane.names[lane.tracks[i]] || lane.tracks[i])],
    ],
    curve: (lane) => [["time", (i) => lane.times[i].toFixed(3)], ...lane.curves.slice(0, 12).map((row, k) => [lane.names[k] || "value", (i) => row[i].toPrecision(5)])],
  };
  const count = (lane) => (lane.times || lane.starts).length;
  const fill = (box, lane) => {
    const scroll = box.querySelector(".scroll");
    if (!box.open || scroll.firstChild) return;
    const shown = columns[lane.kind](lane).filter((column) => column[1]);
    if (lane.ink) shown.push(["confidence", (i) => (lane.ink[i] / 255).toFixed(2)]);
    const table = document.createElement("table");
    const row = (parent, tag, cells) => {
      const tr = parent.insertRow();
      for (const text of cells) {
        const cell = document.createElement(tag);
        cell.textContent = text;
        tr.append(cell);
      }
    };
    row(table.createTHead(), "th", shown.map((column) => column[0]));
    const body = table.createTBody();
    const more = document.createElement("button");
    more.type = "button";
    more.textContent = "more rows";
    const grow = () => {
      const from = body.rows.length;
      for (let i = from; i < Math.min(from + 500, count(lane)); i++) row(body, "td", shown.map((column) => column[1](i)));
      more.hidden = body.rows.length >= count(lane);
    };
    more.addEventListener("click", grow);
    grow();
    scroll.append(table, more);
  };
  /** What a lane's table and heading say; again after its data have changed. */
  const describe = (lane) => {
    const box = $(`details[data-lane="${lane.id}"]`);
    if (!box) return;
    if (lane === metreLane || lane.field === "modulation") box.hidden = lane.canvas.closest(".lane").hidden = !count(lane); // bars may be known later, by hand
    const what = `${count(lane).toLocaleString("en")} ${{ events: "events", spans: "spans", roll: "notes", curve: "points" }[lane.kind]}`;
    box.querySelector("summary span").textContent = what;
    lane.canvas.setAttribute("aria-label", `${lane.title}: ${what}, as a table below`);
    box.querySelector(".scroll").replaceChildren();
    fill(box, lane);
    if (lane.kind !== "curve" || lane.names.length !== 1) return;
    const sorted = Float32Array.from(lane.curves[0] || []).filter((v) => v > 0).sort();
    lane.canvas.closest(".lane").querySelector("i").textContent = sorted.length ? `${sorted[sorted.length >> 1].toPrecision(4)} ${lane.names[0]}` : "";
  };
  for (const box of all("details[data-lane]")) {
    const lane = lanes.find((one) => one.id === box.dataset.lane);
    describe(lane);
    box.addEventListener("toggle", () => fill(box, lane));
  }

  // ---- begin

  const resize = () => {
    if (!over.clientWidth) return;
    const filled = view.scale <= widest() * 1.001;
    view.width = Math.max(over.clientWidth, 50);
    look(view.start, filled ? 0 : view.scale);
  };
  for (const lane of lanes) {
    if (lane === beatLane) lane.height = Math.max(lane.height, 48);
    // Hits of many kinds need a row each.
    const rows = lane.kind === "events" && lane.words && !metric(lane) ? lane.words.length : 1;
    lane.height = rows > 1 && rows <= 12 ? Math.max(lane.height, rows * 12) : lane.height;
    // And a semitone some pixels, where there is room for all.
    if (lane.kind === "roll" && !(lane.field in OWN)) lane.height = Math.max(lane.height, Math.min((rangeOf(lane)[1] - rangeOf(lane)[0] + 1) * 4, 280));
    lane.canvas.parentElement.style.height = `${lane.height}px`;
  }
  for (const lane of lanes.filter((one) => one.kind === "roll" && one.field === "notes")) {
    const heading = lane.canvas.closest(".lane").querySelector("i");
    for (const other of overNotes()) heading.append(Object.assign(element("b", other.title), { className: `own-${OWN[other.field]}` }), " ");
  }
  $(".key").hidden = !lanes.some((lane) => lane.ink);
  whole.parentElement.style.height = "26px";
  ruler.parentElement.style.height = "26px";
  grid.parentElement.style.height = `${WAVE}px`;
  readColours();
  view.width = Math.max(over.clientWidth, 50);
  look(0, 0);
  showHarmony();
  showChart();
  startPlayer();
  new ResizeObserver(resize).observe(over);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    wave.setOptions({ waveColor: colours.wave, progressColor: colours.soft });
    view.dirty = true;
    wake();
  });
})();
