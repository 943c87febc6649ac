"""Whether a frame can be rendered, which is what simulations need."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from vla.doctor.finding import Finding, failure, ok
from vla.doctor.probe import ProbeError, probe

NAME = "rendering"
SIZE = 64
SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="plane" size="1 1 .1" rgba=".2 .4 .8 1"/>
    <geom type="box" size=".2 .2 .2" pos="0 0 .2" rgba=".9 .2 .1 1"/>
    <camera name="above" pos="0 -1 1.2" xyaxes="1 0 0 0 .77 .64"/>
  </worldbody>
</mujoco>
"""


def check(seconds: float) -> list[Finding]:
    """Render one frame in a process of its own, since a broken driver ends the process."""
    try:
        frame = probe(render, seconds=seconds)
    except ProbeError as error:
        remedy = error.mend("rendering", seconds, mend(sys.platform))
        return [failure(NAME, f"no frame can be rendered: {error}", remedy)]
    if frame["spread"] == 0:
        return [failure(NAME, f"{frame['backend']} renders frames of one colour", mend(sys.platform))]
    return [ok(NAME, f"a {SIZE} x {SIZE} frame by {frame['backend']} in {frame['ms']:.0f} ms")]


def render() -> dict[str, Any]:
    """Return the backend, the time of one frame [ms], and how far its brightness spreads."""
    from envs.rendering import choose_backend

    backend = choose_backend()
    import mujoco

    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, SIZE, SIZE) as renderer:
        renderer.update_scene(data, "above")
        started = perf_counter()
        frame = renderer.render()
        milliseconds = 1000 * (perf_counter() - started)
    return {"backend": backend, "ms": milliseconds, "spread": int(frame.max()) - int(frame.min())}


def mend(system: str) -> str:
    """Return what makes rendering work on a system."""
    if system.startswith("linux"):
        return "sudo apt-get install libosmesa6 && export MUJOCO_GL=osmesa"
    return "unset MUJOCO_GL"
