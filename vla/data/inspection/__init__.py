"""What is in a LeRobot dataset and what looks wrong, read from the files themselves so that damaged ones open too."""

from vla.data.inspection.checks import Finding
from vla.data.inspection.contact_sheet import draw_contact_sheet
from vla.data.inspection.folder import DatasetFolder, locate, read_folder
from vla.data.inspection.outliers import Outlier, find_outliers
from vla.data.inspection.report import Report, inspect_folder
from vla.data.inspection.rerun_view import show_in_rerun
from vla.data.inspection.strips import Strip, read_strip, spread

__all__ = [
    "DatasetFolder",
    "Finding",
    "Outlier",
    "Report",
    "Strip",
    "draw_contact_sheet",
    "find_outliers",
    "inspect_folder",
    "locate",
    "read_folder",
    "read_strip",
    "show_in_rerun",
    "spread",
]
