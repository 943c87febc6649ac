# Sourced by scripts that make something in steps; needs $folder. An interrupted script goes on with the step it was in.

vla=${VLA:-.venv/bin/vla}

step() { # name, command: runs it unless it has been done
    name=$1; shift
    if [ -f "$folder/.$name" ]; then return; fi
    printf '\n== %s: %s\n' "$name" "$*"
    "$@"
    touch "$folder/.$name"
}
