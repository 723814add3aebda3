"""Thin apps over the pipelines. `emotive studio` opens the one there is; it needs the extra `demos`."""
