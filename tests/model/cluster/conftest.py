"""Imported before the tests import Ray, for which `model.cluster` makes settings."""

import model.cluster  # noqa: F401
