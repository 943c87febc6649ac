"""What is in a LeRobot dataset and what looks wrong, read from the files themselves so that damaged ones open too."""

from vla.data.inspection.checks import Finding
from vla.data.inspection.contact_sheet import draw_contact_sheet
from vla.data.inspection.folder import DatasetFolder, locate, read_folder
from vla.data.inspection.report import Report, inspect_folder

__all__ = ["DatasetFolder", "Finding", "Report", "draw_contact_sheet", "inspect_folder", "locate", "read_folder"]
