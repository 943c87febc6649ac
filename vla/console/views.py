"""Sends frames and poses to a page, as fast as that one takes them: what it is late for, it does not get."""

from __future__ import annotations

import asyncio
import contextlib
import json

from starlette.websockets import WebSocket

from vla.console.hub import Hub

LOOK_PERIOD = 0.008
"""Time between two looks for something new [s]."""
MOST_ON_THE_WAY = 3
"""Messages that the page has not acknowledged yet."""
POSES = 255
"""First byte of a message with poses; a frame's is the number of its camera, in the order of their names."""


async def show(socket: WebSocket, hub: Hub) -> None:
    """Send until the page goes away.

    Each message is binary: a byte that tells what it is, and a JPEG or the poses. The page acknowledges each with
    ``+``, and says what it wants to see as ``{"cameras": bool, "scene": bool}``.
    """
    state = _State()
    reader = asyncio.create_task(_read(socket, hub, state))
    try:
        while not reader.done():
            if state.on_the_way < MOST_ON_THE_WAY:
                await _send_new(socket, hub, state)
            await asyncio.sleep(LOOK_PERIOD if state.cameras or state.scene else 0.1)
    finally:
        hub.unwatch(state)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


class _State:
    cameras = scene = False
    on_the_way = 0
    taken = 0.0
    poses = 0


async def _read(socket: WebSocket, hub: Hub, state: _State) -> None:
    while True:
        text = await socket.receive_text()
        if text == "+":
            state.on_the_way -= 1
            continue
        wanted = json.loads(text)
        state.cameras, state.scene = bool(wanted["cameras"]), bool(wanted["scene"])
        state.poses = 0
        hub.watch(state, state.cameras, state.scene)


async def _send_new(socket: WebSocket, hub: Hub, state: _State) -> None:
    if state.cameras and (news := await asyncio.to_thread(hub.pictures.newer, state.taken)):
        pictures, state.taken = news
        for index, camera in enumerate(sorted(pictures)):
            state.on_the_way += 1
            await socket.send_bytes(bytes([index]) + pictures[camera])
    poses, count = hub.poses
    if state.scene and count != state.poses:
        state.poses = count
        state.on_the_way += 1
        await socket.send_bytes(bytes([POSES]) + poses)
