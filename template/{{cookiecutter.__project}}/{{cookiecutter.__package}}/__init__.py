"""{{ cookiecutter.description.rstrip('.') }}."""

from .codec import {{ cookiecutter.__title }}Codec

__all__ = ["{{ cookiecutter.__title }}Codec"]
