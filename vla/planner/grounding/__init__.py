"""Finding the things on the table in the front camera's picture, by colour and size alone."""

from vla.planner.grounding.camera import CameraView
from vla.planner.grounding.detector import Detection, Detector

__all__ = ["CameraView", "Detection", "Detector"]
