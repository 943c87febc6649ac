#!/bin/sh
# Makes a vision-language model that plans for the tabletop from nothing: views, training in four stages, measurement.
# usage: scripts/tabletop_planner.sh [folder]       (an interrupted run goes on where it stopped)
#   VIEWS    views to learn from (16000)
#   MINUTES  of `instruct`, by far the longest stage; contrastive and align get a fifth and a tenth, preference a tenth (300)
set -eu
folder=${1:-outputs/planner}
views=${VIEWS:-16000}
minutes=${MINUTES:-300}
. "$(dirname "$0")/steps.sh"

part() { # of the minutes: one in $1
    echo $(((minutes + $1 - 1) / $1))
}

train() { # stage, further options
    stage=$1; shift
    step "$stage" "$vla" vlm train stage="$stage" data="$folder/data" output="$folder/$stage" "$@" ${TRAIN_OPTIONS:-}
}

mkdir -p "$folder"
step data "$vla" vlm data views="$views" test_views=$(((views + 16) / 17)) moments=12 output="$folder/data"
train contrastive image_size=256 connector_merge=2 layers=8 batch_size=32 minutes="$(part 5)"
train align init="$folder/contrastive" batch_size=32 learning_rate=2e-3 minutes="$(part 10)"
train instruct init="$folder/align" train_vision=true vision_rate=0.3 vision_frozen=0.3 lora_rank=32 learning_rate=6e-4 \
    batch_size=4 max_tokens=640 minutes="$minutes"
train preference init="$folder/instruct" batch_size=4 minutes="$(part 10)"
step measure "$vla" vlm eval data="$folder/data" model="$folder/preference" output="$folder/measured.json"
echo "model: $folder/preference/model; figures: $folder/measured.json"
