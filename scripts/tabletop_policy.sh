#!/bin/sh
# Makes a policy like checkpoints/tabletop from nothing: demonstrations, training, corrections of what it does, training.
# usage: scripts/tabletop_policy.sh [folder]        (an interrupted run goes on where it stopped)
#   EPISODES  demonstrations of each task in the first set; the others follow from it (45)
#   MINUTES   of each of the two trainings (240)
set -eu
folder=${1:-outputs/tabletop}
episodes=${EPISODES:-45}
minutes=${MINUTES:-240}
. "$(dirname "$0")/steps.sh"

collect() { # name, tasks, episodes, first seed, further options
    name=$1 tasks=$2 count=$3 seed=$4; shift 4
    step "$name" "$vla" collect tasks="$tasks" episodes="$count" seed="$seed" planner_period=0.5 \
        output="$folder/$name" "$@"
}

merge() { # name, datasets
    name=$1; shift
    list=$(printf "$folder/%s," "$@")
    step "$name" "$vla" merge datasets="[${list%,}]" output="$folder/$name"
}

train() { # name, dataset, further options
    name=$1 data=$2; shift 2
    step "$name" "$vla" train experiment=tabletop dataset="$folder/$data" output="$folder/$name" minutes="$minutes" \
        batch_size=128 policy.optimizer_lr=5e-4 ${TRAIN_OPTIONS:-} "$@"
}

mkdir -p "$folder"
collect all all "$episodes" 0 perturb=0.8
collect pushes push $((episodes * 8)) 100000 perturb=0.6
collect stacks stack $((episodes * 6)) 100000 perturb=0.6
collect pairs push_place,push_press,stack_press,place_press $((episodes * 2)) 200000 perturb=0.6
merge demonstrations all pushes stacks pairs
train first demonstrations
collect corrected_pushes push $((episodes * 6)) 300000 perturb=0 policy="$folder/first" policy_fraction=0.7
collect corrected_stacks stack $((episodes * 3)) 300000 perturb=0 policy="$folder/first" policy_fraction=0.7
collect corrected_others pick,place,push_press,press_place "$episodes" 300000 perturb=0 policy="$folder/first" \
    policy_fraction=0.7
merge everything demonstrations corrected_pushes corrected_stacks corrected_others
train second everything init="$folder/first"
step release .venv/bin/python scripts/release.py "$folder/second" "$folder/released"
echo "policy: $folder/released; measure it with: vla eval tasks=skills policy=$folder/released episodes=50"
