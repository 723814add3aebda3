"""Emotive's nodes for ComfyUI: a point of affect, adapters, and conditioning that has the affect.

This folder goes, or is linked, into ComfyUI's `custom_nodes`; see README.md beside it.
"""

try:
    import emotive
except ModuleNotFoundError as error:
    raise ImportError(
        'Emotive is not installed in the Python that runs ComfyUI: pip install "emotive[backbones]" there'
    ) from error

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
__version__ = emotive.__version__
