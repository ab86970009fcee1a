#!/usr/bin/env bash
# The commands that trained the weights of 26 November 2026, as they were run on GPU machines (after recipes/carry.sh and
# `source recipes/there.sh`). Training goes by the clock: the weights cannot be had again bit by bit. OUT is a folder; the pack
# unlabelled_music must lie in AURAL_DATA.
#   recipes/trained.sh groove | pitch | chords | rhythm | salience
#   recipes/trained.sh groove2 | pitch2       on from those, with made singers and pianos, and local contrast
#   recipes/trained.sh groove3 | pitch3       on from those, grown deeper: the groove that ships now
#   recipes/trained.sh pitch4                 the pitch that ships now: on from pitch3, with more players who are alone
set -euo pipefail
: "${OUT:?export OUT=/folder/for/the/weights}"
train() { python3 recipes/trunk.py learn on=mixed:0 precision=bf16-mixed "$@"; }
label() { python3 recipes/trunk.py label "$@"; }
again="share=0.2 rate=6e-4 batch=48 jobs=16 minutes=2.4"
case "${1:?groove, groove2, groove3, pitch, pitch2, pitch3, pitch4, chords, rhythm or salience}" in
groove) # one H100; the confidences of `a` were fitted on made songs before it taught (trunk.py confide)
  train "$OUT/a" minutes=8.4 batch=48 jobs=16 width=192 channels=16
  label "$OUT/a/weights.safetensors" "$OUT/c1" keep=.9 sure=.8
  train "$OUT/b1" init="$OUT/a/weights.safetensors" clips="$OUT/c1" seed=1 $again
  label "$OUT/b1/weights.safetensors" "$OUT/c2" keep=.9 sure=.8
  train "$OUT/b2" init="$OUT/b1/weights.safetensors" clips="$OUT/c2" seed=2 $again
  label "$OUT/b2/weights.safetensors" "$OUT/c3" keep=.9 sure=.8
  train "$OUT/groove" init="$OUT/b2/weights.safetensors" clips="$OUT/c3" share=.25 batch=48 rate=1e-3 minutes=7.2 jobs=14 \
    augment=recorded seed=4 ;;
pitch) # the first on an H200, the second on an H100 beside `salience`; pitch was confided on made songs between them
  train "$OUT/p1" system=note/pitch channels=32 width=320 minutes=8.3 batch=32 seconds=20 jobs=16 augment=recorded seed=3
  label "$OUT/p1/weights.safetensors" "$OUT/c" keep=.8 taught=notes
  train "$OUT/pitch" init="$OUT/p1/weights.safetensors" clips="$OUT/c" share=.2 speed=.08 minutes=6.3 rate=1e-3 batch=32 seconds=20 \
    jobs=14 augment=recorded seed=5 ;;
groove2) # the first two on one of two H100s, the last on one H100; `groove` confided before
  last="$OUT/groove/weights.safetensors"
  for round in 1 2 3; do
    label "$last" "$OUT/cg$round" keep=.9 sure=.8
    case $round in 1) own="rate=1.2e-3 minutes=7.3 seed=11" ;; 2) own="rate=1e-3 minutes=7.3 seed=12" ;;
      3) own="rate=1.4e-3 minutes=8.1 seed=31 contrast=20" ;; esac
    train "$OUT/g$round" on="mixed:$round:band" init="$last" clips="$OUT/cg$round" share=.18 batch=48 jobs=16 augment=recorded $own
    last="$OUT/g$round/weights.safetensors"
  done ;;
pitch2) # beside groove2 on the other of the two; `pitch` confided before
  last="$OUT/pitch/weights.safetensors"
  for round in 1 2; do
    label "$last" "$OUT/cp$round" keep=.8 taught=notes
    case $round in 1) on=mixed:3:keys ;; 2) on=mixed:4 ;; esac
    train "$OUT/q$round" system=note/pitch on="$on" init="$last" clips="$OUT/cp$round" share=.15 speed=.08 rate=1.2e-3 minutes=7.3 \
      batch=32 seconds=20 jobs=16 augment=recorded seed="$((20 + round))"
    last="$OUT/q$round/weights.safetensors"
  done ;;
groove3) # one of two H100s; what ships is their mean, confided on made songs and on what has no beat
  python3 recipes/trunk.py grow "$OUT/grown.safetensors" "$OUT/g3/weights.safetensors" late=12
  label "$OUT/grown.safetensors" "$OUT/cg4" keep=.9 sure=.8
  again="clips=$OUT/cg4 share=0.18 batch=48 jobs=16 augment=recorded"
  train "$OUT/g4" on=mixed:11:band init="$OUT/grown.safetensors" rate=1.5e-3 minutes=7.7 seed=51 $again
  train "$OUT/g5" on=mixed:12:band init="$OUT/g4/weights.safetensors" rate=1.2e-3 minutes=8.9 seed=52 $again
  python3 recipes/trunk.py average "$OUT/groove3.safetensors" "$OUT/g4/weights.safetensors" "$OUT/g5/weights.safetensors" ;;
pitch3) # beside groove3 on the other of the two
  python3 recipes/trunk.py grow "$OUT/grown_pitch.safetensors" "$OUT/q2/weights.safetensors" near=5 again=2 contrast=20
  label "$OUT/grown_pitch.safetensors" "$OUT/cp3" keep=.8 taught=notes
  again="system=note/pitch clips=$OUT/cp3 share=0.15 speed=.08 batch=32 seconds=20 jobs=16 augment=recorded"
  train "$OUT/q3" on=mixed:13 init="$OUT/grown_pitch.safetensors" rate=1.5e-3 minutes=7.7 seed=61 $again
  train "$OUT/q4" on=mixed:14:keys init="$OUT/q3/weights.safetensors" rate=1.2e-3 minutes=8.9 seed=62 $again ;;
pitch4) # one H100; what ships is the mean of the last two, confided on made songs, soloists and pianists
  last="$OUT/q4/weights.safetensors" # confided: songs-3
  for round in 21 22 23; do
    case $round in 21) own="on=mixed:21:bows rate=1.3e-3 minutes=7.5" ;; 22) own="on=mixed:22:bows rate=1.2e-3 minutes=8.6" ;;
      23) own="on=mixed:23:keys rate=1.2e-3 minutes=7.6" ;; esac
    [ "$round" = 22 ] || label "$last" "$OUT/cp$round" keep=.8 taught=notes
    [ "$round" = 22 ] || clips="$OUT/cp$round"
    train "$OUT/p$round" system=note/pitch init="$last" clips="$clips" share=0.15 speed=.08 batch=32 seconds=20 jobs=16 augment=recorded \
      seed="$round" $own
    last="$OUT/p$round/weights.safetensors"
  done
  python3 recipes/trunk.py average "$OUT/pitch4.safetensors" "$OUT/p23/weights.safetensors" "$OUT/p22/weights.safetensors" ;;
chords) train "$OUT/mcfee17" system=chord/mcfee17 batch=64 minutes=8 jobs=6 augment=recorded ;; # beside three others on one H200
rhythm) train "$OUT/deep_rhythm" system=tempo/deep_rhythm minutes=8 jobs=4 augment=recorded ;; # likewise
salience) # the first beside three others on one H200, the second beside which_input.py on one H100
  train "$OUT/deep_salience" system=melody/deep_salience minutes=4 jobs=4 augment=recorded
  train "$OUT/pitches" system=pitch/deep_salience on=mixed:16 seed=16 batch=48 minutes=4.8 jobs=8 augment=recorded ;;
*) echo "trained.sh: groove, groove2, groove3, pitch, pitch2, pitch3, pitch4, chords, rhythm or salience" >&2; exit 2 ;;
esac
