"""The table of subcommands. Importing it costs nothing; a command's module is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A subcommand of ``vla``; its options and their defaults are ``configs/<file>.yaml``."""

    name: str
    """One word, or two, of which the first is shared by a family: ``vlm data``."""
    summary: str
    text: str | None = None
    """Option that takes the words given without ``key=``; None when the command takes none."""
    words: str | None = None
    """Option that takes the list of words given without ``key=``; None when the command takes none."""
    passed_on: str | None = None
    """Option that takes the list of arguments after ``--``; None when there may be none."""

    @property
    def file(self) -> str:
        """Name of its configuration and of its module."""
        return self.name.replace(" ", "_")

    @property
    def module(self) -> str:
        """Module whose ``run(config) -> exit code`` carries the command out."""
        return f"vla.cli.{self.file}"


COMMANDS = {
    command.name: command
    for command in (
        Command("collect", "record demonstrations of a suite's experts as a LeRobot dataset"),
        Command("inspect", "show what is in a LeRobot dataset, and what looks wrong", text="dataset"),
        Command("merge", "copy several LeRobot datasets into one"),
        Command("train", "train a policy on a dataset"),
        Command("eval", "measure a policy and a planner on a suite's tasks"),
        Command("report", "show an evaluation or a training run as a page, or compare two evaluations", words="runs"),
        Command("run", "carry out one instruction in simulation, with a video", text="instruction"),
        Command("deploy", "carry out one instruction in real time, behind the safety filter", text="instruction"),
        Command("command", "carry out instructions as they are typed, in real time, behind the safety filter"),
        Command("console", "command the robot from a web page: cameras, plan, timeline, stop"),
        Command("export", "write a checkpoint as ONNX", text="checkpoint"),
        Command("calibrate", "calibrate a real arm, with lerobot's script", passed_on="lerobot"),
        Command("teleoperate", "move a real arm with a leader arm, with lerobot's script", passed_on="lerobot"),
        Command(
            "record",
            "record demonstrations with a leader arm, with lerobot's script",
            text="instruction",
            passed_on="lerobot",
        ),
        Command("serve", "let robots elsewhere use a policy"),
        Command("bench", "measure speed, timing, what serving costs, and how faults end", text="benchmark"),
        Command("doctor", "check this machine, and say what mends what is wrong"),
        Command("ask", "ask a vision-language model about a scene or a picture", text="question"),
        Command("vlm data", "write questions about a suite's scenes, with answers, for a vision-language model"),
        Command("vlm train", "train the vision-language model, one stage at a time"),
        Command("vlm eval", "measure a vision-language model on views with known answers"),
        Command("vlm serve", "let programs elsewhere ask our vision-language model, OpenAI-compatible"),
    )
}
FAMILIES = {name.split()[0] for name in COMMANDS if " " in name}
"""First words of the commands that have two."""
