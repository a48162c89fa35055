"""Export a run as ECSV, FITS or netCDF, with units and covariance."""

from ariel_kit.export.contents import RunContents, gather
from ariel_kit.export.files import FORMATS, export_run

__all__ = ["FORMATS", "RunContents", "export_run", "gather"]
