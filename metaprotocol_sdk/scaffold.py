"""New projects from the template; the command line only calls this module."""

from __future__ import annotations

from pathlib import Path

from metaprotocol_sdk.exceptions import ScaffoldError


def template_folder() -> Path:
    """Where the cookiecutter template is: in the package of an installed wheel, beside it in a checkout.

    Raises:
        ScaffoldError: It is in neither place.
    """
    package = Path(__file__).parent
    for folder in (package / "_template", package.parent / "template"):
        if (folder / "cookiecutter.json").is_file():
            return folder
    raise ScaffoldError(f"the project template is neither in {package} nor beside it; install metaprotocol-sdk again")
