"""Views of which only some cameras are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import overload

from vla.errors import UnknownNameError
from vla.vlm.examples import View


class SomeCameras(Sequence[View]):
    """Views without the images of all cameras but some.

    Args:
        views: with at least one view.
        cameras: names of those that stay, e.g. ``front`` and ``front before``.

    Raises:
        UnknownNameError: the first view has no such camera.
    """

    def __init__(self, views: Sequence[View], cameras: Collection[str]) -> None:
        for camera in cameras:
            if camera not in views[0].cameras:
                raise UnknownNameError("camera", camera, views[0].cameras)
        self._views, self._cameras = views, frozenset(cameras)

    def __len__(self) -> int:
        return len(self._views)

    @overload
    def __getitem__(self, index: int) -> View: ...
    @overload
    def __getitem__(self, index: slice) -> SomeCameras: ...
    def __getitem__(self, index: int | slice) -> View | SomeCameras:
        """Return one view, or some as another sequence."""
        if isinstance(index, slice):
            return SomeCameras(self._views[index], self._cameras)
        return self._reduced(self._views[index])

    def __iter__(self) -> Iterator[View]:
        return map(self._reduced, self._views)

    def _reduced(self, view: View) -> View:
        kept = [place for place, camera in enumerate(view.cameras) if camera in self._cameras]
        return replace(
            view,
            images=tuple(view.images[place] for place in kept),
            cameras=tuple(view.cameras[place] for place in kept),
        )
