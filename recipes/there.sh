# Sourced on the GPU machine, in the repository's root: wheels of .carry/ into .site, paths for fonts and packs.
#   source recipes/there.sh && python3 -m aural ...
[ -d .site/tinysoundfont ] || python3 -m pip install --quiet --no-index --no-deps --target .site .carry/wheels/*.whl
export PYTHONPATH=.site:src OMP_NUM_THREADS=1 AURAL_FONTS=.carry/fonts:.carry/pianos AURAL_DATA=.carry/data AURAL_CACHE="${AURAL_CACHE:-/tmp/aural}"
mkdir -p "$AURAL_CACHE"
