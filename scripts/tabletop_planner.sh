#!/bin/sh
# Makes a vision-language model that plans for the tabletop from nothing: views, training in four stages, measurement.
# usage: scripts/tabletop_planner.sh [folder]       (an interrupted run goes on where it stopped)
#   VIEWS    views to learn from (16000)
#   MINUTES  of `instruct`, by far the longest stage; contrastive, align and preference get 1/30, 1/8 and 1/20 (240)
set -eu
folder=${1:-outputs/planner}
views=${VIEWS:-16000}
minutes=${MINUTES:-240}
. "$(dirname "$0")/steps.sh"

part() { # of the minutes: one in $1
    echo $(((minutes + $1 - 1) / $1))
}

vision='train_vision=true vision_frozen=0.3 vision_depthwise=false vision_rate=0.2 batch_size=32'

train() { # stage, further options
    stage=$1; shift
    step "$stage" "$vla" vlm train stage="$stage" data="$folder/data" output="$folder/$stage" "$@" ${TRAIN_OPTIONS:-}
}

mkdir -p "$folder"
step data "$vla" vlm data views="$views" test_views=$(((views + 16) / 17)) moments=12 output="$folder/data"
train contrastive 'cameras=[front,front before]' image_size=256 connector=objects connector_objects=8 $vision learning_rate=5e-4 minutes="$(part 30)"
train align init="$folder/contrastive" $vision learning_rate=1.5e-3 minutes="$(part 8)"
train instruct init="$folder/align" connector_rate=0.1 location_weight=0.25 learning_rate=6e-4 batch_size=2 max_tokens=560 minutes="$minutes"
train preference init="$folder/instruct" batch_size=2 minutes="$(part 20)"
step measure "$vla" vlm eval data="$folder/data" model="$folder/preference" output="$folder/measured.json"
echo "model: $folder/preference/model; figures: $folder/measured.json"
