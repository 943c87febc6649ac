"""Control stack for vision-language-action policies: language, planning, running, training, measuring."""
