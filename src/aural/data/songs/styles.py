# ruff: noqa: E501 (the table of styles reads best with one style a line)
"""Styles: what the drums play, how fast, and who plays along.

A grid is one bar, one drum a word: letter, colon, strokes. Strokes divide the grid's beats evenly:

    X accent   x stroke   o soft   - every other time   ? one time in four   . rest

    K kick  S snare  R side stick  C clap  H closed hat  P pedal hat  O open hat  D ride  B bell of the ride  Y crash
    W cowbell  A shaker  J tambourine  L M N low, mid and high conga  V claves  F G T floor, mid and high tom
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRUMS = {
    "K": 36, "S": 38, "R": 37, "C": 39, "H": 42, "P": 44, "O": 46, "D": 51, "B": 53, "Y": 49, "W": 56, "A": 70, "J": 54,
    "L": 64, "M": 62, "N": 63, "V": 75, "F": 41, "G": 45, "T": 48,
}  # fmt: skip
_STROKES = {"X": (112.0, 0.99), "x": (96.0, 0.97), "o": (52.0, 0.85), "-": (90.0, 0.5), "?": (84.0, 0.25)}  # velocity, probability


@dataclass(frozen=True)
class Style:
    """How a style is played.

    Attributes:
        bpm: range of the tempo (beats of the metre: dotted in 6/8).
        weight: how often it is drawn.
        metre: key of METRES.
        grids: drum bars to choose from; "" draws one at random.
        keeper: strokes a beat of a time-keeper (hat, ride …) to choose from; "" none, the grid has its own.
        kicks: density of extra random kicks, at most.
        drums: probability that there are drums.
        comp, bass: kinds of accompaniment and bass lines to choose from (see `parts`); "" any.
        swing: range of the swing of the eighths (s8) or sixteenths (s16), .5 is straight.
        heavy: guitars are driven, chords often without third.
        held: kept for testing.
    """

    bpm: tuple[float, float]
    weight: float = 2.0
    metre: str = "4/4"
    grids: tuple[str, ...] = ("",)
    keeper: str = "1222"
    kicks: float = 0.0
    drums: float = 0.9
    comp: str = ""
    bass: str = ""
    s8: tuple[float, float] = (0.5, 0.5)
    s16: tuple[float, float] = (0.5, 0.5)
    heavy: bool = False
    held: bool = False


# Beats a bar, divisions of a beat (3: triplets are the natural ones).
METRES = {
    "2/4": (2, 4),
    "3/4": (3, 4),
    "4/4": (4, 4),
    "5/4": (5, 4),
    "6/4": (6, 4),
    "7/4": (7, 4),
    "6/8": (2, 3),
    "9/8": (3, 3),
    "12/8": (4, 3),
}

BACKBEAT = "K:X... ..-. -.?. ..?. S:.... X... .... X..."
STYLES = {
    "rock": Style((80, 165), 11, grids=(BACKBEAT, "K:X... ..x. x... .... S:.... X... .... X...", "K:X.x. .... ..x. .... S:.... X... .... X..."), keeper="12224", kicks=0.25, comp="chug strum rhythm eight arp", heavy=True),
    "pop": Style((80, 140), 9, grids=(BACKBEAT, "K:X... .... X... ..-. S:.... X... .... X... C:.... x... .... x...", "K:X..x ..x. .... .-.. S:.... X... .... X..."), kicks=0.2),
    "random": Style((60, 190), 8, grids=("",), keeper="1222448", kicks=0.3),
    "half": Style((110, 175), 3, grids=("K:X... ..-. .... .... S:.... .... X... ....", "K:X.x. .... ..-. x... S:.... .... X... .o.o"), keeper="112", kicks=0.2, comp="chug pad rhythm", heavy=True),
    "double": Style((70, 125), 4, grids=("K:x... x... x... x... S:..X. ..X. ..X. ..X.",), keeper="24", kicks=0.15, comp="chug eight rhythm", heavy=True),
    "punk": Style((140, 215), 5, grids=("K:X... .... x... .... S:.... X... .... X...", "K:X... ..x. ..x. .... S:.... X... .... X..."), keeper="122", comp="chug eight", bass="eight", heavy=True),
    "dbeat": Style((140, 200), 2, grids=("K:X... ..x. -.x. .... S:.... X... .... X...",), keeper="12", comp="chug", bass="eight kick", heavy=True),
    "thrash": Style((85, 130), 3, grids=("K:x.-. x.-. x.-. x.-. S:..X. ..X. ..X. ..X.", "K:x.xx x.xx x.xx x.xx S:..X. ..X. ..X. ..X."), keeper="2", comp="chug", bass="eight kick", heavy=True),
    "blast": Style((85, 130), 2, grids=("K:xxxx xxxx xxxx xxxx S:x.x. x.x. x.x. x.x.", "K:x.x. x.x. x.x. x.x. S:.x.x .x.x .x.x .x.x", "K:x.x. x.x. x.x. x.x. S:x.x. x.x. x.x. x.x."), keeper="124", comp="chug tremolo", bass="eight", heavy=True),
    "metal": Style((85, 200), 6, grids=("K:Xxxx xxxx xxxx xxxx S:.... X... .... X...", "K:X.xx x.xx x.xx x.xx S:.... X... .... X...", "K:Xxx. xxx. xxx. xxx. S:.... .... X... ....", "K:Xxxx xxxx xxxx xxxx S:.... .... X... ....", "K:Xxx xxx xxx xxx S:... X.. ... X..", "K:X..x ..x. .x.. x... S:.... X... .... X...", "K:X.xx ..xx .xx. xx.. S:X... X... X... X..."), keeper="112", kicks=0.1, comp="chug", bass="kick eight", heavy=True),
    "grunge": Style((80, 125), 3, grids=("K:X... ..x. .xx. .... S:.... X... .... X..o", "K:X.x. ...x .x.. ..-. S:.... X... .... X..."), keeper="122", comp="chug strum", heavy=True),
    "house": Style((112, 136), 5, grids=("K:X... X... X... X... O:..x. ..x. ..x. ..x. C:.... x... .... x...", "K:X... X... X... X... O:..x. ..x. ..x. ..x. H:oooo oooo oooo oooo C:.... x... .... x... V:.-.. -..? ..-. .?.."), keeper="", comp="rhythm pad arp skank", bass="oct sync"),
    "techno": Style((118, 150), 3, grids=("K:X... X... X... X... H:xoxo xoxo xoxo xoxo R:...- ..?. .-.. ..?.", "K:X... X... X... X... O:..x. ..x. ..x. ..x. S:.... ?... .... ?..-"), keeper="", comp="arp rhythm pad", bass="sync oct eight"),
    "disco": Style((108, 130), 3, grids=("K:X... X... X... X... S:.... X... .... X... O:..x. ..x. ..x. ..x. H:x..x x..x x..x x..x",), keeper="", comp="rhythm strum pad skank", bass="oct"),
    "funk": Style((85, 122), 5, grids=("K:X..x ..x. ..x. .-.. S:.... X..o .o.. X..o H:x.x. x.x. x.x. x... O:.... .... .... ..x.", "K:X.x. ..-x .x.. ..-. S:.... X..o .o-o X..- H:xoxo xoxo xoxo xoxo"), keeper="", kicks=0.12, comp="rhythm skank", bass="sync", s16=(0.5, 0.58)),
    "hiphop": Style((72, 105), 4, grids=("K:X..? ..-- .-x. ...? S:.... X... .... X...",), keeper="2244", kicks=0.1, s16=(0.5, 0.64)),
    "trap": Style((62, 82), 2, grids=("K:X..- ..-. ..-x .x.. C:.... X... .... X... H:xxxx xxxx xxxx xxxx", "K:X.....-...x..... ....x..-....?... S:........X....... ........X....... H:x.x.x.x.xxx.x.x. x.x.xxxxx.x.x.xx"), keeper="", comp="pad arp", bass="long kick"),
    "dnb": Style((155, 178), 3, grids=("K:X... .... ..x. .... S:.... X..o .o.. X..-", "K:X.-. .... .xx. .... S:.... X.-o .o-. X.o."), keeper="24", comp="pad arp", bass="long sync"),
    "breakbeat": Style((90, 140), 3, grids=("K:X.x. .... ..xx .... S:.... X..o .o.. x..o", "K:X.x. .... ..x. .... S:.... X..x .x.. ..X."), keeper="22", s16=(0.5, 0.56)),
    "onedrop": Style((65, 90), 2, grids=("K:.... X... .... X... R:.... x... .... x...", "K:X... X... X... X... R:.... x... .... x..."), keeper="2", comp="skank", bass="sync long"),
    "rockers": Style((120, 165), 1.5, grids=("K:.... .... X... .... R:.... .... x... .... S:.... ..?. .... ..?.",), keeper="12", comp="skank", bass="sync root"),
    "ska": Style((110, 170), 2.5, grids=("K:X... .... x... .... S:.... X... .... X... O:..-. ..-. ..-. ..-.",), keeper="2", comp="skank", bass="walk root eight"),
    "shuffle": Style((75, 160), 4, grids=("K:X.. ..? x.. ..? S:... X.. ... X.. H:x.o x.o x.o x.o", "K:X.. ..? x.. ..- S:... X.. ... X.. D:x.o x.o x.o x.o"), keeper="", comp="shuffle strum block", bass="walk root"),
    "swing": Style((90, 230), 4, grids=("K:o.. o.. o.. o.. D:x.. x.o x.. x.o P:... x.. ... x.. S:..? .?. ?.. ..?", "D:x.. x.o x.. x.o P:... x.. ... x.. S:... .-. ..? ..."), keeper="", comp="rhythm block", bass="walk"),
    "train": Style((85, 125), 3, grids=("S:oooo Xooo oooo Xooo K:X... .... x... ....", "S:ooxo ooxo ooxo ooxo K:X... x... x... x..."), keeper="", comp="strum oompah arp", bass="fifth"),
    "twobeat": Style((90, 160), 3, grids=("K:X... .... X... .... S:.... X... .... X...",), keeper="12", comp="oompah strum", bass="fifth"),
    "bossa": Style((105, 165), 2, grids=("K:X..x x..x X..x x..x R:x..x ..x. ..x. x... A:xoxo xoxo xoxo xoxo", "K:X.....x. x.....x. R:x.....x. ....x... H:x.x.x.x. x.x.x.x."), keeper="", comp="rhythm arp", bass="fifth"),
    "samba": Style((90, 125), 1.5, grids=("K:o..x X..x o..x X..x A:xoox xoox xoox xoox R:x.x. .x.x .x.x x.x.",), keeper="", comp="rhythm strum", bass="fifth sync"),
    "afro": Style((95, 130), 1.5, grids=("K:X... X... X... X... W:x..x ..x. ..x. x... N:..x. ..xx ..x. .xx. A:xoxo xoxo xoxo xoxo",), keeper="", comp="arp rhythm", bass="sync"),
    "ballad": Style((50, 84), 5, grids=("K:X... ..-. ?... ..-. R:.... X... .... X...", "K:X... ..-. -... ..-. S:.... X... .... X..."), keeper="2224", drums=0.6, comp="arp block pad strum"),
    "tribal": Style((80, 150), 2, grids=("K:X... -... X... -... F:..x. x... ..x. x-.. G:...- ..x. ...- ..x.", "F:X..x ..x. x..x ..x. K:X... .... X... ...."), keeper="", comp="pad rhythm"),
    "waltz": Style((85, 200), 8, "3/4", ("K:X... .... .... S:.... o... o...", "K:X... .... .... H:.... x... x... S:.... .... ..?.", "K:x... .... .... D:x... x... x... P:.... x... x..."), keeper="1", drums=0.65, comp="oompah arp block", bass="long fifth root"),
    "rock3": Style((90, 180), 6.5, "3/4", ("K:X... .... ..-. S:.... .... X...", "K:X... ..-. .... S:.... X... X...", "K:X... .... .... S:.... X... ...."), keeper="122", kicks=0.12, heavy=True),
    "jazzwaltz": Style((110, 200), 2.5, "3/4", ("K:x.. ... ..? D:x.. x.o x.. P:... x.. ... S:... ..? .?.",), keeper="", comp="rhythm block", bass="walk"),
    "slow6": Style((40, 75), 7, "6/8", ("K:X.. ..- S:... X.. H:xxx xxx", "K:X.. ..x S:... X.. D:xxx xxx"), keeper="", drums=0.7, comp="arp strum"),
    "jig": Style((90, 130), 4, "6/8", ("K:X.. x.. S:..o ..o", "K:X.. ... S:... X.. H:x.x x.x"), keeper="3", drums=0.5, comp="strum oompah", bass="root fifth"),
    "tripballad": Style((46, 74), 4.5, "12/8", ("K:X.. ..? -.. ..- S:... X.. ... X..",), keeper="3", drums=0.75, comp="arp block eight"),
    "afro12": Style((75, 130), 2, "12/8", ("K:X.. ... X.. ... W:x.x .xx .x. x.x L:..x ..x ..x ..x",), keeper="", comp="rhythm arp"),
    "five": Style((90, 180), 4, "5/4", ("K:X... .... ..x. .... .... S:.... .... .... X... ....", "K:X... .... .... x... .... S:.... X... .... .... X...", ""), keeper="12", kicks=0.12),
    "seven": Style((110, 240), 3.5, "7/4", ("K:X... .... .... .... x... .... .... S:.... .... X... .... .... .... X...", "K:X... .... x... .... x... .... .... S:.... X... .... X... .... X... X...", ""), keeper="12", kicks=0.12),
    "six": Style((90, 160), 1.2, "6/4", ("K:X... .... .... x... .... .... S:.... .... X... .... .... X...",), keeper="12", kicks=0.1),
    "polka": Style((90, 135), 1.5, "2/4", ("K:X... x... S:..x. ..x.", "K:X... .... S:.... X..."), keeper="2", comp="oompah", bass="fifth root"),
    "nine": Style((60, 110), 0.8, "9/8", ("K:X.. ... ... S:... ... X..",), keeper="3", drums=0.6, comp="arp"),
    "folk": Style((65, 140), 3, grids=(BACKBEAT,), keeper="12", drums=0.1, comp="arp strum", bass="root fifth long"),
    "ambient": Style((50, 110), 1.5, drums=0.1, comp="pad arp", bass="long"),
    "chamber": Style((60, 150), 2, drums=0.0, comp="block pad tremolo", bass="root long"),
    "latin": Style((90, 125), 2, grids=("K:...x ..x. ...x ..x. W:x... x... x.x. x... L:..o. ..xx ..o. ..xx V:x..x ..x. ..x. x...",), keeper="", comp="rhythm arp", bass="sync", held=True),
    "halfshuffle": Style((85, 140), 2, grids=("K:X.. ..? ... ..x S:.o. .o. X.. .o. H:x.x x.x x.x x.x",), keeper="", comp="rhythm shuffle", bass="sync", held=True),
    "march": Style((95, 130), 2, grids=("S:Xo.o xo.o Xo.o xxxx K:X... .... x... ....", "S:X.oo x.oo X.oo x.x. K:X... x... x... x..."), keeper="", comp="oompah block", bass="fifth", held=True),
    "motown": Style((100, 150), 2, grids=("K:X... ..x. x... ..-. S:X... X... X... X... J:..x. ..x. ..x. ..x.",), keeper="2", kicks=0.1, bass="sync eight", held=True),
    "stomp": Style((70, 120), 1.5, grids=("K:X.x. .... X.x. .... C:.... X... .... X...",), keeper="", comp="chug riff strum", heavy=True, held=True),
    "skank": Style((80, 115), 1.5, grids=("K:X... .... x... .... S:.... X... .... X..o",), keeper="2", comp="skank", bass="sync", s16=(0.5, 0.6), held=True),
    "waltz2": Style((110, 190), 1.5, "3/4", ("K:X... .... ..x. S:.... X... .... J:.... x... x...",), keeper="2", comp="strum arp", held=True),
}  # fmt: skip


def draw(rng: np.random.Generator, held: bool = False, usual: bool = False) -> str:
    """The name of a style, by weight; `held` ones are for testing only. usual: metres other than 4/4 half as often, heavy styles
    half as often again, as on the radio."""
    names = [name for name, style in STYLES.items() if style.held == held]
    weights = np.array([STYLES[name].weight for name in names])
    if usual:
        weights = weights * [(1.0 if STYLES[name].metre == "4/4" else 0.5) * (1.5 if STYLES[name].heavy else 1.0) for name in names]
    return names[rng.choice(len(names), p=weights / weights.sum())]


def strokes(grid: str, beats: int) -> np.ndarray:
    """A grid as (stroke, 4): beat, drum, velocity, probability."""
    rows: list[tuple[float, float, float, float]] = []
    drum = 0
    parts: dict[int, str] = {}
    for word in grid.split():
        if word[1:2] == ":":
            drum, word = DRUMS[word[0]], word[2:]
        parts[drum] = parts.get(drum, "") + word
    for key, line in parts.items():
        division = len(line) / beats
        rows += [(i / division, float(key), *_STROKES[c]) for i, c in enumerate(line) if c != "."]
    return np.array(rows).reshape(-1, 4)
