#!/bin/bash
# The long campaigns: the hub against its oracle, damage on the disk, the link over a bad network. Prints progress and
# rate, after the regression seeds; stops at the first seed that fails and names it: such a seed belongs into messaging/regression_seeds.txt.
#
#     tests/property/campaign.sh [DIRECTORY OF THE PROGRAMS] [RUNS] [FIRST SEED]
#
# Default: build/release/bin, 100,000 runs of the hub and a tenth of that of each of the others, a random first seed.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${1:-build/release/bin}
runs=${2:-100000}
first=${3:-$((RANDOM * 32768 + RANDOM))}

campaign() { # NAME, program, test, runs
    env "$1_FIRST=$first" "$1_RUNS=$4" "$1_PROGRESS=$((($4 + 19) / 20))" "$bin/$2" "$3"
}
campaign HUB property_messaging_hub 'hub: no fault*' "$runs"
campaign FLIP property_messaging_hub 'hub: damage*' $((runs / 10))
campaign LINK property_messaging_link 'link:*' $((runs / 10))
