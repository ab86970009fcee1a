#!/usr/bin/env bash
# Fills .carry3/ (ignored by git) with what recipes/which_input.py and script/bench need on the GPU machine: packs, wheels, the code.
#   recipes/carry_inputs.sh [PACK ...]            here, after recipes/carry.sh (its wheels are used); made_mixtures is made by
#                                                 recipes/mixtures.py, and takes a journey of its own: the machine takes 64 MB at once
#   source .carry3/there.sh                       there: installs the wheels into .site and sets the paths; then
#   python3 $TREE/recipes/which_input.py OUT ...
# AURAL_DATA names the data packs.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${AURAL_DATA:?export AURAL_DATA=/path/to/packs}"
[ -d .carry/wheels ] || { echo "carry_inputs.sh: no .carry/wheels; run recipes/carry.sh first" >&2; exit 1; }

rm -rf .carry3
mkdir -p .carry3/tree
cp -r .carry/wheels .carry3/
packs=("$@")
[ $# -gt 0 ] || packs=(philharmonia_notes esc10 fsdd_digits)
tar -chf .carry3/data.tar -C "$AURAL_DATA" "${packs[@]}"  # one file in place of four thousand
# The code as it is now: others may go on working in the checkout. Weights that are not needed stay here.
cp -r src recipes benchmarks pyproject.toml .carry3/tree/
find .carry3/tree \( -name __pycache__ -o -name '*.safetensors' -o -name '*.png' \) -prune -exec rm -rf {} +
sed -e 's#\.carry/#.carry3/#g' -e '1,2s#recipes/there.sh#.carry3/there.sh#' recipes/there.sh > .carry3/there.sh
cat >> .carry3/there.sh <<'THERE'
[ -d .carry3/data ] || { mkdir .carry3/data && tar -xf .carry3/data.tar --no-same-owner -C .carry3/data; }
export TREE="$PWD/.carry3/tree" PYTHONPATH="$PWD/.site:$PWD/.carry3/tree/src" AURAL_DATA="$PWD/.carry3/data" PYTHONUNBUFFERED=1
THERE
du -sh .carry3/* .carry3
size=$(du -sm .carry3 | cut -f1)
if [ "$size" -gt 52 ]; then echo "carry_inputs.sh: .carry3 holds $size MB; at most 52 are wanted: leave something out" >&2; exit 1; fi
