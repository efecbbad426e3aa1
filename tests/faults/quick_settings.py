"""The test settings of a worker whose death is noticed soon."""

from tests.settings import *  # noqa: F403

ENGINE_LEASE_SECONDS = 0.6
