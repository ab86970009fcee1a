"use strict";
/** Beats, bars and what a person says of them: the rules of aural.rhythm and aural.corrections once more, without any page, so that
    edit mode shows at once what the next analysis will make of the sidecar. A test holds the two to each other.

    Beats are {times, place, ink}: seconds; the position in the bar, from 1, 0 where it isn't known; confidence in 0..255 or null.
    What is said is {bar_starts: [s], tempo: null | "half" | "double" | BPM, metre: [{from: s, beats}]}, as in NAME.aural.toml. */
const rhythm = (() => {
  const REACH = 0.07; // seconds
  const AROUND = 4; // beats over which a small move fades away
  const NEAR = 0.08;
  const LEVELS = [[1, 3], [1, 2], [2, 3], [1, 1], [3, 2], [2, 1], [3, 1]];

  // ---- small things

  const median = (values) => {
    const sorted = Float64Array.from(values).sort();
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };
  const gaps = (times) => Array.from({ length: Math.max(times.length - 1, 0) }, (_, i) => times[i + 1] - times[i]);
  const bpm = (times) => (times.length > 1 ? 60 / median(gaps(times)) : 0);
  const range = (from, to, step = 1) => Array.from({ length: Math.max(Math.ceil((to - from) / step), 0) }, (_, i) => from + i * step);
  const modulo = (x, by) => x - Math.floor(x / by) * by;
  /** The index of the first largest. */
  const first = (values) => values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
  /** The first index whose time is at least t. */
  const find = (times, t) => {
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < t) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const nearest = (times, t) => {
    const i = find(times, t);
    return i > 0 && (i === times.length || t - times[i - 1] <= times[i] - t) ? find(times, times[i - 1]) : Math.min(i, times.length - 1);
  };
  const away = (times, t) => (times.length ? Math.abs(times[nearest(times, t)] - t) : Infinity);
  const interpolate = (x, xs, ys) => {
    const i = find(xs, x);
    if (i === 0) return ys[0];
    if (i === xs.length) return ys[i - 1];
    return ys[i - 1] + ((x - xs[i - 1]) / (xs[i] - xs[i - 1])) * (ys[i] - ys[i - 1]);
  };
  /** Seconds from beat to beat around each, of the intervals before and after it. */
  const periods = (times, over = 8) => {
    const steps = gaps(times);
    if (!steps.length || steps.some((step) => step === 0)) return [];
    return Array.from(times, (_, i) => median(steps.slice(Math.max(0, i - over / 2), i + over / 2)));
  };
  const tempoCurve = ({ times }) => periods(times).map((period) => 60 / period);
  const ones = ({ place }) => [...place.keys()].filter((i) => place[i] === 1);
  const chosen = ({ times, place, ink }, keep) => ({ times: times.filter(keep), place: place.filter(keep), ink: ink && ink.filter(keep) });
  const unplaced = (times, ink) => ({ times: Float64Array.from(times), place: new Uint16Array(times.length), ink: ink && Uint8Array.from(ink) });

  // ---- bars

  /** The bars: first beat, how many beats, start and end in seconds. */
  const bars = ({ times, place }) =>
    ones({ place }).map((from) => {
      let end = from + 1;
      while (end < place.length && place[end] === place[end - 1] + 1) end++;
      const last = Math.min(end, place.length - 1);
      const beat = last > from ? (times[last] - times[from]) / (last - from) : 0;
      return { first: from, beats: end - from, start: times[from], end: end < place.length && place[end] === 1 ? times[end] : times[end - 1] + beat };
    });

  /** Runs of bars of equally many beats; a cut-off last bar goes with the run before it. */
  const metres = (beats) => {
    const whole = bars(beats);
    const n = whole.length;
    if (n > 1 && whole[n - 1].beats < whole[n - 2].beats) whole[n - 1].beats = whole[n - 2].beats;
    const runs = [];
    for (const bar of whole) {
      const run = runs[runs.length - 1];
      if (run && run.beats === bar.beats && Math.abs(run.end - bar.start) < 1e-6) run.end = bar.end;
      else runs.push({ start: bar.start, end: bar.end, beats: bar.beats });
    }
    return runs;
  };
  const metreName = (beats) => `${beats}/${[6, 9, 12].includes(beats) ? 8 : 4}`;

  // ---- the tempo re-times the beats

  const retimed = (said, heard, duration) => {
    const { times, ink } = heard;
    if (said.tempo === null) return heard;
    const steps = periods(times);
    let level = { half: LEVELS[1], double: LEVELS[5] }[said.tempo] || null;
    if (!level && steps.length) {
      const ratio = said.tempo / bpm(times);
      level = LEVELS[first(LEVELS.map(([p, q]) => -Math.abs(Math.log(p / q / ratio))))];
      if (Math.abs(level[0] / level[1] / ratio - 1) > NEAR) level = null;
    }
    if (!level) return onGrid(60 / said.tempo, heard, said.bar_starts, duration);
    const [parts, every] = level;
    if (parts === every || !steps.length) return heard;
    // Beats are counted through gaps, so that an unheard one does not turn "every second" round.
    const count = [0];
    gaps(times).forEach((gap, i) => count.push(count[i] + Math.max(1, Math.round(gap / Math.min(steps[i], steps[i + 1])))));
    const end = count[count.length - 1];
    const pauses = range(0, count.length - 1).filter((i) => count[i + 1] - count[i] > 4);
    const sure = new Map(count.map((place, i) => [place, ink ? ink[i] : 255]));
    const down = ones(heard).map((i) => times[i]);
    const phases = range(0, every).map((phase) => {
      const at = range(phase, end * parts + 1, every).map((i) => i / parts).filter((x) => pauses.every((i) => x <= count[i] || x >= count[i + 1]));
      const made = at.map((x) => interpolate(x, count, times));
      const missed = said.bar_starts.reduce((sum, t) => sum + away(made, t), 0);
      const merit = [-Math.round(missed * 1000), down.filter((t) => away(made, t) < 1e-6).length, at.reduce((sum, x) => sum + (sure.get(x) || 0), 0)];
      return { at, made, merit };
    });
    const better = (a, b) => a.find((x, i) => x !== b[i]) > b.find((x, i) => x !== a[i]);
    const best = phases.reduce((most, one) => (better(one.merit, most.merit) ? one : most));
    return unplaced(best.made, ink && best.at.map((x) => sure.get(x) ?? 255));
  };

  /** A beat each period, through the bar starts, else where the heard beats lie on the whole. */
  const onGrid = (period, { times, ink }, starts, duration) => {
    let [from, to] = [starts[0], starts[starts.length - 1]];
    const pieces = [];
    if (starts.length) {
      for (let k = 0; k + 1 < starts.length; k++) {
        const n = Math.max(1, Math.round((starts[k + 1] - starts[k]) / period));
        pieces.push(...range(0, n).map((i) => starts[k] + (i / n) * (starts[k + 1] - starts[k])));
      }
    } else if (times.length) from = to = phaseOf(period, times, ink);
    else return unplaced(times, ink);
    const before = range(-Math.floor(from / period), 0).map((i) => Math.max(from + i * period, 0));
    const after = range(0, Math.floor(Math.max(0, duration - to) / period) + 1).map((i) => to + i * period);
    const made = [...before, ...pieces, ...after];
    return unplaced(made, made.map(() => 255));
  };

  /** Where a grid lies, in 0 to a period, so that it meets most of the beats. */
  const phaseOf = (period, times, ink) => {
    const found = range(0, 200).map((i) => {
      const at = (i / 200) * period;
      const off = Array.from(times, (t) => modulo(t - at + period / 2, period) - period / 2);
      const near = off.map((x, k) => (ink ? ink[k] / 255 + 1e-6 : 1) * Math.exp(-((x / REACH) ** 2)));
      return { at, off, near, merit: Math.round(near.reduce((sum, x) => sum + x, 0) * 1e6) };
    });
    const { at, off, near } = found[first(found.map((one) => one.merit))];
    const weight = near.reduce((sum, x) => sum + x + 1e-12, 0);
    return modulo(at + off.reduce((sum, x, k) => sum + x * (near[k] + 1e-12), 0) / weight, period);
  };

  // ---- bar starts move beats where they lie beside them

  const moved = (beats, starts, duration) => {
    if (!starts.length) return beats;
    if (!beats.times.length) return unplaced(starts, beats.ink && starts.map(() => 255));
    const { times, ink } = starts.reduce(reached, beats);
    const steps = times.length > 1 ? periods(times) : [Infinity];
    const pins = new Map();
    const more = [];
    let last = 0;
    for (const start of starts) {
      const close = nearest(times, start);
      const near = range(Math.max(0, close - 1), Math.min(times.length, close + 2));
      let i = near[first(near.map((j) => -Math.abs(start - times[j] - last)))];
      if (Math.abs(start - times[i]) > 0.6 * steps[close]) i = close;
      if (pins.has(i)) {
        more.push([start, 255]);
        continue;
      }
      const by = start - times[i];
      pins.set(i, Math.abs(by) > REACH ? by : 0);
      last = Math.abs(by) > steps[i] / 4 ? by : 0;
    }
    const order = [...pins.keys()].sort((a, b) => a - b);
    const knots = new Map(pins);
    order.forEach((i, k) => {
      if (Math.abs(pins.get(i)) > steps[i] / 4) return;
      for (const j of [i - AROUND, i + AROUND]) if (j > (order[k - 1] ?? -Infinity) && j < (order[k + 1] ?? Infinity)) knots.set(j, 0);
    });
    const at = [...knots.keys()].sort((a, b) => a - b);
    const by = at.map((i) => knots.get(i));
    const made = Array.from(times, (t, i) => [t + interpolate(i, at, by), ink ? ink[i] : 255]);
    made.sort((a, b) => a[0] - b[0]);
    const inside = made.filter(([t]) => t >= 0 && t <= duration + 1e-9);
    inside.push(...more);
    inside.sort((a, b) => a[0] - b[0]);
    return unplaced(inside.map((one) => one[0]), ink && inside.map((one) => one[1]));
  };
  /** Beats as far as a bar start that lies where none were heard. */
  const reached = (beats, start) => {
    const { times, ink } = beats;
    const added = (more) => {
      const made = [...Array.from(times, (t, i) => [t, ink ? ink[i] : 255]), ...more.map((t) => [t, 255])].sort((a, b) => a[0] - b[0]);
      return unplaced(made.map((one) => one[0]), ink && made.map((one) => one[1]));
    };
    const steps = periods(times);
    if (!steps.length) return away(times, start) <= 0.5 ? beats : added([start]);
    if (away(times, start) <= 0.6 * steps[nearest(times, start)]) return beats;
    const other = Math.min(find(times, start), times.length - 1);
    const n = Math.max(1, Math.round(Math.abs(times[other] - start) / steps[other]));
    return added(range(0, n).map((i) => start + ((times[other] - start) * i) / n));
  };

  // ---- metre and bar starts say where bars begin

  const places = (said, heard, { times }) => {
    const runs = metres(heard);
    const told = said.metre;
    const heardMetre = (t) => (runs.length ? runs[first(runs.map((run) => -Math.max(0, run.start - t - REACH, t + REACH - run.end)))].beats : 0);
    const metre = (t) => told.reduce((size, one) => (one.from <= t + REACH ? one.beats : size), 0) || heardMetre(t);
    const at = (t) => nearest(times, t);
    const from = new Set(told.filter((one) => one.from > 0 && away(times, one.from) <= REACH).map((one) => at(one.from)));
    for (const i of said.bar_starts.length ? said.bar_starts.map(at) : heardOnes(said, heard, runs, times)) from.add(i);
    const made = countedFrom([...from].sort((a, b) => a - b), times, metre);
    if (said.bar_starts.length || said.tempo !== null) return made;
    // What was heard before the first change of metre stays.
    const until = told.length ? told[0].from - REACH : Infinity;
    return made.map((place, i) => (times[i] < until ? heard.place[i] : place));
  };
  /** Beats from which bars are counted where no bar start is given: where a run of bars was heard to begin, and in each stretch of a
      given metre the one that makes most heard downbeats first beats. */
  const heardOnes = ({ metre: told }, heard, runs, times) => {
    const starts = runs.map((run) => run.start).filter((start) => !told.length || start < told[0].from - REACH);
    const found = starts.map((start) => Math.min(find(times, start - REACH), times.length - 1));
    const down = ones(heard).map((i) => [nearest(times, heard.times[i]), heard.ink ? heard.ink[i] / 255 + 1e-6 : 1]);
    told.forEach(({ from, beats: size }, k) => {
      const [start, end] = [from, k + 1 < told.length ? told[k + 1].from : Infinity].map((t) => find(times, t - REACH));
      if (start === end || (from > 0 && Math.abs(times[start] - from) <= REACH)) return;
      const inside = down.filter(([i]) => i >= start && i < end);
      if (!inside.length) return;
      const votes = range(0, size).map((phase) => inside.reduce((sum, [i, weight]) => ((i - start) % size === phase ? sum + weight : sum), 0));
      const usual = (inside[0][0] - start) % size;
      const most = Math.max(...votes);
      const best = votes[usual] > most - 1e-6 ? usual : first(votes);
      found.push(Math.min(start + best, end - 1));
    });
    return found;
  };
  /** Positions: forwards from each of the ones until the next, backwards from the first; 0 where the metre is not known. */
  const countedFrom = (from, times, metre) => {
    const place = new Uint16Array(times.length);
    from.forEach((one, k) => {
      const end = k + 1 < from.length ? from[k + 1] : times.length;
      place[one] = 1;
      for (let i = one, size = 0; i < end && (size = metre(times[i])); i += size) for (let j = i; j < Math.min(i + size, end); j++) place[j] = j - i + 1;
    });
    for (let i = from.length ? from[0] : 0, size = 0; i > 0 && (size = metre(times[i - 1])); i -= size) {
      for (let j = Math.max(0, i - size); j < i; j++) place[j] = j - i + size + 1;
    }
    return place;
  };

  /** The beats as a person says they are. */
  const corrected = (said, beats, duration) => {
    const heard = chosen(beats, (_, i) => i === 0 || beats.times[i] - beats.times[i - 1] > 0.001);
    const made = moved(retimed(said, heard, duration), said.bar_starts, duration);
    const place = places(said, heard, made);
    if (!made.ink) return { ...made, place };
    // Confidence 1 where a person's word stands.
    const known = new Map(Array.from(heard.times, (t, i) => [t.toFixed(9), heard.place[i]]));
    const ink = made.ink.map((sure, i) => {
      const named = said.bar_starts.some((start) => Math.abs(made.times[i] - start) <= REACH);
      return known.get(made.times[i].toFixed(9)) === place[i] && !named ? sure : 255;
    });
    return { ...made, place, ink };
  };

  /** What is true of the first seconds: bar starts outside are not, a metre from before goes on. */
  const cut = ({ bar_starts: starts, tempo, metre }, duration) => ({
    bar_starts: starts.filter((t) => t >= 0 && t < duration),
    tempo,
    metre: [...metre.filter((one) => one.from <= 0).slice(-1).map((one) => ({ ...one, from: 0 })), ...metre.filter((one) => one.from > 0 && one.from < duration)],
  });

  // ---- the constant grid, and the file

  /** The beats of the constant grids, where there are any, and the others as they are. */
  const gridded = (beats, grids) => {
    const made = [];
    beats.times.forEach((t, i) => {
      const inside = grids.some(({ start, end, bpm: tempo }) => t > start - 30 / tempo && t < end + 30 / tempo);
      if (!inside) made.push([t, beats.place[i], beats.ink ? beats.ink[i] : 255]);
    });
    for (const { start, end, bpm: tempo, anchor } of grids) {
      const step = 60 / tempo;
      for (let k = Math.ceil((start - anchor) / step - 1e-3); anchor + k * step <= end + 1e-3 * step; k++) {
        const t = Math.max(anchor + k * step, 0);
        made.push([t, away(beats.times, t) < step / 2 ? beats.place[nearest(beats.times, t)] : 0, 255]);
      }
    }
    made.sort((a, b) => a[0] - b[0]);
    return { ...unplaced(made.map((one) => one[0]), beats.ink && made.map((one) => one[2])), place: Uint16Array.from(made, (one) => one[1]) };
  };

  /** The sidecar: numbers and known words only, and what else stood in it. Its times are the file's. */
  const toml = (said, offset = 0, rest = "") => {
    const seconds = (t) => Math.max(t + offset, 0).toFixed(3);
    const number = (x) => (Number.isInteger(x) ? x.toFixed(1) : String(x));
    const { bar_starts: starts, tempo, metre } = said;
    const head = rest.search(/^\s*\[/m); // keys of no table stand before all tables
    const [before, after] = head < 0 ? [rest, ""] : [rest.slice(0, head), rest.slice(head)];
    const lines = ["[rhythm]"];
    if (starts.length) lines.push(`bar_starts = [${starts.map(seconds).join(", ")}]`);
    if (tempo !== null) lines.push(`tempo = ${typeof tempo === "number" ? number(tempo) : tempo === "half" ? '"half"' : '"double"'}`);
    for (const one of metre) lines.push("", "[[rhythm.metre]]", `from = ${seconds(one.from)}`, `beats = ${Math.round(one.beats)}`);
    return `${[before.trim(), lines.join("\n"), after.trim()].filter(Boolean).join("\n\n")}\n`;
  };

  return { bars, bpm, corrected, cut, gridded, metreName, metres, nearest, tempoCurve, toml };
})();
